"""The quasi-Newton directions against the textbook's update of a dense matrix."""

import numpy as np
import pytest

from sk_adalr.objectives import MultinomialLogLoss
from sk_adalr.objectives.columns import standardised_columns
from sk_adalr.optimizer.exact.multi_output import MultiOutput
from sk_adalr.optimizer.exact.problem import Problem
from sk_adalr.optimizer.exact.quasi_newton import InverseHessian

N_PARAMS, N_STEPS = 12, 3


def bfgs(diagonal, pairs):
    """Return the inverse Hessian (n, n) that the pairs make of the scaled diagonal, one after another."""
    step, change = pairs[-1]
    H = np.diag(diagonal) * (step @ change) / (change @ (diagonal * change))
    for step, change in pairs:
        left = np.eye(len(step)) - np.outer(step, change) / (step @ change)
        H = left @ H @ left.T + np.outer(step, step) / (step @ change)
    return H


@pytest.mark.parametrize("n_pairs", [1, 2, 3, 4, 6, 7, 8, 13, 20])  # from 7 on, the pairs move to the front
def test_the_direction_is_that_of_the_last_pairs(n_pairs):
    rng = np.random.RandomState(0)
    root, diagonal = rng.standard_normal((N_PARAMS, N_PARAMS)), rng.uniform(0.5, 2, N_PARAMS)
    steps = rng.standard_normal((n_pairs, N_PARAMS))
    pairs = [(step, root @ root.T @ step) for step in steps]
    estimate = InverseHessian(lambda vector: diagonal * vector, N_PARAMS, N_STEPS)
    for pair in pairs:
        estimate.push(*pair)
    grad = rng.standard_normal(N_PARAMS)
    expected = -bfgs(diagonal, pairs[-N_STEPS:]) @ grad
    np.testing.assert_allclose(estimate.direction(grad), expected, rtol=1e-8)


def test_a_pair_without_curvature_is_no_pair():
    estimate = InverseHessian(lambda vector: vector, 2, N_STEPS)
    estimate.push(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    np.testing.assert_array_equal(estimate.direction(np.array([3.0, -4.0])), [-3.0, 4.0])


def test_pairs_that_no_longer_lead_downhill_are_given_up():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((90, 4))
    target = (X[:, :3] + rng.standard_normal((90, 3))).argmax(axis=1)
    solver = MultiOutput(Problem(standardised_columns(X), MultinomialLogLoss(), target, None, None, True))
    for _ in range(4):
        assert solver.step()
    before = solver.loss
    solver._inverse_hessian.direction = lambda grad: grad  # uphill, for as long as there are pairs
    reset = solver._inverse_hessian.reset

    def reset_and_recover():
        del solver._inverse_hessian.direction
        reset()

    solver._inverse_hessian.reset = reset_and_recover
    assert solver.step()
    assert solver.loss < before
