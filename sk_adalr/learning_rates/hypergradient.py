"""The paper's rule: gradient descent on the learning rate."""

from dataclasses import dataclass, field

from sk_adalr.backends import Array, namespace
from sk_adalr.learning_rates.base import State
from sk_adalr.learning_rates.granularity import Granularity, PerParameter
from sk_adalr.parameters import ParameterLayout


@dataclass(frozen=True)
class Hypergradient:
    r"""Literal hypergradient rule: raise rates where gradient and previous direction agree, else lower them.

    .. math:: \eta_t = \eta_{t-1} - \alpha \frac{\partial L_t}{\partial \eta_{t-1}}
              = \eta_{t-1} + \alpha \, g_t \odot d_{t-1}

    For SGD :math:`d = g`, which is the rule of [1]_, per parameter. With a shared rate, the product is averaged over
    the parameters that share it, as in [1]_; [2]_ sums instead. The first step uses :math:`\eta_0` as given. Rates are
    not bounded: as [1]_ notes, they can become negative, so that steps go uphill.

    Parameters
    ----------
    learning_rate_init : float, default=1e-3
        :math:`\eta_0 > 0`.
    hyper_learning_rate : float, default=1e-4
        :math:`\alpha \ge 0`, in units of learning rate per squared gradient. 0 keeps the rates constant.
    granularity : Granularity, default=PerParameter()
        Which parameters share a rate: ``PerParameter()``, ``PerLayer()`` or ``Global()``.

    References
    ----------
    .. [1] "An Adaptive Learning Rate Method for Gradient Descent Algorithms", eq. `learning_rate_update_2` and
       `learning_rate_update_global`.
    .. [2] Baydin et al., "Online Learning Rate Adaptation with Hypergradient Descent", ICLR 2018.
    """

    learning_rate_init: float = 1e-3
    hyper_learning_rate: float = 1e-4
    granularity: Granularity = field(default_factory=PerParameter)

    def init(self, params: Array, layout: ParameterLayout) -> State:
        r"""Return ``rates`` of shape (n_rates,), all :math:`\eta_0`."""
        n_rates = self.granularity.n_rates(layout)
        return {"rates": namespace(params).full(n_rates, self.learning_rate_init, dtype=params.dtype)}

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
        """Move the rates by one step against the hypergradient."""
        # chain rule, eq. dLdeta: -dL_t/deta_{t-1} = g_t * d_{t-1}
        product = namespace(grad).multiply(grad, previous_direction, out=scratch)
        agreement = self.granularity.reduce(product, layout)
        agreement *= self.hyper_learning_rate
        state["rates"] += agreement  # eq. learning_rate_update_2, learning_rate_update_global

    def expand(self, state: State, layout: ParameterLayout, *, scratch: Array) -> Array:
        """Return the rates in a shape that broadcasts to (n_params,)."""
        return self.granularity.expand(state["rates"], layout, scratch=scratch)
