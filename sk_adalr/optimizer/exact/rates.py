r"""Initial per-parameter rates: the inverse diagonal curvature of the constant model.

In standardised columns the rates are :math:`\eta_j = 1 / (v + \lambda_j)`, where :math:`v` is the mean second
derivative of the loss by a score.

Where columns share one unit, such as pixels, columns that hardly vary get rates thousands of times larger than the
others in that unit. The subspace search compensates for this, but the quasi-Newton direction for several classes does
not: there a lower bound on the curvature saves more than half of the gradients on raw images. It does not help with
two classes.

Without an intercept columns keep their means :math:`a`, and columns far from zero are all nearly constant. The
direction that they share has a separate term :math:`v a a^T` of the curvature; otherwise it would determine all rates,
which would be too small for the other directions.
"""

from dataclasses import dataclass

import numpy as np

from sk_adalr.objectives.columns import Columns
from sk_adalr.optimizer.exact.problem import Problem

# Least curvature of a column relative to the mean over columns, in their common unit; the number of gradients differs
# by less than 10 % from .03 to .3.
_FLOOR = 0.3
# Least standard deviation of a column in units of its root mean square: less may be round-off error.
_LEAST_DEVIATION = 1e-7


@dataclass(frozen=True)
class Metric:
    r"""The curvature of each score at the constant model, :math:`M = \mathrm{diag}(1 / \eta) + v a a^T`.

    Parameters
    ----------
    rates : ndarray (p,)
        Rates of the standardised coefficients; 0 for constant columns.
    variance : float
        The mean second derivative v.
    means : ndarray (p,) or None
        Means of the standardised columns; None if they are centred.
    """

    rates: np.ndarray
    variance: float
    means: np.ndarray | None

    @classmethod
    def of(cls, problem: Problem, variance: float) -> "Metric":
        """Return the metric of a problem whose scores have the curvature `variance`."""
        columns, means, own = problem.columns, None, variance
        if not problem.fit_intercept:
            means, deviations = columns.spread(problem.weight)
            own = variance * np.maximum(deviations, _LEAST_DEVIATION) ** 2
        return cls(columns.alive / (own + (0.0 if problem.penalty is None else problem.penalty)), variance, means)

    def solve(self, grad: np.ndarray) -> np.ndarray:
        """Return the solution x, (p,) or (k, p), of M x = grad."""
        if self.means is None:
            return self.rates * grad
        shared = self.rates * self.means
        share = (grad @ shared) / (1.0 / self.variance + self.means @ shared)
        return self.rates * (grad - np.multiply.outer(share, self.means))

    def along(self, step: np.ndarray) -> float:
        """Return the curvature along a step (p,) or (k, p), summed over scores."""
        own = float((np.divide(step, self.rates, out=np.zeros_like(step), where=self.rates > 0) * step).sum())
        return own if self.means is None else own + self.variance * float(((step @ self.means) ** 2).sum())


def floored_rates(columns: Columns, rates: np.ndarray) -> np.ndarray:
    """Return rates (p,) with a lower bound on the curvature if the columns share a unit."""
    if not columns.share_unit():
        return rates
    alive = columns.alive
    square = (columns.scale[alive] / columns.scale[alive].max()) ** 2
    curvature = square / rates[alive]
    floored = rates.copy()
    floored[alive] = square / np.maximum(curvature, _FLOOR * curvature.mean())
    return floored
