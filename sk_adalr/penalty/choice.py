"""Choice of the method: leave-one-out, folds with the derivative of the validation loss, or folds with refits."""

from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from sk_adalr.backends import is_sparse
from sk_adalr.dataset import Dataset
from sk_adalr.objectives import Loss
from sk_adalr.optimizer.exact import prefers_factorisation
from sk_adalr.penalty.folds import LEAST_OF_CLASS, make_folds, without_copies
from sk_adalr.penalty.leave_one_out import LeaveOneOut
from sk_adalr.penalty.log_loss import FoldedLogLoss
from sk_adalr.penalty.refits import Refits, Solve
from sk_adalr.penalty.search import Ending, Visits, by_slopes, by_values
from sk_adalr.rows import first_copies
from sk_adalr.statistics import Spread

# Up to so many columns, `FoldedLogLoss` is used, which holds a matrix (p, p) per fold.
_MOST_COLUMNS = 300
# The start of the search, in units of the sum of the squared lengths of the rows (where weights count as repetitions),
# and how far the logarithm of the strength may move from it either way.
_START, _FARTHEST = 2e-4, float(np.log(1e6))


class Rows(NamedTuple):
    """The rows from which a penalty is learned.

    Attributes
    ----------
    data : Dataset
        On the host, with weights of mean 1; strengths refer to these weights.
    labels : ndarray (n,) or None
        Class index of each row.
    copies : ndarray (n,)
        The same number for identical rows, see `copies_of_rows`.
    loss : Loss
    penalty_unit : ndarray (p,) or float
        Divisor of the columns: the penalty applies to the coefficients of the divided columns.
    fit_intercept : bool
    """

    data: Dataset
    labels: np.ndarray | None
    copies: np.ndarray
    loss: Loss
    penalty_unit: np.ndarray | float
    fit_intercept: bool


class Learned(NamedTuple):
    """The best strength, its validation loss, and the evaluated strengths, losses and slopes (m, 3) in order."""

    strength: float
    loss: float
    curve: np.ndarray
    ending: Ending


@dataclass(frozen=True)
class PenaltyChoice:
    """The user's choice of how a penalty is learned.

    Parameters
    ----------
    cv : int, splitter, iterable or None, default=None
        Folds; None for leave-one-out where it has an exact formula, else for five folds.
    per_target : bool, default=False
        Whether each output has a separate strength.
    """

    cv: Any = None
    per_target: bool = False

    def learn(self, rows: Rows, solve: Solve) -> Learned | None:
        """Return the strength learned from the rows, None if they are too few; `solve` fits a model to some rows."""
        if self.leaves_one_out(rows.data, rows.loss):
            return _best(*_leave_one_out(rows))
        if (self.cv is None or isinstance(self.cv, Integral)) and self._lack_rows(rows):
            return None
        return _learned(self._visits(rows, solve))

    def learn_each(self, rows: Rows, solve: Solve) -> list[Learned | None]:
        """Return the strength learned for each output separately."""
        if self.leaves_one_out(rows.data, rows.loss):
            problem, unit = _leave_one_out(rows)
            return [_best(one, unit) for one in problem.each_output()]
        targets = np.asarray(rows.data.target).T[:, :, None]
        return [self.learn(rows._replace(data=replace(rows.data, target=one)), solve) for one in targets]

    def leaves_one_out(self, data: Dataset, loss: Loss) -> bool:
        """Return whether the penalty is learned by leave-one-out."""
        return self.cv is None and data.groups is None and loss.is_quadratic and prefers_factorisation(data.X)

    def _lack_rows(self, rows: Rows) -> bool:
        """Return whether there are too few rows, or rows of a class, for the folds; identical rows count once."""
        firsts = first_copies(rows.copies)
        least = LEAST_OF_CLASS if self.cv is None else int(self.cv)
        if rows.labels is None:
            return len(firsts) < least
        counts = np.bincount(rows.labels[firsts])
        return bool((counts > 0).sum() < 2 or counts[counts > 0].min() < least)

    def _visits(self, rows: Rows, solve: Solve) -> Visits:
        data, loss = rows.data, rows.loss
        folds = make_folds(self.cv, data, rows.labels, rows.copies)
        spread = Spread.of(data.X, data.weight)
        start = float(np.log(_START * data.n_samples * max(_mean_square(spread, rows), np.finfo(float).tiny)))
        bounds = start - _FARTHEST, start + _FARTHEST
        unit = loss.constant_value(data.target, data.weight)
        if loss.classifies and loss.is_separable and not is_sparse(data.X) and data.X.shape[1] <= _MOST_COLUMNS:
            columns, penalty = _columns(spread, rows)
            sign = np.where(np.asarray(data.target)[:, 0] > 0, 1.0, -1.0)
            weight = np.ones(len(sign)) if data.weight is None else data.weight
            return by_slopes(Visits(FoldedLogLoss(columns, sign, weight, penalty, folds), *bounds, unit), start)
        return by_values(Visits(Refits(data, loss, folds, solve), *bounds, unit), start)


def _leave_one_out(rows: Rows) -> tuple[LeaveOneOut, float]:
    """Return the problem, and the unit of its strengths."""
    data = without_copies(rows.data, rows.copies)
    return LeaveOneOut(data, rows.penalty_unit, rows.fit_intercept), data.weight_sum / data.n_samples


def _best(problem: LeaveOneOut, unit_of_strength: float) -> Learned | None:
    """Return the strength with the lowest leave-one-out loss; None if there is nothing to choose."""
    return None if problem.is_empty else _learned(problem.best(), problem.unit_of_loss, unit_of_strength)


def _learned(visits: Visits, unit_of_loss: float = 1.0, unit_of_strength: float = 1.0) -> Learned:
    points = np.array(visits.points)
    with np.errstate(over="ignore"):
        curve = np.column_stack([unit_of_strength * np.exp(points[:, 0]), unit_of_loss * points[:, 1:]])
    strength, loss = unit_of_strength * np.exp(visits.best[0]), unit_of_loss * visits.best[1]
    return Learned(float(strength), float(loss), curve, visits.ending())


def _mean_square(spread: Spread, rows: Rows) -> float:
    """Return the mean squared length of the rows, centred if there is an intercept."""
    lengths = spread.deviation if rows.fit_intercept else np.hypot(spread.deviation, spread.mean)
    with np.errstate(over="ignore"):
        return float(((lengths / rows.penalty_unit) ** 2).sum())


def _columns(spread: Spread, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return standardised columns (n, m), including a column of ones for the intercept, and their penalties (m,)."""
    X, n = rows.data.X, rows.data.n_samples
    varies = spread.deviation > 10 * np.finfo(X.dtype).eps * np.abs(spread.mean)
    centre = spread.mean if rows.fit_intercept else np.zeros_like(spread.mean)
    length = spread.deviation if rows.fit_intercept else np.hypot(spread.deviation, spread.mean)
    alive = varies if rows.fit_intercept else length > 0
    scale = np.where(alive, length, 1.0)
    columns = np.ones((n, X.shape[1] + rows.fit_intercept))
    columns[:, : X.shape[1]] = np.where(alive, (X - centre) / scale, 0.0)
    penalty = np.zeros(columns.shape[1])
    penalty[: X.shape[1]] = np.where(alive, (rows.penalty_unit / scale) ** 2, 1.0)
    return columns, penalty
