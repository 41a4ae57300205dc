"""Gradient descent with Nesterov's momentum."""

from dataclasses import dataclass
from typing import Any

from sk_adalr.backends import Array, namespace
from sk_adalr.directions.base import State


@dataclass(frozen=True)
class Nesterov:
    r"""Nesterov's accelerated gradient, with the learning rate outside the velocity.

    .. math:: v_t = \mu v_{t-1} + g_t, \qquad d_t = g_t + \mu v_t

    The gradient is evaluated at the current parameters (the look-ahead is a change of variables), as in torch.

    Parameters
    ----------
    momentum : float, default=0.9
        :math:`\mu`, in [0, 1).
    """

    momentum: float = 0.9

    def init(self, params: Array) -> State:
        """Return the state before the first step: the velocity (n_params,) is zero."""
        return {"velocity": namespace(params).zeros_like(params)}

    def update(self, state: State, grad: Array, step: int, *, out: Array) -> None:
        """Advance the velocity and fill `out` with the look-ahead direction."""
        velocity = state["velocity"]
        velocity *= self.momentum
        velocity += grad
        namespace(out).multiply(velocity, self.momentum, out=out)
        out += grad

    def operands(self, state: State, step: int) -> tuple[Any, ...]:
        """Return the operands of the kernel of a whole step: arrays, then constants."""
        return state["velocity"], self.momentum
