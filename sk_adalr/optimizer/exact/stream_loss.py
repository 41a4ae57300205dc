r"""Non-quadratic losses on a stream: the loss of each past row is replaced by its quadratic approximation.

Newton's method minimises the sum of the loss of a chunk, the quadratic approximations of the rows before it, and the
penalty. Then the loss of every row of the chunk is replaced by its quadratic approximation at the solution: a
least-squares row with the curvature as its weight and the working response of iteratively reweighted least squares as
its target. These rows are added to the `StreamSummary` of the rows before.

This is the Laplace approximation of online Bayesian inference, or an extended Kalman filter with one update per chunk.

All classes share the curvature :math:`2 \max_k p_k (1 - p_k)`, which bounds that of the softmax by Gershgorin's
theorem, so that one triangular factor serves them all.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sk_adalr.backends import is_sparse
from sk_adalr.objectives.losses import Loss
from sk_adalr.optimizer.exact.stream import BLOCK_VALUES, StreamSummary
from sk_adalr.rows import predictions, slices_of_rows
from sk_adalr.statistics import moments

# Most Newton steps on a chunk, and the decrease, per unit of weight and curvature, after which they stop.
_MOST_STEPS, _ENOUGH = 10, 1e-3
# Fraction of `strength` at which losses are approximated; and the weight of a chunk, as a fraction of the curvature of
# all rows so far, above which its quadratic approximation may be too coarse for the full strength.
_EARLY_STRENGTH, _LARGE_SHARE = 0.25, 0.3
# Most halvings of a step that does not decrease the loss.
_HALVINGS = 6
# Weight of a pseudo-row, at the mean of the first chunk and with a neutral target, that keeps the intercept finite
# while there is only one class, or all counts are zero: relative to 1, or to the largest weight of the first chunk if
# that is less.
_PRIOR_WEIGHT = 0.1
# Least curvature of a row: in Newton's steps in units of its residual, and always in units of the curvature.
_LEAST_CURVATURE, _NO_CURVATURE = 0.1, 1e-6


@dataclass(frozen=True)
class ColumnMoments:
    """Mean and variance of the columns so far; the variance scales a weak prior that keeps coefficients near zero.

    Parameters
    ----------
    weight : float
    mean, variance : ndarray of shape (n_features,)
        Around zero where the model has no intercept.
    """

    weight: float
    mean: np.ndarray
    variance: np.ndarray

    def vary(self, eps: float) -> np.ndarray:
        """Return a mask (n_features,) of columns that vary by more than round-off; `eps` is their precision."""
        return np.sqrt(self.variance) > 10 * eps * np.abs(self.mean)

    def forgetting(self, share: float) -> "ColumnMoments":
        """Return the moments with all weights multiplied by `share`."""
        return replace(self, weight=self.weight * share)

    def adding(self, X: Any, weight: np.ndarray, center: bool) -> "ColumnMoments":
        """Return the moments with the rows of an array or CSR matrix added."""
        added = float(weight.sum())
        total = self.weight + added
        mean, variance = moments(X, weight, center)
        old, step = self.weight / total, mean - self.mean
        variance = old * self.variance + added / total * variance + old * (1 - old) * step**2
        return ColumnMoments(total, self.mean + (1 - old) * step, variance)


def first_summary(mean: np.ndarray, start: np.ndarray, fit_intercept: bool, unit: float) -> StreamSummary:
    """Return the summary before the first chunk: a pseudo-row at the mean (n_features,) of the first chunk.

    Its target `start` (n_outputs,) is a neutral raw prediction; `unit` is the unit of weights.
    """
    empty = StreamSummary.empty(len(mean), len(start), fit_intercept)
    if not fit_intercept:
        return empty
    return replace(empty, weight=_PRIOR_WEIGHT * unit, mean=np.concatenate([mean, start]))


@dataclass(frozen=True)
class ChunkResult:
    """The solution after a chunk: coefficients (p, k), intercepts (k,), mean loss of its rows, and the new summary.

    The loss is without penalty.
    """

    coef: np.ndarray
    intercept: np.ndarray
    loss: float
    summary: StreamSummary


class Chunk:
    """The minimisation of the loss of a chunk, the quadratic summary of the rows before it, and a penalty.

    Parameters
    ----------
    summary : StreamSummary
        Of the rows before.
    X : {array, CSR} of shape (n_rows, n_features)
    target : ndarray
        In the format of the loss.
    weight : ndarray of shape (n_rows,)
    loss : Loss
    eps : float
        Relative precision of the features.
    curvature : float, default=1.0
        The unit of losses and their second derivatives.
    """

    def __init__(
        self,
        summary: StreamSummary,
        X: Any,
        target: np.ndarray,
        weight: np.ndarray,
        loss: Loss,
        eps: float,
        curvature: float = 1.0,
    ) -> None:
        self._summary, self._X, self._target, self._weight = summary, X, target, weight
        self._loss, self._eps, self._unit = loss, eps, curvature
        self._weight_sum = float(weight.sum())

    def solve(self, start: np.ndarray, strength: np.ndarray) -> ChunkResult:
        """Return the solution of all rows so far for a penalty ``start + strength`` (p,) of the squared coefficients.

        Columns that have not varied have a `start` of 0, and a coefficient of 0.

        With few rows, a strong penalty keeps the solution far from the later one with many rows, so that quadratic
        approximations made there would soon be poor: they are made with a quarter of `strength`.
        """
        early = self._newton(start, _EARLY_STRENGTH * strength)
        curvature = self._curvature(early, 0.0)
        response = early.raw - early.residual / curvature[:, None]
        summary = self._summary.adding(self._X, response, self._weight * curvature)
        if not strength.any():
            return ChunkResult(early.coef, early.intercept, early.loss / self._weight_sum, summary)
        end = self._at(*summary.solution(start + strength, self._eps))
        # For a large chunk, the quadratic approximation gives the solution at full strength only if that is near.
        if self._weight_sum > _LARGE_SHARE * summary.weight:
            change = np.abs(end.raw - early.raw).max(axis=1)
            if 0.5 * float((self._weight * curvature) @ change**2) > _ENOUGH * self._unit * self._weight_sum:
                end = self._newton(start, strength)
        return ChunkResult(end.coef, end.intercept, end.loss / self._weight_sum, summary)

    def _newton(self, start: np.ndarray, strength: np.ndarray) -> "_Point":
        """Return the minimum, found by Newton's method with step halving."""
        before = _EarlierRows(self._summary, start, strength)
        shift = np.zeros((before.size, len(self._summary.mean) - len(start)))
        point, squares = self._at(*before.moved(shift)), 0.0
        for _ in range(_MOST_STEPS):
            step, predicted = self._step(before, shift, point)
            for _ in range(1 + _HALVINGS):
                trial, trial_squares = self._at(*before.moved(shift + step)), before.squares(shift + step)
                decrease = point.loss + squares - trial.loss - trial_squares
                if decrease >= 0:
                    break
                step /= 2
            if not decrease >= 0:
                break
            shift, point, squares = shift + step, trial, trial_squares
            # Where the quadratic model predicted the decrease, another step would gain less than the model's error.
            if min(decrease, abs(decrease - predicted)) <= _ENOUGH * self._unit * self._weight_sum:
                break
        return point

    def _step(self, before: "_EarlierRows", shift: np.ndarray, point: "_Point") -> tuple[np.ndarray, float]:
        """Return Newton's step (size, k) from the displacement `shift`, and its predicted decrease."""
        # The curvature of a badly misclassified row vanishes: hence a lower bound.
        curvature = self._weight * self._curvature(point, _LEAST_CURVATURE)
        residual = self._weight[:, None] * point.residual
        hessian, gradient = before.hessian.copy(), before.hessian @ shift
        for rows in slices_of_rows(self._X, BLOCK_VALUES):
            Z = before.standardised(self._X[rows])
            hessian += Z.T @ (curvature[rows, None] * Z)
            gradient += Z.T @ residual[rows]
        step = -np.linalg.solve(hessian, gradient)
        return step, -0.5 * float(np.vdot(step, gradient))

    def _at(self, coef: np.ndarray, intercept: np.ndarray) -> "_Point":
        raw = predictions(self._X, coef) + intercept
        residual = raw.copy()
        losses = self._loss.residual(residual, self._target, None)
        return _Point(coef, intercept, raw, residual, float(self._weight @ losses))

    def _curvature(self, point: "_Point", least: float) -> np.ndarray:
        """Return the curvature (n_rows,) of each row's loss, at least `least` times the absolute derivative."""
        least_each = _NO_CURVATURE * self._unit + least * np.abs(point.residual).max(axis=1)
        return np.maximum(self._loss.row_curvature(point.raw, self._target), least_each)


@dataclass(frozen=True)
class _Point:
    """Coefficients (p, k), intercepts (k,), raw predictions (n, k), loss derivatives (n, k), and the weighted loss."""

    coef: np.ndarray
    intercept: np.ndarray
    raw: np.ndarray
    residual: np.ndarray
    loss: float


class _EarlierRows:
    r"""The quadratic of the rows before a chunk and a penalty, as a function of the displacement from its minimum.

    A displacement (size, k) is in coefficients of columns that are centred and divided by the lengths of the
    columns of the triangular factor. With an intercept, the last row is its displacement.

    Parameters
    ----------
    summary : StreamSummary
    start, strength : ndarray of shape (n_features,)
        The penalty; a column whose `start` is 0 has a coefficient of 0.

    Attributes
    ----------
    hessian : ndarray of shape (size, size)
    """

    def __init__(self, summary: StreamSummary, start: np.ndarray, strength: np.ndarray) -> None:
        p, intercept = len(start), summary.fit_intercept
        self._mean, self._mean_target, self._alive = summary.mean[:p], summary.mean[p:], start > 0
        penalty = np.where(self._alive, start + strength, 1.0)
        factor, self._minimum = summary.penalised(penalty, self._alive)
        self._length = np.abs(factor).max(axis=0)  # close to their norms, but without squares, which may overflow
        self.hessian, unit = np.zeros((p + intercept, p + intercept)), factor / self._length
        np.matmul(unit.T, unit, out=self.hessian[:p, :p])
        if intercept:
            self.hessian[p, p] = summary.weight

    @property
    def size(self) -> int:
        """Number of coefficients per output, intercept included."""
        return len(self.hessian)

    def standardised(self, X: Any) -> np.ndarray:
        """Return rows of an array or CSR matrix in the columns of a displacement, (n_rows, size)."""
        rows, p = np.ones((X.shape[0], self.size)), len(self._mean)
        features = np.subtract(X.toarray() if is_sparse(X) else X, self._mean, out=rows[:, :p])
        features *= self._alive / self._length
        return rows

    def squares(self, shift: np.ndarray) -> float:
        """Return how far the quadratic exceeds its minimum after a displacement."""
        return 0.5 * float(np.vdot(shift, self.hessian @ shift))

    def moved(self, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the coefficients (p, k) and intercepts (k,) after a displacement."""
        p = len(self._mean)
        coef = self._alive[:, None] * (self._minimum + shift[:p] / self._length[:, None])
        # Without an intercept all means are 0, and the last sum is empty.
        return coef, self._mean_target - self._mean @ coef + shift[p:].sum(axis=0)
