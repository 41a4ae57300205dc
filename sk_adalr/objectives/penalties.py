r"""The penalised mean loss, which every estimator minimises.

.. math:: F(w) = \frac{\sum_i s_i \, \ell_i(w)}{\sum_i s_i} + \frac{\lambda}{2} \lVert W \rVert^2

with sample weights :math:`s` and :math:`W` the coefficients without the intercepts.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sk_adalr.backends import Array, namespace
from sk_adalr.dataset import Batch
from sk_adalr.objectives.network import Network


@dataclass(frozen=True)
class L2Penalty:
    r"""L2 penalty on the coefficients, never on the intercepts.

    Parameters
    ----------
    strength : float
        :math:`\lambda \ge 0`, or its numerator if `per_batch`.
    per_batch : bool, default=False
        Whether :math:`\lambda` is `strength` divided by the batch's sum of weights, as in scikit-learn's
        ``MLPClassifier``.
    coef_weights : array of shape (n_coefs,) or None, default=None
        Factors of the squared coefficients. If training scales the columns, these keep the penalty in the units of
        the data.
    """

    strength: float
    per_batch: bool = False
    coef_weights: Array | None = None

    def factor(self, weight_sum: float) -> float:
        r"""Return :math:`\lambda` for a batch whose weights sum to `weight_sum`."""
        return self.strength / weight_sum if self.per_batch else self.strength


@dataclass(frozen=True)
class PenalizedMean:
    """The mean loss of a batch plus the L2 penalty, with its gradient.

    Parameters
    ----------
    network : Network
        The network, with its loss.
    penalty : L2Penalty
        The penalty on the coefficients of the network.
    """

    network: Network
    penalty: L2Penalty

    @cached_property
    def _weighted_coefs(self) -> Array:
        return namespace(self.penalty.coef_weights).empty_like(self.penalty.coef_weights)

    def value_and_grad(self, params: Array, batch: Batch, *, out: Array | None = None) -> Any:
        """Return the penalised mean loss of `batch`; fill `out` (n_params,), if given, with its gradient."""
        weights, weighted = self.penalty.coef_weights, None
        if weights is not None:
            coefs = params[: self.network.layout.n_coefs]
            weighted = namespace(params).multiply(weights, coefs, out=self._weighted_coefs)
        return self.network.value_and_grad(
            params,
            batch,
            out=out,
            weight_sum=batch.weight_sum,
            factor=self.penalty.factor(batch.weight_sum),
            weighted_coefs=weighted,
        )
