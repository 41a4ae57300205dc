"""Fits of chunks that are read anew in every pass: as those of all rows at once."""

import tracemalloc

import numpy as np
import pytest
from block_cases import case, difference
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from sk_adalr import AdaptiveLRLinearRegression as Linear
from sk_adalr import AdaptiveLRLogisticRegression as Logistic


def labelled(n=400, p=5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, (X @ np.arange(p) + rng.logistic(size=n) > 0).astype(int)


def halves(*arrays):
    return [tuple(array[rows] for array in arrays) for rows in (slice(0, 150), slice(150, None))]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("seed", range(120))
def test_a_fit_of_chunks_is_that_of_all_rows(seed):
    given = case(seed)
    whole = clone(given.model).fit(given.X, given.y, given.weight)
    chunked = clone(given.model).fit_chunks(given.parts)
    assert difference(chunked, whole, given.X) <= given.tolerance
    assert chunked.coef_.dtype == whole.coef_.dtype
    assert chunked.solver_ == whole.solver_
    assert chunked.loss_ == pytest.approx(whole.loss_, rel=1e-6)


@pytest.mark.parametrize("seed", [195, 221])
def test_float32_fits_that_rounding_moves_most_are_as_near_to_the_optimum_as_those_of_all_rows(seed):
    """195 has scores of 1e-4, whose errors are below the eps of log odds; 221 decides otherwise on a new curvature."""
    given = case(seed)
    assert given.X.dtype == np.float32
    optimum = clone(given.model).set_params(tol=1e-13).fit(given.X.astype(np.float64), given.y, given.weight)
    model = clone(given.model).set_params(tol=1e-8)
    off = difference(clone(model).fit(given.X, given.y, given.weight), optimum, given.X)
    assert difference(model.fit_chunks(given.parts), optimum, given.X) <= min(off, given.tolerance)


@pytest.mark.parametrize("model", [Linear(alpha=2.0), Logistic(), Logistic(solver="exact")])
def test_sparse_chunks_are_fitted_as_the_sparse_matrix(model):
    rng = np.random.default_rng(0)
    X = sparse.random_array((500, 30), density=0.2, random_state=rng, format="csr")
    y = np.asarray(X.sum(axis=1)) + rng.normal(size=500)
    y = y if isinstance(model, Linear) else np.digitize(y, [0, 2])
    whole = clone(model).fit(X, y)
    chunked = clone(model).fit_chunks(lambda: halves(X, y))
    assert difference(chunked, whole, X.toarray()) <= 1e-9


@pytest.mark.parametrize("constant", np.random.default_rng(0).uniform(1, 1000, 10))
def test_a_sparse_column_that_is_constant_in_one_chunk_counts_as_in_dense_rows(constant):
    """The variance that scikit-learn gives of it may be the rounding of a negative number."""
    X, y = labelled(300, 3)
    X[:150, 2] = 0.0
    X[:, 2] += constant
    weight = np.random.default_rng(1).uniform(0.5, 2, 300)
    sparse_fit = Logistic(solver="exact").fit_chunks(lambda: halves(sparse.csr_array(X), y, weight))
    expected = LogisticRegression(tol=1e-10, max_iter=10_000).fit(X - [0, 0, constant], y, weight)
    np.testing.assert_allclose(sparse_fit.coef_, expected.coef_, rtol=1e-3)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_many_columns_end_at_the_optimum_of_all_rows(n_classes):
    X, _ = labelled(600, 400)
    y = np.digitize(X[:, 0] + np.random.default_rng(1).normal(size=600), [0, 1][: n_classes - 1])
    whole = Logistic(tol=1e-8, max_iter=10_000).fit(X, y)
    chunked = Logistic(tol=1e-8, max_iter=10_000).fit_chunks(lambda: halves(X, y))
    assert chunked.solver_ == ("newton" if n_classes == 2 else "exact")
    assert difference(chunked, whole, X) <= 1e-4
    assert chunked.loss_ == pytest.approx(whole.loss_, rel=1e-9)


def test_more_columns_than_curvatures_are_for_end_at_the_optimum_of_all_rows(monkeypatch):
    monkeypatch.setattr("sk_adalr.optimizer.exact.blocked_solvers._MOST_PRODUCTS", 300)
    X, y = labelled(600, 400)
    chunked = Logistic(tol=1e-8, max_iter=10_000).fit_chunks(lambda: halves(X, y))
    assert chunked.solver_ == "exact"
    assert difference(chunked, Logistic(tol=1e-8, max_iter=10_000).fit(X, y), X) <= 1e-4


def test_least_squares_of_more_columns_than_moments_are_for_end_at_the_optimum(monkeypatch):
    monkeypatch.setattr("sk_adalr.optimizer.exact.blocked_solvers._MOST_PRODUCTS", 3)
    X, y = labelled()
    y = np.column_stack([y, X[:, 0] + y])
    chunked = Linear(alpha=1.0, tol=1e-9).fit_chunks(lambda: halves(X, y))
    assert chunked.solver_ == "exact"
    assert difference(chunked, Linear(alpha=1.0).fit(X, y), X) <= 1e-6


def test_dependent_columns_get_the_solution_of_least_norm():
    X, y = labelled()
    X = np.column_stack([X, X.sum(axis=1)])
    for model, target in ((Linear(), y + X[:, 0]), (Logistic(penalty=None), y)):
        whole = clone(model).fit(X, target)
        chunked = clone(model).fit_chunks(lambda target=target: halves(X, target))
        np.testing.assert_allclose(chunked.coef_, whole.coef_, rtol=1e-6)


def test_a_loss_of_ones_own_ends_at_the_optimum_of_all_rows():
    from sk_adalr.objectives import ElementwiseLoss

    class LogCosh(ElementwiseLoss):
        def losses(self, raw, target):
            return np.logaddexp(raw - target, target - raw) - np.log(2)

        def gradient(self, raw, target):
            return np.tanh(raw - target)

        def hessian(self, raw, target):
            return 1 - np.tanh(raw - target) ** 2

    X, y = labelled()
    y = y + X[:, 0] + 100 * (np.arange(len(y)) % 50 == 0)
    whole, chunked = Linear(loss=LogCosh(), tol=1e-8), Linear(loss=LogCosh(), tol=1e-8)
    assert difference(chunked.fit_chunks(lambda: halves(X, y)), whole.fit(X, y), X) <= 1e-7


def test_a_warm_start_goes_on_from_the_last_solution():
    X, y = labelled()
    model = Logistic(warm_start=True).fit_chunks(lambda: halves(X, y))
    assert model.fit_chunks(lambda: halves(X, y)).n_iter_ <= 1
    with pytest.raises(ValueError, match="needs the same features as before; it had 5 and would now have 4"):
        model.fit_chunks(lambda: halves(X[:, 1:], y))


def test_a_class_of_weight_zero_stays_a_class():
    X, y = labelled()
    y = y + (X[:, 0] > 1)
    options = {"class_weight": {0: 0, 1: 1, 2: 2}}
    whole, chunked = Logistic(**options).fit(X, y), Logistic(**options).fit_chunks(lambda: halves(X, y))
    np.testing.assert_array_equal(chunked.classes_, [0, 1, 2])
    np.testing.assert_allclose(chunked.predict_proba(X), whole.predict_proba(X), atol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_class_whose_rows_have_no_weight_stays_a_class(n_classes):
    X, y = labelled()
    y = y + (X[:, 0] > 1) * (n_classes - 2)
    weight = np.where(y == 0, 0.0, 1.0)
    whole, chunked = Logistic().fit(X, y, weight), Logistic().fit_chunks(lambda: halves(X, y, weight))
    np.testing.assert_array_equal(chunked.classes_, range(n_classes))
    np.testing.assert_allclose(chunked.predict_proba(X), whole.predict_proba(X), atol=1e-9)


def test_chunks_are_read_about_once_per_iteration():
    X, y = labelled()
    n_readings = 0

    def chunks():
        nonlocal n_readings
        n_readings += 1
        yield from halves(X, y)

    model = Logistic().fit_chunks(chunks)
    assert n_readings <= 2 * model.n_iter_[0] + 4
    n_readings = 0
    Linear().fit_chunks(chunks)
    assert n_readings <= 4


def test_one_chunk_is_in_memory_at_a_time():
    rows, p = 20_000, 20

    def chunks():
        for seed in range(10):
            X = np.random.default_rng(seed).normal(size=(rows, p))
            yield X, (X[:, 0] > 0).astype(int)

    tracemalloc.start()
    Logistic().fit_chunks(chunks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 8 * rows * p / 2


def test_the_model_is_as_before_where_a_chunk_is_refused():
    X, y = labelled()
    model = Logistic().fit(X, y)
    before = model.coef_.copy()
    broken = X.copy()
    broken[200, 2] = np.nan
    with pytest.raises(ValueError, match="Block 1: Input X contains NaN"):
        model.fit_chunks(lambda: halves(broken, y))
    np.testing.assert_array_equal(model.coef_, before)


@pytest.mark.parametrize(
    ("chunks", "error", "message"),
    [
        (iter([]), TypeError, "must be a function that returns the chunks anew each time .* got list_iterator"),
        (list, ValueError, "There are no rows"),
        (lambda: [np.ones((3, 2))], ValueError, r"must be \(X, y\) or .* chunk 0 is of type ndarray"),
        (lambda: [(np.ones((3, 2)), [1, 2])], ValueError, "Block 0 of `X` has 3 rows, and that of `y` has 2"),
        (lambda: halves(*labelled()[:1], np.full(400, 7)), ValueError, "at least 2 classes; got one class: 7"),
        (lambda: halves(labelled()[0], np.linspace(0, 1, 400)), ValueError, "Unknown label type"),
        (
            lambda: [(np.ones((3, 2)), [0, 1, 0]), (np.ones((3, 3)), [0, 1, 0])],
            ValueError,
            "All blocks must have the same features; block 0 has 2, and block 1 3",
        ),
        (lambda: halves(*labelled(), np.zeros(400)), ValueError, "The weights are all zero"),
    ],
)
def test_chunks_that_cannot_be_fitted_are_refused(chunks, error, message):
    with pytest.raises(error, match=message):
        Logistic().fit_chunks(chunks)


def test_chunks_that_are_used_up_are_noticed():
    X, y = labelled()
    chunks = iter(halves(X, y))
    with pytest.raises(ValueError, match="The blocks had other rows when they were read a second time"):
        Logistic().fit_chunks(lambda: chunks)


@pytest.mark.parametrize(
    "options", [{"solver": "adam"}, {"learning_rate": "constant"}, {"early_stopping": True}], ids=str
)
def test_mini_batches_are_refused(options):
    X, y = labelled()
    with pytest.raises(ValueError, match=r"Blocks of rows are trained on all at once.*call `partial_fit`"):
        Logistic(**options).fit_chunks(lambda: halves(X, y))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            Logistic(penalty_units="standardized"),
            "`penalty_units='standardized'` needs the rows in memory, or",
        ),
        (Logistic(C="auto"), "`C='auto'` needs rows in memory: fit to some of them, and set `C` to `C_`"),
        (Linear("auto"), "`alpha='auto'` needs rows in memory: fit to some of them, and set `alpha` to `alpha_`"),
        (Linear([1.0, 2.0]), "one penalty for all outputs: `alpha` must be a number"),
    ],
    ids=str,
)
def test_penalties_that_need_rows_in_memory_are_refused(model, message):
    X, y = labelled()
    with pytest.raises(ValueError, match=message):
        model.fit_chunks(lambda: halves(X, y))
