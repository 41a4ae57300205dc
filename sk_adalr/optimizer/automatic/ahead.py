"""Steps that a device makes ahead of the host.

A host that waits for a number of the device leaves it idle. What a step has to know is therefore read at once, and
what only later steps have to know is read with that: `owe`, `settle`. On NumPy, where numbers are there, both act
immediately.

From `N_ADAPTED` on, nothing but trouble changes what the host does. So the device goes on by itself through the steps
of a `Window` and watches their losses; then the host reads whether all of them were calm. If not, it takes back the
whole window and makes its steps again, one by one, as on NumPy: the course is the same.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from sk_adalr.backends import Array, kernels, namespace
from sk_adalr.optimizer.automatic.state import CALM, AutomaticState
from sk_adalr.optimizer.step import Evaluate

#: ``step(state, params, evaluate)``, which returns the loss.
Step = Callable[[AutomaticState, Array, Evaluate], Any]


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
        smoothed, lowest, mean_norm, _, trouble = state.settle(self._memory)
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
        state.settle()


def step_ahead(state: AutomaticState, params: Array, evaluate: Evaluate, step: Step, *, window_end: int) -> Any:
    """Make a step in a window, of which every `window_end`-th step is the last."""
    if state.window is None:
        state.settle()
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
        state.settle()
    else:
        window.close(state, params, step)


def _copy(value: Any) -> Any:
    return value.copy() if hasattr(value, "dtype") else value
