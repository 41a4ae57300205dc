"""Fits whose optimum is not unique, or nearly so, are right: on the rows, and where no row has been."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import log_loss

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression
from sk_adalr.optimizer.exact import solve

FORMATS = pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
SOLVERS = pytest.mark.parametrize("solver", ["auto", "exact"])


def of_known_rank(X, y, rank, alpha=0.0, weight=None, intercept=True):
    """Return the coefficients of ridge regression, or of minimum norm, from the `rank` largest singular values."""
    weight = np.ones(len(X)) if weight is None else weight
    mean_x, mean_y = (np.average(a, axis=0, weights=weight) if intercept else 0.0 for a in (X, y))
    root = np.sqrt(weight)[:, None]
    U, s, Vt = np.linalg.svd((X - mean_x) * root, full_matrices=False)
    U, s, Vt = U[:, :rank], s[:rank], Vt[:rank]
    coef = Vt.T @ ((s / (s**2 + alpha))[:, None] * (U.T @ ((y - mean_y) * root)))
    return coef, mean_y - mean_x @ coef if intercept else np.zeros(y.shape[1])


def levels(counts, dtype=float):
    """Return what OneHotEncoder makes of a column of so many rows of each level."""
    return np.eye(len(counts), dtype=dtype)[np.repeat(np.arange(len(counts)), counts)]


@FORMATS
@SOLVERS
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("alpha", "expected"), [(0.0, 30.0), (1e-10, 30.0), (1e-3, 29.997542036), (1e-2, 29.975453552), (1e6, 9.500296242)]
)
def test_an_unknown_level_of_a_category_gets_the_prediction_of_minimum_norm(form, solver, dtype, alpha, expected):
    K = levels([60, 20, 15, 5], dtype)
    model = AdaptiveLRLinearRegression(alpha=alpha, solver=solver).fit(form(K), K @ [0.0, 10, 20, 90])
    assert model.predict(np.zeros((1, 4), dtype))[0] == pytest.approx(
        expected, rel=1e-6 if dtype == np.float32 else 1e-8
    )


def dummies_and_ones(rng):
    return np.column_stack([levels([7, 11, 2]), np.ones(20)]), 3, False


def a_sum_of_two_others(rng):
    X = rng.integers(-9, 9, (40, 5)).astype(float)
    return np.column_stack([X, X[:, 0] + X[:, 1]]), 5, True


def wide_columns_of_several_scales(rng):
    return rng.normal(size=(10, 25)) * 10.0 ** rng.uniform(-2, 2, 25), 9, True


def repeated_rows(rng):
    return rng.normal(size=(6, 12))[rng.integers(0, 6, 15)], 5, True


def two_categories(rng):
    columns = [np.eye(k)[rng.permutation(np.arange(200) % k)] for k in (5, 8)]
    return np.hstack(columns), 11, True


def square(rng):
    return rng.normal(size=(12, 12)), 11, True


def a_repeated_column_in_another_unit(rng):
    X = rng.integers(-9, 9, (30, 4)).astype(float)
    return np.column_stack([X, 1024 * X[:, 0]]), 4, True


KINDS = [
    dummies_and_ones,
    a_sum_of_two_others,
    wide_columns_of_several_scales,
    repeated_rows,
    two_categories,
    square,
    a_repeated_column_in_another_unit,
]


@pytest.mark.one_in(3)
@FORMATS
@SOLVERS
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alpha", [0.0, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0, 1e6])
@pytest.mark.parametrize("weighted", [False, True])
def test_predictions_in_and_out_of_the_span_are_those_of_the_singular_values(form, solver, kind, alpha, weighted):
    rng = np.random.default_rng(0)
    X, rank, intercept = kind(rng)
    if kind is repeated_rows:  # how many of six rows were drawn
        rank = len(np.unique(X, axis=0)) - 1
    Y, weight = rng.normal(size=(len(X), 2)), rng.uniform(0.5, 2, len(X)) if weighted else None
    coef, constant = of_known_rank(X, Y, rank, alpha, weight, intercept)
    model = AdaptiveLRLinearRegression(alpha=alpha, solver=solver, fit_intercept=intercept)
    model.fit(form(X), Y, sample_weight=weight)
    new = rng.normal(size=(20, X.shape[1])) * np.abs(X).max(axis=0)
    for rows in (X, new):
        expected = rows @ coef + constant
        np.testing.assert_allclose(model.predict(form(rows)), expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


@pytest.mark.one_in(3)
@pytest.mark.parametrize("seed", range(200))
def test_dense_sparse_and_scikit_learn_agree_on_generated_shapes(seed):
    """Full rank within the smaller side, or less by dependent columns; in units up to 1e4 apart."""
    rng = np.random.default_rng(seed)
    n, p = rng.integers(2, 60, 2)
    rank = int(min(n, p, rng.integers(1, 60)))
    intercept, alpha = bool(rng.random() < 0.7), float(rng.choice([0, 1e-10, 1e-6, 1e-3, 1, 1e6]))
    # Numbers whose sums are exact, so that the rank is what it is said to be.
    X = (rng.integers(-8, 9, (n, rank)) @ rng.integers(-2, 3, (rank, p))).astype(float)
    X *= 2.0 ** rng.integers(-7, 7, p) if rng.random() < 0.5 else 1.0
    Y, weight = rng.normal(size=(n, rng.integers(1, 4))), rng.uniform(0.2, 1, n) if rng.random() < 0.5 else None
    centred = X - np.average(X, axis=0, weights=weight) if intercept else X
    rank = np.linalg.matrix_rank(centred / np.maximum(np.abs(X).max(axis=0), 1e-300), tol=1e-9 * max(n, p))
    values = np.linalg.svd(centred, compute_uv=False)
    if rank and values[rank - 1] < 1e-6 * values[0]:
        pytest.skip("its own rounding decides the last digits")
    coef, constant = of_known_rank(X, Y, rank, alpha, weight, intercept)
    new = rng.normal(size=(20, p)) * np.abs(X).max(axis=0)
    options = {"alpha": alpha, "fit_intercept": intercept}
    models = [AdaptiveLRLinearRegression(**options).fit(form(X), Y, weight) for form in (np.asarray, sparse.csr_array)]
    if rank == min(n - intercept, p):
        peer = (
            Ridge(alpha, fit_intercept=intercept, solver="svd") if alpha else LinearRegression(fit_intercept=intercept)
        )
        models.append(peer.fit(X, Y, weight))
    for rows in (X, new):
        expected = rows @ coef + constant
        for model in models:
            predicted = model.predict(rows).reshape(expected.shape)
            np.testing.assert_allclose(predicted, expected, atol=1e-8 * max(1.0, np.abs(expected).max()), rtol=1e-8)


@FORMATS
@SOLVERS
def test_as_many_rows_as_columns_and_one_leave_no_error_without_noise(form, solver):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X, new, coef = rng.normal(size=(101, 100)), rng.normal(size=(200, 100)), rng.normal(size=100)
        model = AdaptiveLRLinearRegression(solver=solver).fit(form(X), X @ coef)
        assert model.score(new, new @ coef) > 1 - 1e-9


@FORMATS
def test_the_middle_sizes_interpolate_as_scikit_learn_does(form):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 400)), rng.normal(size=400)
    model = AdaptiveLRLinearRegression().fit(form(X), y)
    assert np.abs(model.predict(X) - y).max() < 1e-8
    for alpha in (1e-4, 1.0):
        expected = Ridge(alpha, solver="cholesky").fit(X, y)
        ours = AdaptiveLRLinearRegression(alpha=alpha).fit(form(X), y)
        np.testing.assert_allclose(ours.coef_, expected.coef_, atol=1e-8 * np.abs(expected.coef_).max())


# log losses


def in_coordinates_of_the_row_space(X, y, C, rank):
    """Return the coefficients of scikit-learn's logistic regression on coordinates that keep the norm."""
    basis = np.linalg.svd(X - X.mean(axis=0))[2][:rank].T
    fitted = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-13, max_iter=1000).fit(
        (X - X.mean(axis=0)) @ basis, y
    )
    coef = fitted.coef_ @ basis.T
    return coef, fitted.intercept_ - coef @ X.mean(axis=0)


@FORMATS
@SOLVERS
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("C", [1.0, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("kind", [two_categories, a_sum_of_two_others])
def test_dependent_columns_leave_logistic_regression_its_optimum(form, solver, n_classes, C, kind):
    rng = np.random.default_rng(1)
    X, rank, _ = kind(rng)
    y = np.argmax(0.2 * X[:, :n_classes] + rng.gumbel(size=(len(X), n_classes)), axis=1)
    if n_classes == 3 and C > 1e6:
        C = 1e6  # scikit-learn's own Newton steps end in a warning beyond
    coef, intercept = in_coordinates_of_the_row_space(X, y, C, rank)
    model = AdaptiveLRLogisticRegression(C=C, solver=solver, tol=1e-10).fit(form(X), y)
    new = rng.normal(size=(20, X.shape[1])) * np.abs(X).max(axis=0)
    expected = new @ coef.T + intercept
    tolerance = 1e-6 if solver == "auto" else 1e-4  # first-order steps end at the digits of the loss
    actual = model.decision_function(form(new)).reshape(expected.shape)
    np.testing.assert_allclose(actual, expected, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("tol", [1e-10, 1e-12, 0.0])
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_fine_tolerance_is_met_in_the_gradient(tol, C, n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 20)) * 10.0 ** rng.uniform(-2, 2, 20)
    y = np.argmax(X[:, :n_classes] / X[:, :n_classes].std(axis=0) + rng.gumbel(size=(100, n_classes)), axis=1)
    model = AdaptiveLRLogisticRegression(C=C, tol=tol).fit(X, y)
    residual = model.predict_proba(X) - np.eye(n_classes)[y]
    residual = residual[:, 1:] if n_classes == 2 else residual
    grad = C * residual.T @ X + model.coef_
    assert (np.abs(grad) <= 1e-12 * C * (np.abs(residual).T @ np.abs(X))).all()


# what is known of the end of a fit


@SOLVERS
@FORMATS
def test_separable_classes_without_a_penalty_have_their_optimum_at_infinity(form, solver):
    X = np.array([[0.0], [1.0], [2.0], [3.0]])
    model = AdaptiveLRLogisticRegression(C=np.inf, solver=solver)
    assert "at infinity" in model.fit(form(X), [0, 0, 1, 1]).stop_reason_
    assert "at infinity" in model.fit(form(np.repeat(X, 2, axis=0)), [0, 0, 0, 0, 1, 1, 2, 2]).stop_reason_
    assert "at infinity" not in model.fit(form(X), [0, 1, 0, 1]).stop_reason_
    assert "at infinity" not in model.set_params(C=1e3).fit(form(X), [0, 0, 1, 1]).stop_reason_


def test_a_level_of_a_single_class_has_its_coefficient_at_infinity():
    K = levels([10, 10, 5])
    y = np.r_[np.arange(10) % 2, np.arange(10) % 3 == 0, np.ones(5)].astype(int)
    assert "at infinity" in AdaptiveLRLogisticRegression(C=np.inf).fit(K, y).stop_reason_


@pytest.mark.parametrize("solver", ["auto", "exact"])
def test_ten_powers_of_a_column_reach_the_optimum(solver):
    x = np.linspace(0.1, 10, 200)
    y = np.sin(x) + 0.1 * np.random.default_rng(0).normal(size=200)
    X = x[:, None] ** np.arange(1, 11)
    best = np.polynomial.Chebyshev.fit(x, y, 10)
    model = AdaptiveLRLinearRegression(solver=solver).fit(X, y)
    residual = y - best(x)
    assert model.score(X, y) == pytest.approx(1 - residual @ residual / ((y - y.mean()) ** 2).sum(), abs=1e-7)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n_classes", [2, 3])
def test_newton_sees_directions_of_a_curvature_that_is_nearly_singular(n_classes, seed):
    """Ten powers of a column span what ten orthogonal polynomials do, but their curvature is nearly singular."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0.1, 10, 200)
    Z = np.polynomial.legendre.legvander((x - 5.05) / 4.95, 10)[:, 1:]
    y = np.argmax(Z @ rng.normal(size=(10, n_classes)) + rng.gumbel(size=(200, n_classes)), axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model = AdaptiveLRLogisticRegression(C=np.inf).fit(x[:, None] ** np.arange(1, 11), y)
    optimum = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(Z, y)
    assert model.solver_ == "newton"
    assert model.n_iter_[0] < 50
    assert model.loss_ == pytest.approx(log_loss(y, optimum.predict_proba(Z)), abs=1e-7)


def test_iterations_that_cannot_tell_the_optimum_say_so(monkeypatch):
    monkeypatch.setattr(solve, "prefers_factorisation", lambda X: False)
    x = np.linspace(0.1, 10, 200)
    X, y = x[:, None] ** np.arange(1, 11), np.sin(x)
    with pytest.warns(ConvergenceWarning, match="nearly dependent"):
        model = AdaptiveLRLinearRegression(solver="exact").fit(X, y)
    assert "nearly dependent" in model.stop_reason_
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AdaptiveLRLinearRegression(solver="exact").fit(np.random.default_rng(0).normal(size=(200, 10)), y)


# rank and singular values


@FORMATS
@SOLVERS
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_rank_and_singular_values_are_those_of_the_data(form, solver, kind, weighted):
    rng = np.random.default_rng(0)
    X, rank, intercept = kind(rng)
    if kind is repeated_rows:
        rank = len(np.unique(X, axis=0)) - 1
    weight = rng.uniform(0.5, 2, len(X)) if weighted else np.ones(len(X))
    model = AdaptiveLRLinearRegression(fit_intercept=intercept, solver=solver)
    model.fit(form(X), rng.normal(size=len(X)), weight if weighted else None)
    centred = X - np.average(X, axis=0, weights=weight) if intercept else X
    values = np.linalg.svd(centred * np.sqrt(weight)[:, None], compute_uv=False)
    assert model.rank_ == rank
    assert len(model.singular_) == min(X.shape)
    np.testing.assert_allclose(model.singular_, values, atol=1e-7 * values[0])


def test_a_penalty_changes_no_rank_and_needs_no_singular_values():
    X = np.random.default_rng(0).normal(size=(30, 4))
    with_penalty, without = (AdaptiveLRLinearRegression(alpha).fit(X, X[:, 0]) for alpha in (10.0, 0.0))
    assert with_penalty.rank_ == without.rank_ == 4
    assert with_penalty.singular_ is None  # as for Ridge, which has no such attribute
    assert without.set_params(solver="adam", max_iter=2, tol=0).fit(X, X[:, 0]).rank_ is None  # nothing stale


@FORMATS
def test_many_rows_of_more_than_300_columns_reach_the_optimum(form):
    rng = np.random.default_rng(0)
    X, coef = rng.normal(size=(4000, 310)), rng.normal(size=310)
    X[:, 3] = X[:, 4] + 1e-3 * rng.normal(size=4000)
    y = X @ coef + rng.normal(size=4000)
    for intercept, offset in ((True, 0.0), (False, 1e3)):
        model = AdaptiveLRLinearRegression(fit_intercept=intercept).fit(form(X + offset), y)
        columns = np.column_stack([X + offset, np.ones(4000)]) if intercept else X + offset
        expected = np.linalg.lstsq(columns, y)[0]
        new = rng.normal(size=(10, 310)) + offset
        predicted = new @ expected[:310] + (expected[310] if intercept else 0.0)
        np.testing.assert_allclose(model.predict(new), predicted, atol=1e-6 * np.abs(predicted).max())


def nearly_equal_columns(seed, n=400, p=6, size=1e-4):
    """Two columns that differ by little, and classes that hang on their difference; with it as a column of its own."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, p))
    y = (Z[:, 0] + 0.5 * Z[:, 1] + rng.logistic(size=n) > 0).astype(int)
    X = Z.copy()
    X[:, 1] = Z[:, 0] + size * Z[:, 1]
    return X, Z, y


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, "chunks"], ids=["dense", "csr", "chunks"])
@pytest.mark.parametrize(("n", "p"), [(50, 6), (400, 6), (4000, 6), (2000, 350)])
@pytest.mark.parametrize("seed", range(5))
def test_first_order_steps_say_where_nearly_equal_columns_may_hide_the_optimum(seed, n, p, form):
    """The optimum is that of the well-conditioned columns: with so weak a penalty it has no part in either loss."""
    if p > 6 and seed:
        pytest.skip("once will do")
    X, Z, y = nearly_equal_columns(seed, n, p)
    optimum = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(Z, y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model = AdaptiveLRLogisticRegression(C=1e13, solver="exact")
        model = model.fit_chunks(lambda: [(X, y)]) if form == "chunks" else model.fit(form(X), y)
    losses = [log_loss(y, fitted.predict_proba(features)) for fitted, features in ((model, X), (optimum, Z))]
    constant = log_loss(y, np.full(n, y.mean()))
    says_so = "nearly flat" in model.stop_reason_ or "did not" in model.stop_reason_
    assert losses[0] < losses[1] + 1e-3 * constant or (says_so and caught)


def mean_loss(model, X, y):
    """Return the objective of a logistic regression in float64, from the scores of its coefficients."""
    scores = X.astype(np.longdouble) @ model.coef_.T.astype(np.longdouble) + model.intercept_
    scores = np.column_stack([-scores, scores]) / 2 if scores.shape[1] == 1 else scores
    scores -= scores.max(axis=1, keepdims=True)
    losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(y)), y]
    return float(losses.mean() + (model.coef_.astype(float) ** 2).sum() / (2 * model.C * len(y)))


@pytest.mark.parametrize("seed", range(20))
def test_single_precision_reports_the_loss_of_its_coefficients(seed):
    """Each step adds its rounding to the predictions, which is no small one where coefficients cancel."""
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(100, 2)) @ rng.normal(size=(2, 8)) + 1e-3 * rng.normal(size=(100, 8))).astype(np.float32)
    y = (rng.normal(size=100) > 0).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = AdaptiveLRLogisticRegression(C=1e6, solver="exact", tol=1e-6, fit_intercept=seed % 2 == 0).fit(X, y)
    assert model.loss_ == pytest.approx(mean_loss(model, X, y), rel=1e-4)


@pytest.mark.parametrize("seed", range(20))
def test_an_offset_of_sparse_columns_hides_no_rise_of_the_loss(seed):
    """Their means are subtracted last, and what cancels there is far larger than what is left."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=100)
    X = 2500.0 + np.column_stack([x, x + 1e-6 * rng.normal(size=100)])
    y = (x + rng.logistic(size=100) > 1.5).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = AdaptiveLRLogisticRegression(C=1e18, solver="exact", tol=1e-6).fit(sparse.csr_array(X), y)
    assert model.loss_ == pytest.approx(mean_loss(model, X, y), rel=1e-5)
    Z = (X - X[0]) @ [[1, -1e6], [0, 1e6]]
    optimum = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(Z, y)
    assert model.loss_ < log_loss(y, optimum.predict_proba(Z)) + 1e-4 or "nearly flat" in model.stop_reason_


@pytest.mark.parametrize("seed", range(10))
def test_single_precision_follows_no_decrease_that_is_rounding(seed):
    """Weights of a few rows only: along most directions nothing is left but the rounding of their predictions."""
    rng = np.random.default_rng(seed)
    X = (rng.standard_t(1.2, size=(100, 8)) * 10.0 ** rng.uniform(-8, 8, 8)).astype(np.float32)
    y = np.exp(rng.normal(size=100)).astype(np.float32)
    weight = 10.0 ** rng.uniform(-6, 6, 100)
    single, double = (
        AdaptiveLRLinearRegression(
            1e-2 * weight.sum(),
            loss="gamma",
            fit_intercept=False,
            solver="exact",
            tol=1e-8,
            penalty_units="standardized",
        ).fit(X.astype(dtype), y.astype(dtype), weight)
        for dtype in (np.float32, np.float64)
    )
    assert single.loss_ == pytest.approx(double.loss_, rel=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_units_far_apart_leave_the_loss_that_iterations_reached(seed):
    """The part of the coefficients that the rows see may be the longer one, by rounding of units so far apart."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 80)) * (rng.random((30, 80)) < 0.1) * 10.0 ** rng.uniform(-8, 8, 80)
    X += 1e5 * np.abs(X).max(axis=0)
    y = rng.integers(0, 3, 30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = AdaptiveLRLogisticRegression(C=100.0, solver="exact").fit(X, y)
    constant = log_loss(y, np.tile(np.bincount(y) / 30, (30, 1)))
    assert model.loss_ == model.loss_curve_[-1]
    assert model.loss_ == pytest.approx(mean_loss(model, X, y), abs=1e-6)
    assert model.loss_ < constant


@pytest.mark.parametrize("C", [1e-2, 1.0, 1e2])
def test_a_penalty_or_independent_columns_leave_nothing_to_warn_of(C):
    X, Z, y = nearly_equal_columns(0, 4000)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        for features, strength in ((X, C), (Z, C), (Z, 1e9)):
            model = AdaptiveLRLogisticRegression(C=strength, solver="exact").fit(features, y)
            assert model.stop_reason_.endswith("is left.") or model.stop_reason_.endswith("was met.")


def few_factors_in_units_far_apart(seed):
    """Six columns of two factors and little else, of which the classes hang, each in a unit of its own."""
    rng = np.random.default_rng(seed)
    rest = rng.normal(size=(300, 6))
    X = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 6)) + 1e-4 * rest
    y = (rest[:, 0] + rest[:, 1] + rng.logistic(size=300) > 0).astype(int)
    return X * 10.0 ** rng.uniform(-6, 6, 6), y


def fitted_in_chunks(model, X, y):
    return model.fit_chunks(lambda: [(X[:100], y[:100]), (X[100:], y[100:])])


@pytest.mark.parametrize("seed", range(12))
def test_a_penalty_that_is_strong_in_some_units_does_not_hide_what_others_may_gain(seed):
    """One column whose unit makes the penalty strong has a part in all directions that the rows see."""
    X, y = few_factors_in_units_far_apart(seed)
    optimum = AdaptiveLRLogisticRegression(C=1e6, tol=1e-8).fit(X, y)
    assert optimum.solver_ == "newton"
    constant = log_loss(y, np.full(300, y.mean()))
    for fit in (AdaptiveLRLogisticRegression.fit, fitted_in_chunks):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            model = fit(AdaptiveLRLogisticRegression(C=1e6, solver="exact"), X, y)
        assert mean_loss(model, X, y) < mean_loss(optimum, X, y) + 2e-4 * constant or caught


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_a_flat_step_on_the_way_to_the_optimum_is_nothing_to_warn_of(seed):
    """What the directions tell that rows see is less than what the flattest step so far lets fear."""
    X, _, y = nearly_equal_columns(seed, 300, 3, 1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        fitted_in_chunks(AdaptiveLRLogisticRegression(solver="exact"), X * [1e3, 1e3, 1e-4], y)


def test_nobody_looks_for_flat_directions_where_the_penalty_bounds_what_is_left(monkeypatch):
    """The check takes as long as the fit."""
    X, _, y = nearly_equal_columns(0)
    looks = []
    monkeypatch.setattr(solve, "affordable_row_space", lambda X, *others: looks.append(X.shape))
    AdaptiveLRLogisticRegression(C=1.0, solver="exact").fit(X, y)
    assert not looks
    AdaptiveLRLogisticRegression(C=1e9, solver="exact").fit(X, y)
    assert looks == [X.shape]
