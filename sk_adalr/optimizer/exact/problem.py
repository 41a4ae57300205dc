"""The input of every solver: a linear model, its data, loss and penalty."""

from typing import Any, NamedTuple

import numpy as np

from sk_adalr.backends import Array
from sk_adalr.objectives.losses import Loss


class Problem(NamedTuple):
    """A linear model in standardised columns; target and weight are on the same device as the columns.

    Attributes
    ----------
    columns : Columns (n, p)
        Dense for Newton's method. For rows in blocks, `BlockCoordinates`.
    loss : Loss
    target : array (n, k), or (n,) class indices
        For rows in blocks, a table, see `solve_blocked`.
    weight : array (n,) or None
        Sample weights with mean 1.
    penalty : ndarray (p,) or None
        Penalty of each standardised coefficient.
    fit_intercept : bool
    penalty_unit : ndarray (p,) or float, default=1.0
        Penalty and minimum norm refer to the coefficients of the caller's columns divided by it.
    """

    columns: Any
    loss: Loss
    target: Array
    weight: Array | None
    penalty: np.ndarray | None
    fit_intercept: bool
    penalty_unit: np.ndarray | float = 1.0

    def constant_model(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores (k,) of the best constant prediction, 0 without an intercept, and mean curvatures (k,)."""
        loss, target, weight = self.loss, self.target, self.weight
        n_scores = target.shape[1] if target.ndim == 2 else int(target.max()) + 1
        scores = np.zeros(n_scores)
        if self.fit_intercept:
            scores[:] = loss.constant(target, weight, n_scores)
        if not loss.is_separable:  # adding the same to all scores does not change the loss
            scores -= scores.mean()
        return scores, loss.curvature_at(scores, target, weight)

    def weakest_penalty(self) -> float:
        """Return the least curvature that the penalty adds, relative to the largest one of the constant model."""
        if self.penalty is None:
            return 0.0
        weakest = float(self.penalty[self.columns.alive].min(initial=np.inf))
        curvature = float(self.constant_model()[1].max())
        return weakest / curvature if curvature > 0 else np.inf  # a robust loss may have none far from all rows

    def weight_of(self, rows: slice) -> Array | None:
        """Return the weights of some rows, None for equal weights."""
        return None if self.weight is None else self.weight[rows]

    def losses_of(self, blocks: list[Any]) -> list[Any]:
        """Return the `LossOfRows` of each block of rows."""
        return [self.loss.of_rows(self.target[block.rows], self.weight_of(block.rows)) for block in blocks]
