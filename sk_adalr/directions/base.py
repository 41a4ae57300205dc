"""What a search direction is."""

from typing import Protocol, TypeAlias, runtime_checkable

from sk_adalr.backends import Array

#: Named arrays, so that it copies, pickles and moves between devices without further code.
State: TypeAlias = dict[str, Array]


@runtime_checkable
class Direction(Protocol):
    r"""The answer to "where": :math:`d_t`, of which :math:`w \leftarrow w - \eta_t d_t` takes a step.

    A direction never contains the learning rate. Hence :math:`\partial w_t / \partial \eta_{t-1} = -d_{t-1}`
    holds for every direction, and with it the hypergradient rule.

    Implementations are frozen dataclasses that hold hyper-parameters only; all that changes lies in the state.
    """

    def init(self, params: Array) -> State:
        """Return the state before the first step, for `params` of shape (n_params,)."""
        ...

    def update(self, state: State, grad: Array, step: int, *, out: Array) -> None:
        """Fill `out` (n_params,) with :math:`d_t`, given :math:`g_t` and ``step = 1, 2, ...``; update `state`."""
        ...
