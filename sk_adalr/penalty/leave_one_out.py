r"""Exact leave-one-out loss of ridge regression, for any strength, from one eigendecomposition.

With rows :math:`\tilde x_i`, centred and multiplied by the square roots of their weights :math:`\omega`, and
:math:`\tilde X^T \tilde X = V \Sigma^2 V^T`, let :math:`Q = \tilde X V`. The residual of a left-out row, with
leverage :math:`h_i`, is

.. math:: e_i = \frac{r_i}{1 - h_i}, \quad r = \tilde y - Q (\Sigma^2 + \alpha I)^{-1} Q^T \tilde y, \quad
          h_i = \frac{\omega_i}{\sum \omega} + \sum_j \frac{Q_{ij}^2}{\sigma_j^2 + \alpha},

and its derivative with respect to :math:`\log \alpha` has the same form. If there are no more rows than columns, Q is
computed from :math:`\tilde X \tilde X^T`.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from sk_adalr.dataset import Dataset
from sk_adalr.objectives.columns import columns_of_few_rows
from sk_adalr.optimizer.exact.least_squares import standardised_target
from sk_adalr.optimizer.exact.moments import joint_moments
from sk_adalr.optimizer.exact.rows_in_memory import rows_of
from sk_adalr.penalty.search import Visits, narrowed
from sk_adalr.rows import slices_of_rows

# The smallest and the largest strength, in units of the largest eigenvalue, and the number of strengths in the grid.
_LOWEST, _HIGHEST, _N_GRID = 1e-10, 1e3, 14
# Eigenvalues below this share of the largest are round-off error, and so is 1 minus a leverage below this.
_ROUNDING = 1e-14
# The search ends if a further evaluation would gain less than this share of the loss. An evaluation is cheap here.
_ENOUGH = 1e-7


class LeaveOneOut:
    """The leave-one-out loss, the mean of half the squared errors, as a function of the strength.

    Parameters
    ----------
    data : Dataset
        On the host, with identical rows merged into one; strengths are in units of the mean weight.
    penalty_unit : ndarray (p,) or float
        Divisor of the columns: the penalty applies to the coefficients of the divided columns.
    fit_intercept : bool
    """

    def __init__(self, data: Dataset, penalty_unit: np.ndarray | float, fit_intercept: bool) -> None:
        n, weight = data.n_samples, None if data.weight is None else data.weight / data.weight.mean()
        make = _tall if n > data.X.shape[1] else _wide
        self._rows, target, squares = make(data.X, data.target, weight, penalty_unit, fit_intercept)
        self._squares = np.where(squares > _ROUNDING * squares.max(initial=0.0), squares, 0.0)
        self._leverage = (np.ones(n) if weight is None else weight) * (fit_intercept / n)
        self._set_target(target)

    def each_output(self) -> Iterator["LeaveOneOut"]:
        """Yield the problem of each output, with the decomposition of them all."""
        for target in self._centred.T:
            one = copy(self)
            one._set_target(target[:, None])
            yield one

    def _set_target(self, centred: np.ndarray) -> None:
        # One unit for all outputs keeps squares in range.
        peak = float(np.abs(centred).max(initial=0.0)) or 1.0
        self._centred, self._target = centred, centred / peak
        self._products, self.unit_of_loss = self._rows.T @ self._target, peak**2
        self._unit = 0.5 * float((self._target**2).sum()) / len(centred)

    @property
    def is_empty(self) -> bool:
        """Whether no strength can be chosen: no column or no target varies, or there are fewer than three rows."""
        return len(self._target) < 3 or not self._squares.any() or not self._target.any()

    def best(self) -> Visits:
        """Return the finished search for the strength, with losses in units of `unit_of_loss`."""
        largest = np.log(self._squares.max())
        grid = largest + np.linspace(np.log(_LOWEST), np.log(_HIGHEST), _N_GRID)
        losses, slopes = self._curve(np.exp(grid))
        visits = Visits(self._at, grid[0], grid[-1], self._unit, share=_ENOUGH)
        visits.points += zip(grid.tolist(), losses.tolist(), slopes.tolist(), strict=True)
        lowest = int(losses.argmin())
        other = lowest - int(np.sign(slopes[lowest]))
        if 0 < lowest < _N_GRID - 1 and slopes[lowest] * slopes[other] < 0:
            ends = ((float(grid[end]), float(slopes[end])) for end in (lowest, other))
            visits.points += narrowed(replace(visits, points=[visits.best]), *ends).points[1:]
        return visits

    def _at(self, t: float) -> tuple[float, float]:
        losses, slopes = self._curve(np.exp([t]))
        return float(losses[0]), float(slopes[0])

    def _curve(self, strengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return losses and slopes (m,) at strengths (m,)."""
        n, products = len(self._target), self._products
        with np.errstate(divide="ignore"):
            inverse = np.where(self._squares[:, None] > 0, 1 / (self._squares[:, None] + strengths), 0.0)
        change = strengths * inverse**2  # minus the derivative of the inverse
        losses, slopes = np.zeros(len(strengths)), np.zeros(len(strengths))
        for part in slices_of_rows(self._rows):
            rows, target = self._rows[part], self._target[part]
            squares = rows**2
            rest = np.maximum(1 - self._leverage[part, None] - squares @ inverse, _ROUNDING)
            gain = squares @ change
            for k in range(target.shape[1]):
                error = (target[:, k, None] - rows @ (products[:, k, None] * inverse)) / rest
                moved = (rows @ (products[:, k, None] * change) - error * gain) / rest
                losses += 0.5 * (error**2).sum(axis=0) / n
                slopes += (error * moved).sum(axis=0) / n
        return losses, slopes


def _tall(
    X: Any, target: np.ndarray, weight: np.ndarray | None, penalty_unit: np.ndarray | float, centre: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return Q (n, p), the centred target (n, k), both times square roots of weights, and :math:`\Sigma^2` (p,)."""
    p = X.shape[1]
    rows = rows_of(X, target, weight)
    moments = joint_moments(rows, centre)
    unit = np.append(np.broadcast_to(penalty_unit, p) / moments.unit[:p], np.ones(target.shape[1]) / moments.unit[p:])
    squares, vectors = np.linalg.eigh(moments.scatter[:p, :p] / unit[:p] / unit[:p, None] * len(target))
    rotated, centred, start = np.empty((len(target), p)), np.empty(target.shape), 0
    for block in rows.standardised_blocks(moments, unit):
        part = slice(start, start := start + len(block))
        np.matmul(block[:, :p], vectors, out=rotated[part])
        centred[part] = block[:, p:]
    return rotated, centred, np.maximum(squares, 0.0)


def _wide(
    X: Any, target: np.ndarray, weight: np.ndarray | None, penalty_unit: np.ndarray | float, centre: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return the same as `_tall` for no more rows than columns; Q is (n, n) and :math:`\Sigma^2` is (n,)."""
    columns = columns_of_few_rows(X, weight, centre)
    scale = np.where(columns.alive, columns.scale, 0.0) / penalty_unit
    root = np.ones(len(target)) if weight is None else np.sqrt(weight)
    squares, vectors = np.linalg.eigh(columns.row_products(scale) * root[:, None] * root)
    squares = np.maximum(squares, 0.0)
    _, unit, relative = standardised_target(target, weight, centre)
    return vectors * np.sqrt(squares), (relative * unit[:, None] * root).T, squares
