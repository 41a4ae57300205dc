"""Adam."""

from dataclasses import dataclass

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
        """Return the state before the first step: both moments (n_params,) zero."""
        xp = namespace(params)
        return {"m": xp.zeros_like(params), "v": xp.zeros_like(params)}

    def update(self, state: State, grad: Array, step: int, *, out: Array) -> None:
        """Advance both moments and fill `out` with their bias-corrected quotient."""
        xp = namespace(out)
        m, v = state["m"], state["v"]
        xp.multiply(grad, 1 - self.beta_1, out=out)
        m *= self.beta_1
        m += out
        xp.multiply(grad, grad, out=out)
        out *= 1 - self.beta_2
        v *= self.beta_2
        v += out

        xp.multiply(v, 1 / (1 - self.beta_2**step), out=out)
        xp.sqrt(out, out=out)
        out += self.epsilon
        xp.divide(m, out, out=out)
        out *= 1 / (1 - self.beta_1**step)
