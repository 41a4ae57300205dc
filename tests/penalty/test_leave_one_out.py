import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge, RidgeCV

from sk_adalr.dataset import Dataset
from sk_adalr.penalty.leave_one_out import LeaveOneOut

SIZES = {"few columns": (40, 5), "more columns than rows": (15, 30), "as many": (12, 12)}
sizes = pytest.mark.parametrize(("n", "p"), SIZES.values(), ids=list(SIZES))


def rows(n, p, n_outputs=1, weighted=True):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n, p)) * rng.uniform(0.5, 3, p) + rng.uniform(-5, 5, p)
    target = X[:, :2] @ rng.standard_normal((2, n_outputs)) + rng.standard_normal((n, n_outputs)) + 3.0
    return Dataset(X, target, rng.uniform(0.2, 3, n) if weighted else None)


def brute_force(data, alpha, unit, fit_intercept):
    """Return the mean loss of each row by a Ridge of all others."""
    X, target = np.asarray(data.X.todense() if sparse.issparse(data.X) else data.X) / unit, data.target
    weight = np.ones(len(X)) if data.weight is None else data.weight
    losses = []
    for row in range(len(X)):
        others = np.arange(len(X)) != row
        model = Ridge(alpha, fit_intercept=fit_intercept, solver="svd")
        model.fit(X[others], target[others], weight[others])
        losses.append(0.5 * ((model.predict(X[[row]]) - target[row]) ** 2).sum())
    return np.average(losses, weights=weight)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("alpha", [0.3, 5.0, 200.0])
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("fit_intercept", [True, False])
@sizes
def test_the_loss_is_that_of_fits_without_each_row(n, p, fit_intercept, weighted, n_outputs, storage, alpha):
    data = rows(n, p, n_outputs, weighted)
    data = Dataset(storage(data.X), data.target, data.weight)
    unit = np.linspace(0.5, 2, p)
    problem = LeaveOneOut(data, unit, fit_intercept)
    scale = 1.0 if data.weight is None else data.weight.mean()
    loss, _ = problem._at(np.log(alpha / scale))
    expected = brute_force(data, alpha, unit, fit_intercept)
    np.testing.assert_allclose(loss * problem.unit_of_loss, expected, rtol=1e-8)


def test_many_rows_are_read_in_blocks():
    data = rows(6000, 60)
    problem = LeaveOneOut(data, 1.0, True)
    found = RidgeCV([5.0], fit_intercept=True).fit(data.X, data.target[:, 0], sample_weight=data.weight)
    loss, _ = problem._at(np.log(5.0 / data.weight.mean()))
    expected = -0.5 * found.best_score_ / data.weight.mean()
    np.testing.assert_allclose(loss * problem.unit_of_loss, expected, rtol=1e-8)


@sizes
def test_the_slope_is_the_derivative(n, p):
    problem = LeaveOneOut(rows(n, p, 2), 1.0, True)
    for t in (-3.0, 0.0, 2.0, 6.0):
        up, down = (problem._at(t + h)[0] for h in (1e-5, -1e-5))
        np.testing.assert_allclose(problem._at(t)[1], (up - down) / 2e-5, rtol=1e-6)


@sizes
def test_the_best_strength_is_that_of_a_fine_grid(n, p):
    problem = LeaveOneOut(rows(n, p), 1.0, True)
    grid = np.linspace(-15, 12, 2000)
    losses = [problem._at(t)[0] for t in grid]
    assert problem.best().best[1] <= min(losses) * (1 + 1e-6)


@pytest.mark.parametrize("unit", [1e-150, 1e150])
def test_the_unit_of_the_target_does_not_matter(unit):
    data = rows(40, 5)
    one, other = (LeaveOneOut(Dataset(data.X, data.target * u), 1.0, True).best().best[0] for u in (1.0, unit))
    assert one == pytest.approx(other, rel=1e-6)


def test_where_nothing_varies_there_is_nothing_to_choose():
    assert LeaveOneOut(Dataset(np.ones((9, 2)), np.arange(9.0)[:, None]), 1.0, True).is_empty
    assert LeaveOneOut(Dataset(np.arange(9.0)[:, None], np.ones((9, 1))), 1.0, True).is_empty
    assert LeaveOneOut(Dataset(np.arange(2.0)[:, None], np.arange(2.0)[:, None]), 1.0, True).is_empty
