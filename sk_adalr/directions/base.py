"""The interface of search directions."""

from typing import Any, Protocol, TypeAlias, runtime_checkable

from sk_adalr.backends import Array

#: Named arrays, which can be copied, pickled and moved between devices without further code.
State: TypeAlias = dict[str, Array]


@runtime_checkable
class Direction(Protocol):
    r"""The direction :math:`d_t` of an update :math:`w \leftarrow w - \eta_t d_t`.

    A direction never contains the learning rate. Hence :math:`\partial w_t / \partial \eta_{t-1} = -d_{t-1}`
    holds for every direction, and with it the hypergradient rule.

    Implementations are frozen dataclasses of hyperparameters; everything that changes is in the state. A direction
    needs only these two methods. `ElementwiseDirection` has a third, for speed.
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
            Arrays that `update` changes from step to step.
        """
        ...

    def update(self, state: State, grad: Array, step: int, *, out: Array) -> None:
        r"""Fill `out` with :math:`d_t`, and advance `state` by one step.

        Parameters
        ----------
        state : dict of str to array
            The state that `init` returned; changed in place.
        grad : array of shape (n_params,)
            The gradient :math:`g_t`; must not be changed.
        step : int
            The number of this step: 1, 2, ...
        out : array of shape (n_params,)
            Contains :math:`d_{t-1}`, zero in the first step, on input, and :math:`d_t` on output.
        """
        ...


@runtime_checkable
class ElementwiseDirection(Direction, Protocol):
    """A direction that is computed elementwise from the gradient and the state: an optional interface, for speed.

    Many parameters are then updated block by block, or in one pass if there is a kernel for the direction. Nothing
    else depends on this interface.
    """

    def operands(self, state: State, step: int) -> tuple[Any, ...]:
        """Return the operands of the kernel of a whole step.

        Parameters
        ----------
        state : dict of str to array
            The state that `init` returned. All its arrays have the shape (n_params,).
        step : int
            The number of this step: 1, 2, ...

        Returns
        -------
        tuple
            Arrays of the state, then constants.
        """
        ...
