"""Arrays of other libraries at the door: in without a copy, and out in the library and on the device of the caller."""

import pickle

import fake_cupy
import numpy as np
import pytest
from estimator_cases import CLASSIFIERS, ESTIMATORS, blocks, fit, make, needs_callbacks, problem, same_state
from scipy import sparse
from sklearn import config_context
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier
from sk_adalr.backends import enter
from sk_adalr.checkpoint import Checkpoint
from sk_adalr.plotting import LearningRateDisplay

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
METHODS = ("predict", "decision_function", "predict_proba", "predict_log_proba")


class Strict:
    """array-api-strict, on a device that is not its default one."""

    def __init__(self):
        self.xp = pytest.importorskip("array_api_strict")
        self.device = self.xp.Device("device1")

    def asarray(self, array):
        return self.xp.asarray(array, device=self.device)

    def is_own(self, array):
        return isinstance(array, type(self.xp.asarray(0))) and array.device == self.device


class Torch:
    """torch on the CPU."""

    def __init__(self):
        self.xp = pytest.importorskip("torch")

    def asarray(self, array):
        return self.xp.asarray(array)

    def is_own(self, array):
        return isinstance(array, self.xp.Tensor)


@pytest.fixture(params=[Strict, Torch])
def library(request, dispatch):
    """A library and the switch that lets its arrays in."""
    return request.param()


def fitted_arrays(model):
    arrays = [model.learning_rate_curve_]
    return arrays + (model.coefs_ + model.intercepts_ if hasattr(model, "coefs_") else [model.coef_, model.intercept_])


@estimators
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", [{}, {"solver": "auto", "learning_rate": "auto"}], ids=["literal", "auto"])
def test_a_fit_is_bitwise_that_on_numpy_and_stays_in_the_library(library, cls, dtype, options):
    X, y = problem(cls)
    X = X.astype(dtype)
    expected = fit(make(cls, **options), X, y)
    model = fit(make(cls, **options), library.asarray(X), library.asarray(y))
    assert all(map(library.is_own, fitted_arrays(model)))
    for array, other in zip(fitted_arrays(model), fitted_arrays(expected), strict=True):
        np.testing.assert_array_equal(np.from_dlpack(array), other, strict=True)
    for method in METHODS:
        if hasattr(model, method):
            predicted = getattr(model, method)(library.asarray(X))
            assert library.is_own(predicted)
            np.testing.assert_array_equal(np.from_dlpack(predicted), getattr(expected, method)(X), strict=True)
    assert model.score(library.asarray(X), library.asarray(y)) == pytest.approx(expected.score(X, y), rel=1e-6)


@estimators
def test_targets_and_weights_may_be_of_another_library_than_the_features(library, cls):
    X, y = problem(cls)
    weight = np.linspace(1, 2, len(y))
    expected = fit(make(cls), X, y, sample_weight=weight)
    for y_given, weight_given in ((y, library.asarray(weight)), (library.asarray(y), weight)):
        model = fit(make(cls), library.asarray(X), y_given, sample_weight=weight_given)
        assert same_state(model._training, expected._training)
    model = fit(make(cls), X, library.asarray(y), sample_weight=library.asarray(weight))
    np.testing.assert_array_equal(blocks(model), blocks(expected))  # NumPy's: everything follows X


@estimators
@pytest.mark.parametrize("has_scorer", [False, True])
def test_validation_data_may_be_of_the_library(library, cls, has_scorer):
    X, y = problem(cls)
    train, val = slice(0, 40), slice(40, None)
    name = "roc_auc" if cls in CLASSIFIERS.values() else "neg_mean_absolute_error"
    options = {"early_stopping": True, "scoring": name if has_scorer else None}
    weight = np.linspace(1, 2, len(y[val]))
    expected = fit(make(cls, **options), X[train], y[train], X_val=X[val], y_val=y[val], sample_weight_val=weight)
    parts = [library.asarray(part) for part in (X[train], y[train], X[val], y[val], weight)]
    model = fit(make(cls, **options), *parts[:2], X_val=parts[2], y_val=parts[3], sample_weight_val=parts[4])
    assert model.validation_scores_ == expected.validation_scores_
    assert same_state(model._training, expected._training)


@estimators
def test_training_goes_on_bitwise_from_one_library_to_another(library, cls):
    X, y = problem(cls)
    classes = {"classes": library.asarray(np.unique(y))} if cls in CLASSIFIERS.values() else {}
    stay, change = make(cls), make(cls)
    for convert in (library.asarray, np.asarray, library.asarray):
        change.partial_fit(convert(X), convert(y), **classes)
        stay.partial_fit(X, y, **classes)
        assert same_state(change._training, stay._training)
    warm, expected = (make(cls, warm_start=True, max_iter=2) for _ in range(2))
    for convert in (library.asarray, np.asarray):
        fit(warm, convert(X), convert(y))
        fit(expected, X, y)
    assert same_state(vars(warm), vars(expected))


def test_a_warm_start_of_the_exact_solver_goes_on_from_one_library_to_another(library):
    X, y = problem(AdaptiveLRLogisticRegression)
    warm, expected = (AdaptiveLRLogisticRegression(warm_start=True, max_iter=3) for _ in range(2))
    for convert in (library.asarray, np.asarray):
        fit(warm, convert(X), convert(y))
        fit(expected, X, y)
    np.testing.assert_array_equal(warm.coef_, expected.coef_)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_features_come_in_without_a_copy(library, dtype):
    X, y = problem(AdaptiveLRLogisticRegression)
    array = library.asarray(X.astype(dtype))
    model = make(AdaptiveLRLogisticRegression)
    data, _ = model._validate(model._options(), array, y, None, before=None, reset=True)
    assert np.shares_memory(data.X, np.from_dlpack(array))


def test_labels_that_are_strings_come_out_as_numpys(library):
    X, y = problem(AdaptiveLRLogisticRegression)
    labels = np.array(["no", "yes"])[y]
    model = fit(make(AdaptiveLRLogisticRegression), library.asarray(X), labels)
    np.testing.assert_array_equal(
        model.predict(library.asarray(X)), fit(make(AdaptiveLRLogisticRegression), X, labels).predict(X)
    )


def test_a_label_matrix_comes_back_in_the_library(library):
    X, _ = problem(AdaptiveLRMLPClassifier)
    y = (X[:, :3] > X[:, :3].mean(axis=0)).astype(int)
    model = fit(make(AdaptiveLRMLPClassifier), library.asarray(X), library.asarray(y))
    for method in ("predict", "predict_proba", "predict_log_proba"):
        assert library.is_own(getattr(model, method)(library.asarray(X)))


@estimators
def test_every_method_refuses_arrays_of_another_library_than_fits(library, cls):
    X, y = problem(cls)
    on_library = fit(make(cls), library.asarray(X), library.asarray(y))
    on_numpy = fit(make(cls), X, y)
    for method in METHODS:
        if hasattr(on_numpy, method):
            message = rf"{cls.__name__}\.{method}\(\) must use the same namespace"
            for model, others in (
                (on_library, (X, X.tolist(), sparse.csr_array(X))),
                (on_numpy, (library.asarray(X),)),
            ):
                for other in others:
                    with pytest.raises(ValueError, match=message):
                        getattr(model, method)(other)


def test_a_model_of_another_library_predicts_as_numpys_where_dispatch_is_off(library):
    X, y = problem(AdaptiveLRMLPClassifier)
    model = pickle.loads(pickle.dumps(fit(make(AdaptiveLRMLPClassifier), library.asarray(X), library.asarray(y))))
    expected = fit(make(AdaptiveLRMLPClassifier), X, y).predict_proba(X)
    with config_context(array_api_dispatch=False):
        np.testing.assert_array_equal(model.predict_proba(X), expected)


@estimators
def test_tensors_are_numpys_where_dispatch_is_off(cls):
    torch = pytest.importorskip("torch")
    X, y = problem(cls)
    model = fit(make(cls), torch.asarray(X), torch.asarray(y))
    np.testing.assert_array_equal(blocks(model), blocks(fit(make(cls), X, y)))
    assert type(model.predict(torch.asarray(X))) is np.ndarray


@estimators
def test_pipelines_searches_and_scores_work_on_tensors(dispatch, cls):
    torch = pytest.importorskip("torch")
    X, y = problem(cls)
    X, y = torch.asarray(X), torch.asarray(y)
    pipeline = make_pipeline(StandardScaler(), make(cls))
    search = GridSearchCV(pipeline, {f"{pipeline.steps[-1][0]}__max_iter": [2, 3]}, cv=2)
    fit(search, X, y)
    assert isinstance(search.predict(X), torch.Tensor)
    assert np.isfinite(cross_val_score(make(cls, max_iter=1), X, y, cv=2)).all()


@needs_callbacks
def test_callbacks_see_a_model_in_the_library(library):
    from sklearn.callback import ScoringMonitor

    X, y = problem(AdaptiveLRMLPClassifier)
    scores = []
    for convert in (np.asarray, library.asarray):
        monitor = ScoringMonitor(scoring="neg_log_loss")
        fit(make(AdaptiveLRMLPClassifier).set_callbacks(monitor), convert(X), convert(y))
        scores.append([row["neg_log_loss"] for row in monitor.get_logs().data if row["task_name"] == "epoch"])
    assert len(scores[0]) == 5
    np.testing.assert_allclose(scores[1], scores[0])


@needs_callbacks
@estimators
def test_a_fit_in_the_library_goes_on_from_a_checkpoint(library, cls, tmp_path):
    X, y = problem(cls)
    expected = fit(make(cls, max_iter=6), X, y)
    for max_iter in (3, 6):
        model = make(cls, max_iter=max_iter).set_callbacks(Checkpoint(tmp_path / "fit"))
        fit(model, library.asarray(X), library.asarray(y))
    assert all(map(library.is_own, fitted_arrays(model)))
    assert same_state(model._training, expected._training)


def test_learning_rates_in_the_library_are_drawn(library):
    pytest.importorskip("matplotlib")
    X, y = problem(AdaptiveLRMLPClassifier)
    model = fit(make(AdaptiveLRMLPClassifier), library.asarray(X), library.asarray(y))
    for per_layer in (False, True):
        display = LearningRateDisplay.from_estimator(model, per_layer=per_layer)
        assert np.isfinite(display.lines_[0].get_ydata()).all()


@pytest.mark.parametrize("make_tensor", [
    lambda torch, X: torch.tensor(X, requires_grad=True),
    lambda torch, X: torch.tensor(X, dtype=torch.bfloat16),
    lambda torch, X: torch.tensor(X).to_sparse(),
    lambda torch, X: torch.empty(X.shape, device="meta"),
], ids=["requires_grad", "bfloat16", "sparse", "meta"])  # fmt: skip
def test_a_tensor_that_cannot_be_exchanged_is_refused_with_advice(dispatch, make_tensor):
    torch = pytest.importorskip("torch")
    X, y = problem(AdaptiveLRLogisticRegression)
    with pytest.raises(TypeError, match=r"`X` cannot be taken from torch: .* Pass a strided array"):
        make(AdaptiveLRLogisticRegression).fit(make_tensor(torch, X), y)


@pytest.mark.parametrize("entry", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_as_on_numpy(library, entry):
    X, y = problem(AdaptiveLRLogisticRegression)
    X[3, 1] = entry
    with pytest.raises(ValueError, match="Input X contains"):
        make(AdaptiveLRLogisticRegression).fit(library.asarray(X), y)


def test_arrays_on_a_cuda_device_need_cupy(dispatch, monkeypatch):
    """An array that says it lies there is not taken for one of the host's."""
    with fake_cupy.installed() as cupy:
        array = cupy.asarray(np.ones((3, 2)))
        monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", lambda: 0)
        with pytest.raises(ValueError, match="no CUDA device"):
            enter(array, "`X`")
