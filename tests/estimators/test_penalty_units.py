"""`penalty_units="standardized"`: the penalty of a fit to columns that StandardScaler has divided."""

import warnings

import numpy as np
import pytest
from estimator_cases import LINEAR, problem
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression

linear = pytest.mark.parametrize("cls", LINEAR.values(), ids=list(LINEAR))
storages = pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
STRENGTH = {AdaptiveLRLinearRegression: {"alpha": 20.0}, AdaptiveLRLogisticRegression: {"C": 0.05}}
#: Numbers of rows and classes, and of columns that are added.
PROBLEMS = {"few columns": (60, 2, 0), "more columns than rows": (20, 2, 30), "three classes": (60, 3, 0)}
#: `tol`, and how near predictions then are: mini-batches stop where epochs no longer gain.
TOLERANCES = {"auto": (1e-9, 1e-5), "exact": (1e-9, 1e-5), "adam": (1e-7, 3e-3)}
CASES = [
    (cls, name)
    for cls in LINEAR.values()
    for name in PROBLEMS
    if name != "three classes" or cls is AdaptiveLRLogisticRegression
]


def standardized(cls, **params):
    return cls(**{"penalty_units": "standardized", "random_state": 0, "max_iter": 5000, **STRENGTH[cls], **params})


def fit(model, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*args)


def columns_and_target(cls, name="few columns"):
    n_rows, n_classes, n_more = PROBLEMS[name]
    X, y = problem(cls, n_rows, n_classes)
    more = np.random.RandomState(1).standard_normal((n_rows, n_more)) * 10.0 ** (np.arange(n_more) % 5 - 2)
    return np.hstack([X, more]), y


def raw_prediction(model, X):
    if isinstance(model, AdaptiveLRLinearRegression):
        return model.predict(X)
    raw = model.decision_function(X)
    return raw - raw.mean(axis=1, keepdims=True) if raw.ndim == 2 else raw  # what all classes share is nobody's


def assert_same_predictions(one, other, tolerance):
    np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * np.abs(other).max())


@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
@storages
@pytest.mark.parametrize("solver", TOLERANCES)
@pytest.mark.parametrize(("cls", "name"), CASES)
def test_a_fit_is_that_of_columns_from_a_standard_scaler(cls, name, solver, storage, fit_intercept):
    X, y = columns_and_target(cls, name)
    if not fit_intercept:
        X = X - X.mean(axis=0)  # first-order steps from far offsets that nothing takes up are slow
    X, weight = storage(X), np.random.RandomState(2).uniform(0.5, 2, X.shape[0])
    tol, tolerance = TOLERANCES[solver]
    params = {"solver": solver, "tol": tol, "fit_intercept": fit_intercept}
    model = fit(standardized(cls, **params), X, y, weight)
    scaler = StandardScaler(with_mean=fit_intercept and storage is np.asarray).fit(X, sample_weight=weight)
    scaled = scaler.transform(X)
    theirs = fit(standardized(cls, **params, penalty_units="features"), scaled, y, weight)
    assert_same_predictions(raw_prediction(model, X), raw_prediction(theirs, scaled), tolerance)
    np.testing.assert_allclose(model.loss_, theirs.loss_, rtol=tolerance)


def test_it_is_ridge_on_standardised_columns():
    X, y = columns_and_target(AdaptiveLRLinearRegression)
    model = standardized(AdaptiveLRLinearRegression).fit(X, y)
    pipeline = make_pipeline(StandardScaler(), Ridge(20.0)).fit(X, y)
    assert_same_predictions(model.predict(X), pipeline.predict(X), 1e-10)


def test_it_is_logistic_regression_on_standardised_columns():
    X, y = columns_and_target(AdaptiveLRLogisticRegression)
    model = standardized(AdaptiveLRLogisticRegression, tol=1e-9).fit(X, y)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, tol=1e-10)).fit(X, y)
    assert_same_predictions(model.decision_function(X), pipeline.decision_function(X), 1e-6)


@pytest.mark.parametrize("solver", ["auto", "exact"])
@pytest.mark.parametrize("factor", [1e-150, 1e-3, 7.0, 1e100])
@linear
def test_the_unit_of_a_column_changes_no_prediction(cls, factor, solver):
    X, y = columns_and_target(cls)
    scaled = X * [1.0, factor, 1.0, 1.0]
    one, other = (fit(standardized(cls, solver=solver, tol=1e-9), part, y) for part in (X, scaled))
    assert_same_predictions(raw_prediction(one, X), raw_prediction(other, scaled), 1e-7)


@pytest.mark.parametrize("alpha", [0.0, 5.0])
def test_of_dependent_columns_the_unit_changes_no_prediction(alpha):
    """Without a penalty, of all solutions it is the one of least norm in standardised columns."""
    X, y = columns_and_target(AdaptiveLRLinearRegression)
    X = X[:, [0, 1, 2, 3, 0]]
    new = np.random.RandomState(3).standard_normal((5, 5))  # which see what the rows do not
    model, other = (
        standardized(AdaptiveLRLinearRegression, alpha=alpha).fit(X * unit, y) for unit in (1.0, [1, 1, 1, 1, 1e3])
    )
    assert_same_predictions(model.predict(new), other.predict(new * [1, 1, 1, 1, 1e3]), 1e-9)


@pytest.mark.parametrize("value", [0.0, 3.0])
@storages
@pytest.mark.parametrize("solver", TOLERANCES)
@linear
def test_a_constant_column_changes_nothing(cls, solver, storage, value):
    X, y = columns_and_target(cls)
    tol, tolerance = TOLERANCES[solver]
    params = {"solver": solver, "tol": tol}
    with_constant = storage(np.column_stack([X, np.full(len(X), value)]))
    model, other = fit(standardized(cls, **params), storage(X), y), fit(standardized(cls, **params), with_constant, y)
    assert_same_predictions(raw_prediction(model, storage(X)), raw_prediction(other, with_constant), tolerance)
    assert np.ravel(other.coef_)[-1] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("sizes", [(60,), (1, 2, 57), (20, 20, 20)])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_stream_is_the_fit_of_all_rows_so_far(fit_intercept, sizes):
    X, y = columns_and_target(AdaptiveLRLinearRegression)
    weight = np.random.RandomState(2).uniform(0.5, 20, len(X))
    stream = standardized(AdaptiveLRLinearRegression, fit_intercept=fit_intercept)
    stops = np.cumsum(sizes)
    for start, stop in zip([0, *stops], stops, strict=False):
        stream.partial_fit(X[start:stop], y[start:stop], weight[start:stop])
    model = standardized(AdaptiveLRLinearRegression, fit_intercept=fit_intercept).fit(X, y, weight)
    np.testing.assert_allclose(stream.coef_, model.coef_, rtol=1e-9)


def test_a_stream_of_labels_ends_near_the_fit_of_all_rows():
    X, y = problem(AdaptiveLRLogisticRegression, 2000)
    stream, model = (standardized(AdaptiveLRLogisticRegression) for _ in range(2))
    for start in range(0, 2000, 200):
        stream.partial_fit(X[start : start + 200], y[start : start + 200], classes=[0, 1])
    assert_same_predictions(stream.decision_function(X), model.fit(X, y).decision_function(X), 0.05)


@linear
def test_the_unit_of_a_column_does_not_matter_in_a_stream(cls):
    X, y = problem(cls, 200)
    one, other = standardized(cls), standardized(cls)
    options = {} if cls is AdaptiveLRLinearRegression else {"classes": [0, 1]}
    for start in range(0, 200, 40):
        rows = slice(start, start + 40)
        one.partial_fit(X[rows], y[rows], **options)
        other.partial_fit(X[rows] * [1, 1e3, 1, 1e-3], y[rows], **options)
    assert_same_predictions(raw_prediction(one, X), raw_prediction(other, X * [1, 1e3, 1, 1e-3]), 1e-7)


def test_a_stream_of_mini_batches_knows_the_deviations_of_all_rows_so_far():
    X, y = columns_and_target(AdaptiveLRLinearRegression)
    stream = standardized(AdaptiveLRLinearRegression, solver="adam")
    for start in range(0, 60, 20):
        stream.partial_fit(X[start : start + 20], y[start : start + 20])
    np.testing.assert_allclose(stream._spread["deviation"], X.std(axis=0), rtol=1e-10)


@linear
def test_mini_batches_go_on_after_a_fit(cls):
    X, y = problem(cls, 400)
    model = standardized(cls).fit(X, y)
    model.partial_fit(X, y)
    all_rows = standardized(cls).fit(np.vstack([X, X]), np.append(y, y))
    assert_same_predictions(raw_prediction(model, X), raw_prediction(all_rows, X), 0.2)
    np.testing.assert_allclose(model._spread["deviation"], X.std(axis=0), rtol=1e-10)


def test_a_stream_that_did_not_look_at_deviations_is_refused():
    X, y = columns_and_target(AdaptiveLRLinearRegression)
    model = AdaptiveLRLinearRegression(1.0).partial_fit(X, y).set_params(penalty_units="standardized")
    with pytest.raises(ValueError, match=r"`penalty_units='standardized'` needs the deviations of the columns"):
        model.partial_fit(X, y)


@linear
def test_another_name_is_refused(cls):
    with pytest.raises(ValueError, match=r"`penalty_units` must be one of 'features', 'standardized'; got 'raw'"):
        cls(penalty_units="raw").fit(*problem(cls))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@linear
def test_a_copy_of_rows_is_a_weight_of_two(cls, dtype):
    X, y = columns_and_target(cls)
    X = X.astype(dtype)
    counts = np.arange(len(X)) % 3
    one = fit(standardized(cls, tol=1e-9), X, y, counts)
    other = fit(standardized(cls, tol=1e-9), np.repeat(X, counts, axis=0), np.repeat(y, counts))
    assert_same_predictions(raw_prediction(one, X), raw_prediction(other, X), 1e-4 if dtype is np.float32 else 1e-7)
