import numpy as np
import pytest

from sk_adalr.directions import Adam, Momentum
from sk_adalr.learning_rates import Hypergradient
from sk_adalr.optimizer import Optimizer, freeze
from sk_adalr.parameters import ParameterLayout
from sk_adalr.training import TrainingState, Validation

LAYOUT = ParameterLayout.vector(3)
OPTIMIZER = Optimizer(Adam(), Hypergradient(0.1), LAYOUT)


def evaluate(params, out=None):
    out[...] = params
    return 0.5 * float(params @ params)


def trained():
    state = TrainingState.start(OPTIMIZER, np.array([1.0, 2.0, 3.0]), np.random.RandomState(0))
    OPTIMIZER.step(state.optimizer_state, state.params, evaluate)
    return state


def test_a_thawed_state_goes_on_bitwise():
    state = trained()
    other = TrainingState.thaw(freeze(state), OPTIMIZER)
    for each in (state, other):
        OPTIMIZER.step(each.optimizer_state, each.params, evaluate)
    np.testing.assert_array_equal(state.params, other.params)
    assert state.random_state.randint(1 << 30) == other.random_state.randint(1 << 30)


def test_thawing_copies():
    frozen = freeze(trained())
    before = frozen["params"].copy()
    other = TrainingState.thaw(frozen, OPTIMIZER)
    OPTIMIZER.step(other.optimizer_state, other.params, evaluate)
    other.random_state.randint(10, size=1000)
    np.testing.assert_array_equal(frozen["params"], before)
    assert frozen["optimizer_state"]["step"] == 1
    np.testing.assert_array_equal(
        frozen["random_state"]["state"]["key"], trained().random_state.get_state(legacy=False)["state"]["key"]
    )


def test_better_parameters_do_not_overwrite_the_best_of_a_stored_state():
    frozen = freeze(trained()) | {"best": (0.5, 1.0), "best_params": np.ones(3)}
    other = TrainingState.thaw(frozen, OPTIMIZER)
    validation = Validation(lambda params: (0.9, 0.1), other.best, other.best_params)
    validation(np.full(3, 2.0))
    np.testing.assert_array_equal(validation.best_params, 2.0)
    np.testing.assert_array_equal(frozen["best_params"], 1.0)


@pytest.mark.parametrize(
    "other",
    [
        Optimizer(Momentum(), Hypergradient(0.1), LAYOUT),
        Optimizer(Adam(), Hypergradient(0.2), LAYOUT),
        Optimizer(Adam(0.5), Hypergradient(0.1), LAYOUT),
    ],
    ids=["direction", "rate", "setting"],
)
def test_another_optimizer_starts_anew_from_the_same_parameters(other):
    frozen = freeze(trained())
    state = TrainingState.thaw(frozen, other)
    assert state.optimizer_state.step == 0
    np.testing.assert_array_equal(state.params, frozen["params"])


def test_the_validation_seed_stays_the_same():
    state = trained()
    assert TrainingState.thaw(freeze(state), OPTIMIZER).validation_seed == state.validation_seed
