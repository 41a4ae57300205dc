import numpy as np
import pytest

from sk_adalr.backends import use_kernels
from sk_adalr.directions import DIRECTIONS, SGD, Momentum
from sk_adalr.learning_rates import GRANULARITIES, Constant, Hypergradient
from sk_adalr.optimizer import Optimizer
from sk_adalr.optimizer import step as module
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


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    "rule", [Constant(0.1), *(Hypergradient(0.1, 0.01, cls()) for cls in GRANULARITIES.values())], ids=str
)
def test_a_step_block_by_block_equals_the_whole(direction, rule, monkeypatch):
    optimizer = Optimizer(DIRECTIONS[direction](), rule, ParameterLayout.vector(20))

    def trained():
        params = np.linspace(-1, 1, 20)
        state = optimizer.init(params)
        for step in range(5):
            optimizer.step(state, params, lambda params, out, step=step: np.sin(params * (step + 1.5), out=out))
        return [params, state.direction, *state.direction_state.values(), *state.rate_state.values()]

    with use_kernels("numpy"):
        whole = trained()
        monkeypatch.setattr(module, "_MANY", 1)
        monkeypatch.setattr(module, "_BLOCK", 7)
        for one, other in zip(trained(), whole, strict=True):
            np.testing.assert_array_equal(one, other)
