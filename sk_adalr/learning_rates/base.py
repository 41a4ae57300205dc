"""The interface of learning rates."""

from typing import Protocol, TypeAlias, runtime_checkable

from sk_adalr.backends import Array
from sk_adalr.parameters import ParameterLayout

#: Named arrays, which can be copied, pickled and moved between devices without further code. Histories record
#: ``state["rates"]``, of shape (n_rates,).
State: TypeAlias = dict[str, Array]


@runtime_checkable
class LearningRate(Protocol):
    r"""The learning rate :math:`\eta_t` of an update :math:`w \leftarrow w - \eta_t d_t`.

    Implementations are frozen dataclasses of hyperparameters; everything that changes is in the state.
    """

    def init(self, params: Array, layout: ParameterLayout) -> State:
        """Return the state before the first step.

        Parameters
        ----------
        params : array of shape (n_params,)
            The parameters to be trained; the state takes their dtype and device.
        layout : ParameterLayout
            Which parameters form a layer.

        Returns
        -------
        dict of str to array
            Contains "rates", of shape (n_rates,), and any other arrays that `update` needs.
        """
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
        r"""Update the rates from :math:`\eta_{t-1}` to :math:`\eta_t` in place.

        Parameters
        ----------
        state : dict of str to array
            The state that `init` returned; changed in place.
        grad : array of shape (n_params,)
            The gradient :math:`g_t`; must not be changed.
        previous_direction : array of shape (n_params,)
            :math:`d_{t-1}`, zero in the first step, so that the first rate is used as given; must not be changed.
        step : int
            The number of this step: 1, 2, ...
        layout : ParameterLayout
            Which parameters form a layer.
        scratch : array of shape (n_params,)
            Workspace; overwritten.
        """
        ...

    def expand(self, state: State, layout: ParameterLayout, *, scratch: Array) -> Array:
        """Return the rates in a shape that broadcasts over the parameters.

        Parameters
        ----------
        state : dict of str to array
            The state that `init` returned.
        layout : ParameterLayout
            Which parameters form a layer.
        scratch : array of shape (n_params,)
            Workspace, which may hold the result.

        Returns
        -------
        array
            The rates, in a shape that broadcasts to (n_params,); the caller does not change them.
        """
        ...
