"""What a search direction is."""

from typing import Any, Protocol, TypeAlias, runtime_checkable

from sk_adalr.backends import Array

#: Named arrays, so that it copies, pickles and moves between devices without further code.
State: TypeAlias = dict[str, Array]


@runtime_checkable
class Direction(Protocol):
    r"""The direction :math:`d_t` of an update :math:`w \leftarrow w - \eta_t d_t`.

    A direction never contains the learning rate. Hence :math:`\partial w_t / \partial \eta_{t-1} = -d_{t-1}`
    holds for every direction, and with it the hypergradient rule.

    Implementations are frozen dataclasses of hyperparameters; everything that changes is in the state. These
    two methods are all a direction needs. `ElementwiseDirection` has a third, for speed.
    """

    def init(self, params: Array) -> State:
        """Return the state before the first step.

        Parameters
        ----------
        params : array of shape (n_params,)
            The parameters to be trained; the state takes their dtype and device.

        Returns
        -------
        dict of str to array
            What `update` remembers from step to step.
        """
        ...

    def update(self, state: State, grad: Array, step: int, *, out: Array) -> None:
        r"""Fill `out` with :math:`d_t`, and bring `state` from the last step to this one.

        Parameters
        ----------
        state : dict of str to array
            What `init` returned; changed in place.
        grad : array of shape (n_params,)
            The gradient :math:`g_t`; left alone.
        step : int
            The number of this step: 1, 2, ...
        out : array of shape (n_params,)
            Holds :math:`d_{t-1}`, zero in the first step, and then :math:`d_t`.
        """
        ...


@runtime_checkable
class ElementwiseDirection(Direction, Protocol):
    """A direction that is computed entry by entry, from the gradient and the state: optional, for speed.

    With it, many parameters are updated block by block, and in one pass where there is a kernel of the direction's
    name. Nothing else depends on it.
    """

    def operands(self, state: State, step: int) -> tuple[Any, ...]:
        """Return what the kernel of a whole step takes.

        Parameters
        ----------
        state : dict of str to array
            What `init` returned. Its arrays are all of shape (n_params,).
        step : int
            The number of this step: 1, 2, ...

        Returns
        -------
        tuple
            Arrays of the state, then constants.
        """
        ...
