"""What onnxruntime computes from an exported model is what the model predicts."""

import os

import numpy as np
import pandas as pd
import pytest
import sklearn
from estimator_cases import CLASSIFIERS, ESTIMATORS, LINEAR, MLP, REGRESSORS, fit, make, problem
from exported import TOLERANCE, assert_classifies_as, assert_predicts_as, classification, run
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier
from sk_adalr.export import to_onnx
from sk_adalr.objectives.network import ACTIVATIONS

DTYPES = [np.float32, np.float64]
CLASSES = {
    "two integers": np.array([-1, 7]),
    "two strings": np.array(["no", "yés"]),
    "booleans": np.array([False, True]),
    "two floats": np.array([0.0, 1.0]),
    "three small integers": np.array([0, 1, 2], dtype=np.uint8),
    "four integers": np.array([10, 20, 30, 40]),
    "three strings": np.array(["a", "b", "some longer name"], dtype=object),
    "three floats": np.array([-1.0, 0.0, 3.0]),
}
MODELS = [
    *[(cls, {}) for cls in LINEAR.values()],
    *[(cls, {"activation": name, "hidden_layer_sizes": (4, 3)}) for cls in MLP.values() for name in ACTIVATIONS],
]
classifiers = pytest.mark.parametrize(
    ("cls", "params"), [(cls, params) for cls, params in MODELS if cls in CLASSIFIERS.values()]
)
regressors = pytest.mark.parametrize(
    ("cls", "params"), [(cls, params) for cls, params in MODELS if cls in REGRESSORS.values()]
)
input_dtypes = pytest.mark.parametrize("dtype", DTYPES)


@input_dtypes
@pytest.mark.parametrize("classes", CLASSES.values(), ids=list(CLASSES))
@classifiers
def test_a_classifier_is_exported_as_it_predicts(cls, params, classes, dtype):
    model, X = classification(cls, classes, **params)
    outputs = assert_classifies_as(model, X.astype(dtype))
    assert outputs["probabilities"].dtype == dtype
    assert outputs["label"].dtype == (np.int64 if classes.dtype.kind in "biuf" else object)
    np.testing.assert_allclose(outputs["probabilities"].sum(axis=1), 1, atol=1e-6)


@input_dtypes
@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_several_labels_per_row_are_exported_as_they_are_predicted(activation, n_labels, dtype, rng):
    X = rng.standard_normal((60, 4))
    y = (X[:, :n_labels] + 0.1 * rng.standard_normal((60, n_labels)) > 0).astype(int)
    model = fit(make(AdaptiveLRMLPClassifier, activation=activation), X, y)
    X = 100 * X.astype(dtype)  # so certain that rounding alone would say 0 or 1
    outputs = run(to_onnx(model, X), X)
    np.testing.assert_allclose(outputs["probabilities"], model.predict_proba(X), **TOLERANCE)
    assert ((outputs["probabilities"] > 0) & (outputs["probabilities"] < 1)).all()
    assert outputs["label"].dtype == np.int64
    np.testing.assert_array_equal(outputs["label"], model.predict(X))


@input_dtypes
@pytest.mark.parametrize("loss", ["squared_error", "poisson", "gamma"])
@pytest.mark.parametrize("n_outputs", [None, 1, 3])
@regressors
def test_a_regressor_is_exported_as_it_predicts(cls, params, n_outputs, loss, dtype):
    X, y = problem(cls)
    y = np.exp(y / 4) if n_outputs is None else np.exp(np.outer(y, np.arange(1, n_outputs + 1)) / 8)
    model = fit(make(cls, loss=loss, **params), X, y)
    prediction = assert_predicts_as(model, X.astype(dtype))
    assert prediction.dtype == dtype
    assert prediction.shape == (len(X), n_outputs or 1)


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
@pytest.mark.parametrize("seed", range(5))
def test_random_models_are_exported_as_they_predict(cls, seed):
    rng = np.random.RandomState(seed)
    n_features = rng.randint(1, 20)
    X, mixing = 3 * rng.standard_normal((80, n_features)), rng.standard_normal((n_features, rng.randint(2, 6)))
    is_classifier = cls in CLASSIFIERS.values()
    y = (X @ mixing).argmax(axis=1) if is_classifier else X @ mixing
    X = X.astype(DTYPES[seed % 2])  # the dtype of the model, too
    params = {"hidden_layer_sizes": tuple(rng.randint(1, 30, 1 + seed % 3))} if cls in MLP.values() else {}
    model = fit(make(cls, random_state=seed, **params), X, y)
    check = assert_classifies_as if is_classifier else assert_predicts_as
    check(model, X)


@pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))
@pytest.mark.parametrize("sizes", [(), (4,), (5, 4, 3)])
def test_the_mean_of_networks_is_exported_as_it_predicts(cls, sizes):
    X, y = problem(cls, n_classes=3)
    model = fit(make(cls, hidden_layer_sizes=sizes, ensemble=True, early_stopping="auto"), X, y)
    check = assert_classifies_as if cls in CLASSIFIERS.values() else assert_predicts_as
    check(model, X.astype(np.float32))


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_a_pipeline_with_a_scaler_is_exported_as_it_predicts(cls):
    X, y = problem(cls, n_classes=3)
    model = fit(make_pipeline(StandardScaler(), make(cls)), X, y)
    check = assert_classifies_as if cls in CLASSIFIERS.values() else assert_predicts_as
    check(model, X.astype(np.float32))


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_a_pipeline_from_a_frame_with_categories_is_exported_as_it_predicts(cls):
    X, y = problem(cls, n_classes=3, raw_units=False)
    frame = pd.DataFrame(X.astype(np.float32), columns=["a", "b", "c", "d"])
    frame["kind"] = np.array(["u", "v", "w"])[np.arange(len(X)) % 3]
    columns = make_column_transformer((OneHotEncoder(), ["kind"]), (StandardScaler(), ["a", "b"]))
    model = fit(make_pipeline(columns, make(cls)), frame, y)
    check = assert_classifies_as if cls in CLASSIFIERS.values() else assert_predicts_as
    check(model, frame, {name: frame[[name]].to_numpy() for name in frame})


def test_each_column_of_a_frame_is_an_input():
    X, y = problem(AdaptiveLRLogisticRegression, raw_units=False)
    frame = pd.DataFrame(X.astype(np.float32), columns=["a", "b", "c", "d"])
    model = AdaptiveLRLogisticRegression().fit(frame, y)
    assert_classifies_as(model, frame, {name: frame[[name]].to_numpy() for name in frame})


@pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: CalibratedClassifierCV(model, cv=2),
        lambda model: GridSearchCV(model, {"tol": [0, 1e-3]}, cv=2),
        lambda model: OneVsRestClassifier(model),
        lambda model: StackingClassifier([("first", model)], model, cv=2),
    ],
    ids=["calibrated", "search", "one-vs-rest", "stacking"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_classifier_within_others_is_exported_as_it_predicts(cls, wrap):
    X, y = problem(cls, n_classes=3, raw_units=False)
    assert_classifies_as(wrap(make(cls)).fit(X, y), X.astype(np.float32))


@pytest.mark.parametrize("cls", REGRESSORS.values(), ids=list(REGRESSORS))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_regressor_within_others_is_exported_as_it_predicts(cls):
    X, y = problem(cls, raw_units=False)
    assert_predicts_as(StackingRegressor([("first", make(cls))], make(cls), cv=2).fit(X, y), X.astype(np.float32))


@pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 2, 3]])
def test_classes_that_a_stream_has_not_shown_are_exported(cls, classes):
    X, y = problem(cls, n_classes=2)
    y = np.zeros_like(y) if len(classes) == 2 else 2 * y
    assert_classifies_as(make(cls).partial_fit(X, y, classes=classes), X.astype(np.float32))


def test_a_single_class_is_exported():
    X, _ = problem(AdaptiveLRMLPClassifier)
    assert_classifies_as(fit(make(AdaptiveLRMLPClassifier), X, np.full(len(X), "only")), X.astype(np.float32))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_sparse_coefficients_are_exported(n_classes):
    model, X = classification(AdaptiveLRLogisticRegression, np.arange(n_classes))
    assert_classifies_as(model.sparsify(), X.astype(np.float32))


def test_a_model_of_sparse_rows_is_exported_for_dense_ones():
    X, y = problem(AdaptiveLRLogisticRegression, raw_units=False)
    model = AdaptiveLRLogisticRegression().fit(sparse.csr_array(X), y)
    outputs = run(to_onnx(model, sparse.csr_array(X)), X)
    np.testing.assert_allclose(outputs["probabilities"], model.predict_proba(X), **TOLERANCE)


def test_integers_are_taken_as_they_are():
    X, y = problem(AdaptiveLRLogisticRegression)
    X = X.round().astype(np.int64)
    assert_classifies_as(AdaptiveLRLogisticRegression().fit(X, y), X)


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_a_model_of_another_array_library_is_exported(cls):
    strict = pytest.importorskip("array_api_strict")
    if os.environ.get("SCIPY_ARRAY_API") != "1":
        pytest.skip("SCIPY_ARRAY_API=1 is not set: scikit-learn does not dispatch on arrays")
    X, y = problem(cls, raw_units=False)
    with sklearn.config_context(array_api_dispatch=True):
        model = fit(make(cls), strict.asarray(X), strict.asarray(y))
        graph = to_onnx(model, X)
        expected = np.asarray(model.predict(strict.asarray(X)))
    prediction = next(iter(run(graph, X).values()))
    np.testing.assert_allclose(prediction.reshape(expected.shape), expected, **TOLERANCE)


def test_labels_that_onnx_does_not_have_are_refused_and_their_numbers_are_not():
    X, y = problem(AdaptiveLRLogisticRegression)
    days = np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[D]")
    model = AdaptiveLRLogisticRegression().fit(X, y)
    model.classes_ = days
    with pytest.raises(TypeError, match=r"int64 and strings.*y.astype\(str\)"):
        to_onnx(model, X)
    np.testing.assert_array_equal(days[run(to_onnx(model, X, options={"nocl": True}), X)["label"]], model.predict(X))


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_a_model_that_is_not_fitted_is_refused(cls):
    X, _ = problem(cls)
    with pytest.raises(NotFittedError):
        to_onnx(cls(), X)


def test_a_model_that_is_not_finite_is_refused():
    X, y = problem(AdaptiveLRLinearRegression)
    model = AdaptiveLRLinearRegression().fit(X, y)
    model.coef_[0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        to_onnx(model, X)
