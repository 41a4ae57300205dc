"""Steps that a device makes ahead of the host: whatever happens on the way, the course is NumPy's bit by bit."""

import fake_cupy
import numpy as np
import pytest
from estimator_cases import same_state

from sk_adalr.backends import namespace, to_host
from sk_adalr.optimizer import freeze
from sk_adalr.optimizer.automatic import EVENTS, AutomaticOptimizer
from sk_adalr.parameters import ParameterLayout

LAYOUT = ParameterLayout([(4, 2), (2, 1)])
N_STEPS = 130
SCALE = np.geomspace(0.5, 2, LAYOUT.n_params)


def bowl(step, params, at, out):
    """Return a loss that differs a little from step to step, and fill `out` with its gradient."""
    xp = namespace(at)
    scale = xp.asarray(SCALE, dtype=at.dtype)
    error = at - at.dtype.type(1 + 0.1 * np.sin(step))
    if out is not None:
        xp.multiply(scale, error, out=out)
    return 0.5 * (scale * error * error).sum(dtype="float64")


def hard(step, params, at, out):
    return bowl(step, params, at, out) + 1e3


def diverging(step, params, at, out):
    """Not finite but at the average."""
    loss = bowl(step, params, at, out)
    if at is params:
        return loss
    if out is not None:
        out *= np.nan
    return loss * np.nan


def steep(step, params, at, out):
    """A gradient of a length that is cut."""
    loss = bowl(step, params, at, out)
    if out is not None:
        out *= 30
    return loss


def overflowing(step, params, at, out):
    """Finite, but its square is not."""
    loss = bowl(step, params, at, out)
    if out is not None and at is not params:
        out *= np.sqrt(np.finfo(at.dtype).max)
    return loss


def creeping(step, params, at, out):
    """A loss that grows by a tenth from step to step, and is low at the average."""
    return bowl(step, params, at, out) * (1.0 if at is params else 1.1 ** (step - 55))


def poisoned(step, params, at, out):
    if out is not None:
        out *= np.nan
    return bowl(step, params, at, None) * np.nan


def course(optimizer, params, strange, steps):
    """Train, with other losses in some of the steps; return state, parameters and losses."""
    state, losses = optimizer.init(params), []
    for step in range(N_STEPS):
        loss = strange if step in steps else bowl

        def evaluate(at, out=None, step=step, loss=loss):
            return loss(step, params, at, out)

        losses.append(optimizer.step(state, params, evaluate))
    optimizer.result(state, params)
    return freeze(state), to_host(params), [float(loss if np.isscalar(loss) else to_host(loss)) for loss in losses]


@pytest.mark.parametrize("direction", ["adam", "sgd"])
@pytest.mark.parametrize("granularity", ["parameter", "layer", "global"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("strange", "steps"),
    [
        (bowl, {}),
        (hard, {60}),
        (hard, {55, 74, 75, 76, 100}),
        (diverging, {50}),
        (diverging, {80, 81}),
        (steep, {60, 75}),
        (overflowing, {90}),
        (creeping, range(55, N_STEPS)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_course_is_bitwise_numpys(compiled_cupy, direction, granularity, dtype, strange, steps):
    optimizer = AutomaticOptimizer(LAYOUT, direction, granularity)
    start = np.linspace(-1, 3, LAYOUT.n_params).astype(dtype)
    expected, actual = (course(optimizer, params, strange, steps) for params in (start, compiled_cupy.asarray(start)))
    assert same_state(actual, expected)
    if strange in (diverging, overflowing, creeping):
        assert expected[0]["n_restarts"] > 0


def test_trouble_makes_the_steps_of_its_window_again(compiled_cupy):
    optimizer = AutomaticOptimizer(LAYOUT)
    params, evaluations = compiled_cupy.asarray(np.zeros(LAYOUT.n_params)), []

    def strange(step, params, at, out):
        evaluations.append((step, at is params))
        return hard(step, params, at, out)

    state, *_ = course(optimizer, params, strange, {60})
    assert evaluations == [(60, False), (60, False), (60, True)]
    assert EVENTS[state["event"]] == ""


def test_what_is_finite_nowhere_raises_when_the_result_is_asked_for(compiled_cupy):
    with pytest.raises(FloatingPointError, match="in step 60"):
        course(AutomaticOptimizer(LAYOUT), compiled_cupy.asarray(np.zeros(LAYOUT.n_params)), poisoned, {60})


def test_a_window_reads_once_and_in_its_last_step(compiled_cupy):
    optimizer = AutomaticOptimizer(LAYOUT)
    params = compiled_cupy.asarray(np.zeros(LAYOUT.n_params))
    state = optimizer.init(params)
    for step in range(N_STEPS):

        def evaluate(at, out=None, step=step):
            return bowl(step, params, at, out)

        if step > 50 and step % 25:
            with fake_cupy.reads.forbid():
                optimizer.step(state, params, evaluate)
        else:
            before = fake_cupy.reads.count
            optimizer.step(state, params, evaluate)
            assert step == 0 or fake_cupy.reads.count == before + 1
