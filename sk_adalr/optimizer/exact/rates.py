r"""Initial per-parameter rates: the inverse diagonal curvature of the constant model.

In standardised columns it is :math:`\eta_j = 1 / (v + \lambda_j)` with the variance :math:`v` of the target. Where
columns share one unit, such as pixels, those that hardly vary get rates thousands of times larger than the rest
in that unit. The subspace search repairs this, the quasi-Newton direction of several classes does not: there a
floor on the curvature saves more than half of the gradients on raw images. For two classes it gains nothing.
"""

import numpy as np

from sk_adalr.objectives.columns import Columns

# Least curvature of a column relative to the mean one, in their common unit; .03 to .3 differ by less than 10 %.
_FLOOR = 0.3


def constant_model_rates(columns: Columns, variance: float, penalty: np.ndarray | None) -> np.ndarray:
    """Return the rates (p,) of standardised coefficients with a penalty (p,); 0 for columns without information."""
    return columns.alive / (variance + (0.0 if penalty is None else penalty))


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
