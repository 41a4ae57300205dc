"""The rule against the source's equations, expanded and computed without the package."""

import numpy as np
import pytest
from oracles import wavy

from sk_adalr.directions import SGD
from sk_adalr.learning_rates import Global, Hypergradient, PerLayer, PerParameter
from sk_adalr.optimizer import Optimizer
from sk_adalr.parameters import ParameterLayout

LAYOUT = ParameterLayout(((2, 2), (2, 1)))
FIRST_LAYER, SECOND_LAYER = np.r_[0:4, 6:8], np.r_[4:6, 8:9]
ETA_0, ALPHA = 0.02, 0.003


def start():
    return np.random.RandomState(3).standard_normal(9)


def grad_of(w):
    return wavy(w)[1]


def train(granularity, n_steps):
    def evaluate(params, out=None):
        value, out[...] = wavy(params)
        return value

    optimizer = Optimizer(SGD(), Hypergradient(ETA_0, ALPHA, granularity), LAYOUT)
    params = start()
    state = optimizer.init(params)
    for _ in range(n_steps):
        optimizer.step(state, params, evaluate)
    return params, optimizer.rates(state)


def weight_update_2(w, eta, grad, previous_grad):
    """Eq. `weight_update_2`, with the eta of the step before."""
    return w - eta * grad - ALPHA * grad**2 * previous_grad


def weight_update_global(w, eta, grad, previous_grad):
    """Eq. `weight_update_global`, with the eta of the step before."""
    return w - eta * grad - ALPHA / len(w) * grad * np.sum(grad * previous_grad)


def test_one_step_equals_the_expanded_update_of_the_source_per_parameter():
    w_0 = start()
    w_1 = w_0 - ETA_0 * grad_of(w_0)
    expected = weight_update_2(w_1, ETA_0, grad_of(w_1), grad_of(w_0))
    # The expanded form multiplies out what the code keeps factored: equal up to rounding.
    np.testing.assert_allclose(train(PerParameter(), 2)[0], expected, rtol=1e-14, atol=1e-15)


def test_one_step_equals_the_expanded_update_of_the_source_with_a_global_rate():
    w_0 = start()
    w_1 = w_0 - ETA_0 * grad_of(w_0)
    expected = weight_update_global(w_1, ETA_0, grad_of(w_1), grad_of(w_0))
    np.testing.assert_allclose(train(Global(), 2)[0], expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("granularity", "update", "agreement"),
    [
        (PerParameter(), weight_update_2, lambda product: product),
        (Global(), weight_update_global, np.mean),
    ],
    ids=["parameter", "global"],
)
def test_many_steps_equal_the_expanded_updates_of_the_source(granularity, update, agreement):
    previous_grad, eta = grad_of(start()), ETA_0
    w = start() - ETA_0 * previous_grad
    for _ in range(20):
        grad = grad_of(w)
        w, eta, previous_grad = (
            update(w, eta, grad, previous_grad),
            eta + ALPHA * agreement(grad * previous_grad),
            grad,
        )
    params, rates = train(granularity, 21)
    np.testing.assert_allclose(params, w, rtol=1e-11, atol=1e-12)  # rounding of 21 steps
    np.testing.assert_allclose(rates, np.broadcast_to(eta, rates.shape), rtol=1e-11)


def test_a_rate_per_layer_is_the_global_rule_on_each_layer():
    w_0 = start()
    w_1 = w_0 - ETA_0 * grad_of(w_0)
    expected = np.empty(9)
    for layer in (FIRST_LAYER, SECOND_LAYER):
        expected[layer] = weight_update_global(w_1[layer], ETA_0, grad_of(w_1)[layer], grad_of(w_0)[layer])
    np.testing.assert_allclose(train(PerLayer(), 2)[0], expected, rtol=1e-14, atol=1e-15)


def test_agreeing_gradients_raise_the_rate_and_opposing_ones_lower_it():
    rule, layout = Hypergradient(0.1, 0.01), ParameterLayout.vector(3)
    state = rule.init(np.zeros(3), layout)
    rule.update(state, np.array([2.0, 2.0, 2.0]), np.array([1.0, -1.0, 0.0]), 2, layout, scratch=np.empty(3))
    np.testing.assert_allclose(state["rates"], [0.12, 0.08, 0.1], rtol=1e-15)


def test_a_rate_can_turn_negative_as_the_source_notes():
    rule, layout = Hypergradient(0.1, 1.0), ParameterLayout.vector(1)
    state = rule.init(np.zeros(1), layout)
    rule.update(state, np.array([1.0]), np.array([-1.0]), 2, layout, scratch=np.empty(1))
    np.testing.assert_allclose(state["rates"], [-0.9], rtol=1e-15)


def test_the_rule_leaves_gradient_and_direction_as_they_were():
    rule, layout = Hypergradient(0.1, 1.0), ParameterLayout.vector(2)
    grad, direction = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    rule.update(rule.init(grad, layout), grad, direction, 2, layout, scratch=np.empty(2))
    np.testing.assert_array_equal(np.r_[grad, direction], [1, 2, 3, 4])
