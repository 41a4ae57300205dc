"""What a learning rate is."""

from typing import Protocol, TypeAlias, runtime_checkable

from sk_adalr.backends import Array
from sk_adalr.parameters import ParameterLayout

#: Named arrays, so that it copies, pickles and moves between devices without further code. ``state["rates"]``,
#: of shape (n_rates,), is what histories record.
State: TypeAlias = dict[str, Array]


@runtime_checkable
class LearningRate(Protocol):
    r"""The answer to "how far": :math:`\eta_t` in :math:`w \leftarrow w - \eta_t d_t`.

    Implementations are frozen dataclasses that hold hyper-parameters only; all that changes lies in the state.
    """

    def init(self, params: Array, layout: ParameterLayout) -> State:
        """Return the state before the first step, in the dtype and on the device of `params` (n_params,)."""
        ...

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
        r"""Turn the rates into :math:`\eta_t` in place, given :math:`g_t` and :math:`d_{t-1}`, both (n_params,).

        :math:`d_{t-1}` is zero at ``step = 1``. `scratch` (n_params,) may be overwritten.
        """
        ...

    def expand(self, state: State, layout: ParameterLayout, *, scratch: Array) -> Array:
        """Return the rates in a shape that broadcasts to (n_params,), in `scratch` where room is needed."""
        ...
