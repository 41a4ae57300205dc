r"""Least squares with no more rows than columns, from the Gram matrix of the rows.

With :math:`\tilde X` standardised, S the scales of the columns in the units of the penalty, and :math:`\lambda` its
strength,

.. math:: (\Omega^{1/2} \tilde X S^2 \tilde X^T \Omega^{1/2} + n \lambda I)\, a = \Omega^{1/2} \tilde y, \qquad
          \tilde w = S^2 \tilde X^T \Omega^{1/2} a

is solved by Cholesky and refined. If the system is too ill-conditioned, for example because rows are repeated, the row
space comes from a QR factorisation and an SVD.
"""

from typing import Any

import numpy as np
from scipy import linalg

from sk_adalr.backends import Array, beside, to_host
from sk_adalr.objectives.columns import columns_of_few_rows
from sk_adalr.optimizer.exact.directions import Directions, rounding_noise
from sk_adalr.optimizer.exact.least_squares import standardised_target
from sk_adalr.optimizer.exact.result import MOST_SINGULAR_VALUES, LeastSquaresSolution
from sk_adalr.optimizer.exact.safe_system import least_condition, refined, safe_cholesky


class WideProblem:
    """Least squares with no more rows than columns, standardised internally; results are in the caller's units."""

    def __init__(
        self,
        X: Any,
        target: Array,
        weight: Array | None,
        penalty: float,
        penalty_unit: np.ndarray | float,
        centre: bool,
    ) -> None:
        n = X.shape[0]
        self._columns = columns_of_few_rows(X, weight, centre)
        alive, self.mean = self._columns.alive, self._columns.mean
        self._noise = rounding_noise(self._columns.mean[alive], self._columns.scale[alive], X.dtype)
        self._root = np.ones(n) if weight is None else np.sqrt(to_host(weight))
        self._mean, self._scale, relative = standardised_target(to_host(target), self._root**2, centre)
        self._right = relative * self._root
        self._strength, self._centre, self._n = penalty, centre, n
        # In units of the largest column, squares neither underflow nor overflow.
        self._penalised = self._columns.scale / penalty_unit
        scale = np.where(alive, self._penalised, 0.0)
        largest = scale.max(initial=0.0) or 1.0
        self._relative, self._ridge = scale / largest, n * (penalty / largest / largest)

    def solve(self) -> LeastSquaresSolution:
        """Return the solution in the caller's units."""
        columns, scale = self._columns, self._penalised
        products = columns.row_products(self._relative)
        if (self._root != 1).any():
            products *= self._root[:, None]
            products *= self._root
        gram = None
        if not self._strength and self._n <= MOST_SINGULAR_VALUES:
            gram = products * scale[columns.alive].max(initial=0.0) ** 2
        solved = self._by_cholesky(products)
        coef, condition, rank = self._by_directions() if solved is None else solved
        residual = self._right - self._forward(coef)
        with np.errstate(over="ignore"):
            squares = (residual**2).mean(axis=1) + self._strength * ((coef / scale) ** 2).sum(axis=1)
            raw, intercept = columns.to_raw(coef * self._scale[:, None], np.zeros(len(coef)))
            loss = float(0.5 * squares @ self._scale**2)
        return LeastSquaresSolution(raw.T, intercept + self._mean, loss, condition, rank, gram)

    def in_row_space(self, coef: np.ndarray) -> np.ndarray:
        """Return the minimum-norm coefficients (p, k) with the same predictions for the rows as `coef` (p, k)."""
        return self._directions().project(coef, self._columns.scale, self._penalised, self._columns.alive)

    def has_full_rank(self) -> bool:
        """Return False: with no more rows than columns, columns count as dependent."""
        return False

    def decrease_along(self, grad: np.ndarray, curvature: float, penalty: np.ndarray) -> float:
        """Return `Directions.decrease` with gradient and penalty of all columns, constant ones included."""
        alive = self._columns.alive
        return self._directions().decrease(grad[:, alive], curvature, penalty[alive])

    def deviation_of(self, coef: np.ndarray) -> float:
        """Return the largest output's root mean square of the (centred) predictions of `coef` (p, k) over the rows."""
        return float(np.sqrt((self._forward(coef.T * self._columns.scale) ** 2).mean(axis=1).max(initial=0.0)))

    def _by_cholesky(self, system: np.ndarray) -> tuple[np.ndarray, float, int] | None:
        """Return coefficients (k, p) from the Gram matrix of the rows, reciprocal condition number and rank.

        Return None if the system is too ill-conditioned. The Gram matrix is overwritten.
        """
        system.flat[:: self._n + 1] += self._ridge
        if self._centre:  # centred columns and targets are orthogonal to `ones`, so the system is singular along it
            ones = self._root / np.linalg.norm(self._root)
            system += np.outer(system.trace() / self._n * ones, ones)
        solver = safe_cholesky(system, least_condition(self._strength, self._noise))
        if solver is None:
            return None
        combination = solver.solve(self._right)

        def refine(combination: np.ndarray) -> tuple[np.ndarray, None]:
            fitted = self._forward(self._of_rows(combination)) + self._ridge * combination
            return solver.solve(self._right - fitted), None

        return self._of_rows(refined(combination, refine)[0]), solver.condition, self._n - int(self._centre)

    def _by_directions(self) -> tuple[np.ndarray, float, int]:
        alive, directions = self._columns.alive, self._directions()
        coef = np.zeros((len(self._right), len(alive)))
        coef[:, alive] = directions.solve(self._penalised[alive], self._strength)
        return coef, 0.0, len(directions.values)

    def _directions(self) -> Directions:
        rows = self._columns.dense_rows()[:, self._columns.alive] * self._root[:, None] / np.sqrt(self._n)
        basis, factor = linalg.qr(rows.T, mode="economic", check_finite=False)
        left, values, right = linalg.svd(factor.T, full_matrices=False, check_finite=False)
        kept = values > np.finfo(float).eps * max(rows.shape) * values.max(initial=0.0) + self._noise
        return Directions(basis @ right[kept].T, values[kept], self._right @ left[:, kept] / np.sqrt(self._n))

    def _of_rows(self, combination: np.ndarray) -> np.ndarray:
        products = to_host(self._columns.backward(beside(combination * self._root, self._columns.data)))
        return products * self._relative**2

    def _forward(self, coef: np.ndarray) -> np.ndarray:
        return to_host(self._columns.forward(coef)) * self._root
