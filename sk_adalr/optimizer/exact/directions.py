r"""The directions of coefficients that the rows see: those that change a prediction.

Where columns depend on each other, or are more than the rows, there are others, along which no prediction changes. In
the caller's units the solution has no part in these: with a penalty it would only add to it, and without one this is
the solution of minimum norm.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import linalg

# Rounding of a column in units of eps times its magnitude, generously: the columns may themselves be results.
_NOISE = 4.0
# Size of standardised coefficients, relative to those of least size that fit as well, beyond which they are rounding.
_LONGEST = 1e3


def rounding_noise(mean: np.ndarray, deviation: np.ndarray, dtype: Any) -> float:
    """Return the rounding of numbers of a dtype, in units of the deviations (p,) of their columns: the largest one."""
    return _NOISE * float(np.finfo(dtype).eps * (np.hypot(mean, deviation) / deviation).max(initial=0.0))


class Directions(NamedTuple):
    r"""What the rows see of standardised columns: :math:`\tilde X / \sqrt n = U \Sigma V^T`, without what they do not.

    Attributes
    ----------
    vectors : ndarray (p, r)
        V.
    values : ndarray (r,)
        The diagonal of :math:`\Sigma`, all positive.
    target : ndarray (k, r)
        The standardised target times :math:`U / \sqrt n`.
    """

    vectors: np.ndarray
    values: np.ndarray
    target: np.ndarray

    def decrease(self, grad: np.ndarray, curvature: float, penalty: np.ndarray) -> float:
        """Return what a loss loses along these directions, as its gradient (k, p) foretells.

        `curvature` is that of the loss by a prediction, and `penalty` (p,) that of each standardised coefficient.
        """
        seen, roots = grad @ self.vectors, np.sqrt(curvature) * self.values
        if not penalty.any():
            return 0.5 * float(((seen / roots) ** 2).sum())
        # Of columns in units far apart, the penalties are so, too: see `solve`.
        rows = np.vstack([np.diag(roots), np.sqrt(penalty)[:, None] * self.vectors])
        order = np.argsort(-np.abs(rows).max(axis=1), kind="stable")
        factor, pivot = linalg.qr(rows[order], mode="r", pivoting=True, check_finite=False)
        solved = linalg.solve_triangular(factor[: len(roots)], seen[:, pivot].T, trans="T", check_finite=False)
        return 0.5 * float((solved**2).sum())

    def solve(self, scale: np.ndarray, penalty: float) -> np.ndarray:
        """Return the coefficients (k, p) that minimise the loss, with no part in what rows do not see.

        That is meant in the caller's units, as is the penalty: of w = coef / scale.
        """
        p, r = self.vectors.shape
        seen = self.target / self.values
        if penalty == 0 and r == p:
            return seen @ self.vectors.T
        # Rows of the largest unit first, and columns pivoted, keep the digits of small units.
        order = np.argsort(-scale, kind="stable")
        largest = scale.max(initial=0.0) or 1.0
        relative = scale / largest
        basis, factor, pivot = linalg.qr(
            (relative[:, None] * self.vectors)[order], mode="economic", pivoting=True, check_finite=False
        )
        if penalty == 0:
            inner = linalg.solve_triangular(factor, seen[:, pivot].T, trans="T", check_finite=False)
        else:
            system = np.vstack([self.values[pivot, None] * factor.T, np.sqrt(penalty) / largest * np.eye(r)])
            right = np.vstack([self.target[:, pivot].T, np.zeros((r, len(seen)))])
            inner = linalg.lstsq(system, right, check_finite=False, lapack_driver="gelsy")[0]
            seen = np.empty_like(seen)
            seen[:, pivot] = (factor.T @ inner).T
        coef = np.empty((len(seen), p))
        coef[:, order] = (basis @ inner).T
        coef *= relative
        # What rounding of units far apart has left of the part that the rows do see.
        coef += (seen - coef @ self.vectors) @ self.vectors.T
        # In units farther apart still, only rounding is left of the part that they do not see.
        seen = seen @ self.vectors.T
        bounded = np.abs(coef).max(axis=1, initial=0.0) <= _LONGEST * np.abs(seen).max(axis=1, initial=0.0)
        return np.where(bounded[:, None], coef, seen)

    def project(self, coef: np.ndarray, scale: np.ndarray, penalised: np.ndarray, alive: np.ndarray) -> np.ndarray:
        """Return the part of coefficients (p, k), in the caller's units, that rows see.

        The directions are those of the columns that are `alive` (p,), divided by `scale` (p,). `penalised` (p,) is
        that scale in the units whose coefficients have least norm. Outputs whose part is the longer one, because
        rounding has hidden the rest, stay as they are.
        """
        if len(self.values) == alive.sum():  # all
            return np.where(alive[:, None], coef, 0.0)
        seen = (coef[alive] * scale[alive, None]).T @ self.vectors
        projected = np.zeros_like(coef)
        projected[alive] = self._replace(target=seen * self.values).solve(penalised[alive], 0.0).T / scale[alive, None]
        unit = (scale / penalised)[alive, None]
        before, after = (np.linalg.norm(array[alive] * unit, axis=0) for array in (coef, projected))
        return np.where(after <= before, projected, np.where(alive[:, None], coef, 0.0))
