"""The exact solver against closed forms, scipy and converged scikit-learn."""

from functools import partial

import numpy as np
import pytest
from scipy import optimize, sparse, special
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.utils.class_weight import compute_sample_weight

from sk_adalr.objectives import BinomialLogLoss, HalfSquaredError, MultinomialLogLoss
from sk_adalr.objectives.columns import standardised_columns
from sk_adalr.objectives.columns.dense import DenseBlock
from sk_adalr.optimizer.exact import first_order, prefers_factorisation, solve_cholesky, solve_exact
from sk_adalr.optimizer.exact.first_order import FirstOrder
from sk_adalr.optimizer.exact.loop import SolverBase, run
from sk_adalr.optimizer.exact.problem import Problem
from sk_adalr.optimizer.exact.small_system import newton_step

LOSS = {"squared": HalfSquaredError(), "binomial": BinomialLogLoss(), "multinomial": MultinomialLogLoss()}

RNG_SEED = 0


def standardised(X):
    deviation = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)


def relative_error(actual, expected):
    return np.linalg.norm(actual - expected) / np.linalg.norm(expected)


def logistic_loss(X, y, coef, intercept, lam, weight=None):
    margins = (1 - 2 * y) * (X @ coef[:, 0] + intercept[0])
    return np.average(np.logaddexp(0, margins), weights=weight) + 0.5 * lam * np.sum(coef**2)


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return X, y[:, None].astype(float)


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X, y[:, None]


@pytest.fixture
def small():
    rng = np.random.default_rng(RNG_SEED)
    X = rng.normal(size=(200, 6))
    classes = np.argmax(X[:, :3] + rng.normal(size=(200, 3)), axis=1)
    targets = {
        "squared": X[:, :2] + rng.normal(size=(200, 2)),
        "binomial": (classes == 0)[:, None].astype(float),
        "multinomial": classes,
    }
    return X, targets, rng.random(200) + 0.1


LOSSES = ("squared", "binomial", "multinomial")


# coefficients


@pytest.mark.parametrize("class_weight", [None, "balanced"], ids=str)
@pytest.mark.parametrize("C", [1.0, 0.01])
@pytest.mark.parametrize("load", [load_breast_cancer, load_wine, load_digits])
def test_logistic_coefficients_equal_converged_scikit_learn(load, C, class_weight):
    X, y = load(return_X_y=True)
    X = standardised(X)
    options = {"C": C, "class_weight": class_weight}
    expected = LogisticRegression(**options, tol=1e-12, max_iter=1000, solver="newton-cholesky").fit(X, y)
    weight = compute_sample_weight(class_weight, y)
    loss, target = ("binomial", y[:, None].astype(float)) if y.max() == 1 else ("multinomial", y)
    for tol, allowed in [(1e-4, 1e-3), (1e-8, 1e-5)]:
        result = solve_exact(X, target, weight, LOSS[loss], penalty=1 / (C * len(y)), tol=tol)
        assert relative_error(result.coef, expected.coef_.T) < allowed


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_least_squares_equals_the_closed_form(diabetes, alpha, weighted):
    X, y = standardised(diabetes[0]), diabetes[1]
    weight = np.random.default_rng(RNG_SEED).random(len(y)) if weighted else None
    model = Ridge(alpha, solver="cholesky") if alpha else LinearRegression()
    expected = model.fit(X, y[:, 0], weight)
    total = len(y) if weight is None else weight.sum()
    for tol, allowed in [(1e-4, 1e-3), (1e-8, 1e-5)]:
        result = solve_exact(X, y, weight, LOSS["squared"], penalty=alpha / total, tol=tol)
        assert relative_error(result.coef[:, 0], expected.coef_) < allowed
    direct = solve_cholesky(X, y, weight, penalty=alpha / total)
    assert relative_error(direct.coef[:, 0], expected.coef_) < 1e-10
    np.testing.assert_allclose(direct.intercept, expected.intercept_, rtol=1e-10)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_weighted_logistic_loss_equals_that_of_scipy(small, fit_intercept):
    X, targets, weight = small
    y, lam = targets["binomial"], 0.01

    def objective(params):
        return logistic_loss(X, y[:, 0], params[:6, None], params[6:] * fit_intercept, lam, weight)

    expected = optimize.minimize(objective, np.zeros(7), method="BFGS", options={"gtol": 1e-9}).fun
    result = solve_exact(X, y, weight, LOSS["binomial"], penalty=lam, fit_intercept=fit_intercept, tol=1e-8)
    assert result.loss == pytest.approx(expected, rel=1e-9)
    assert objective(np.append(result.coef[:, 0], result.intercept)) == pytest.approx(result.loss, rel=1e-12)


def test_without_intercept_the_multinomial_gradient_vanishes(small):
    X, targets, _ = small
    y = targets["multinomial"]
    result = solve_exact(X, y, None, LOSS["multinomial"], penalty=0.01, fit_intercept=False, tol=1e-8)
    residual = special.softmax(X @ result.coef, axis=1) - np.eye(3)[y]
    np.testing.assert_allclose(X.T @ residual / len(y) + 0.01 * result.coef, 0, atol=1e-7)
    assert not result.intercept.any()


# equivalences


@pytest.mark.parametrize("loss", LOSSES)
def test_dense_and_sparse_agree(small, loss):
    X, targets, weight = small
    X = np.where(X > 0.3, X, 0.0)
    dense = solve_exact(X, targets[loss], weight, LOSS[loss], penalty=0.01, tol=1e-9)
    csr = solve_exact(sparse.csr_array(X), targets[loss], weight, LOSS[loss], penalty=0.01, tol=1e-9)
    np.testing.assert_allclose(csr.coef, dense.coef, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(csr.intercept, dense.intercept, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("loss", LOSSES)
def test_memory_order_changes_nothing(small, loss):
    X, targets, _ = small
    c_order = solve_exact(X, targets[loss], None, LOSS[loss], penalty=0.01)
    f_order = solve_exact(np.asfortranarray(X), targets[loss], None, LOSS[loss], penalty=0.01)
    np.testing.assert_array_equal(c_order.coef, f_order.coef)


@pytest.mark.parametrize("loss", LOSSES)
def test_integer_weights_are_repetitions(small, loss):
    X, targets, _ = small
    count = np.random.default_rng(RNG_SEED).integers(0, 4, len(X))
    weighted = solve_exact(X, targets[loss], count.astype(float), LOSS[loss], penalty=0.01, tol=1e-8)
    repeated = solve_exact(
        X.repeat(count, 0), targets[loss].repeat(count, 0), None, LOSS[loss], penalty=0.01, tol=1e-8
    )
    np.testing.assert_allclose(weighted.coef, repeated.coef, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("loss", LOSSES)
def test_float32_data_is_fitted_to_its_own_precision(small, loss):
    X, targets, _ = small
    single = solve_exact(X.astype(np.float32), targets[loss], None, LOSS[loss], penalty=0.01)
    double = solve_exact(X.astype(np.float32).astype(float), targets[loss], None, LOSS[loss], penalty=0.01, tol=1e-7)
    np.testing.assert_allclose(single.coef, double.coef, rtol=1e-3, atol=1e-3)
    assert single.coef.dtype == np.float64


@pytest.mark.parametrize(("n", "p", "rank"), [(160, 4, 4), (400, 4, 4), (1000, 8, 8), (400, 12, 3), (400, 30, 5)])
@pytest.mark.parametrize("penalty", [1e-2, 1e-8, 0.0])
def test_rounding_of_float32_data_is_not_fitted(n, p, rank, penalty):
    """More past steps than columns: sums of them that cancel predict nothing but rounding errors."""
    rng = np.random.default_rng(RNG_SEED)
    X = (rng.normal(size=(n, rank)) @ rng.normal(size=(rank, p))).astype(np.float32)
    y = (X[:, :1] + rng.normal(size=(n, 1)) > 0).astype(float)
    single = solve_exact(X, y, None, LOSS["binomial"], penalty=penalty)
    double = solve_exact(X.astype(float), y, None, LOSS["binomial"], penalty=penalty)
    loss = logistic_loss(X.astype(float), y[:, 0], single.coef, single.intercept, penalty)
    assert single.loss == pytest.approx(loss, rel=1e-5)
    assert loss == pytest.approx(double.loss, rel=1e-6)
    assert single.n_iter <= double.n_iter + 3


# units


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("scale", [1e-100, 1e-8, 1e8, 1e100])
def test_units_of_features_change_neither_iterations_nor_predictions(small, loss, scale):
    X, targets, _ = small
    base = solve_exact(X, targets[loss], None, LOSS[loss], penalty=0.0)
    other = solve_exact(X * scale, targets[loss], None, LOSS[loss], penalty=0.0)
    assert other.n_iter == base.n_iter
    np.testing.assert_allclose(other.coef * scale, base.coef, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("scale", [1e-200, 1e-8, 1e8, 1e200])
def test_units_of_weights_change_neither_iterations_nor_predictions(small, loss, scale):
    X, targets, weight = small
    base = solve_exact(X, targets[loss], weight, LOSS[loss], penalty=0.01)
    other = solve_exact(X, targets[loss], weight * scale, LOSS[loss], penalty=0.01)
    assert other.n_iter == base.n_iter
    np.testing.assert_allclose(other.coef, base.coef, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-100, 1e-8, 1e8, 1e100])
def test_units_of_the_target_change_neither_iterations_nor_predictions(small, scale):
    X, targets, _ = small
    base = solve_exact(X, targets["squared"], None, LOSS["squared"], penalty=0.01)
    other = solve_exact(X, targets["squared"] * scale, None, LOSS["squared"], penalty=0.01)
    assert other.n_iter == base.n_iter
    np.testing.assert_allclose(other.coef / scale, base.coef, rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_rescaled_penalty_keeps_the_iterations(small, loss):
    X, targets, _ = small
    base = solve_exact(X, targets[loss], None, LOSS[loss], penalty=0.01)
    other = solve_exact(X * 1e4, targets[loss], None, LOSS[loss], penalty=0.01 * 1e8)
    assert other.n_iter == base.n_iter


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_offsets_and_column_scales_are_harmless(small, loss, kind):
    X, targets, _ = small
    hostile = X * np.logspace(-8, 8, 6) + 1e6 * np.logspace(-8, 8, 6)
    base = solve_exact(X, targets[loss], None, LOSS[loss], penalty=0.0, tol=1e-6)
    other = solve_exact(kind(hostile), targets[loss], None, LOSS[loss], penalty=0.0, tol=1e-6)
    np.testing.assert_allclose(other.coef * np.logspace(-8, 8, 6)[:, None], base.coef, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_columns_without_information_get_no_coefficient(small, loss, kind):
    X, targets, _ = small
    padded = np.column_stack([X, np.zeros(200), np.full(200, 1e6 + 0.1), X[:, 0]])
    base = solve_exact(X, targets[loss], None, LOSS[loss], penalty=0.0, tol=1e-7)
    result = solve_exact(kind(padded), targets[loss], None, LOSS[loss], penalty=0.0, tol=1e-7)
    assert not result.coef[6:8].any()
    np.testing.assert_allclose(result.coef[0] + result.coef[8], base.coef[0], rtol=1e-4, atol=1e-5)


def test_products_meet_no_numbers_next_to_the_smallest_one(monkeypatch):
    """They would take up to fifty times longer; in float32 they abound where classes are told apart well."""
    seen = []

    def recorded(block, residual, backward=DenseBlock.backward):
        seen.append(residual.copy())
        return backward(block, residual)

    monkeypatch.setattr(DenseBlock, "backward", recorded)
    X, y = load_digits(return_X_y=True)
    solve_exact(X.astype(np.float32), y, None, LOSS["multinomial"], penalty=1e-9, max_iter=60)
    assert max(np.abs(residual).max() for residual in seen[-4:]) < 1e-2  # told apart well
    assert not any(((r != 0) & (np.abs(r) < 1e3 * np.finfo(np.float32).tiny)).any() for r in seen)
    columns = standardised_columns(X[:20].astype(np.float32))
    assert not columns.backward(np.full(20, 1e-40)).any()


def test_an_outlier_in_the_first_row_does_not_spoil_the_mean():
    X = np.random.default_rng(RNG_SEED).normal(size=(1000, 1)).astype(np.float32)
    X[0] = 1e6
    columns = standardised_columns(X)
    assert columns.mean[0] == pytest.approx(X.mean(dtype=float), rel=1e-6)


def test_a_weak_penalty_of_dependent_columns_bounds_the_loss_from_below():
    """What past steps leave where they cancel must not count as a negative penalty."""
    rng = np.random.RandomState(293)
    column, rest = rng.normal(size=8), rng.normal(size=(8, 2))
    X, y = np.column_stack([1e4 * column, 4e3 * column, 40 * rest]), (rng.rand(8) < 0.5).astype(float)
    y[:2] = 0, 1
    result = solve_exact(X, y[:, None], None, LOSS["binomial"], penalty=1 / 8, tol=1e-8)
    loss = logistic_loss(X, y, result.coef, result.intercept, 1 / 8)
    assert result.loss == pytest.approx(loss, rel=1e-9)
    assert loss < 0.1


# least squares


def test_more_columns_than_rows_gives_the_minimum_norm():
    rng = np.random.default_rng(RNG_SEED)
    X, y = rng.normal(size=(30, 90)) * rng.random(90) + 3, rng.normal(size=(30, 2))
    expected = LinearRegression().fit(X, y)
    direct = solve_cholesky(X, y, None, penalty=0.0)
    exact = solve_exact(X, y, None, LOSS["squared"], penalty=0.0, tol=1e-9)
    assert relative_error(direct.coef, expected.coef_.T) < 1e-10
    assert relative_error(exact.coef, expected.coef_.T) < 1e-6


def test_a_wide_penalised_problem_equals_ridge():
    rng = np.random.default_rng(RNG_SEED)
    X, y, weight = rng.normal(size=(30, 90)) + 3, rng.normal(size=(30, 2)), rng.random(30)
    expected = Ridge(0.3, solver="svd").fit(X, y, weight)
    result = solve_cholesky(X, y, weight, penalty=0.3 / weight.sum())
    assert relative_error(result.coef, expected.coef_.T) < 1e-9


def test_dependent_columns_give_the_minimum_norm():
    rng = np.random.default_rng(RNG_SEED)
    X = rng.normal(size=(80, 4)) * [1, 10, 0.1, 1]
    X = np.column_stack([X, X[:, 0] - 2 * X[:, 1], X[:, 2]])
    y = rng.normal(size=(80, 1))
    expected = LinearRegression().fit(X, y[:, 0])
    assert relative_error(solve_cholesky(X, y, None, penalty=0.0).coef[:, 0], expected.coef_) < 1e-8


@pytest.mark.parametrize("solve", [solve_cholesky, partial(solve_exact, loss=LOSS["squared"], tol=1e-8)])
@pytest.mark.parametrize("n", [7, 40])
def test_dependent_columns_in_units_far_apart_fit_as_in_one_unit(n, solve):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n, 5 if n == 40 else 7))
        X, y = np.column_stack([X, X[:, 0], X[:, 2] - X[:, 1]]) + 5, rng.normal(size=(n, 1))
        residual = y[:, 0] - LinearRegression().fit(X, y[:, 0]).predict(X)
        scaled = X * 2.0 ** rng.integers(-40, 40, X.shape[1])
        result = solve(scaled, y, None, penalty=0.0)
        np.testing.assert_allclose((y - scaled @ result.coef - result.intercept)[:, 0], residual, atol=1e-6)


@pytest.mark.parametrize("n", [4, 30])
def test_a_constant_column_beside_dependent_ones_gets_no_coefficient_of_rounding(n):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n, 7)) * 10.0 ** rng.uniform(-8, 8, 7)
    X[:, 2], X[:, 5] = 8e10, 3 * X[:, 0] + 1
    result = solve_cholesky(X, rng.standard_normal((n, 1)), None, penalty=0.0)
    assert result.coef[2, 0] == 0


@pytest.mark.parametrize("columns", ["in place", "copied"])
def test_float32_columns_that_depend_on_each_other_end_at_the_optimum(columns):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        common = rng.standard_normal((1500, 1))
        X = (0.1 * rng.standard_normal((1500, 200)) + common).astype(np.float32)
        X = np.asfortranarray(X) if columns == "copied" else X
        y = (2 * common + rng.logistic(size=(1500, 1)) > 0).astype(float)
        optimum = solve_exact(X.astype(float), y, None, LOSS["binomial"], penalty=1e-6, tol=1e-7).loss
        result = solve_exact(X, y, None, LOSS["binomial"], penalty=1e-6, tol=1e-5)
        predictions = X.astype(float) @ result.coef[:, 0] + result.intercept
        loss = np.logaddexp(0, (1 - 2 * y[:, 0]) * predictions).mean() + 0.5e-6 * (result.coef**2).sum()
        assert loss == pytest.approx(optimum, rel=1e-6)
        assert result.loss == pytest.approx(loss, rel=1e-6)  # what it says is what it is


@pytest.mark.parametrize("condition", [1e1, 1e3])
def test_no_more_iterations_than_preconditioned_conjugate_gradients(condition):
    ours = theirs = 0
    for seed in range(5):  # of one problem, rounding may cost the last iteration
        rng = np.random.default_rng(seed)
        rotation = np.linalg.qr(rng.normal(size=(50, 50)))[0]
        X = standardised(rng.normal(size=(400, 50)) * np.geomspace(1, condition, 50) @ rotation)
        y = X @ rng.normal(size=50) + rng.normal(size=400)
        ours += solve_exact(X, y[:, None], None, LOSS["squared"], penalty=0.0).n_iter
        # Jacobi-preconditioned conjugate gradients; the columns have unit variance, so the preconditioner is 1.
        residual = X.T @ (y - y.mean()) / 400
        direction = residual
        while residual @ residual > 1e-8 * 0.5 * y.var():
            image = X.T @ (X @ direction) / 400
            length = residual @ residual / (direction @ image)
            updated = residual - length * image
            direction = updated + (updated @ updated) / (residual @ residual) * direction
            residual, theirs = updated, theirs + 1
    assert ours <= theirs


@pytest.mark.parametrize("gap", [1e-2, 1e-4, 3e-5])
def test_the_factorisation_of_nearly_equal_columns_is_as_exact_as_that_of_the_data(gap):
    """The factors are those of squares, which lose twice as many digits; a refinement gets them back."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    X = np.column_stack([X, X[:, 0] + gap * rng.normal(size=300)])
    coef = np.array([1.0, -2.0, 0.5, 3.0])
    fitted = solve_cholesky(X, (X @ coef)[:, None], None, penalty=0.0)
    assert relative_error(np.ravel(fitted.coef), coef) < 20 * np.finfo(float).eps / gap


def test_a_constant_target_is_its_own_intercept():
    X = np.random.default_rng(RNG_SEED).normal(size=(50, 3))
    for solve in (lambda *a, **k: solve_exact(*a, LOSS["squared"], **k), solve_cholesky):
        result = solve(X, np.full((50, 1), 1e6 + 0.1), None, penalty=0.0)
        assert not result.coef.any()
        assert result.intercept == pytest.approx(1e6 + 0.1)


@pytest.mark.parametrize(
    ("n", "p", "density", "is_affordable"),
    [
        (10_000, 50, 1, True),
        (50, 10_000, 1, True),
        (9000, 1000, 1, True),
        (100_000, 1000, 1, True),
        (12_000, 1100, 1, False),
        (30_000, 5000, 1, False),
        (10_000, 50, 0.1, True),
        (50, 10_000, 0.1, True),
        (10_000, 1000, 0.01, True),
        (10_000, 5000, 0.01, False),
        (100_000, 1000, 0.1, False),
    ],
)
def test_a_factorisation_is_for_sides_that_are_affordable(n, p, density, is_affordable):
    X = np.broadcast_to(1.0, (n, p))
    if density < 1:
        indptr = np.arange(n + 1) * int(density * p)
        indices = (np.arange(indptr[-1]) * 7) % p
        X = sparse.csr_array((np.ones(indptr[-1], np.int8), indices.astype(np.int32), indptr), shape=(n, p))
    assert prefers_factorisation(X) == is_affordable


# the course of a fit


@pytest.mark.parametrize("tol", [1e-4, 1e-8, 0.0])
@pytest.mark.parametrize("penalty", [0.0, 0.01])
def test_the_reported_loss_is_that_of_the_coefficients(small, cancer, penalty, tol):
    # Predictions are updated step by step: at the limit of the arithmetic they must still belong to the coefficients.
    for X, y in ((small[0], small[1]["binomial"]), (standardised(cancer[0]), cancer[1])):
        result = solve_exact(X, y, None, LOSS["binomial"], penalty=penalty, tol=tol, max_iter=300)
        assert logistic_loss(X, y[:, 0], result.coef, result.intercept, penalty) == pytest.approx(
            result.loss, rel=1e-9
        )


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize("C", [1.0, 1e6])
@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_the_default_stop_is_nearer_to_the_optimum_than_scikit_learns(load, C):
    # With C=1e6 classes are next to separable: the curvature vanishes, and with it the gradient, long before the loss.
    X, y = load(return_X_y=True)
    X, penalty = standardised(X), 1 / (C * len(y))
    loss, target = ("binomial", y[:, None].astype(float)) if y.max() == 1 else ("multinomial", y)
    default = solve_exact(X, target, None, LOSS[loss], penalty=penalty)
    best = solve_exact(X, target, None, LOSS[loss], penalty=penalty, tol=1e-8, max_iter=5000)
    peer = LogisticRegression(C=C).fit(X, y)
    scores = X @ peer.coef_.T + peer.intercept_
    scores = np.column_stack([np.zeros(len(y)), scores]) if y.max() == 1 else scores
    peer_loss = -np.mean(special.log_softmax(scores, axis=1)[np.arange(len(y)), y])
    peer_loss += 0.5 * penalty * np.sum(peer.coef_**2)
    assert default.converged
    assert default.loss - best.loss < 0.1 * (peer_loss - best.loss)


def test_rare_pixels_do_not_hold_up_the_multinomial_solver():
    # In the caller's units a column that is constant but for a few rows has next to no curvature.
    X, y = load_digits(return_X_y=True)
    result = solve_exact(X, y, None, LOSS["multinomial"], penalty=1 / len(y))
    assert result.n_gradient_evaluations < 150


def test_columns_share_a_unit_when_their_ranges_agree(small):
    X = small[0]
    assert standardised_columns(X).share_unit()
    assert not standardised_columns(X * np.geomspace(1, 100, 6)).share_unit()
    pixels = np.abs(np.round(X * 4))
    assert standardised_columns(sparse.csr_array(pixels)).share_unit()


@pytest.mark.parametrize("loss", LOSSES)
def test_the_callback_is_offered_the_current_solution(small, loss):
    X, targets, _ = small
    seen = []

    def callback(iteration, value, rates, solution):
        seen.append(solution())

    result = solve_exact(X * 7 + 3, targets[loss], None, LOSS[loss], penalty=0.001, callback=callback)
    assert len(seen) == result.n_iter
    coef, intercept = seen[-1]
    if loss == "squared":  # whose last digits a factorisation adds
        assert relative_error(coef, result.coef) < 1e-2
        return
    np.testing.assert_array_equal(coef, result.coef)
    np.testing.assert_array_equal(intercept, result.intercept)
    assert relative_error(seen[0][0], result.coef) > 0


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_never_rises_and_starts_at_the_constant_model(small, loss):
    X, targets, _ = small
    result = solve_exact(X, targets[loss], None, LOSS[loss], penalty=0.001)
    assert np.all(np.diff(result.losses) <= 0)
    assert len(result.losses) == result.n_iter + 1
    assert result.loss == result.losses[-1]


@pytest.mark.parametrize("loss", ["binomial", "multinomial"])
def test_separable_data_without_penalty_ends_finite(loss):
    rng = np.random.default_rng(RNG_SEED)
    X = rng.normal(size=(60, 100))
    y = rng.integers(0, 2 if loss == "binomial" else 3, 60)
    target = y[:, None].astype(float) if loss == "binomial" else y
    result = solve_exact(X, target, None, LOSS[loss], penalty=0.0, tol=0.0, max_iter=300)
    assert np.isfinite(result.coef).all()
    assert result.loss < 1e-6


@pytest.mark.parametrize("loss", LOSSES)
def test_a_warm_start_at_the_solution_stops_at_once(small, loss):
    X, targets, weight = small
    first = solve_exact(X, targets[loss], weight, LOSS[loss], penalty=0.01, tol=1e-6)
    again = solve_exact(
        X, targets[loss], weight, LOSS[loss], penalty=0.01, coef=first.coef, intercept=first.intercept, tol=1e-5
    )
    assert again.n_iter == 0
    np.testing.assert_allclose(again.coef, first.coef, rtol=1e-10)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_warm_start_worse_than_the_constant_model_is_ignored(small, loss):
    X, targets, _ = small
    n_outputs = {"squared": 2, "binomial": 1, "multinomial": 3}[loss]
    bad = np.full((6, n_outputs), 1e3) * np.arange(1, n_outputs + 1)
    result = solve_exact(X, targets[loss], None, LOSS[loss], penalty=0.01, coef=bad, intercept=np.zeros(n_outputs))
    assert result.converged
    assert result.losses[0] == solve_exact(X, targets[loss], None, LOSS[loss], penalty=0.01).losses[0]


@pytest.mark.parametrize("loss", LOSSES)
def test_the_callback_sees_every_iteration_and_can_stop(small, loss):
    X, targets, _ = small
    seen = []

    def callback(iteration, value, rates, solution):
        seen.append((iteration, value, rates.copy()))
        return iteration == 2

    result = solve_exact(X, targets[loss], None, LOSS[loss], penalty=0.001, callback=callback)
    assert [iteration for iteration, _, _ in seen] == [1, 2]
    assert not result.converged
    assert all(np.all(rates > 0) for _, _, rates in seen)


@pytest.mark.parametrize("loss", LOSSES)
def test_an_interrupt_keeps_the_best_so_far(small, loss):
    X, targets, _ = small

    def interrupt(iteration, value, rates, solution):
        if iteration == 2:
            raise KeyboardInterrupt

    result = solve_exact(X, targets[loss], None, LOSS[loss], penalty=0.001, callback=interrupt)
    assert result.interrupted
    assert not result.converged
    assert result.loss == result.losses[2]


def binomial_solver(small, penalty, **options):
    X, targets, weight = small
    columns = standardised_columns(X, weight / weight.mean())
    penalty = np.full(X.shape[1], penalty)
    problem = Problem(columns, BinomialLogLoss(), targets["binomial"], weight / weight.mean(), penalty, True)
    return FirstOrder(problem, n_steps=5, **options)


def solution_loss(solver, small, coef, intercept):
    """Return the loss of standardised coefficients by its formula."""
    _, targets, weight = small
    scores = solver._columns.forward(coef) + intercept
    losses = np.logaddexp(0, scores) - targets["binomial"][:, 0] * scores
    return np.average(losses, weights=weight) + 0.5 * solver._penalty @ coef**2


def test_an_interrupt_in_a_pass_over_the_data_leaves_a_solution_and_its_loss(small):
    solver = binomial_solver(small, 1e-3)
    backward, calls = solver._columns.backward, []

    def interrupted_backward(residual):
        calls.append(residual)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return backward(residual)

    solver._columns.backward = interrupted_backward
    outcome = run(solver, max_iter=20, tol=0)
    assert outcome.interrupted
    assert solver.loss == pytest.approx(solution_loss(solver, small, solver.coef, solver.intercept), rel=1e-12)


def test_each_newton_step_in_a_subspace_has_the_gradient_of_the_loss_there(small, monkeypatch):
    """By central differences along each direction, at the start of a step and after each of its parts."""
    monkeypatch.setattr(first_order, "_MODEL_ERROR", 0.0)
    monkeypatch.setattr(first_order, "_INNER_DECREASE", 0.0)
    solver = binomial_solver(small, 0.05)
    seen = []

    def recorded_newton_step(H, psi, root, **options):
        delta = newton_step(H, psi, root, **options)
        seen.append((psi.copy(), delta))
        return delta

    monkeypatch.setattr(first_order, "newton_step", recorded_newton_step)
    for _ in range(3):
        solver.optimality()
        coef, intercept = solver.coef, solver.intercept
        seen.clear()
        assert solver.step()
        assert len(seen) == 3
        n_past = solver._iteration - 1
        D = solver._subspace._D[: 2 + n_past]  # as they were before the step itself joined the past ones

        def loss(c, D=D, coef=coef, intercept=intercept):
            return solution_loss(solver, small, coef + c @ D, intercept + c[0])

        c = np.zeros(len(D))
        for psi, delta in seen:
            steps = 1e-5 * np.eye(len(D))
            slopes = [(loss(c + step) - loss(c - step)) / 2e-5 for step in steps]
            np.testing.assert_allclose(psi, slopes, rtol=1e-5, atol=1e-8)
            c += delta


def test_max_iter_is_no_convergence(cancer):
    result = solve_exact(*cancer, None, LOSS["binomial"], penalty=0.0, max_iter=3)
    assert result.n_iter == 3
    assert not result.converged
    assert "max_iter=3" in result.message


def test_memory_bounds_the_past_steps_but_not_the_solution(cancer, monkeypatch):
    X, y = standardised(cancer[0]), cancer[1]
    generous = solve_exact(X, y, None, LOSS["binomial"], penalty=0.01, tol=1e-7)
    monkeypatch.setattr("sk_adalr.optimizer.exact.memory.MAX_MEMORY", 1)
    frugal = solve_exact(X, y, None, LOSS["binomial"], penalty=0.01, tol=1e-7)
    assert generous.n_iter <= frugal.n_iter
    np.testing.assert_allclose(frugal.coef, generous.coef, rtol=1e-4, atol=1e-6)


def test_raw_breast_cancer_needs_the_promised_number_of_gradients(cancer):
    # About 83 gradients reach a relative gap of 1e-6, where L-BFGS does not arrive within thousands.
    X, y = cancer
    result = solve_exact(X, y, None, LOSS["binomial"], penalty=1 / len(y))
    assert result.n_gradient_evaluations <= 90


@pytest.mark.parametrize("offset", [1e2, 1e4, 1e6])
@pytest.mark.parametrize("shape", [(30, 4), (8, 20)], ids=["tall", "wide"])
def test_columns_that_differ_by_their_rounding_are_the_same_column(offset, shape):
    rng = np.random.RandomState(0)
    column = rng.standard_normal((shape[0], 1)) + offset
    X = np.hstack([rng.standard_normal(shape), column, column * np.pi, column / 7, (column + 1) * 1e5])
    y = rng.standard_normal((shape[0], 1))
    result = solve_cholesky(X, y, None, penalty=0.0)
    residual = X @ result.coef + result.intercept - y
    independent = X[:, : shape[1] + 1] - X[:, : shape[1] + 1].mean(axis=0)
    best = y - y.mean() - independent @ np.linalg.pinv(independent, rcond=1e-10) @ (y - y.mean())
    # What the offset times eps of the coefficients leaves.
    np.testing.assert_allclose(residual, -best, atol=1e-9 * offset)


class Stuck(SolverBase):
    """A solver with no step to make, whose gradient promises a decrease of so much of the constant's loss."""

    loss = reported_loss = reference_loss = 1.0

    def __init__(self, promised):
        self._promised = promised

    def optimality(self):
        return self._promised

    def step(self):
        return False


@pytest.mark.parametrize(("promised", "converged"), [(1e-5, True), (1e-3, False), (np.inf, False)])
def test_a_solver_without_a_step_has_converged_only_where_the_gradient_agrees(promised, converged):
    outcome = run(Stuck(promised), max_iter=5, tol=1e-8)
    assert outcome.converged == converged
    assert (outcome.gap <= 1e-4) == converged  # what is above is a warning of the estimators
    assert ("no step decreases the loss" in outcome.message or "non-finite" in outcome.message) == (not converged)


def test_a_loss_falls_by_no_more_than_itself():
    solver = Stuck(1e-3)
    solver.loss = 1e-7
    assert run(solver, max_iter=5, tol=1e-8).converged
