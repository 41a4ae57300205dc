"""Adam."""

import math
from dataclasses import dataclass
from typing import Any

from sk_adalr.backends import Array, namespace
from sk_adalr.directions.base import State


@dataclass(frozen=True)
class Adam:
    r"""Adam, with the learning rate outside the direction.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2 \\
        d_t &= \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the first and second moment, in [0, 1).
    epsilon : float, default=1e-8
        Added to the denominator, > 0.

    References
    ----------
    .. [1] Kingma and Ba, "Adam: A method for stochastic optimization", ICLR 2015.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def init(self, params: Array) -> State:
        """Return the state before the first step: both decaying sums (n_params,) are zero."""
        xp = namespace(params)
        return {"grad_sum": xp.zeros_like(params), "square_sum": xp.zeros_like(params)}

    def update(self, state: State, grad: Array, step: int, *, out: Array) -> None:
        """Advance both moments and fill `out` with their bias-corrected quotient."""
        xp = namespace(out)
        # The state holds m / (1 - beta_1) and v / (1 - beta_2), so that all constants combine into one factor and one
        # summand.
        grad_sum, square_sum = state["grad_sum"], state["square_sum"]
        grad_sum *= self.beta_1
        grad_sum += grad
        xp.multiply(grad, grad, out=out)
        square_sum *= self.beta_2
        square_sum += out

        ratio, shift = self._denominator(step)
        xp.sqrt(square_sum, out=out)
        out *= ratio
        out += shift
        xp.divide(grad_sum, out, out=out)

    def operands(self, state: State, step: int) -> tuple[Any, ...]:
        """Return the operands of the kernel of a whole step: arrays, then constants."""
        return state["grad_sum"], state["square_sum"], self.beta_1, self.beta_2, *self._denominator(step)

    def _denominator(self, step: int) -> tuple[float, float]:
        """Return `ratio` and `shift` such that the direction is ``grad_sum / (sqrt(square_sum) * ratio + shift)``."""
        first = (1 - self.beta_1) / (1 - self.beta_1**step)
        second = (1 - self.beta_2) / (1 - self.beta_2**step)
        return math.sqrt(second) / first, self.epsilon / first
