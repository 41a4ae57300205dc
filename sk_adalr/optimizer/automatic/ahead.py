"""Steps that a device makes ahead of the host.

A host that waits for a number of the device leaves it idle. What a step has to know is therefore read at once, and
what only later steps have to know is read with that: `owe`, `settle`. On NumPy, where numbers are there, both act
immediately.

From `N_ADAPTED` on, nothing but trouble changes what the host does. So the device goes on by itself through the steps
of a `Window` and watches their losses; then the host reads whether all of them were calm. If not, it takes back the
whole window and makes its steps again, one by one, as on NumPy: the course is the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from itertools import islice
from typing import Any

import numpy as np

from sk_adalr.backends import Array, kernels, namespace, read
from sk_adalr.optimizer.automatic.state import CALM, AutomaticState
from sk_adalr.optimizer.step import Evaluate

#: ``step(state, params, evaluate)``, which returns the loss.
Step = Callable[[AutomaticState, Array, Evaluate], Any]


def owe(state: AutomaticState, numbers: Sequence[Any], act: Callable[..., None]) -> None:
    """Call `act` with the numbers as floats: at once on the host; on a device, when the host reads next."""
    if namespace(state.grad) is np:
        act(*map(float, numbers))
    else:
        state.owed = [*(state.owed or ()), (numbers, act)]


def settle(state: AutomaticState, *numbers: Array) -> list[float]:
    """Return the elements of `numbers` as floats, after acting on what is owed: a single read."""
    if type(state.grad) is np.ndarray:  # asked in every step
        return [*map(float, numbers)]
    owed, state.owed = state.owed or (), None
    values = iter(read([number for owed_numbers, _ in owed for number in owed_numbers] + [*numbers]))
    for owed_numbers, act in owed:
        act(*islice(values, len(owed_numbers)))
    return list(values)


class Window:
    """Consecutive steps of a device, and all that undoes them.

    Parameters
    ----------
    state : AutomaticState
    params : array of shape (n_params,)
        State and parameters before the first of the steps.
    """

    def __init__(self, state: AutomaticState, params: Array) -> None:
        self._params = params.copy()
        names = (field.name for field in fields(state) if not field.metadata.get("buffer"))
        self._before = {name: _copy(getattr(state, name)) for name in names}
        self._steps: list[tuple[Evaluate, Array]] = []
        memory = [state.smoothed_loss, state.lowest_loss, state.mean_norm, 1.0, 0.0]
        self._memory = namespace(params).asarray(memory, dtype="float64")

    @property
    def smoothed_loss(self) -> Array:
        """The smoothed loss, 0-d."""
        return self._memory[0]

    def shorten(self, grad: Array) -> None:
        """Shorten a gradient that is too long, in place."""
        grad *= self._memory[3].astype(grad.dtype)

    def watch(self, state: AutomaticState, loss: Array, *constants: float) -> None:
        """Judge the loss and ``state.grad``, as the guard and the directions that follow the gradient do."""
        state.event = CALM
        square = namespace(state.grad).vdot(state.grad, state.grad)
        kernels(state.grad).watch(self._memory, loss, square, state.first_loss, *constants)

    def add(self, evaluate: Evaluate, loss: Array) -> None:
        """Remember a step; its loss is overwritten if the step is made again."""
        self._steps.append((evaluate, loss))

    def close(self, state: AutomaticState, params: Array, step: Step) -> None:
        """Hear of the steps, and make them again by `step` if there was trouble."""
        smoothed, lowest, mean_norm, _, trouble = settle(state, self._memory)
        if not trouble:
            state.smoothed_loss, state.lowest_loss, state.mean_norm = smoothed, lowest, mean_norm
            return
        params[...], state.is_at_point = self._params, False
        for name, value in self._before.items():
            if hasattr(value, "dtype"):
                getattr(state, name)[...] = value
            else:
                setattr(state, name, value)
        for evaluate, loss in self._steps:
            loss[...] = step(state, params, evaluate)
        settle(state)


def step_ahead(state: AutomaticState, params: Array, evaluate: Evaluate, step: Step, *, window_end: int) -> Any:
    """Make a step in a window, of which every `window_end`-th step is the last."""
    if state.window is None:
        settle(state)
        state.window = Window(state, params)
    is_last = state.step % window_end == 0
    loss = step(state, params, evaluate)
    state.window.add(evaluate, loss)
    if is_last:
        catch_up(state, params, step)
    return loss


def catch_up(state: AutomaticState, params: Array, step: Step) -> None:
    """Let the host know all that the device did; `params` are then what NumPy has."""
    window, state.window = state.window, None
    if window is None:
        settle(state)
    else:
        window.close(state, params, step)


def _copy(value: Any) -> Any:
    return value.copy() if hasattr(value, "dtype") else value
