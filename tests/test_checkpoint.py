"""Checkpoints: a fit that was stopped anywhere goes on from its file as if it had never stopped."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from estimator_cases import ESTIMATORS, SOLVERS, fit, make, needs_callbacks, problem, same_state
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier
from sk_adalr.checkpoint import Checkpoint
from sk_adalr.checkpoint.file import read, write

pytestmark = needs_callbacks
estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
MODES = {name: SOLVERS[name] for name in ("momentum", "adam", "sgd-auto", "adam-auto")}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.checkpoint"


class Crash(Exception):
    pass


class CrashAfter:
    """Fail at the end of an epoch, as the electricity does."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id + 1 == self.n_epochs:
            raise Crash


def crash(model, path, n_epochs, *args, every=1, **kwargs):
    """Fit with checkpoints until an epoch that fails."""
    with pytest.raises(Crash):
        fit(clone(model).set_callbacks(Checkpoint(path, every), CrashAfter(n_epochs)), *args, **kwargs)


def learned(model):
    return {k: v for k, v in vars(model).items() if k not in model.get_params() and k != "_skl_callbacks"}


def interrupted_twice(model, path, *args, **kwargs):
    crash(model, path, 3, *args, every=2, **kwargs)
    crash(model, path, 3, *args, every=2, **kwargs)
    return fit(clone(model).set_callbacks(Checkpoint(path, every=2)), *args, **kwargs)


@pytest.mark.one_in(2)
@estimators
@pytest.mark.parametrize("options", MODES.values(), ids=list(MODES))
@pytest.mark.parametrize("early_stopping", [False, True], ids=["", "early stopping"])
def test_a_fit_that_crashed_twice_ends_bitwise_as_one_that_never_did(cls, options, early_stopping, path):
    X, y = problem(cls)
    model = make(cls, max_iter=9, early_stopping=early_stopping, **options)
    assert same_state(learned(interrupted_twice(model, path, X, y)), learned(fit(clone(model), X, y)))


@estimators
@pytest.mark.parametrize("early_stopping", [False, True], ids=["", "early stopping"])
def test_a_restored_fit_stops_where_the_uninterrupted_one_does(cls, early_stopping, path):
    X, y = problem(cls)
    options = {"tol": 1e-2, "n_iter_no_change": 3, "max_iter": 500, "learning_rate_init": 0.05}
    model = make(cls, early_stopping=early_stopping, **options)
    straight = fit(clone(model), X, y)
    assert 3 < straight.n_iter_ < 500
    watched = fit(clone(model).set_callbacks(Checkpoint(path)), X, y)
    again = fit(clone(model).set_callbacks(Checkpoint(path)), X, y)
    for other in (watched, again):
        assert same_state(learned(straight), learned(other))


def test_a_fit_whose_folds_count_the_epochs_ends_bitwise_where_it_would_have(path):
    X, y = problem(AdaptiveLRMLPClassifier, 120)
    model = make(AdaptiveLRMLPClassifier, learning_rate="auto", early_stopping="auto", tol=1e-4, max_iter=200)
    straight = fit(clone(model), X, y)
    assert 6 < straight.n_iter_ < 200
    assert same_state(learned(interrupted_twice(model, path, X, y)), learned(straight))


@estimators
@pytest.mark.parametrize("kind", ["weights", "sparse", "frame", "float32"])
def test_any_data_go_on_bitwise(cls, kind, path):
    X, y = problem(cls)
    X = {"sparse": sparse.csr_array, "float32": np.float32}.get(kind, np.asarray)(X)
    X = pd.DataFrame(X, columns=list("abcd")) if kind == "frame" else X
    weight = {"sample_weight": np.linspace(0.1, 3, len(y))} if kind == "weights" else {}
    model = make(cls, max_iter=6)
    assert same_state(
        learned(interrupted_twice(model, path, X, y, **weight)), learned(fit(clone(model), X, y, **weight))
    )


@pytest.mark.parametrize("labels", [["no", "yes"], [False, True]], ids=str)
def test_labels_of_any_kind_go_on_bitwise(labels, path):
    X, y = problem(AdaptiveLRMLPClassifier)
    model, y = make(AdaptiveLRMLPClassifier, max_iter=6), np.array(labels)[y]
    assert same_state(learned(interrupted_twice(model, path, X, y)), learned(fit(clone(model), X, y)))


@estimators
def test_a_warm_start_that_crashed_goes_on_bitwise(cls, path):
    X, y = problem(cls)
    first = fit(make(cls, warm_start=True, max_iter=4), X, y)
    expected = learned(fit(first, X, y))
    second = fit(make(cls, warm_start=True, max_iter=4), X, y).set_callbacks(Checkpoint(path), CrashAfter(2))
    with pytest.raises(Crash):
        fit(second, X, y)
    restarted = fit(make(cls, warm_start=True, max_iter=4).set_callbacks(Checkpoint(path)), X, y)
    assert same_state(learned(restarted), expected)


@estimators
def test_more_epochs_than_at_first_go_on_bitwise(cls, path):
    X, y = problem(cls)
    fit(make(cls, max_iter=4).set_callbacks(Checkpoint(path)), X, y)
    longer = fit(make(cls, max_iter=9).set_callbacks(Checkpoint(path)), X, y)
    assert same_state(learned(longer), learned(fit(make(cls, max_iter=9), X, y)))


@estimators
def test_the_model_of_a_file_predicts(cls, path):
    X, y = problem(cls)
    crash(make(cls, max_iter=9), path, 4, X, y)
    restored = Checkpoint(path).restore(make(cls, max_iter=9))
    expected = fit(make(cls, max_iter=4), X, y)
    assert same_state(learned(restored), learned(expected) | {"stop_reason_": ""})
    np.testing.assert_array_equal(restored.predict(X), expected.predict(X))


def test_a_random_state_object_goes_on_where_it_was(path):
    X, y = problem(AdaptiveLRMLPClassifier)
    straight = fit(make(AdaptiveLRMLPClassifier, max_iter=6, random_state=np.random.RandomState(3)), X, y)
    crash(make(AdaptiveLRMLPClassifier, max_iter=6, random_state=np.random.RandomState(3)), path, 3, X, y)
    again = make(AdaptiveLRMLPClassifier, max_iter=6, random_state=np.random.RandomState(8))
    again = fit(again.set_callbacks(Checkpoint(path)), X, y)
    np.testing.assert_array_equal(again.predict_proba(X), straight.predict_proba(X))


def test_an_epoch_that_ctrl_c_cut_short_is_not_written(path):
    X, y = problem(AdaptiveLRMLPClassifier)
    model = make(AdaptiveLRMLPClassifier, max_iter=6)
    batches = iter(range(100))

    class CtrlC:
        def init(self, params):
            return {}

        def update(self, state, grad, step, *, out):
            if next(batches) == 9:  # the second batch of the third epoch
                raise KeyboardInterrupt
            np.copyto(out, grad)

        def __repr__(self):
            return "CtrlC"

    model.set_params(solver=CtrlC())
    with pytest.warns(UserWarning, match="interrupted"):
        fit(model.set_callbacks(Checkpoint(path)), X, y)
    assert model.n_iter_ == 3
    assert read(path)["n_epochs"] == 2


# Refusals


def test_the_file_of_another_class_or_of_other_parameters_is_not_restored(path):
    X, y = problem(AdaptiveLRMLPClassifier)
    fit(make(AdaptiveLRMLPClassifier).set_callbacks(Checkpoint(path)), X, y)
    with pytest.raises(ValueError, match=r"these differ: `random_state` \(was 0, is 1\)\. Set them as they were"):
        Checkpoint(path).restore(make(AdaptiveLRMLPClassifier, random_state=1))
    with pytest.raises(ValueError, match="`class`"):
        Checkpoint(path).restore(make(AdaptiveLRLogisticRegression))


def test_a_flipped_bit_is_detected_wherever_it_is(path):
    X, y = problem(AdaptiveLRMLPClassifier)
    model = fit(make(AdaptiveLRMLPClassifier).set_callbacks(Checkpoint(path)), X, y)
    intact = path.read_bytes()
    rng = np.random.RandomState(0)
    for bit in [0, 8 * len(intact) - 1, *rng.randint(8 * len(intact), size=100)]:
        damaged = bytearray(intact)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is damaged"):
            read(path)
    with pytest.raises(ValueError, match="is damaged"):
        fit(model, X, y)


@pytest.mark.parametrize("content", [b"", b"model", b"\x80\x04K\x01."], ids=["empty", "text", "a pickle"])
def test_what_is_no_checkpoint_is_refused(content, path):
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged, or no checkpoint"):
        fit(make(AdaptiveLRMLPClassifier).set_callbacks(Checkpoint(path)), *problem(AdaptiveLRMLPClassifier))


def test_a_truncated_file_is_refused(path):
    X, y = problem(AdaptiveLRMLPClassifier)
    model = fit(make(AdaptiveLRMLPClassifier).set_callbacks(Checkpoint(path)), X, y)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="is damaged"):
        fit(model, X, y)


def test_the_exact_solver_has_nothing_to_write_and_says_so(path):
    with pytest.raises(ValueError, match=r"mini-batch solvers.*`solver='adam'`"):
        AdaptiveLRLogisticRegression().set_callbacks(Checkpoint(path)).fit(*problem(AdaptiveLRLogisticRegression))


def test_a_pipeline_is_told_where_the_callback_belongs(path):
    pipeline = make_pipeline(StandardScaler(), make(AdaptiveLRMLPClassifier)).set_callbacks(Checkpoint(path))
    with pytest.raises(TypeError, match="set it on the last step"):
        pipeline.fit(*problem(AdaptiveLRMLPClassifier))


@pytest.mark.parametrize(("every", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("1", TypeError)])
def test_every_must_be_a_number_of_epochs(every, error, path):
    with pytest.raises(error, match="`every`"):
        Checkpoint(path, every=every)


# Several fits


@pytest.mark.parametrize("part", ["X", "y", "weights"])
def test_a_fit_to_other_data_leaves_the_file_alone_and_has_its_own(part, path):
    X, y = problem(AdaptiveLRMLPClassifier)
    weight = np.ones(len(y))
    model = make(AdaptiveLRMLPClassifier, max_iter=9)
    crash(model, path, 4, X, y, sample_weight=weight)
    intact = path.read_bytes()
    X2, y2, weight2 = (a.copy() for a in (X, y, weight))
    {"X": X2, "y": y2, "weights": weight2}[part][0] += 1
    y2 %= 2
    with pytest.warns(UserWarning, match=r"is that of a fit to other data\. .* its own file beside it"):
        crash(model, path, 3, X2, y2, sample_weight=weight2)
    assert path.read_bytes() == intact
    (own,) = set(path.parent.iterdir()) - {path}
    assert read(own)["n_epochs"] == 3
    with pytest.warns(UserWarning, match="its own file"):
        second = fit(clone(model).set_callbacks(Checkpoint(path)), X2, y2, sample_weight=weight2)
    assert same_state(learned(second), learned(fit(clone(model), X2, y2, sample_weight=weight2)))
    first = fit(clone(model).set_callbacks(Checkpoint(path)), X, y, sample_weight=weight)
    assert same_state(learned(first), learned(fit(clone(model), X, y, sample_weight=weight)))


def test_a_fit_with_other_parameters_is_told_which_differ(path):
    X, y = problem(AdaptiveLRMLPClassifier)
    fit(make(AdaptiveLRMLPClassifier).set_callbacks(Checkpoint(path)), X, y)
    other = make(AdaptiveLRMLPClassifier, random_state=1)
    with pytest.warns(UserWarning, match=r"a fit with other parameters, `random_state` \(was 0, is 1\)\. "):
        watched = fit(clone(other).set_callbacks(Checkpoint(path)), X, y)
    assert same_state(learned(watched), learned(fit(other, X, y)))


@pytest.mark.one_in(3)
@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("kind", ["file", "folder"])
@estimators
@pytest.mark.filterwarnings("ignore:The checkpoint")
def test_every_fold_of_a_cross_validation_has_its_own_file(cls, kind, n_jobs, tmp_path):
    X, y = problem(cls)
    path = tmp_path / "cv.checkpoint" if kind == "file" else tmp_path
    model = make(cls, max_iter=3)
    expected = cross_val_score(model, X, y, cv=3, error_score="raise")
    for _ in range(2):  # the second time, from the files
        watched = clone(model).set_callbacks(Checkpoint(path))
        scores = cross_val_score(watched, X, y, cv=3, error_score="raise", n_jobs=n_jobs)
        np.testing.assert_array_equal(scores, expected)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_serves_a_search_without_a_warning(tmp_path):
    X, y = problem(AdaptiveLRMLPClassifier)
    grid = {"alpha": [1e-4, 1.0]}
    plain = GridSearchCV(make(AdaptiveLRMLPClassifier), grid, cv=2, error_score="raise").fit(X, y)
    watched = make(AdaptiveLRMLPClassifier).set_callbacks(Checkpoint(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = GridSearchCV(watched, grid, cv=2, error_score="raise").fit(X, y)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])
    files = list(tmp_path.iterdir())
    assert len(files) == 5  # two folds of two, and the best on all rows
    of_best = [file for file in files if read(file)["data"] == read(files[0])["data"]]
    with pytest.raises(ValueError, match="is a folder, with a file for each fit"):
        Checkpoint(tmp_path).restore(make(AdaptiveLRMLPClassifier))
    alpha = float(read(of_best[0])["estimator"]["alpha"])
    assert Checkpoint(of_best[0]).restore(make(AdaptiveLRMLPClassifier, alpha=alpha)).predict(X).shape == y.shape


def test_fits_in_threads_keep_their_files_apart(tmp_path):
    X, y = problem(AdaptiveLRMLPClassifier)
    models = [make(AdaptiveLRMLPClassifier, random_state=seed, max_iter=20) for seed in range(4)]
    shared = Checkpoint(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        watched = list(pool.map(lambda model: fit(clone(model).set_callbacks(shared), X, y), models))
    assert len(list(tmp_path.iterdir())) == 4
    for one, other in zip(watched, models, strict=True):
        assert same_state(learned(one), learned(fit(other, X, y)))


def test_a_file_that_another_process_has_taken_meanwhile_is_left_to_it(path):
    X, y = problem(AdaptiveLRMLPClassifier)

    class Other(CrashAfter):
        """Another fit writes its first epoch while this one trains."""

        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch" and not path.exists():
                fit(make(AdaptiveLRMLPClassifier, random_state=1).set_callbacks(Checkpoint(path)), X, y)

    model = make(AdaptiveLRMLPClassifier)
    watched = fit(clone(model).set_callbacks(Checkpoint(path), Other(100)), X, y)
    assert read(path)["estimator"]["random_state"] == "1"
    assert len(list(path.parent.iterdir())) == 2
    assert same_state(learned(watched), learned(fit(model, X, y)))


# The file


def test_a_failed_writing_leaves_the_file_before_it(path, monkeypatch):
    write(path, {"n": 1})

    def full(fd):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(path, {"n": 2})
    assert read(path) == {"n": 1}


def test_what_is_written_is_read_bitwise_and_with_its_types(path):
    content = {
        "numbers": [1, 2**70, 0.1, float("nan"), -float("inf"), True, None],
        "nested": ({"a": (np.float32(0.1), np.arange(3.0))}, []),
        "arrays": [np.array([[1, 2]], dtype=">i4"), np.zeros((0, 3)), np.array(["ä", "b"])],
        "objects": np.array(["a", 1, None], dtype=object),
    }
    write(path, content)
    restored = read(path)
    objects = restored.pop("objects")
    assert objects.dtype == object
    assert objects.tolist() == content.pop("objects").tolist()
    assert same_state(restored, content)
