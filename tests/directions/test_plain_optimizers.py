"""With a constant rate the directions are the optimizers of the textbooks, and of torch."""

import numpy as np
import pytest
from oracles import plain_adam, plain_momentum, plain_nesterov, plain_sgd, wavy

from sk_adalr.directions import SGD, Adam, Momentum, Nesterov
from sk_adalr.learning_rates import GRANULARITIES, Constant, Hypergradient
from sk_adalr.optimizer import Optimizer
from sk_adalr.parameters import ParameterLayout

START = np.array([1.5, -0.7, 0.2, 2.0, -1.1])
LAYOUT = ParameterLayout.vector(5)
RATE, N_STEPS = 0.03, 40

CASES = {
    "sgd": (SGD(), plain_sgd, {}),
    "momentum": (Momentum(0.8), plain_momentum, {"momentum": 0.8}),
    "nesterov": (Nesterov(0.8), plain_nesterov, {"momentum": 0.8}),
    "adam": (Adam(0.85, 0.95, 1e-6), plain_adam, {"beta_1": 0.85, "beta_2": 0.95, "epsilon": 1e-6}),
}
cases = pytest.mark.parametrize(("direction", "plain", "settings"), CASES.values(), ids=list(CASES))
rules = pytest.mark.parametrize(
    "rule",
    [Constant(RATE), *(Hypergradient(RATE, 0.0, granularity()) for granularity in GRANULARITIES.values())],
    ids=["constant", *(f"hypergradient-{name}" for name in GRANULARITIES)],
)


def train(direction, rule, n_steps=N_STEPS):
    def evaluate(params, out=None):
        value, out[...] = wavy(params)
        return value

    optimizer = Optimizer(direction, rule, LAYOUT)
    params = START.copy()
    state = optimizer.init(params)
    for _ in range(n_steps):
        optimizer.step(state, params, evaluate)
    return params


@rules
@cases
def test_zero_hyper_learning_rate_reproduces_the_plain_optimizer(direction, plain, settings, rule):
    expected = plain(lambda w: wavy(w)[1], START, RATE, N_STEPS, **settings)
    # The same formula in another order: rounding of 1e-16 per step, which the function stretches a little.
    np.testing.assert_allclose(train(direction, rule), expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_zero_hyper_learning_rate_reproduces_torch(name):
    torch = pytest.importorskip("torch")
    w = torch.tensor(START, requires_grad=True)
    optimizer = {
        "sgd": lambda: torch.optim.SGD([w], lr=RATE),
        "momentum": lambda: torch.optim.SGD([w], lr=RATE, momentum=0.8),
        "nesterov": lambda: torch.optim.SGD([w], lr=RATE, momentum=0.8, nesterov=True),
        "adam": lambda: torch.optim.Adam([w], lr=RATE, betas=(0.85, 0.95), eps=1e-6),
    }[name]()
    for _ in range(N_STEPS):
        w.grad = torch.from_numpy(wavy(w.detach().numpy())[1])
        optimizer.step()
    np.testing.assert_allclose(
        train(CASES[name][0], Hypergradient(RATE, 0.0)), w.detach().numpy(), rtol=1e-11, atol=1e-12
    )


def test_momentum_zero_is_gradient_descent():
    np.testing.assert_array_equal(train(Momentum(0.0), Constant(RATE)), train(SGD(), Constant(RATE)))


def test_nesterov_without_momentum_is_gradient_descent():
    np.testing.assert_array_equal(train(Nesterov(0.0), Constant(RATE)), train(SGD(), Constant(RATE)))


def test_the_first_direction_of_adam_is_the_sign_of_the_gradient():
    grad, out = np.array([3.0, -1e-3, 5e4]), np.empty(3)
    adam = Adam(epsilon=1e-20)
    adam.update(adam.init(grad), grad, 1, out=out)
    np.testing.assert_allclose(out, [1, -1, 1], rtol=1e-12)  # rounding of the bias corrections


def test_adam_stands_still_where_the_gradient_is_zero():
    grad, out = np.zeros(3), np.full(3, np.nan)
    Adam().update(Adam().init(grad), grad, 1, out=out)
    np.testing.assert_array_equal(out, 0.0)
