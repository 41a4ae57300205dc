r"""Initial per-parameter rates: the inverse diagonal curvature of the constant model.

In standardised columns it is :math:`\eta_j = 1 / (v + \lambda_j)` with the variance :math:`v` of the target. Where
columns share one unit, such as pixels, those that hardly vary get rates thousands of times larger than the rest
in that unit. The subspace search repairs this, the quasi-Newton direction of several classes does not: there a
floor on the curvature saves more than half of the gradients on raw images. For two classes it gains nothing.

Without an intercept columns keep their means :math:`a`, and columns far from zero are all nearly the same constant.
What they share has a curvature of its own, :math:`v a a^T`; without it the rates would be those of that one direction,
and take the others for flat.
"""

from dataclasses import dataclass

import numpy as np

from sk_adalr.objectives.columns import Columns
from sk_adalr.optimizer.exact.problem import Problem

# Least curvature of a column relative to the mean one, in their common unit; .03 to .3 differ by less than 10 %.
_FLOOR = 0.3
# Least deviation of a column in units of its root mean square: what is below may be rounding.
_LEAST_DEVIATION = 1e-7


@dataclass(frozen=True)
class Metric:
    r"""The curvature of each score at the constant model, :math:`M = \mathrm{diag}(1 / \eta) + v a a^T`.

    Parameters
    ----------
    rates : ndarray (p,)
        Of standardised coefficients; 0 for columns without information.
    variance : float
    means : ndarray (p,) or None
        Of standardised columns; None where they are centred.
    """

    rates: np.ndarray
    variance: float
    means: np.ndarray | None

    @classmethod
    def of(cls, problem: Problem, variance: float) -> "Metric":
        """Return that of a model whose scores have a curvature."""
        columns, means, own = problem.columns, None, variance
        if not problem.fit_intercept:
            means, deviations = columns.spread(problem.weight)
            own = variance * np.maximum(deviations, _LEAST_DEVIATION) ** 2
        return cls(columns.alive / (own + (0.0 if problem.penalty is None else problem.penalty)), variance, means)

    def solve(self, grad: np.ndarray) -> np.ndarray:
        """Return the solution (p,) or (k, p) of M solution = grad."""
        if self.means is None:
            return self.rates * grad
        shared = self.rates * self.means
        share = (grad @ shared) / (1.0 / self.variance + self.means @ shared)
        return self.rates * (grad - np.multiply.outer(share, self.means))

    def along(self, step: np.ndarray) -> float:
        """Return the curvature along a step (p,) or (k, p)."""
        own = float((np.divide(step, self.rates, out=np.zeros_like(step), where=self.rates > 0) * step).sum())
        return own if self.means is None else own + self.variance * float(((step @ self.means) ** 2).sum())


def floored_rates(columns: Columns, rates: np.ndarray) -> np.ndarray:
    """Return rates (p,) with the floor on the curvature where columns share a unit."""
    if not columns.share_unit():
        return rates
    alive = columns.alive
    square = (columns.scale[alive] / columns.scale[alive].max()) ** 2
    curvature = square / rates[alive]
    floored = rates.copy()
    floored[alive] = square / np.maximum(curvature, _FLOOR * curvature.mean())
    return floored
