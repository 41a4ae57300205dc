r"""Exact least squares over all rows of a stream, from sufficient statistics that every chunk updates.

For rows :math:`z_i = (x_i, y_i)` with weights :math:`s_i`, the summary keeps the sum of the weights, the weighted mean
and the triangular factor

.. math:: R^T R = \sum_i s_i (z_i - \bar z)(z_i - \bar z)^T

of their scatter matrix. An orthogonal transformation adds the rows of a chunk to :math:`R`, so that no squares are
formed, which would lose digits; the mean is updated as in Chan, Golub and LeVeque (1983). The columns of :math:`R` for
features and those for targets form a least-squares problem with the same solution as all rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import lapack

from sk_adalr.backends import Array, is_sparse, to_host
from sk_adalr.optimizer.exact.directions import Directions

# Columns up to which a summary is used: at this many, a call with one row costs a third of a millisecond.
_MOST_COLUMNS = 300
# Values per block of rows: a block stays in cache.
BLOCK_VALUES = 1 << 16
# Block size of LAPACK's elimination: about the fastest from 5 to 300 columns.
_PANEL = 16
# Reciprocal condition number, with columns of unit length, above which back substitution loses no meaningful digits.
_SAFE = 1e-5
# Round-off error of a column in units of eps times its magnitude; generous, as columns may themselves be computed.
_NOISE = 4.0


def prefers_summary(n_columns: int) -> bool:
    """Return whether `n_columns`, targets included, are few enough for a summary of the stream."""
    return n_columns <= _MOST_COLUMNS


@dataclass(frozen=True)
class StreamSummary:
    """Sufficient statistics of the rows so far for least squares. Immutable: each chunk makes a new summary.

    Parameters
    ----------
    weight : float
        Sum of the weights.
    mean : ndarray of shape (n_features + n_outputs,)
        Weighted mean of the rows, features first; zero where the model has no intercept.
    factor : ndarray of shape (n_features + n_outputs, n_features + n_outputs)
        Upper triangular factor of the scatter matrix, in Fortran order.
    magnitude : ndarray of shape (n_features,)
        Largest absolute value of each feature.
    fit_intercept : bool
        Whether the scatter matrix is centred.
    """

    weight: float
    mean: np.ndarray
    factor: np.ndarray
    magnitude: np.ndarray
    fit_intercept: bool

    @classmethod
    def empty(cls, n_features: int, n_outputs: int, fit_intercept: bool) -> "StreamSummary":
        """Return the summary of no rows."""
        size = n_features + n_outputs
        return cls(0.0, np.zeros(size), np.zeros((size, size), order="F"), np.zeros(n_features), fit_intercept)

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.magnitude)

    def forgetting(self, share: float) -> "StreamSummary":
        """Return the summary with all weights multiplied by `share`."""
        return StreamSummary(
            self.weight * share, self.mean, self.factor * np.sqrt(share), self.magnitude, self.fit_intercept
        )

    def adding(self, X: Any, target: Array, weight: np.ndarray) -> "StreamSummary":
        """Return the summary with rows added.

        Parameters
        ----------
        X : {array, CSR} of shape (n_rows, n_features)
        target : array of shape (n_rows, n_outputs)
        weight : ndarray of shape (n_rows,)
            Positive.
        """
        total, mean, factor, magnitude = self.weight, self.mean, self.factor, self.magnitude
        for block, part in _blocks(X, target, weight, len(mean)):
            magnitude = np.maximum(magnitude, np.abs(block[: self.n_features]).max(axis=1))
            block_weight = float(part.sum())
            total += block_weight
            if self.fit_intercept:
                block, mean = _centred(block, part, mean, block_weight, total)
            else:
                block *= np.sqrt(part)
            factor = lapack.dtpqrt(0, min(_PANEL, len(mean)), factor, block.T, overwrite_b=True)[0]
        return StreamSummary(total, mean, factor, magnitude, self.fit_intercept)

    def solve(
        self, alpha: float, eps: float, penalty_unit: np.ndarray | float = 1.0
    ) -> tuple[np.ndarray, np.ndarray, float]:
        r"""Return the least-squares or, if `alpha` > 0, the ridge solution over all rows.

        Parameters
        ----------
        alpha : float
            Strength in :math:`\frac12 \sum_i s_i (x_i^T w + b - y_i)^2 + \frac{\alpha}{2} \|w\|^2`.
        eps : float
            Relative precision of the features: smaller differences are round-off error.
        penalty_unit : ndarray of shape (n_features,) or float, default=1.0
            The penalty applies to the coefficients of columns divided by it.

        Returns
        -------
        coef : ndarray of shape (n_features, n_outputs)
            Of minimum norm if the solution is not unique.
        intercept : ndarray of shape (n_outputs,)
        loss : float
            The minimised objective divided by the sum of weights; infinite if it overflows.
        """
        unit = np.broadcast_to(penalty_unit, self.n_features)
        coef, intercept = self.solution(alpha * unit**2, eps, unit)
        with np.errstate(over="ignore"):
            penalised = np.sum((unit[:, None] * coef) ** 2)
            loss = (self.squares(coef, intercept) + 0.5 * alpha * penalised) / self.weight
        return coef, intercept, float(loss)

    def solve_each(
        self, alphas: np.ndarray, eps: float, penalty_unit: np.ndarray | float = 1.0
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the solution as `solve` does, with a penalty strength for each output (n_outputs,)."""
        unit = np.broadcast_to(penalty_unit, self.n_features)[:, None]
        each = [self.solve(float(alpha), eps, penalty_unit) for alpha in alphas]
        coef = np.column_stack([solution[0][:, k] for k, solution in enumerate(each)])
        intercept = np.array([solution[1][k] for k, solution in enumerate(each)])
        with np.errstate(over="ignore"):
            penalised = 0.5 * float((alphas * (unit * coef) ** 2).sum())
            return coef, intercept, (self.squares(coef, intercept) + penalised) / self.weight

    def solution(
        self, penalty: np.ndarray, eps: float, unit: np.ndarray | float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients and intercepts as `solve` does, for a penalty (n_features,) of each coefficient.

        Without a penalty, if the solution is not unique, the coefficients times `unit` have minimum norm.
        """
        p = self.n_features
        noise = _NOISE * eps * self.magnitude * np.sqrt(self.weight)
        factor, target = self.factor[:p, :p], self.factor[:p, p:]
        if penalty.any():
            factor, target = _with_penalty(self.factor, penalty)
        coef = _coefficients(factor, target, np.abs(self.factor[:p, :p]).max(axis=0) > noise, noise, unit)
        return coef, self.mean[p:] - self.mean[:p] @ coef

    def penalised(self, penalty: np.ndarray, alive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the triangular factor (p, p) and the solution (p, k) for a positive penalty (p,) of each coefficient.

        Features that are not `alive` (p,) count as zero.
        """
        kept = np.append(alive, np.ones(len(self.mean) - len(alive), dtype=bool))
        factor, target = _with_penalty(self.factor * kept, penalty)
        return factor, lapack.dtrtrs(factor, target)[0]

    def squares(self, coef: np.ndarray, intercept: np.ndarray) -> float:
        """Return half the weighted sum of squared residuals over all rows."""
        p = self.n_features
        residual = self.factor[:, :p] @ coef - self.factor[:, p:]
        offset = self.mean[:p] @ coef + intercept - self.mean[p:] if self.fit_intercept else np.zeros(1)
        return 0.5 * float(np.sum(residual**2) + self.weight * np.sum(offset**2))


def _blocks(X: Any, target: Array, weight: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield blocks of transposed rows (n_features + n_outputs, n_rows), float64, and their weights (n_rows,)."""
    step = max(1, BLOCK_VALUES // size)
    for start in range(0, X.shape[0], step):
        rows = slice(start, start + step)
        features = to_host(X[rows].toarray() if is_sparse(X) else X[rows])
        block = np.empty((size, len(features)))
        block[: X.shape[1]] = features.T
        block[X.shape[1] :] = to_host(target[rows]).T
        yield block, weight[rows]


def _centred(
    block: np.ndarray, weight: np.ndarray, mean: np.ndarray, block_weight: float, total: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows, as columns, that add `block` to the centred scatter matrix, and the new mean."""
    first = block[:, :1].copy()
    if block.shape[1] == 1:
        new_mean = first
        block = np.empty_like(first)
    else:
        # Relative to the first row a constant column is exactly zero, and an offset costs no digits.
        block -= first
        shift = (block @ (weight / block_weight))[:, None]
        block -= shift
        block *= np.sqrt(weight)
        new_mean = first + shift
        block = np.concatenate([block, first], axis=1)
    step = new_mean[:, 0] - mean
    # One more column for the difference between the mean so far and the mean of the block.
    block[:, -1] = np.sqrt(block_weight * (1 - block_weight / total)) * step
    return block, mean + block_weight / total * step


def _with_penalty(factor: np.ndarray, penalty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first p rows of the factor with a penalty added, split into features (p, p) and targets (p, k)."""
    p, size = len(penalty), len(factor)
    rows = np.zeros((p, size), order="F")
    np.fill_diagonal(rows, np.sqrt(penalty))
    factor = lapack.dtpqrt(p, min(_PANEL, size), factor, rows, overwrite_b=True)[0]
    return factor[:p, :p], factor[:p, p:]


def _coefficients(
    factor: np.ndarray,
    target: np.ndarray,
    alive: np.ndarray,
    noise: np.ndarray,
    penalty_unit: np.ndarray | float,
) -> np.ndarray:
    """Return the least-squares coefficients (p, k) of `target` (p, k) on the triangular `factor` (p, p).

    Columns that are not `alive` are nothing but round-off error, and column lengths up to `noise` (p,) are round-off
    error. If the solution is not unique, it has minimum norm in units of the penalty.
    """
    # Close to the norms of the columns, but without squares, which may overflow.
    length = np.abs(factor).max(axis=0)
    if not alive.all():
        factor = factor * alive
        # A column that never varied has an empty row: a 1 on its diagonal makes its coefficient 0.
        empty = ~alive & ~factor.any(axis=1)
        factor[empty, empty] = 1.0
        length[~alive] = 1.0
    unit = np.asfortranarray(factor / length)
    # `dgecon` takes LU factors; with L = I it returns the same number as `dtrcon`, which SciPy has since 1.15.
    if lapack.dgecon(unit, lapack.dlange("1", unit))[0] > _SAFE:
        return lapack.dtrtrs(unit, target)[0] / length[:, None]
    return _minimum_norm(unit, target, length, float((noise / length)[alive].max(initial=0.0)), penalty_unit)


def _minimum_norm(
    unit: np.ndarray, target: np.ndarray, length: np.ndarray, noise: float, penalty_unit: np.ndarray | float
) -> np.ndarray:
    """Return the minimum-norm coefficients from the SVD of `unit`, whose columns have been divided by `length`."""
    if not np.isfinite(unit).all():
        raise ValueError("The sums of squares of the stream became non-finite: rescale `X`, `y` or `sample_weight`.")
    rows = unit.any(axis=1)
    U, values, Vt = np.linalg.svd(unit[rows], full_matrices=False)
    kept = values > np.finfo(np.float64).eps * len(length) * values.max(initial=0.0) + noise
    directions = Directions(Vt[kept].T, values[kept], (U[:, kept].T @ target[rows]).T)
    return directions.solve(length / penalty_unit, 0.0).T / length[:, None]
