"""The constant learning rate."""

from dataclasses import dataclass

from sk_adalr.backends import Array, namespace
from sk_adalr.learning_rates.base import State
from sk_adalr.parameters import ParameterLayout


@dataclass(frozen=True)
class Constant:
    r"""One constant learning rate, :math:`\eta_t = \eta_0`.

    Parameters
    ----------
    learning_rate_init : float, default=1e-3
        :math:`\eta_0 > 0`.
    """

    learning_rate_init: float = 1e-3

    def init(self, params: Array, layout: ParameterLayout) -> State:
        """Return one rate, ``rates`` of shape (1,)."""
        return {"rates": namespace(params).full(1, self.learning_rate_init, dtype=params.dtype)}

    def update(
        self,
        state: State,
        grad: Array,
        previous_direction: Array,
        step: int,
        layout: ParameterLayout,
        *,
        scratch: Array,
    ) -> None:
        """Do nothing: the rate is constant."""

    def expand(self, state: State, layout: ParameterLayout, *, scratch: Array) -> Array:
        """Return the rate, (1,)."""
        return state["rates"]
