r"""The row space of the data: the directions of coefficients along which predictions change.

Where columns are linearly dependent, or outnumber the rows, no prediction changes along the directions of the null
space. In the caller's units the solution has no component in it: with a penalty such a component would only raise the
objective, and without one this is the solution of minimum norm.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import linalg

# Round-off error of a column in units of eps times its magnitude; generous, as columns may themselves be computed.
_NOISE = 4.0
# Size of standardised coefficients, relative to the smallest that fit as well, above which they are round-off error.
_LONGEST = 1e3


def rounding_noise(mean: np.ndarray, deviation: np.ndarray, dtype: Any) -> float:
    """Return the largest round-off error of the columns in a dtype, in units of their standard deviations (p,)."""
    return _NOISE * float(np.finfo(dtype).eps * (np.hypot(mean, deviation) / deviation).max(initial=0.0))


class Directions(NamedTuple):
    r"""SVD of the standardised columns, :math:`\tilde X / \sqrt n = U \Sigma V^T`, without zero singular values.

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
        """Return the decrease of a loss along these directions that its gradient (k, p) predicts.

        `curvature` is the second derivative of the loss by a prediction; `penalty` (p,) is for each standardised
        coefficient.
        """
        seen, roots = grad @ self.vectors, np.sqrt(curvature) * self.values
        if not penalty.any():
            return 0.5 * float(((seen / roots) ** 2).sum())
        # Columns in very different units have very different penalties, hence the sorting and pivoting: see `solve`.
        rows = np.vstack([np.diag(roots), np.sqrt(penalty)[:, None] * self.vectors])
        order = np.argsort(-np.abs(rows).max(axis=1), kind="stable")
        factor, pivot = linalg.qr(rows[order], mode="r", pivoting=True, check_finite=False)
        solved = linalg.solve_triangular(factor[: len(roots)], seen[:, pivot].T, trans="T", check_finite=False)
        return 0.5 * float((solved**2).sum())

    def solve(self, scale: np.ndarray, penalty: float) -> np.ndarray:
        """Return the standardised coefficients (k, p) that minimise the squared loss plus penalty.

        In the caller's units, w = coef / scale, they have no component in the null space; the penalty applies to w.
        """
        p, r = self.vectors.shape
        seen = self.target / self.values
        if penalty == 0 and r == p:
            return seen @ self.vectors.T
        # Sorting rows by unit, largest first, and pivoting columns keeps the digits of small units.
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
        # Restore the component in the row space, which round-off error changes when units differ widely.
        coef += (seen - coef @ self.vectors) @ self.vectors.T
        # When units differ even more, the component outside the row space is nothing but round-off error: drop it.
        seen = seen @ self.vectors.T
        bounded = np.abs(coef).max(axis=1, initial=0.0) <= _LONGEST * np.abs(seen).max(axis=1, initial=0.0)
        return np.where(bounded[:, None], coef, seen)

    def project(self, coef: np.ndarray, scale: np.ndarray, penalised: np.ndarray, alive: np.ndarray) -> np.ndarray:
        """Return the coefficients (p, k), in the caller's units, projected on the row space.

        The directions belong to the columns that are `alive` (p,), divided by `scale` (p,). Minimum norm refers to
        units in which these columns have the scales `penalised` (p,). Outputs whose projection has a larger norm,
        because round-off error hides part of the row space, are returned unchanged.
        """
        if len(self.values) == alive.sum():  # full rank
            return np.where(alive[:, None], coef, 0.0)
        seen = (coef[alive] * scale[alive, None]).T @ self.vectors
        projected = np.zeros_like(coef)
        projected[alive] = self._replace(target=seen * self.values).solve(penalised[alive], 0.0).T / scale[alive, None]
        unit = (scale / penalised)[alive, None]
        before, after = (np.linalg.norm(array[alive] * unit, axis=0) for array in (coef, projected))
        return np.where(after <= before, projected, np.where(alive[:, None], coef, 0.0))
