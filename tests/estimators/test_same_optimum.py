"""Drop-in means the same optimum: the coefficients of scikit-learn's counterparts, to 1e-5 relative."""

import numpy as np
import pytest
from estimator_cases import fit
from oracles import relative_error
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import log_loss

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression

# Full batches and fixed rates: an iteration is a matrix product, and the last digits are a matter of iterations.
FULL_BATCH = {"batch_size": 10_000, "max_iter": 6000, "tol": 0}
ADAPTED = {"learning_rate": "hypergradient", "granularity": "global", "hyper_learning_rate": 1e-6}
NESTEROV = {"solver": "nesterov", "momentum": 0.95, "learning_rate_init": 0.1, **ADAPTED, **FULL_BATCH}
# The name "auto" is held to the same optimum, with whatever it stands for.
AUTO = {"tol": 1e-9, "max_iter": 10_000}
slowly = pytest.param(NESTEROV, id="nesterov", marks=pytest.mark.one_in(3))
solvers = pytest.mark.parametrize("solver", [slowly, pytest.param(AUTO, id="auto")])
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
    assert_same_model(fit(AdaptiveLRLogisticRegression(**AUTO), X, y), expected)


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


def least_loss_without_intercept(X, y, penalty):
    """Return the optimum of several classes, in an orthonormal basis of the columns, where offsets are harmless."""
    (n, p), k = X.shape, y.max() + 1
    basis, triangle = np.linalg.qr(X.astype(np.float64))
    to_coef = np.linalg.inv(triangle)

    def loss_and_gradient(params):
        params = params.reshape(p, k)
        scores, coef = np.sqrt(n) * basis @ params, np.sqrt(n) * to_coef @ params
        loss = np.mean(logsumexp(scores, axis=1) - scores[np.arange(n), y]) + 0.5 * penalty * np.sum(coef**2)
        residual = (softmax(scores, axis=1) - np.eye(k)[y]) / n
        return loss, np.sqrt(n) * (basis.T @ residual + penalty * to_coef.T @ coef).ravel()

    return minimize(loss_and_gradient, np.zeros(p * k), jac=True, method="BFGS", options={"gtol": 1e-8}).fun


@pytest.mark.parametrize("solver", ["exact", "auto"])
@pytest.mark.parametrize("storage", [np.float64, np.float32, sparse.csr_array], ids=["float64", "float32", "csr"])
@pytest.mark.parametrize("offset", [1e2, 1e4, 1e6])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_without_an_intercept_columns_may_be_far_from_zero(n_classes, offset, storage, solver):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((300, 4))
    y = np.argmax(X @ rng.standard_normal((4, n_classes)) + rng.gumbel(size=(300, n_classes)), axis=1)
    X = (X + offset).astype(np.float32 if storage is np.float32 else np.float64)
    model = AdaptiveLRLogisticRegression(fit_intercept=False, solver=solver).fit(
        X if storage in (np.float32, np.float64) else storage(X), y
    )
    assert "Converged" in model.stop_reason_
    # The penalty of one row of coefficients is twice that of two rows, half of it each.
    least = least_loss_without_intercept(X, y, (2 if n_classes == 2 else 1) / len(y))
    raw = X.astype(np.float64) @ model.coef_.astype(np.float64).T
    loss = log_loss(y, softmax(np.column_stack([0 * raw, raw]) if n_classes == 2 else raw, axis=1))
    loss += np.sum(model.coef_.astype(np.float64) ** 2) / (2 * len(y))
    # Coefficients in float32 move scores by offset * eps.
    assert loss - least < 1e-6 + (1e-4 * (offset / 1e5) ** 2 if storage is np.float32 else 0)
    assert abs(model.loss_ - least) < 1e-6


def test_blocks_of_rows_without_an_intercept_may_be_far_from_zero():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((300, 4))
    y = np.argmax(X @ rng.standard_normal((4, 3)) + rng.gumbel(size=(300, 3)), axis=1)
    X += 1e5
    model = AdaptiveLRLogisticRegression(fit_intercept=False, solver="exact")
    model.fit_chunks(lambda: zip(np.split(X, 3), np.split(y, 3), strict=True))
    assert "Converged" in model.stop_reason_
    assert model.loss_ - least_loss_without_intercept(X, y, 1 / len(y)) < 1e-6
