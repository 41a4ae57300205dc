r"""Least squares with more rows than columns, from the scatter matrix of the columns.

With :math:`\tilde X` standardised and :math:`\Lambda` the penalty of its coefficients,

.. math:: (\tfrac1n \tilde X^T \Omega \tilde X + \Lambda)\, \tilde w = \tfrac1n \tilde X^T \Omega \tilde y

is solved by Cholesky and refined with the residuals of the data, which restores the digits lost because the normal
equations square the condition number. If the system is too ill-conditioned, the row space comes from the eigenvectors
of the scatter matrix, if its small eigenvalues are clear of round-off error, else from a QR factorisation of the rows.
"""

import numpy as np
from scipy import linalg

from sk_adalr.optimizer.exact.directions import Directions, rounding_noise
from sk_adalr.optimizer.exact.moments import Rows, joint_moments
from sk_adalr.optimizer.exact.result import MOST_SINGULAR_VALUES, LeastSquaresSolution
from sk_adalr.optimizer.exact.safe_system import least_condition, refined, safe_cholesky

# A solution needs no refinement if the reciprocal condition number of the system is at least the first, unless the fit
# is nearly perfect: a share of residual squares below the second.
_EXACT, _NEARLY_PERFECT = 1e-2, 1e-6
#: Reciprocal condition number of the scatter matrix above which columns are independent, here and with many more rows.
INDEPENDENT = 1e-3
# Columns and targets with standard deviations below this many eps of their mean are constant up to round-off error.
_CONSTANT, _CONSTANT_TARGET = 4.0, 6.0
# Eigenvalues of the scatter matrix, relative to the largest: above the first they are accurate enough, below the
# second they may be round-off error.
_SEEN, _UNSEEN = 1e-5, 1e-12


class TallProblem:
    """Least squares with more rows than columns, standardised internally; results are in the caller's units."""

    def __init__(self, rows: Rows, penalty: float, penalty_unit: np.ndarray | float, centre: bool) -> None:
        p = self._p = rows.n_features
        self._rows, (dtype, target_dtype) = rows, rows.dtypes
        moments = self._moments = joint_moments(self._rows, centre)
        deviation = np.sqrt(moments.scatter.diagonal())
        limits = [np.full(p, _CONSTANT * np.finfo(dtype).eps)]
        limits.append(np.full(len(deviation) - p, _CONSTANT_TARGET * np.finfo(target_dtype).eps))
        varies = deviation > np.concatenate(limits) * np.abs(moments.mean)
        self._alive, self._scale = varies[:p], np.where(varies, deviation, 1.0)
        self._target_scale = np.where(varies, deviation * moments.unit, 0.0)[p:]
        self._noise = rounding_noise(moments.mean[:p][self._alive], deviation[:p][self._alive], dtype)
        factor = varies / self._scale
        standardised = moments.scatter  # in place: nothing else needs it
        standardised *= factor[:, None]
        standardised *= factor
        self._gram, self._cross = standardised[:p, :p], standardised[:p, p:].T
        self._unit = self._scale[:p] * moments.unit[:p]
        self._strength, self.mean = penalty, moments.mean[:p] * moments.unit[:p]
        self._penalised = self._unit / penalty_unit
        with np.errstate(over="ignore"):
            self._penalty = np.minimum(penalty / self._penalised / self._penalised, 1e300)

    def solve(self) -> LeastSquaresSolution:
        """Return the solution in the caller's units."""
        solved = self._by_cholesky()
        coef, squares, condition, rank = self._by_directions() if solved is None else solved
        p, mean = self._p, self._moments.mean * self._moments.unit
        raw = coef * self._target_scale[:, None] / self._unit
        losses = 0.5 * (np.maximum(squares, 0.0) + coef**2 @ self._penalty)
        with np.errstate(over="ignore"):
            loss = float(losses @ self._target_scale**2)
            gram = None
            if not self._strength and p <= MOST_SINGULAR_VALUES:
                gram = self._gram * self._penalised[:, None] * self._penalised * self._rows.shape[0]
        return LeastSquaresSolution(raw.T, mean[p:] - raw @ mean[:p], loss, condition, rank, gram)

    def in_row_space(self, coef: np.ndarray) -> np.ndarray:
        """Return the minimum-norm coefficients (p, k) with the same predictions for the rows as `coef` (p, k)."""
        return self._directions().project(coef, self._unit, self._penalised, self._alive)

    def has_full_rank(self) -> bool:
        """Return whether columns are linearly independent; a sample of the rows shows it for all rows."""
        return bool(self._alive.all()) and safe_cholesky(self._gram.copy(), INDEPENDENT) is not None

    def decrease_along(self, grad: np.ndarray, curvature: float, penalty: np.ndarray) -> float:
        """Return `Directions.decrease` with gradient and penalty of all columns, constant ones included."""
        return self._directions().decrease(grad[:, self._alive], curvature, penalty[self._alive])

    def deviation_of(self, coef: np.ndarray) -> float:
        """Return the largest output's root mean square of the (centred) predictions of `coef` (p, k) over the rows."""
        squares = self._rows.squares_along(self._moments, self._scale, coef.T * self._unit)
        return float(np.sqrt(squares.max(initial=0.0) / self._rows.shape[0]))

    def _by_cholesky(self) -> tuple[np.ndarray, np.ndarray, float, int] | None:
        """Return standardised coefficients, mean squared residuals (k,), reciprocal condition number and rank.

        Return None if the system is too ill-conditioned.
        """
        system = self._gram.copy()
        system.flat[:: self._p + 1] += np.where(self._alive, self._penalty, 1.0)
        solver = safe_cholesky(system, least_condition(self._strength, self._noise))
        if solver is None:
            return None
        rank = int(self._alive.sum())
        coef = solver.solve(self._cross)
        squares = 1.0 - ((2 * self._cross - coef @ self._gram) * coef).sum(axis=1)
        if solver.condition >= _EXACT and squares.min(initial=1.0) > _NEARLY_PERFECT:
            return coef, squares, solver.condition, rank
        n = self._rows.shape[0]

        def refine(coef: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            products, squares = self._rows.residual_products(self._moments, self._scale, coef)
            products = np.where(self._alive, products / n, 0.0)
            change = solver.solve(products - self._penalty * coef)
            return change, squares / n - ((2 * products - change @ self._gram) * change).sum(axis=1)

        return *refined(coef, refine), solver.condition, rank

    def _by_directions(self) -> tuple[np.ndarray, np.ndarray, float, int]:
        directions = self._directions()
        coef = np.zeros((len(self._cross), self._p))
        coef[:, self._alive] = directions.solve(self._penalised[self._alive], self._strength)
        _, squares = self._rows.residual_products(self._moments, self._scale, coef)
        return coef, squares / self._rows.shape[0], 0.0, len(directions.values)

    def _directions(self) -> Directions:
        return self._of_moments() or self._of_rows()

    def _of_moments(self) -> Directions | None:
        """Return the row space from the scatter matrix; None if its small eigenvalues may not be round-off error."""
        alive = self._alive
        values, vectors = np.linalg.eigh(self._gram[np.ix_(alive, alive)])
        largest = values.max(initial=0.0)
        seen = values > _SEEN * largest
        if (values[~seen] > max(_UNSEEN, self._noise**2) * largest).any():
            return None
        unseen = np.zeros(((~seen).sum(), self._p))
        unseen[:, alive] = vectors[:, ~seen].T
        # The scatter matrix knows squares only to eps: check on the rows that predictions do not change along these.
        image = self._rows.squares_along(self._moments, self._scale, unseen)
        rounding = self._noise + np.finfo(float).eps * np.sqrt(self._p)
        if (np.sqrt(image / self._rows.shape[0]) > 8 * rounding).any():
            return None
        values, vectors = np.sqrt(values[seen]), vectors[:, seen]
        return Directions(vectors, values, (self._cross[:, alive] @ vectors) / values)

    def _of_rows(self) -> Directions:
        """Return the row space from a triangular factor of the rows."""
        n, p = self._rows.shape[0], self._p
        factor = self._rows.triangular_factor(self._moments, self._scale) / np.sqrt(n)
        left, values, right = linalg.svd(factor[:, :p][:, self._alive], full_matrices=False, check_finite=False)
        kept = values > np.finfo(float).eps * n * values.max(initial=0.0) + self._noise
        return Directions(right[kept].T, values[kept], factor[:, p:].T @ left[:, kept])
