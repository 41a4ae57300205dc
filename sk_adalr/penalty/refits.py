"""The validation loss from warm-started refits of each fold, for any loss and any matrix format."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from sk_adalr.dataset import Dataset
from sk_adalr.objectives import Loss
from sk_adalr.penalty.folds import Folds, of_rows
from sk_adalr.rows import predictions

#: Coefficients (p, k) and intercepts (k,) of a fitted model.
Solution: TypeAlias = tuple[np.ndarray, np.ndarray]
#: Fits a model: takes the rows, the strength and the starting point (or None), returns the solution.
Solve: TypeAlias = Callable[[Dataset, float, Solution | None], Solution]


class Refits:
    """Weighted mean loss of the validation rows, as a function of the logarithm of the strength, without derivative.

    Parameters
    ----------
    data : Dataset
        On the host.
    loss : Loss
    folds : Folds
    solve : Solve
    """

    def __init__(self, data: Dataset, loss: Loss, folds: Folds, solve: Solve) -> None:
        self._parts = [(of_rows(data, train), of_rows(data, test)) for train, test in folds]
        self._loss, self._solve = loss, solve
        self._solutions: list[Solution | None] = [None] * len(folds)

    def __call__(self, t: float) -> tuple[float, float]:
        """Return the loss at `t`, the logarithm of a strength, and NaN for the unknown slope."""
        total = weight = 0.0
        for fold, (train, test) in enumerate(self._parts):
            coef, intercept = self._solutions[fold] = self._solve(train, float(np.exp(t)), self._solutions[fold])
            raw = predictions(test.X, coef) + intercept
            total += float(self._loss.value(raw, test.target, test.weight))
            weight += test.weight_sum
        return total / weight, float("nan")
