r"""Losses on a stream: each row becomes the square that its loss is near the solution.

The loss of a chunk, the squares of the rows before it and the penalty are minimised by Newton's method. Then every
row of the chunk is replaced by its quadratic approximation there, a least-squares row with the curvature as its weight
and the working response of iteratively reweighted least squares as its target, and joins the `StreamSummary` of the
rows before.

This is the Laplace approximation of online Bayesian inference, or an extended Kalman filter that sees a
chunk as a whole.

Several classes share the curvature :math:`2 \max_k p_k (1 - p_k)`, by Gershgorin a bound of the one of the softmax, so
that one triangular factor serves them all.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sk_adalr.objectives.losses import Loss
from sk_adalr.optimizer.exact.stream import StreamSummary
from sk_adalr.rows import predictions
from sk_adalr.statistics import moments

# Newton steps on one chunk at most, and the decrease, per unit of weight and curvature, that is too small for another.
_MOST_STEPS, _ENOUGH = 10, 1e-3
# Share of `strength` while rows become squares; weight of a chunk, in units of the curvature of all rows so far, from
# which on its own squares are too coarse for the full strength.
_EARLY_STRENGTH, _LARGE_SHARE = 0.25, 0.3
# Halvings of a step that does not decrease the loss.
_HALVINGS = 6
# Weight of the row, at the centre of the first chunk and undecided, that keeps the intercept finite while there is
# one class, or no count but zero: in units of 1, or of the largest weight in the first chunk where that is less.
_PRIOR_WEIGHT = 0.1
# Least curvature of a row, in units of its residual, in Newton's steps, and at all.
_LEAST_CURVATURE, _NO_CURVATURE = 0.1, 1e-6


@dataclass(frozen=True)
class ColumnMoments:
    """Mean and mean square deviation of the columns so far: the unit of the start's trust in zero coefficients.

    Parameters
    ----------
    weight : float
    mean, variance : ndarray of shape (n_features,)
        Around zero where the model has no intercept.
    """

    weight: float
    mean: np.ndarray
    variance: np.ndarray

    def forgetting(self, share: float) -> "ColumnMoments":
        """Return the moments of rows that each weigh `share` of what they weighed."""
        return replace(self, weight=self.weight * share)

    def adding(self, X: Any, weight: np.ndarray, center: bool) -> "ColumnMoments":
        """Return the moments with the rows of an array or CSR matrix."""
        added = float(weight.sum())
        total = self.weight + added
        mean, variance = moments(X, weight, center)
        old, step = self.weight / total, mean - self.mean
        variance = old * self.variance + added / total * variance + old * (1 - old) * step**2
        return ColumnMoments(total, self.mean + (1 - old) * step, variance)


def first_summary(mean: np.ndarray, start: np.ndarray, fit_intercept: bool, unit: float) -> StreamSummary:
    """Return the summary before the first chunk, whose rows have the `mean` (n_features,); `unit` is of weights.

    `start` (n_outputs,) is the raw prediction of a row that is undecided.
    """
    empty = StreamSummary.empty(len(mean), len(start), fit_intercept)
    if not fit_intercept:
        return empty
    return replace(empty, weight=_PRIOR_WEIGHT * unit, mean=np.concatenate([mean, start]))


@dataclass(frozen=True)
class ChunkResult:
    """The solution after a chunk: coefficients (p, k), intercepts (k,), summary, and the loss of the chunk's rows.

    The loss is their mean, without penalty.
    """

    coef: np.ndarray
    intercept: np.ndarray
    loss: float
    summary: StreamSummary


class Chunk:
    """The loss of a chunk, the squares of the rows before it and a penalty.

    Parameters
    ----------
    summary : StreamSummary
        Of the rows before.
    X : {array, CSR} of shape (n_rows, n_features)
    target : ndarray
        As the loss has it.
    weight : ndarray of shape (n_rows,)
    loss : Loss
    eps : float
        Relative precision of the features.
    curvature : float, default=1.0
        The unit of losses and of their second derivatives.
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

        A strong penalty holds the solution of few rows far from that of many, where the squares of its rows would be
        of little use later: they are taken for a quarter of `strength`.
        """
        coef, intercept, u = self._newton(start + _EARLY_STRENGTH * strength)
        summary = self._joined(u, 0.0)
        if strength.any():
            if self._weight_sum > _LARGE_SHARE * summary.weight:
                coef, intercept, u = self._newton(start + strength)
            else:
                coef, intercept = summary.solution(start + strength, self._eps)
                u = predictions(self._X, coef) + intercept
        return ChunkResult(coef, intercept, self._loss_sum(u) / self._weight_sum, summary)

    def _newton(self, penalty: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return coefficients, intercepts and raw predictions at the minimum."""
        coef, intercept = self._summary.solution(penalty, self._eps)
        value, u = self._evaluate(coef, intercept, penalty)
        for _ in range(_MOST_STEPS):
            step = self._joined(u, _LEAST_CURVATURE).solution(penalty, self._eps)
            trial = self._evaluate(*step, penalty)
            for _ in range(_HALVINGS):
                if trial[0] <= value:
                    break
                step = (step[0] + coef) / 2, (step[1] + intercept) / 2
                trial = self._evaluate(*step, penalty)
            if not trial[0] <= value:
                break
            decrease = value - trial[0]
            (coef, intercept), (value, u) = step, trial
            if decrease <= _ENOUGH * self._unit * self._weight_sum:
                break
        return coef, intercept, u

    def _evaluate(self, coef: np.ndarray, intercept: np.ndarray, penalty: np.ndarray) -> tuple[float, np.ndarray]:
        u = predictions(self._X, coef) + intercept
        squares = self._summary.squares(coef, intercept) + 0.5 * float(penalty @ (coef**2).sum(axis=1))
        return self._loss_sum(u) + squares, u

    def _joined(self, u: np.ndarray, least: float) -> StreamSummary:
        """Return the summary with the squares of the chunk's rows at raw predictions `u`."""
        curvature, response = self._working_rows(u, least)
        return self._summary.adding(self._X, response, self._weight * curvature)

    def _loss_sum(self, u: np.ndarray) -> float:
        return float(self._loss.value(u.copy(), self._target, self._weight))

    def _working_rows(self, u: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the curvature (n_rows,) of the rows' losses and the targets (n_rows, n_outputs) of their squares.

        The curvature is at least `least` times the residual: that of a row far on the wrong side vanishes.
        """
        residual = u.copy()
        self._loss.residual(residual, self._target, None)
        curvature = self._loss.row_curvature(u, self._target)
        curvature = np.maximum(curvature, _NO_CURVATURE * self._unit + least * np.abs(residual).max(axis=1))
        return curvature, u - residual / curvature[:, None]
