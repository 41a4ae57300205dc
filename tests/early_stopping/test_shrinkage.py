"""A model that is no worse than a constant prediction."""

import numpy as np
import pytest

from sk_adalr.dataset import Dataset
from sk_adalr.early_stopping.shrinkage import no_worse_than_constant
from sk_adalr.objectives import BinomialLogLoss, HalfSquaredError, MultinomialLogLoss, Network
from sk_adalr.parameters import ParameterLayout
from sk_adalr.training import Batches

RNG = np.random.RandomState(0)
X = RNG.standard_normal((30, 3))
CLASSES = RNG.randint(3, size=30)
TARGETS = {
    "squared": (HalfSquaredError(), 5 + RNG.standard_normal((30, 2)), 2),
    "binomial": (BinomialLogLoss(), (RNG.rand(30, 2) < [0.5, 0.8]).astype(float), 2),
    "multinomial": (MultinomialLogLoss(), CLASSES, 3),
}
WEIGHT = RNG.rand(30)
cases = pytest.mark.parametrize("case", TARGETS)


def bounded(case, params, *, fit_intercept=True, weight=WEIGHT):
    """Return the parameters, and the mean loss of given ones on all rows."""
    loss, target, n_outputs = TARGETS[case]
    network = Network(ParameterLayout.of_network([3, 4, n_outputs], fit_intercept), loss)
    params = params(np.random.RandomState(0).standard_normal(network.layout.n_params))
    data = Dataset(X, target, weight)
    batches = Batches(data, 7, shuffle=False, random_state=np.random.RandomState(0))

    def mean_loss(params):
        parts = [(network.value_and_grad(params, batch), batch.weight_sum) for batch in batches.epoch()]
        return sum(float(loss) for loss, _ in parts) / sum(weight for _, weight in parts)

    return params, no_worse_than_constant(params, network, batches), mean_loss, loss.constant_value(target, weight)


@cases
@pytest.mark.parametrize("factor", [1.0, 30.0, 1e6])
def test_a_model_above_the_constant_ends_no_higher(case, factor):
    params, result, mean_loss, constant = bounded(case, lambda params: factor * params)
    assert mean_loss(params) > constant
    assert mean_loss(result) <= constant * (1 + 1e-12)


@cases
def test_the_given_parameters_are_left_alone(case):
    before = []
    params, result, *_ = bounded(case, lambda params: before.append(params.copy()) or params)
    np.testing.assert_array_equal(params, before[0])
    assert result is not params


@cases
def test_only_the_output_layer_changes(case):
    params, result, *_ = bounded(case, lambda params: params)
    np.testing.assert_array_equal(params[: 3 * 4], result[: 3 * 4])


def test_a_model_below_the_constant_is_kept():
    target = X @ RNG.standard_normal((3, 2))
    coef = np.linalg.lstsq(X, target, rcond=None)[0]
    params = np.r_[coef.ravel(), 0.0, 0.0]
    network = Network(ParameterLayout.of_network([3, 2]), HalfSquaredError())
    batches = Batches(Dataset(X, target), 7, shuffle=False, random_state=np.random.RandomState(0))
    assert no_worse_than_constant(params, network, batches) is params


def test_without_intercepts_the_constant_is_zero():
    params, result, mean_loss, _ = bounded("binomial", lambda params: 30 * params, fit_intercept=False)
    at_zero = 2 * np.log(2)
    assert mean_loss(params) > at_zero
    assert mean_loss(result) <= at_zero * (1 + 1e-12)
