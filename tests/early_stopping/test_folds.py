"""A trial: how long training pays, as other rows tell."""

import numpy as np
import pytest

from sk_adalr.dataset import Batch, Dataset
from sk_adalr.directions import SGD
from sk_adalr.early_stopping.folds import best_epoch
from sk_adalr.early_stopping.shrinkage import FoldEvaluator
from sk_adalr.learning_rates import Constant
from sk_adalr.objectives import HalfSquaredError, L2Penalty, Network, PenalizedMean
from sk_adalr.optimizer import Optimizer
from sk_adalr.parameters import ParameterLayout
from sk_adalr.training import Setup, Stopping
from sk_adalr.units import Units

LAYOUT = ParameterLayout(((2, 1),), fit_intercept=False)


def trial(losses, *, patience=3, tol=1e-4, max_epochs=6, optimizer=None):
    """Return the best epoch where other rows have the given losses, and how many epochs were made."""
    rng = np.random.RandomState(0)
    data = Dataset(rng.standard_normal((8, 2)), rng.standard_normal((8, 1)))
    epochs = []

    def evaluate(params):
        epochs.append(params.copy())
        return 0.0, losses[len(epochs) - 1]

    setup = Setup(
        data=data,
        units=Units(),
        objective=PenalizedMean(Network(LAYOUT, HalfSquaredError()), L2Penalty(0.0)),
        optimizer=optimizer or Optimizer(SGD(), Constant(0.1), LAYOUT),
        batch_size=4,
        shuffle=True,
    )
    best = best_epoch(
        setup,
        setup.batches(rng),
        np.zeros(2),
        evaluate,
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
            return np.nan

    assert trial([np.nan])[0] == 6
    assert trial([], optimizer=Failing(SGD(), Constant(0.1), LAYOUT)) == (6, 0)


def trust_of(prediction, target):
    """Return how far to trust a model of one output, given its raw prediction and the target of two rows."""
    network = Network(ParameterLayout(((1, 1),)), HalfSquaredError())
    rows = Batch(np.array([[-1.0], [1.0]]), np.array(target)[:, None], None, 2.0)

    def evaluate(params):
        return 0.0, float(network.value_and_grad(params, rows))

    evaluator = FoldEvaluator(network, evaluate, np.array([1.0]))
    evaluator(np.array([(prediction[1] - prediction[0]) / 2, sum(prediction) / 2]))
    return evaluator.theta()


@pytest.mark.parametrize(
    ("prediction", "target", "theta"),
    [
        ([0.5, 1.5], [0.0, 2.0], 1),  # better than the constant
        ([-1.0, 3.0], [0.5, 1.5], 0.25),  # right but four times too far
        ([3.0, -1.0], [0.0, 2.0], 0),  # the wrong way round
    ],
)
def test_a_fold_trusts_a_model_as_far_as_it_is_better_than_a_constant(prediction, target, theta):
    assert trust_of(prediction, target) == theta
