"""Gradient descent with momentum."""

from dataclasses import dataclass
from typing import Any

from sk_adalr.backends import Array, namespace
from sk_adalr.directions.base import State


@dataclass(frozen=True)
class Momentum:
    r"""Heavy-ball momentum, with the learning rate outside the velocity.

    .. math:: v_t = \mu v_{t-1} + g_t, \qquad d_t = v_t

    With a constant rate this equals the form whose velocity contains the rate, as in scikit-learn's
    ``MLPClassifier``. If the rate varies, only this form has :math:`\partial w_t/\partial\eta_{t-1} = -d_{t-1}`.

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
        """Advance the velocity and copy it into `out`."""
        velocity = state["velocity"]
        velocity *= self.momentum
        velocity += grad
        namespace(out).copyto(out, velocity)

    def operands(self, state: State, step: int) -> tuple[Any, ...]:
        """Return the operands of the kernel of a whole step: arrays, then constants."""
        return state["velocity"], self.momentum
