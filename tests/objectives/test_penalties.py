import numpy as np
import pytest

from sk_adalr.dataset import Batch
from sk_adalr.objectives import HalfSquaredError, L2Penalty, Network, PenalizedMean
from sk_adalr.parameters import ParameterLayout

LAYOUT = ParameterLayout.of_network([2, 2])
PARAMS = np.array([1.0, -2.0, 3.0, 0.5, 100.0, -100.0])  # the intercepts last, and large
BATCH = Batch(np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([2.0, 0.5]), 2.5)


def objective(penalty):
    return PenalizedMean(Network(LAYOUT, HalfSquaredError(), "identity"), penalty)


def excess(penalty):
    """Return what the penalty adds to the value and to the gradient."""
    with_penalty, without = np.empty(6), np.empty(6)
    value = objective(penalty).value_and_grad(PARAMS, BATCH, out=with_penalty)
    value -= objective(L2Penalty(0.0)).value_and_grad(PARAMS, BATCH, out=without)
    return value, with_penalty - without


def test_the_mean_is_weighted():
    raw = BATCH.X @ PARAMS[:4].reshape(2, 2) + PARAMS[4:]
    expected = 0.5 * np.average(((raw - BATCH.target) ** 2).sum(axis=1), weights=BATCH.weight)
    assert objective(L2Penalty(0.0)).value_and_grad(PARAMS, BATCH) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("penalty", "factors"),
    [
        (L2Penalty(0.3), [0.3] * 4),
        (L2Penalty(0.3, per_batch=True), [0.3 / 2.5] * 4),
        (L2Penalty(0.3, coef_weights=np.array([1.0, 2.0, 3.0, 4.0])), [0.3, 0.6, 0.9, 1.2]),
    ],
    ids=["fixed", "per batch", "coefficient weights"],
)
def test_the_penalty_is_half_the_sum_of_squares_of_the_coefficients_and_no_intercept(penalty, factors):
    value, grad = excess(penalty)
    # rounding is relative to the unpenalised value, of the order of 1e4
    assert value == pytest.approx(0.5 * np.dot(factors, PARAMS[:4] ** 2), abs=1e-11)
    np.testing.assert_allclose(grad, [*np.multiply(factors, PARAMS[:4]), 0.0, 0.0], atol=1e-13)


def test_penalties_with_the_same_scale_agree_whatever_the_batch():
    assert L2Penalty(0.3, per_batch=True).factor(1.0) == L2Penalty(0.3).factor(1000.0)
