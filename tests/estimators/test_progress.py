"""Tasks for callbacks wherever a fit spends its time: what a progress bar shows, and what others take for epochs."""

import csv

import numpy as np
import pytest
from estimator_cases import LINEAR, MLP, fit, make, problem
from sklearn.model_selection import GridSearchCV

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier
from sk_adalr.callbacks import CSVLogger
from sk_adalr.checkpoint import Checkpoint

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since version 1.9")

networks = pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))
linear = pytest.mark.parametrize("cls", LINEAR.values(), ids=list(LINEAR))


class Bar:
    """Follows the tasks of a fit as scikit-learn's progress bar does; may ask to stop after so many events.

    A task is as far as its subtasks are on average, of as many as it claims; of an unknown number, it moves by itself.
    """

    def __init__(self, stop_after=np.inf):
        self.stop_after = stop_after
        self.tasks, self.parts, self.ended, self.course, self.names = {}, {}, set(), [], []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        path = _path(context)
        self.tasks[path] = context
        self.parts.setdefault(path[:-1], []).append(path)
        self.names.append(context.task_name)

    def on_fit_task_end(self, estimator, context):
        self.ended.add(_path(context))
        self.course.append(self.progress(next(iter(self.tasks))))
        return len(self.course) >= self.stop_after

    def progress(self, path):
        parts, claimed = self.parts.get(path, []), self.tasks[path].max_subtasks
        if path in self.ended or not claimed:
            return float(path in self.ended)
        assert len(parts) <= claimed
        return sum(map(self.progress, parts)) / claimed

    def is_complete(self):
        return self.ended == set(self.tasks) and self.course[-1] == 1


def _path(context):
    return () if context is None else (*_path(context.parent), context.task_id)


def watched(model, X, y, **options):
    bar = Bar(**options)
    return fit(model.set_callbacks(bar), X, y), bar


def by_folds(cls, **params):
    return make(cls, **{"early_stopping": "auto", "tol": 1e-4, "max_iter": 150, "learning_rate": "auto"} | params)


@networks
def test_the_bar_of_an_ensemble_moves_with_each_epoch_of_each_network(cls):
    model, bar = watched(by_folds(cls, ensemble=True), *problem(cls))
    assert bar.names.count("network") == 5
    assert bar.names.count("network epoch") == sum(network.n_iter_ for network in model.estimators_)
    assert bar.is_complete()
    steps = np.diff([0, *bar.course])
    assert (steps >= 0).all()
    assert steps.max() <= 1 / 5 + 1e-9


@networks
def test_the_bar_moves_with_each_epoch_of_each_fold_and_of_training(cls):
    model, bar = watched(by_folds(cls), *problem(cls))
    assert bar.names.count("fold") == 5
    assert bar.names.count("epoch") == model.n_iter_
    assert bar.is_complete()
    steps = np.diff([0, *bar.course])
    assert (steps >= 0).all()
    # Neither stuck nor jumping: each fold and training take a sixth, and what a fold leaves out is less.
    assert steps.max() <= 1 / 6 + 1e-9
    moved = steps > 0
    assert moved.sum() >= bar.names.count("fold epoch") + bar.names.count("epoch") - 6


@networks
def test_training_claims_the_epochs_that_the_folds_have_found(cls):
    model, bar = watched(by_folds(cls), *problem(cls))
    claimed = {context.task_name: context.max_subtasks for context in bar.tasks.values()}
    assert claimed == {"fit": 6, "fold": 150, "fold epoch": 0, "training": model.n_iter_, "epoch": 0}


@networks
def test_folds_that_cannot_change_the_verdict_leave_no_bar_unfinished(cls):
    model, bar = watched(by_folds(cls, max_iter=3), *problem(cls))
    assert bar.names.count("fold") == 3
    assert model.n_iter_ == 3
    assert bar.is_complete()


@networks
@pytest.mark.parametrize("stop_after", [1, 12])
def test_a_callback_that_stops_a_fold_ends_the_fit_with_a_usable_model(cls, stop_after, recwarn):
    X, y = problem(cls)
    model, bar = watched(by_folds(cls), X, y, stop_after=stop_after)
    assert bar.names.count("fold epoch") == stop_after
    assert model.n_iter_ == 1
    assert model.stop_reason_.startswith("A callback asked to stop.")
    assert bar.is_complete()
    assert np.isfinite(model.score(X, y))
    assert not recwarn.list


@networks
def test_no_bit_of_the_model_depends_on_who_watches_the_folds(cls):
    X, y = problem(cls)
    alone = by_folds(cls).fit(X, y)
    assert watched(by_folds(cls), X, y)[0].loss_curve_ == alone.loss_curve_


@pytest.mark.parametrize("params", [{"early_stopping": True}, {"early_stopping": False}, {"tol": 0}], ids=str)
def test_where_no_folds_are_asked_the_epochs_are_those_of_the_fit(params):
    cls = AdaptiveLRMLPClassifier
    model, bar = watched(by_folds(cls, **params), *problem(cls))
    assert set(bar.names) == {"fit", "epoch"}
    assert bar.tasks[(0,)].max_subtasks == 150
    assert bar.names.count("epoch") == model.n_iter_
    assert bar.is_complete()


@linear
@pytest.mark.parametrize("strength", ["auto", 1.0])
def test_a_fit_on_all_rows_at_once_claims_no_number_of_iterations(cls, strength):
    name = "C" if "Logistic" in cls.__name__ else "alpha"
    model, bar = watched(cls(**{name: strength}), *problem(cls))
    assert bar.tasks[(0,)].max_subtasks is None
    assert bar.names == ["fit", *["epoch"] * len(model.loss_curve_)]
    assert bar.is_complete()


def test_several_outputs_may_iterate_as_often_each():
    X = problem(AdaptiveLRLinearRegression)[0]
    counts = np.random.RandomState(0).poisson(2.0, size=(len(X), 3))
    model, bar = watched(AdaptiveLRLinearRegression(loss="poisson", max_iter=2, tol=0), X, counts)
    assert bar.names.count("epoch") == len(model.loss_curve_) > 2
    assert bar.is_complete()


@linear
def test_the_search_for_a_penalty_is_a_part_of_a_fit_on_mini_batches(cls):
    name = "C" if "Logistic" in cls.__name__ else "alpha"
    _, bar = watched(make(cls, **{name: "auto"}), *problem(cls))
    assert bar.names == ["fit", "penalty", "training", *["epoch"] * 5]
    assert bar.is_complete()


@linear
def test_a_fit_of_chunks_has_begun_when_the_first_is_read(cls):
    X, y = problem(cls)
    bar, begun = Bar(), []

    def chunks():
        begun.append(list(bar.names))
        yield from zip(np.array_split(X, 3), np.array_split(y, 3), strict=True)

    cls().set_callbacks(bar).fit_chunks(chunks)
    assert begun[0] == ["fit"]
    assert bar.is_complete()


@linear
def test_a_fit_of_a_dask_collection_has_begun_when_the_first_block_is_read(cls):
    dask, array = pytest.importorskip("dask"), pytest.importorskip("dask.array")
    X, y = problem(cls)
    bar, begun = Bar(), []

    def read(block):
        begun.append(list(bar.names))
        return block

    lazy = array.from_array(X, chunks=(20, 4)).map_blocks(read, meta=np.empty((0, 0)))
    with dask.config.set(scheduler="synchronous"):
        cls().set_callbacks(bar).fit(lazy, array.from_array(y, chunks=20))
    assert begun[0] == ["fit"]
    assert bar.is_complete()


@networks
def test_the_bar_of_a_network_on_a_dask_collection_counts_its_epochs(cls):
    array = pytest.importorskip("dask.array")
    X, y = problem(cls)
    model = make(cls, learning_rate="auto", early_stopping=False, max_iter=7)
    model, bar = watched(model, array.from_array(X, chunks=(20, -1)), array.from_array(y, chunks=20))
    assert bar.names.count("epoch") == model.n_iter_ == 7
    assert bar.is_complete()


def test_a_search_shows_bars_that_all_end(capsys, monkeypatch):
    rich = pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setattr(rich, "_console", None)  # one of an earlier test is as wide as that one found it
    search = GridSearchCV(by_folds(AdaptiveLRMLPClassifier, max_iter=20), {"alpha": [1e-4, 1e-2]}, cv=2)
    fit(search.set_callbacks(callback.ProgressBar()), *problem(AdaptiveLRMLPClassifier))
    bars = [line for line in capsys.readouterr().out.splitlines() if "%" in line]
    assert sum("AdaptiveLRMLPClassifier - fit" in line for line in bars) == 5
    assert sum("fold" in line for line in bars) >= 15
    assert all(" 100% " in line for line in bars)


def test_the_scoring_monitor_takes_no_fold_for_the_model():
    X, y = problem(AdaptiveLRMLPClassifier)
    monitor = callback.ScoringMonitor(scoring="accuracy")
    model = fit(by_folds(AdaptiveLRMLPClassifier).set_callbacks(monitor), X, y)
    names = [row["task_name"] for row in monitor.get_logs().data]
    assert sorted(names) == [*["epoch"] * model.n_iter_, "fit"]


def test_a_logger_in_a_folder_has_one_file_for_a_fit_with_folds(tmp_path):
    model = by_folds(AdaptiveLRMLPClassifier).set_callbacks(CSVLogger(tmp_path))
    fit(model, *problem(AdaptiveLRMLPClassifier))
    (file,) = tmp_path.iterdir()
    with file.open(newline="", encoding="utf-8") as stream:
        assert [float(row["loss"]) for row in csv.DictReader(stream)] == model.loss_curve_


def test_a_fit_that_goes_on_from_a_checkpoint_claims_the_epochs_that_are_left(tmp_path):
    X, y = problem(AdaptiveLRMLPClassifier)
    whole = fit(by_folds(AdaptiveLRMLPClassifier), X, y)
    assert whole.n_iter_ > 2
    checkpoint = Checkpoint(tmp_path / "fit")

    class Crash(Bar):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch" and context.task_id == 1:
                raise RuntimeError

    with pytest.raises(RuntimeError):
        fit(by_folds(AdaptiveLRMLPClassifier).set_callbacks(checkpoint, Crash()), X, y)
    bar = Bar()
    model = fit(by_folds(AdaptiveLRMLPClassifier).set_callbacks(checkpoint, bar), X, y)
    assert model.loss_curve_ == whole.loss_curve_
    claimed = [context.max_subtasks for context in bar.tasks.values() if context.task_name == "training"]
    assert claimed == [whole.n_iter_ - 2]
    assert bar.is_complete()


def test_invalid_data_begin_no_task():
    bar = Bar()
    with pytest.raises(ValueError, match="NaN"):
        AdaptiveLRLogisticRegression().set_callbacks(bar).fit([[np.nan], [1.0]], [0, 1])
    assert not bar.names
