"""Newton's method against closed forms, central differences, the first-order solver and converged scikit-learn."""

import numpy as np
import pytest
from scipy import sparse, special
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from sk_adalr import AdaptiveLRLogisticRegression
from sk_adalr.objectives import BinomialLogLoss, HalfSquaredError, MultinomialLogLoss
from sk_adalr.objectives.columns import newton_columns
from sk_adalr.optimizer.exact import prefers_newton, solve_exact, solve_newton
from sk_adalr.optimizer.exact.problem import Problem
from sk_adalr.optimizer.exact.summed_rows import CurvatureSum, SummedRows

LOSS = {"squared": HalfSquaredError(), "binomial": BinomialLogLoss(), "multinomial": MultinomialLogLoss()}

LOADERS = {"cancer": load_breast_cancer, "wine": load_wine, "iris": load_iris}


def standardised(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def problem(name, raw=False):
    X, y = LOADERS[name](return_X_y=True)
    loss, target = ("binomial", y[:, None].astype(float)) if y.max() == 1 else ("multinomial", y)
    return (X if raw else standardised(X)), y, loss, target


def penalised_loss(X, y, coef, intercept, penalty):
    scores = X @ coef + intercept
    scores = scores if scores.shape[1] > 1 else np.column_stack([np.zeros(len(y)), scores])
    losses = -special.log_softmax(scores, axis=1)[np.arange(len(y)), y]
    return losses.mean() + 0.5 * penalty * np.sum(coef**2)


@pytest.mark.parametrize("C", [100.0, 1.0, 0.01])
@pytest.mark.parametrize("name", LOADERS)
def test_default_fits_equal_converged_scikit_learn(name, C):
    X, y, _, _ = problem(name)
    expected = LogisticRegression(C=C, tol=1e-12, max_iter=5000, solver="newton-cholesky").fit(X, y)
    model = AdaptiveLRLogisticRegression(C=C).fit(X, y)
    assert model.solver_ == "newton"
    for actual, wanted in ((model.coef_, expected.coef_), (model.intercept_, expected.intercept_)):
        np.testing.assert_allclose(actual, wanted, atol=1e-3 * np.abs(expected.coef_).max())


@pytest.mark.parametrize("raw", [False, True], ids=["standardised", "raw"])
@pytest.mark.parametrize("C", [1e6, 1.0])
@pytest.mark.parametrize("name", LOADERS)
def test_the_default_stop_is_within_1e_7_of_the_optimum(name, C, raw):
    X, y, loss, target = problem(name, raw)
    penalty = 1 / (C * len(y))
    default = solve_newton(X, target, None, LOSS[loss], penalty=penalty)
    best = solve_newton(X, target, None, LOSS[loss], penalty=penalty, tol=1e-9)
    assert default.converged
    assert default.loss - best.loss < 1e-7 * default.losses[0]
    assert default.loss == pytest.approx(penalised_loss(X, y, default.coef, default.intercept, penalty), rel=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("name", ["cancer", "wine"])
def test_it_finds_the_optimum_of_the_first_order_solver(name, fit_intercept, weighted):
    X, y, loss, target = problem(name)
    weight = np.random.default_rng(0).random(len(y)) if weighted else None
    options = {"penalty": 0.01, "fit_intercept": fit_intercept, "tol": 1e-8}
    newton = solve_newton(X, target, weight, LOSS[loss], **options)
    exact = solve_exact(X, target, weight, LOSS[loss], **options, max_iter=5000)
    np.testing.assert_allclose(newton.coef, exact.coef, atol=1e-5)
    np.testing.assert_allclose(newton.intercept, exact.intercept, atol=1e-5)
    assert fit_intercept or not newton.intercept.any()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_curvature_is_the_derivative_of_the_gradient(n_classes, fit_intercept, weighted):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(700, 3)), rng.integers(n_classes, size=700)
    weight = rng.random(700) if weighted else None
    weight = None if weight is None else weight / weight.mean()
    columns = newton_columns(X, weight, fit_intercept)
    k = 1 if n_classes == 2 else n_classes
    data_loss = BinomialLogLoss().of_rows(y[:, None], weight) if k == 1 else MultinomialLogLoss().of_rows(y, weight)
    design = np.column_stack([columns.dense_rows(), np.ones(700)])[:, : 3 + fit_intercept]

    def evaluated(params):
        return data_loss.evaluate(params.reshape(k, -1) @ design.T)

    def gradient(params):
        return (data_loss.derivatives(evaluated(params)[1])[0] @ design / 700).ravel()

    params, step = rng.normal(size=k * design.shape[1]), 1e-5
    each = step * np.eye(len(params))
    numeric = [(evaluated(params + e)[0] - evaluated(params - e)[0]) / (2 * step) for e in each]
    np.testing.assert_allclose(gradient(params), numeric, atol=1e-9)
    numeric = [(gradient(params + e) - gradient(params - e)) / (2 * step) for e in each]
    second = data_loss.derivatives(evaluated(params)[1])[2]
    curvature = CurvatureSum(columns, k, fit_intercept)
    for rows in (slice(0, 512), slice(512, 700)):
        curvature.add(rows, second[:, rows], None if weight is None else weight[rows])
    np.testing.assert_allclose(curvature.result(), numeric, atol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_rows_know_the_curvature_of_where_they_are_and_not_of_what_was_tried(n_classes):
    X, _, loss, target = problem("cancer" if n_classes == 2 else "wine")
    columns = newton_columns(X, None, True)
    given = Problem(columns, LOSS[loss], target, None, None, True)
    scores = given.constant_model()[0]
    rows, step = SummedRows(given, scores), np.random.default_rng(0).normal(size=(len(scores), X.shape[1] + 1))
    _, _, here = rows.sums(with_curvature=True)

    def moved():  # what others find who start there
        other = SummedRows(given, scores)
        other.sums(along=step)
        other.step(0.25)
        return other.sums(with_curvature=True)[2]

    rows.sums(along=step)
    np.testing.assert_array_equal(rows.curvature(), here)
    rows.sums(along=step)
    rows.step(0.25)
    np.testing.assert_allclose(rows.curvature(), moved(), rtol=1e-12)
    rows.keep()
    rows.move_to(step)
    rows.restore()
    np.testing.assert_allclose(rows.curvature(), moved(), rtol=1e-12)


def test_it_takes_fewer_iterations_than_first_order_steps():
    X, _, loss, target = problem("cancer")
    options = {"penalty": 1e-7, "tol": 1e-6}
    assert solve_newton(X, target, None, LOSS[loss], **options).n_iter <= 60
    assert solve_exact(X, target, None, LOSS[loss], **options).n_iter > 100


def test_the_curvature_is_kept_where_it_foretells_the_decrease():
    # Forward, backward, and a pass for each new curvature: fewer of the latter than iterations.
    X, _, loss, target = problem("cancer")
    result = solve_newton(X, target, None, LOSS[loss], penalty=0.01, tol=1e-7)
    n_curvatures = 2 * result.n_gradient_evaluations - 2 - (2 * result.n_iter + 1)
    assert 1 <= n_curvatures < result.n_iter


@pytest.mark.parametrize("scale", [1e-100, 1e-8, 1e8, 1e100])
@pytest.mark.parametrize("name", ["cancer", "wine"])
def test_units_of_features_change_neither_iterations_nor_predictions(name, scale):
    X, _, loss, target = problem(name)
    base = solve_newton(X, target, None, LOSS[loss], penalty=1e-3)
    other = solve_newton(X * scale, target, None, LOSS[loss], penalty=1e-3 * scale**2)
    assert other.n_iter == base.n_iter
    np.testing.assert_allclose(other.coef * scale, base.coef, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("scale", [1e-200, 1e-8, 1e8, 1e200])
@pytest.mark.parametrize("name", ["cancer", "wine"])
def test_units_of_weights_change_neither_iterations_nor_predictions(name, scale):
    X, y, loss, target = problem(name)
    weight = np.random.default_rng(0).random(len(y))
    base = solve_newton(X, target, weight, LOSS[loss], penalty=0.01)
    other = solve_newton(X, target, weight * scale, LOSS[loss], penalty=0.01)
    assert other.n_iter == base.n_iter
    np.testing.assert_allclose(other.coef, base.coef, rtol=1e-6)


@pytest.mark.parametrize("name", ["cancer", "wine"])
def test_columns_without_information_get_no_coefficient_and_copies_share_theirs(name):
    X, y, loss, target = problem(name)
    padded = np.column_stack([X, np.zeros(len(y)), np.full(len(y), 1e6 + 0.1), X[:, 0] * 1e-6 + 7])
    base = solve_newton(X, target, None, LOSS[loss], penalty=0.0, max_iter=6, tol=0)
    result = solve_newton(padded, target, None, LOSS[loss], penalty=0.0, max_iter=6, tol=0)
    p = X.shape[1]
    assert not result.coef[p : p + 2].any()
    np.testing.assert_allclose(result.coef[0] + 1e-6 * result.coef[-1], base.coef[0], rtol=1e-3)
    assert result.loss == pytest.approx(base.loss, rel=1e-3)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_separable_data_without_penalty_end_finite_and_near_zero(n_classes):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 100)), rng.integers(n_classes, size=60)
    loss, target = ("binomial", y[:, None].astype(float)) if n_classes == 2 else ("multinomial", y)
    result = solve_newton(X, target, None, LOSS[loss], penalty=0.0, tol=0.0, max_iter=300)
    assert np.isfinite(result.coef).all()
    assert result.loss < 1e-10


@pytest.mark.parametrize("name", LOADERS)
def test_float32_data_are_fitted_to_their_own_precision(name):
    X, y, loss, target = problem(name)
    single = solve_newton(X.astype(np.float32), target, None, LOSS[loss], penalty=0.01)
    double = solve_newton(X.astype(np.float32).astype(float), target, None, LOSS[loss], penalty=0.01)
    assert single.converged
    np.testing.assert_allclose(single.coef, double.coef, atol=1e-3)
    assert single.loss == pytest.approx(penalised_loss(X, y, single.coef, single.intercept, 0.01), rel=1e-5)


@pytest.mark.parametrize("name", LOADERS)
def test_the_loss_never_rises_and_starts_at_the_constant_model(name):
    X, y, loss, target = problem(name)
    result = solve_newton(X, target, None, LOSS[loss], penalty=1e-6)
    assert np.all(np.diff(result.losses) <= 0)
    assert len(result.losses) == result.n_iter + 1
    assert result.losses[0] == pytest.approx(special.entr(np.bincount(y) / len(y)).sum())


@pytest.mark.parametrize("name", LOADERS)
def test_a_warm_start_at_the_solution_stops_at_once_and_a_bad_one_is_ignored(name):
    X, _, loss, target = problem(name)
    first = solve_newton(X, target, None, LOSS[loss], penalty=0.01, tol=1e-6)
    start = {"coef": first.coef, "intercept": first.intercept}
    again = solve_newton(X, target, None, LOSS[loss], penalty=0.01, **start)
    assert again.n_iter == 0
    np.testing.assert_allclose(again.coef, first.coef, rtol=1e-9)
    bad = {
        "coef": 1e3 * np.ones_like(first.coef) * np.arange(1, first.coef.shape[1] + 1),
        "intercept": start["intercept"],
    }
    ignored = solve_newton(X, target, None, LOSS[loss], penalty=0.01, tol=1e-6, **bad)
    np.testing.assert_array_equal(ignored.coef, first.coef)


def test_a_callback_sees_every_iteration_and_the_rates_of_the_coefficients():
    X, _, loss, target = problem("wine", raw=True)
    seen = []

    def callback(iteration, value, rates, solution):
        seen.append((iteration, value, rates, solution()))
        return iteration == 3

    result = solve_newton(X, target, None, LOSS[loss], penalty=0.001, callback=callback)
    assert [entry[0] for entry in seen] == [1, 2, 3]
    assert not result.converged
    assert all(rates.shape == (3, 13) and np.all(rates > 0) for _, _, rates, _ in seen)
    np.testing.assert_array_equal(seen[-1][3][0], result.coef)


def test_an_interrupt_keeps_the_best_so_far():
    X, _, loss, target = problem("cancer")

    def interrupt(iteration, value, rates, solution):
        if iteration == 2:
            raise KeyboardInterrupt

    result = solve_newton(X, target, None, LOSS[loss], penalty=0.001, callback=interrupt)
    assert result.interrupted
    assert result.loss == result.losses[2]


# which solver "auto" is


def test_auto_is_newton_for_few_coefficients_and_first_order_for_many():
    assert prefers_newton(10_000, 300, 1, sparse=False)
    assert not prefers_newton(10_000, 301, 1, sparse=False)
    assert prefers_newton(178, 13, 3, sparse=False)
    assert not prefers_newton(58_000, 9, 7, sparse=False)
    assert not prefers_newton(16_000, 123, 1, sparse=True)
    assert prefers_newton(569, 30, 1, sparse=True)


def test_the_fitted_solver_is_named():
    X, y = load_digits(return_X_y=True)
    assert AdaptiveLRLogisticRegression().fit(X, y).solver_ == "exact"
    assert AdaptiveLRLogisticRegression().fit(X, y % 2).solver_ == "newton"
    assert AdaptiveLRLogisticRegression(solver="exact").fit(X, y % 2).solver_ == "exact"


def test_small_sparse_data_train_the_model_of_dense_ones():
    X, y = load_wine(return_X_y=True)
    dense = AdaptiveLRLogisticRegression().fit(X, y)
    rows = AdaptiveLRLogisticRegression().fit(sparse.csr_array(X), y)
    np.testing.assert_array_equal(rows.coef_, dense.coef_)


def independent_columns(n, p):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    return X, rng.standard_normal(p) / np.sqrt(p), rng


def test_first_order_steps_do_where_many_columns_hardly_depend_on_each_other():
    X, coef, rng = independent_columns(5000, 100)
    y = (X @ coef + rng.logistic(size=5000) > 0).astype(int)
    model = AdaptiveLRLogisticRegression().fit(X, y)
    assert model.solver_ == "exact"
    expected = LogisticRegression(tol=1e-12, solver="newton-cholesky").fit(X, y)
    np.testing.assert_allclose(model.coef_, expected.coef_, atol=1e-4)


@pytest.mark.parametrize("distance", [1e-1, 1e-4])
def test_newton_goes_on_where_columns_nearly_depend_on_each_other(distance):
    X, coef, rng = independent_columns(5000, 100)
    X[:, 1] = X[:, 0] + distance * rng.standard_normal(5000)
    coef[:2] = -1 / distance, 1 / distance
    y = (X @ coef + rng.logistic(size=5000) > 0).astype(int)
    model = AdaptiveLRLogisticRegression(C=np.inf).fit(X, y)
    assert model.solver_ == "newton"
    assert len(model.loss_curve_) == model.n_iter_[0] > 8
    assert (np.diff(model.loss_curve_) <= 0).all()
    # In coordinates in which the two columns are independent.
    Z = X.copy()
    Z[:, 1] = (X[:, 1] - X[:, 0]) / distance
    best = LogisticRegression(C=np.inf, tol=1e-12, solver="newton-cholesky").fit(Z, y)
    assert model.loss_ - log_loss(y, best.predict_proba(Z)) < 1e-6


@pytest.mark.parametrize("last", [3, 8, 9])
def test_callbacks_and_max_iter_count_first_order_steps_and_those_of_newton_alike(last):
    X, coef, rng = independent_columns(5000, 100)
    X[:, 1] = X[:, 0] + 0.1 * rng.standard_normal(5000)
    y = (X @ coef + rng.logistic(size=5000) > 0).astype(float)[:, None]
    seen = []

    def stops(iteration, loss, rates, solution):
        seen.append(iteration)
        return iteration == last

    stopped = solve_newton(X, y, None, BinomialLogLoss(), penalty=1e-6, tol=1e-12, callback=stops)
    assert seen == list(range(1, last + 1))
    assert stopped.n_iter == last
    assert not stopped.converged
    limited = solve_newton(X, y, None, BinomialLogLoss(), penalty=1e-6, tol=1e-12, max_iter=last)
    np.testing.assert_array_equal(limited.coef, stopped.coef)
    assert f"max_iter={last}" in limited.message
