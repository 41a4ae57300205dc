"""What every direction, rule and granularity of the name tables is held to: a newcomer joins by its name."""

import copy
import dataclasses
import inspect
import pickle
from functools import partial

import numpy as np
import pytest
from estimator_cases import make, problem
from oracles import central_difference, relative_error, wavy

from sk_adalr import AdaptiveLRMLPClassifier
from sk_adalr.backends import kernels, use_kernels
from sk_adalr.directions import DIRECTIONS, Direction
from sk_adalr.learning_rates import GRANULARITIES, LEARNING_RATES, Constant, Hypergradient, LearningRate
from sk_adalr.optimizer import Optimizer, freeze, thaw
from sk_adalr.parameters import ParameterLayout

LAYOUT = ParameterLayout(((3, 4), (4, 2)))
# Coefficients first, intercepts last: which parameters share a rate, written down by hand.
PARAMETERS = np.arange(26)
FIRST_LAYER, SECOND_LAYER = np.r_[0:12, 20:24], np.r_[12:20, 24:26]
SHARES_RATE = {
    "parameter": [[i] for i in PARAMETERS],
    "layer": [FIRST_LAYER, SECOND_LAYER],
    "global": [PARAMETERS],
}

directions = pytest.mark.parametrize("direction", [cls() for cls in DIRECTIONS.values()], ids=list(DIRECTIONS))
granularities = pytest.mark.parametrize("granularity", list(GRANULARITIES))


def _rules():
    for name, cls in LEARNING_RATES.items():
        if "granularity" in inspect.signature(cls).parameters:
            for granularity, granularity_cls in GRANULARITIES.items():
                yield pytest.param(cls(granularity=granularity_cls()), id=f"{name}-{granularity}")
        else:
            yield pytest.param(cls(), id=name)


rules = pytest.mark.parametrize("rule", list(_rules()))


def loss_of_batch(step):
    """A loss that differs from step to step, as mini-batches do."""

    def evaluate(params, out=None):
        w = params * (1 + 0.1 * np.sin(step))
        value, grad = wavy(w.astype(np.float64))
        if out is not None:
            out[...] = grad * (1 + 0.1 * np.sin(step))
        return value

    return evaluate


def run(optimizer, params, n_steps, state=None):
    state = optimizer.init(params) if state is None else state
    for _ in range(n_steps):
        optimizer.step(state, params, loss_of_batch(state.step))
    return state


def start(dtype=np.float64):
    return np.random.RandomState(1).standard_normal(LAYOUT.n_params).astype(dtype)


def state_arrays(state):
    yield state.direction
    yield from state.direction_state.values()
    yield from state.rate_state.values()


def test_each_granularity_knows_which_parameters_share_a_rate():
    assert set(SHARES_RATE) == set(GRANULARITIES), "write down here which parameters the new granularity unites"


@granularities
@directions
def test_hypergradient_is_the_derivative_of_the_loss_by_the_learning_rate(direction, granularity):
    rule = Hypergradient(0.05, 0.01, GRANULARITIES[granularity]())
    optimizer = Optimizer(direction, rule, LAYOUT)
    params = start()
    state = run(optimizer, params, 4)

    before = params.copy()
    rates = optimizer.rates(state).copy()
    optimizer.step(state, params, loss_of_batch(4))
    last_direction = state.direction.copy()
    loss = loss_of_batch(5)
    rates = optimizer.rates(state).copy()

    def loss_by_rates(trial):
        per_parameter = np.empty(LAYOUT.n_params)
        for rate, members in zip(trial, SHARES_RATE[granularity], strict=True):
            per_parameter[members] = rate
        return loss(before - per_parameter * last_direction)

    derivative = central_difference(loss_by_rates, rates)
    optimizer.step(state, params, loss)
    hypergradient = (optimizer.rates(state) - rates) / -rule.hyper_learning_rate

    # The source's mean: the derivative by a shared rate is a sum, over as many parameters as share it.
    derivative /= [len(members) for members in SHARES_RATE[granularity]]
    assert relative_error(hypergradient, derivative) <= 1e-6


@granularities
@directions
def test_first_step_uses_the_initial_learning_rate(direction, granularity):
    optimizer = Optimizer(direction, Hypergradient(0.05, 100.0, GRANULARITIES[granularity]()), LAYOUT)
    params = start()
    state = run(optimizer, params, 1)

    grad = np.empty(LAYOUT.n_params)
    loss_of_batch(0)(start(), out=grad)
    first_direction = np.empty_like(grad)
    direction.update(direction.init(params), grad, 1, out=first_direction)
    np.testing.assert_array_equal(optimizer.rates(state), 0.05)
    np.testing.assert_array_equal(params, start() - 0.05 * first_direction)


@granularities
def test_a_rate_has_one_entry_for_each_group_of_parameters(granularity):
    rates = Hypergradient(0.1, granularity=GRANULARITIES[granularity]()).init(start(), LAYOUT)["rates"]
    assert rates.shape == (len(SHARES_RATE[granularity]),)


@directions
def test_a_direction_does_not_depend_on_the_learning_rate(direction):
    def directions_seen(rate):
        optimizer = Optimizer(direction, LEARNING_RATES["constant"](rate), LAYOUT)
        params = start()
        state = optimizer.init(params)
        seen = []
        for step in range(4):
            grad = np.cos(np.arange(LAYOUT.n_params) + step)

            def evaluate(params, out=None, grad=grad):
                out[...] = grad
                return 0.0

            optimizer.step(state, params, evaluate)
            seen.append(state.direction.copy())
        return np.array(seen)

    np.testing.assert_array_equal(directions_seen(1e-3), directions_seen(7.0))


@directions
def test_a_direction_leaves_the_gradient_as_it_was(direction):
    grad = start()
    state = direction.init(grad)
    for step in (1, 2):
        direction.update(state, grad, step, out=np.empty_like(grad))
    np.testing.assert_array_equal(grad, start())


@directions
def test_a_direction_descends_at_first(direction):
    grad = start()
    out = np.empty_like(grad)
    direction.update(direction.init(grad), grad, 1, out=out)
    assert grad @ out > 0


@rules
@directions
def test_a_step_updates_the_caller_s_array_and_no_other(direction, rule):
    optimizer = Optimizer(direction, rule, LAYOUT)
    params = start()
    state = optimizer.init(params)
    arrays = [id(array) for array in state_arrays(state)]
    seen = []

    def evaluate(at, out=None):
        seen.append((at is params, out is not None))
        return loss_of_batch(0)(at, out)

    for _ in range(3):
        optimizer.step(state, params, evaluate)
    assert seen == [(True, True)] * 3, "one evaluation per step, at the parameters themselves"
    assert arrays == [id(array) for array in state_arrays(state)]
    assert not np.array_equal(params, start())


@rules
@directions
def test_a_step_returns_the_loss_before_it(direction, rule):
    optimizer = Optimizer(direction, rule, LAYOUT)
    params = start()
    assert optimizer.step(optimizer.init(params), params, loss_of_batch(0)) == loss_of_batch(0)(start())


@rules
@directions
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_stays_in_the_dtype_of_the_parameters(direction, rule, dtype):
    params = start(dtype)
    state = run(Optimizer(direction, rule, LAYOUT), params, 3)
    assert {array.dtype for array in (params, *state_arrays(state))} == {np.dtype(dtype)}


@rules
@directions
def test_a_frozen_state_resumes_bitwise(direction, rule):
    optimizer = Optimizer(direction, rule, LAYOUT)
    straight = start()
    run(optimizer, straight, 9)

    params = start()
    frozen = pickle.loads(pickle.dumps(freeze(run(optimizer, params, 4))))
    state = thaw(optimizer.State, frozen, params)
    run(optimizer, params, 5, state)
    np.testing.assert_array_equal(params, straight)


@rules
@directions
def test_a_frozen_state_does_not_change_when_training_goes_on(direction, rule):
    optimizer = Optimizer(direction, rule, LAYOUT)
    params = start()
    state = run(optimizer, params, 4)
    frozen = freeze(state)
    before = pickle.dumps(frozen)
    run(optimizer, params, 3, state)
    run(optimizer, params, 3, thaw(optimizer.State, frozen, params))
    assert pickle.dumps(frozen) == before


@rules
@directions
def test_a_frozen_state_holds_arrays_and_numbers_only(direction, rule):
    frozen = freeze(run(Optimizer(direction, rule, LAYOUT), start(), 2))

    def leaves(value):
        if isinstance(value, dict):
            for entry in value.values():
                yield from leaves(entry)
        else:
            yield value

    assert {type(leaf) for leaf in leaves(frozen)} <= {np.ndarray, int, float, bool}


@rules
@directions
def test_a_configuration_is_frozen_and_compares_by_value(direction, rule):
    optimizer = Optimizer(direction, rule, LAYOUT)
    assert optimizer == copy.deepcopy(optimizer)
    run(optimizer, start(), 3)
    assert optimizer == Optimizer(type(direction)(), copy.deepcopy(rule), LAYOUT), "a run changed the configuration"
    with pytest.raises(dataclasses.FrozenInstanceError):
        optimizer.learning_rate = rule


@directions
def test_each_direction_of_the_table_is_a_direction(direction):
    assert isinstance(direction, Direction)


@rules
def test_each_rule_of_the_table_is_a_learning_rate(rule):
    assert isinstance(rule, LearningRate)


def waves(step, params, out=None):
    """Gradients of every size and sign, whatever the parameters."""
    k = np.arange(params.size)
    out[...] = np.cos(k + step) * 10.0 ** (k % 7 - 5)
    return 0.0


@rules
@directions
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_params", [1, 7, 1001])
def test_a_fused_step_equals_the_composed_one_bit_by_bit(direction, rule, dtype, n_params):
    pytest.importorskip("numba", reason="the extra `fast` is not installed")
    optimizer = Optimizer(direction, rule, ParameterLayout.vector(n_params))
    with use_kernels("numba"):
        if optimizer._kernel_name not in kernels(start()).step:
            pytest.skip("there is no fused step")
    ends = []
    for name in ("numpy", "numba"):
        params = np.random.RandomState(1).standard_normal(n_params).astype(dtype)
        with use_kernels(name):
            assert (optimizer._kernel_name in kernels(params).step) == (name == "numba"), "nothing to compare"
            state = optimizer.init(params)
            for step in range(5):
                optimizer.step(state, params, partial(waves, step))
        ends.append([params, *state_arrays(state)])
    for composed, fused in zip(*ends, strict=True):
        np.testing.assert_array_equal(fused, composed)


def test_each_direction_that_we_ship_has_a_fused_step():
    pytest.importorskip("numba", reason="the extra `fast` is not installed")
    with use_kernels("numba"):
        assert set(kernels(start()).step) >= {"sgd", "momentum", "nesterov", "adam"}


@rules
@directions
def test_a_subclass_makes_its_own_steps(direction, rule):
    """A subclass may override anything: it must not be taken for its parent."""

    class Direction(type(direction)):
        pass

    class Rule(type(rule)):
        pass

    assert Optimizer(Direction(), rule, LAYOUT)._kernel_name is None
    assert Optimizer(direction, Rule(), LAYOUT)._kernel_name is None


# A newcomer in a table of names is what it says, everywhere.


@dataclasses.dataclass(frozen=True)
class UnitLength:
    """A direction of which no entry can be told without the others."""

    def init(self, params):
        return {}

    def update(self, state, grad, step, *, out):
        out[...] = grad / np.sqrt(grad @ grad)


@dataclasses.dataclass(frozen=True)
class InverseTime:
    """A rate that falls as 1 / t."""

    learning_rate_init: float = 1e-3

    def init(self, params, layout):
        return {"rates": np.full(1, self.learning_rate_init, dtype=params.dtype)}

    def update(self, state, grad, previous_direction, step, layout, *, scratch):
        state["rates"][...] = self.learning_rate_init / step

    def expand(self, state, layout, *, scratch):
        return state["rates"]


@pytest.fixture
def newcomers(monkeypatch):
    monkeypatch.setitem(DIRECTIONS, "unit", UnitLength)
    monkeypatch.setitem(LEARNING_RATES, "decay", InverseTime)


def test_a_rule_that_joins_the_table_is_used_by_its_name(newcomers):
    X, y = problem(AdaptiveLRMLPClassifier)
    options = {"solver": "sgd", "learning_rate_init": 0.01}
    named = make(AdaptiveLRMLPClassifier, learning_rate="decay", **options).fit(X, y)
    expected = make(AdaptiveLRMLPClassifier, learning_rate=InverseTime(0.01), **options).fit(X, y)
    np.testing.assert_array_equal(named.coefs_[0], expected.coefs_[0])


@pytest.mark.parametrize("learning_rate", ["constant", "hypergradient", "auto"])
def test_a_direction_that_joins_the_table_is_used_by_its_name(newcomers, learning_rate):
    X, y = problem(AdaptiveLRMLPClassifier)
    named = make(AdaptiveLRMLPClassifier, solver="unit", learning_rate=learning_rate).fit(X, y)
    expected = make(AdaptiveLRMLPClassifier, solver=UnitLength(), learning_rate=learning_rate).fit(X, y)
    np.testing.assert_array_equal(named.coefs_[0], expected.coefs_[0])


@pytest.mark.parametrize("kernels_name", ["numpy", "numba"])
def test_a_direction_that_joins_the_table_is_not_cut_into_blocks(newcomers, kernels_name):
    if kernels_name == "numba":
        pytest.importorskip("numba", reason="the extra `fast` is not installed")
    params = np.zeros(300_001)
    optimizer = Optimizer(UnitLength(), Constant(1.0), ParameterLayout.vector(params.size))
    with use_kernels(kernels_name):
        optimizer.step(optimizer.init(params), params, partial(waves, 1))
    assert np.linalg.norm(params) == pytest.approx(1, rel=1e-12)
