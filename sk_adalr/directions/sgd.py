"""Plain gradient descent."""

from dataclasses import dataclass
from typing import Any

from sk_adalr.backends import Array, namespace
from sk_adalr.directions.base import State


@dataclass(frozen=True)
class SGD:
    r"""Stochastic gradient descent: the direction is the gradient.

    .. math:: d_t = g_t
    """

    def init(self, params: Array) -> State:
        """Return an empty state."""
        return {}

    def update(self, state: State, grad: Array, step: int, *, out: Array) -> None:
        """Fill `out` with the gradient."""
        namespace(out).copyto(out, grad)

    def operands(self, state: State, step: int) -> tuple[Any, ...]:
        """Return no operands: the kernel of a whole step needs none."""
        return ()
