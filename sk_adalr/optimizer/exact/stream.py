r"""Least squares of all rows of a stream, from a summary of them that every chunk updates.

Of rows :math:`z_i = (x_i, y_i)` with weights :math:`s_i`, the summary keeps the sum of the weights, the weighted mean
and the triangular factor

.. math:: R^T R = \sum_i s_i (z_i - \bar z)(z_i - \bar z)^T

of their scatter. An orthogonal transformation adds the rows of a chunk to :math:`R`, so that no square is ever formed
and no digits are lost to one; their mean moves by the rule of Chan, Golub and LeVeque (1983). The first columns of
:math:`R` and the last ones are a least-squares problem with the solution of all rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import lapack

from sk_adalr.backends import Array, is_sparse, to_host
from sk_adalr.optimizer.exact.directions import Directions

# Columns up to which a factor is kept: a call with one row costs a third of a millisecond there.
_MOST_COLUMNS = 300
# Values of the rows that are added at once: they stay in the cache.
BLOCK_VALUES = 1 << 16
# Columns that LAPACK eliminates at once: about the fastest from 5 to 300 columns.
_PANEL = 16
# Reciprocal condition, in columns of unit length, above which back substitution has all the digits there are.
_SAFE = 1e-5
# Rounding of a column in units of eps times its magnitude, generously: the columns may themselves be results.
_NOISE = 4.0


def prefers_summary(n_columns: int) -> bool:
    """Say whether a stream of so many columns, those of the targets included, can afford a summary of its rows."""
    return n_columns <= _MOST_COLUMNS


@dataclass(frozen=True)
class StreamSummary:
    """What least squares need to know of the rows so far. It never changes: a chunk makes a new one.

    Parameters
    ----------
    weight : float
        Sum of the weights.
    mean : ndarray of shape (n_features + n_outputs,)
        Weighted mean of the rows, features first; zero where the model has no intercept.
    factor : ndarray of shape (n_features + n_outputs, n_features + n_outputs)
        Upper triangular, in Fortran order.
    magnitude : ndarray of shape (n_features,)
        Largest absolute value of each feature.
    fit_intercept : bool
        Whether the scatter is the one around the mean.
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
        """Return the summary in which each row weighs `share` of what it weighed."""
        return StreamSummary(
            self.weight * share, self.mean, self.factor * np.sqrt(share), self.magnitude, self.fit_intercept
        )

    def adding(self, X: Any, target: Array, weight: np.ndarray) -> "StreamSummary":
        """Return the summary with more rows.

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
        r"""Return the least-squares or, where `alpha` > 0, the ridge solution of all rows.

        Parameters
        ----------
        alpha : float
            Of :math:`\frac12 \sum_i s_i (x_i^T w + b - y_i)^2 + \frac{\alpha}{2} \|w\|^2`.
        eps : float
            Relative precision of the features: differences below it are rounding.
        penalty_unit : ndarray of shape (n_features,) or float, default=1.0
            The coefficients in the penalty are those of columns divided by it.

        Returns
        -------
        coef : ndarray of shape (n_features, n_outputs)
            Of minimum norm where many solutions are equal.
        intercept : ndarray of shape (n_outputs,)
        loss : float
            The mean of what is minimised, infinite where it is out of range.
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
        """Return what `solve` does where each output has a strength of its own, of (n_outputs,)."""
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

        Without one, of several solutions it is the one whose coefficients, times `unit`, have least norm.
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

        The columns of features that are not `alive` (p,) count as zero.
        """
        kept = np.append(alive, np.ones(len(self.mean) - len(alive), dtype=bool))
        factor, target = _with_penalty(self.factor * kept, penalty)
        return factor, lapack.dtrtrs(factor, target)[0]

    def squares(self, coef: np.ndarray, intercept: np.ndarray) -> float:
        """Return half the weighted sum of squared residuals of all rows."""
        p = self.n_features
        residual = self.factor[:, :p] @ coef - self.factor[:, p:]
        offset = self.mean[:p] @ coef + intercept - self.mean[p:] if self.fit_intercept else np.zeros(1)
        return 0.5 * float(np.sum(residual**2) + self.weight * np.sum(offset**2))


def _blocks(X: Any, target: Array, weight: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the transpose (n_features + n_outputs, n_rows) of features and targets, float64, and weights of rows."""
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
    """Return columns whose outer products are what `block` adds to the scatter around the mean, and the new mean."""
    first = block[:, :1].copy()
    if block.shape[1] == 1:
        new_mean = first
        block = np.empty_like(first)
    else:
        # Around the first row a constant column is exactly zero, and an offset costs no digits.
        block -= first
        shift = (block @ (weight / block_weight))[:, None]
        block -= shift
        block *= np.sqrt(weight)
        new_mean = first + shift
        block = np.concatenate([block, first], axis=1)
    step = new_mean[:, 0] - mean
    # One more column for the way from the mean so far to that of the block.
    block[:, -1] = np.sqrt(block_weight * (1 - block_weight / total)) * step
    return block, mean + block_weight / total * step


def _with_penalty(factor: np.ndarray, penalty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the features, split into features and targets, of the factor of all rows and a penalty."""
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
    """Return the coefficients (p, k) that bring the triangular `factor` (p, p) nearest to `target` (p, k).

    Columns that are not `alive` hold rounding alone, and lengths up to `noise` (p,) are rounding. Of several solutions
    it is the one of least norm in units of the penalty.
    """
    # Nearly their norms: no square overflows.
    length = np.abs(factor).max(axis=0)
    if not alive.all():
        factor = factor * alive
        # The row of a column that never varied is empty: its coefficient is zero, and the others are still triangular.
        empty = ~alive & ~factor.any(axis=1)
        factor[empty, empty] = 1.0
        length[~alive] = 1.0
    unit = np.asfortranarray(factor / length)
    # As of factors L U with L = 1: the same number as `dtrcon`, which SciPy has since 1.15.
    if lapack.dgecon(unit, lapack.dlange("1", unit))[0] > _SAFE:
        return lapack.dtrtrs(unit, target)[0] / length[:, None]
    return _minimum_norm(unit, target, length, float((noise / length)[alive].max(initial=0.0)), penalty_unit)


def _minimum_norm(
    unit: np.ndarray, target: np.ndarray, length: np.ndarray, noise: float, penalty_unit: np.ndarray | float
) -> np.ndarray:
    """Return the solution of least norm, per column of `unit` times its `length`, by singular values."""
    if not np.isfinite(unit).all():
        raise ValueError("The sums of squares of the stream became non-finite: rescale `X`, `y` or `sample_weight`.")
    rows = unit.any(axis=1)
    U, values, Vt = np.linalg.svd(unit[rows], full_matrices=False)
    kept = values > np.finfo(np.float64).eps * len(length) * values.max(initial=0.0) + noise
    directions = Directions(Vt[kept].T, values[kept], (U[:, kept].T @ target[rows]).T)
    return directions.solve(length / penalty_unit, 0.0).T / length[:, None]
