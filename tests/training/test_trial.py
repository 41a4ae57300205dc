"""A trial: how long training pays, as other rows tell."""

import numpy as np
import pytest

from sk_adalr.dataset import Dataset
from sk_adalr.directions import SGD
from sk_adalr.learning_rates import Constant
from sk_adalr.objectives import HalfSquaredError, L2Penalty, Network, PenalizedMean
from sk_adalr.optimizer import Optimizer
from sk_adalr.parameters import ParameterLayout
from sk_adalr.training import Batches, Stopping, best_epoch

LAYOUT = ParameterLayout(((2, 1),), fit_intercept=False)


def trial(losses, *, patience=3, tol=1e-4, max_epochs=6, optimizer=None):
    """Return the best epoch where other rows have the given losses, and how many epochs were made."""
    rng = np.random.RandomState(0)
    data = Dataset(rng.standard_normal((8, 2)), rng.standard_normal((8, 1)))
    epochs = []

    def judge(params):
        epochs.append(params.copy())
        return 0.0, losses[len(epochs) - 1]

    best = best_epoch(
        optimizer or Optimizer(SGD(), Constant(0.1), LAYOUT),
        PenalizedMean(Network(LAYOUT, HalfSquaredError()), L2Penalty(0.0)),
        Batches(data, 4, shuffle=True, random_state=rng),
        np.zeros(2),
        judge,
        stopping=Stopping(tol, patience),
        max_epochs=max_epochs,
    )
    return best, len(epochs)


def test_the_epoch_of_the_lowest_loss_is_the_best():
    assert trial([5.0, 3.0, 4.0, 2.0, 6.0, 7.0]) == (4, 6)


def test_a_trial_ends_where_the_loss_has_not_fallen_for_long_enough():
    assert trial([5.0, 3.0, 4.0, 4.0, 4.0, 1.0]) == (2, 5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_ends_a_trial(bad):
    assert trial([5.0, 3.0, bad]) == (2, 3)


def test_where_no_epoch_ends_well_the_training_that_counts_says_why():
    class Failing(Optimizer):
        def step(self, state, params, evaluate):
            raise FloatingPointError

    assert trial([np.nan])[0] == 6
    assert trial([], optimizer=Failing(SGD(), Constant(0.1), LAYOUT)) == (6, 0)
