"""Drop-in means the same optimum: the coefficients of scikit-learn's counterparts, to 1e-5 relative."""

import numpy as np
import pytest
from estimator_cases import fit
from oracles import relative_error
from scipy import sparse
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression

# Full batches and fixed rates: an iteration is a matrix product, and the last digits are a matter of iterations.
FULL_BATCH = {"batch_size": 10_000, "max_iter": 6000, "tol": 0}
ADAPTED = {"learning_rate": "hypergradient", "granularity": "global", "hyper_learning_rate": 1e-6}
NESTEROV = {"solver": "nesterov", "momentum": 0.95, "learning_rate_init": 0.1, **ADAPTED, **FULL_BATCH}
# The name "auto" is held to the same optimum, with whatever it stands for.
SOLVERS = {"nesterov": NESTEROV, "auto": {"tol": 1e-9, "max_iter": 10_000}}
solvers = pytest.mark.parametrize("solver", SOLVERS.values(), ids=list(SOLVERS))
intercepts = pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])


def raw_units(X):
    """Return `X` in other units: offsets, and scales over four orders of magnitude."""
    return X * np.geomspace(0.01, 100, X.shape[1]) + np.linspace(-50, 50, X.shape[1])


def assert_same_model(model, expected):
    for name in ("coef_", "intercept_"):
        actual, wanted = np.asarray(getattr(model, name)), np.asarray(getattr(expected, name))
        assert actual.shape == wanted.shape
        if np.abs(wanted).max() > 0:
            assert relative_error(np.atleast_1d(actual), np.atleast_1d(wanted)) < 1e-5
        else:
            np.testing.assert_array_equal(actual, 0)


@solvers
@intercepts
def test_linear_regression_on_diabetes(diabetes, fit_intercept, solver):
    X, y = diabetes
    assert_same_model(
        fit(AdaptiveLRLinearRegression(fit_intercept=fit_intercept, **solver), X, y),
        LinearRegression(fit_intercept=fit_intercept).fit(X, y),
    )


@solvers
@intercepts
@pytest.mark.parametrize("alpha", [1.0, 100.0])
def test_ridge_on_diabetes(diabetes, alpha, fit_intercept, solver):
    X, y = diabetes
    assert_same_model(
        fit(AdaptiveLRLinearRegression(alpha=alpha, fit_intercept=fit_intercept, **solver), X, y),
        Ridge(alpha=alpha, fit_intercept=fit_intercept).fit(X, y),
    )


@solvers
@pytest.mark.parametrize("alpha", [0.0, 10.0])
def test_weighted_ridge_of_two_outputs(diabetes, alpha, solver):
    X, y = diabetes
    Y = np.column_stack([y, np.sin(y) * 1e-3 + X[:, 0]])
    weight = np.random.RandomState(0).uniform(0.1, 4, len(y))
    assert_same_model(
        fit(AdaptiveLRLinearRegression(alpha=alpha, **solver), X, Y, sample_weight=weight),
        Ridge(alpha=alpha).fit(X, Y, sample_weight=weight),
    )


@solvers
@intercepts
@pytest.mark.parametrize("C", [0.1, 1.0])
def test_logistic_regression_on_breast_cancer(breast_cancer, C, fit_intercept, solver):
    X, y = breast_cancer
    expected = LogisticRegression(C=C, fit_intercept=fit_intercept, tol=1e-10, max_iter=10_000).fit(X, y)
    assert_same_model(fit(AdaptiveLRLogisticRegression(C=C, fit_intercept=fit_intercept, **solver), X, y), expected)


@solvers
@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 1: 0.5}], ids=str)
@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
def test_logistic_regression_with_weights(breast_cancer, weighted, class_weight, solver):
    X, y = breast_cancer
    weight = np.random.RandomState(0).uniform(0, 3, len(y)) if weighted else None
    options = {"C": 0.3, "class_weight": class_weight}
    expected = LogisticRegression(**options, tol=1e-10, max_iter=10_000).fit(X, y, sample_weight=weight)
    assert_same_model(fit(AdaptiveLRLogisticRegression(**options, **solver), X, y, sample_weight=weight), expected)


@solvers
@intercepts
def test_multinomial_regression_on_iris(iris, fit_intercept, solver):
    X, y = iris
    expected = LogisticRegression(fit_intercept=fit_intercept, tol=1e-10, max_iter=10_000).fit(X, y)
    assert_same_model(fit(AdaptiveLRLogisticRegression(fit_intercept=fit_intercept, **solver), X, y), expected)


def test_multinomial_intercepts_are_centred_over_the_classes(iris):
    model = fit(AdaptiveLRLogisticRegression(**NESTEROV), *iris)
    assert abs(model.intercept_.sum()) < 1e-12


@pytest.mark.parametrize("solver", ["adam", "auto"])
def test_multinomial_coefficients_without_penalty_are_centred_over_the_classes(iris, solver):
    # Noisy labels: without a penalty, separable classes have no optimum.
    X, y = iris
    y = np.where(np.random.RandomState(0).uniform(size=len(y)) < 0.3, (y + 1) % 3, y)
    model = fit(AdaptiveLRLogisticRegression(C=np.inf, solver=solver, max_iter=50, random_state=0), X, y)
    np.testing.assert_allclose(model.coef_.sum(axis=0), 0, atol=1e-10)


@solvers
@intercepts
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
def test_ridge_in_raw_units(diabetes, storage, fit_intercept, solver):
    X, y = raw_units(diabetes[0]), diabetes[1]
    if not fit_intercept and solver is NESTEROV:
        X = X - X.mean(axis=0)  # offsets without an intercept are as stiff as the data make them
    assert_same_model(
        fit(AdaptiveLRLinearRegression(alpha=1.0, fit_intercept=fit_intercept, **solver), storage(X), y),
        Ridge(alpha=1.0, fit_intercept=fit_intercept).fit(X, y),
    )


def test_logistic_regression_in_raw_units(iris):
    # Columns of large units are next to unpenalised and the classes next to separable: a case for "auto" alone.
    X, y = raw_units(iris[0]), iris[1]
    expected = LogisticRegression(tol=1e-12, max_iter=10_000, solver="newton-cholesky").fit(X, y)
    assert_same_model(fit(AdaptiveLRLogisticRegression(**SOLVERS["auto"]), X, y), expected)


def test_standardising_does_not_change_the_optimum(diabetes):
    X, y = diabetes
    y = y / 50  # without standardising, the rate acts in the units of y
    models = [fit(AdaptiveLRLinearRegression(alpha=5.0, standardize=s, **NESTEROV), X, y) for s in (True, False)]
    assert_same_model(*models)


@pytest.mark.parametrize("granularity", ["parameter", "layer", "global"])
@pytest.mark.parametrize("solver", ["sgd", "momentum", "adam"])
def test_every_direction_reaches_the_optimum_of_ridge(diabetes, solver, granularity):
    X, y = diabetes
    rate = {"sgd": 0.3, "momentum": 0.1, "adam": 0.003}[solver]
    model = AdaptiveLRLinearRegression(
        alpha=20.0,
        solver=solver,
        learning_rate="hypergradient",
        granularity=granularity,
        learning_rate_init=rate,
        batch_size=1000,
        max_iter=4000,
        tol=0,
        hyper_learning_rate=1e-9 if solver == "adam" else 1e-4,
    )
    assert_same_model(fit(model, X, y), Ridge(alpha=20.0).fit(X, y))
