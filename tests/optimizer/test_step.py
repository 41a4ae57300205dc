import numpy as np

from sk_adalr.directions import SGD, Momentum
from sk_adalr.learning_rates import Constant, Hypergradient
from sk_adalr.optimizer import Optimizer
from sk_adalr.parameters import ParameterLayout

LAYOUT = ParameterLayout.vector(2)


def test_the_rate_is_adapted_before_it_is_used():
    # L = w^2 / 2 from w = 1 with rate 0.1 and alpha = 0.5: by hand, w_1 = 0.9, rate = 0.1 + 0.5 * 0.9 * 1 = 0.55,
    # w_2 = 0.9 - 0.55 * 0.9.
    optimizer = Optimizer(SGD(), Hypergradient(0.1, 0.5), ParameterLayout.vector(1))
    params = np.array([1.0])
    state = optimizer.init(params)

    def evaluate(params, out=None):
        out[...] = params
        return 0.5 * float(params @ params)

    for _ in range(2):
        optimizer.step(state, params, evaluate)
    np.testing.assert_allclose(params, [0.9 - 0.55 * 0.9], rtol=1e-15)


def test_two_states_of_one_optimizer_do_not_share_anything():
    optimizer = Optimizer(Momentum(), Hypergradient(), LAYOUT)
    one, other = optimizer.init(np.zeros(2)), optimizer.init(np.zeros(2))
    params = np.ones(2)

    def evaluate(params, out=None):
        out[...] = 1.0
        return 0.0

    for _ in range(3):
        optimizer.step(one, params, evaluate)
    assert other.step == 0
    np.testing.assert_array_equal(other.direction_state["velocity"], 0)
    np.testing.assert_array_equal(other.rate_state["rates"], Hypergradient().learning_rate_init)


def test_what_is_scored_and_stored_are_the_parameters():
    optimizer = Optimizer(SGD(), Constant(), LAYOUT)
    params = np.array([1.0, 2.0])
    assert optimizer.result(optimizer.init(params), params) is params
