import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sk_adalr.penalty.folds import _in_order
from sk_adalr.penalty.log_loss import FoldedLogLoss


def problem(n=120, p=6, noise=1.0, weighted=True, folds=None, intercept=True):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n, p))
    X[:, 1] += 3 * X[:, 0]
    labels = (X[:, 0] - X[:, 2] + noise * rng.standard_normal(n) > 0).astype(int)
    weight = rng.uniform(0.3, 2, n) if weighted else np.ones(n)
    columns = np.column_stack([X, np.ones(n)]) if intercept else X
    penalty = np.append(rng.uniform(0.5, 2, p), [0.0] * intercept)
    folds = _in_order(5, labels, np.arange(n)) if folds is None else folds
    return FoldedLogLoss(columns, 2.0 * labels - 1, weight, penalty, folds, tolerance=1e-12), (
        X,
        labels,
        weight,
        penalty[:p],
        folds,
    )


def of_scikit_learn(X, labels, weight, penalty, folds, strength, intercept=True):
    total = 0.0
    for train, test in folds:
        model = LogisticRegression(C=1 / strength, tol=1e-12, max_iter=10_000, fit_intercept=intercept)
        model.fit(X[train] / np.sqrt(penalty), labels[train], weight[train])
        raw = (2 * labels[test] - 1) * model.decision_function(X[test] / np.sqrt(penalty))
        total += (weight[test] * np.logaddexp(0, -raw)).sum()
    return total / sum(weight[test].sum() for _, test in folds)


def difference(curve, t, h=0.04):
    """Return a central difference without its first error, so that `h` can be large beside the rounding of losses."""
    wide, narrow = ((curve(t + step)[0] - curve(t - step)[0]) / (2 * step) for step in (h, h / 2))
    return (4 * narrow - wide) / 3


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("strength", [1e-2, 1.0, 30.0])
def test_the_loss_is_that_of_fits_by_scikit_learn(strength, intercept, weighted):
    curve, data = problem(weighted=weighted, intercept=intercept)
    expected = of_scikit_learn(*data, strength, intercept)
    np.testing.assert_allclose(curve(np.log(strength))[0], expected, rtol=1e-6)


@pytest.mark.parametrize("noise", [0.05, 1.0, 5.0])
@pytest.mark.parametrize("t", [-8.0, -3.0, 0.0, 3.0, 8.0])
def test_the_slope_is_the_derivative(t, noise):
    curve, _ = problem(noise=noise)
    np.testing.assert_allclose(curve(t)[1], difference(curve, t), rtol=1e-4, atol=1e-8)


def test_the_way_to_a_strength_does_not_matter():
    one, other = problem()[0], problem()[0]
    for t in (5.0, -9.0, 9.0):
        one(t)
    np.testing.assert_allclose(one(0.0), other(0.0), rtol=1e-5)


def test_folds_may_be_any():
    rows = np.arange(120)
    folds = [(rows[:40], rows[40:60]), (rows[:60], rows[60:90]), (rows[20:100], rows[100:])]
    curve, data = problem(folds=folds)
    np.testing.assert_allclose(curve(0.0)[0], of_scikit_learn(*data, 1.0), rtol=1e-6)
    np.testing.assert_allclose(curve(0.0)[1], difference(curve, 0.0), rtol=1e-4)


def test_rows_that_can_be_told_apart_perfectly_have_a_loss_at_any_strength():
    curve, _ = problem(noise=0.0)
    losses = [curve(t) for t in (0.0, -5.0, -10.0, -14.0)]
    assert np.isfinite(losses).all()
