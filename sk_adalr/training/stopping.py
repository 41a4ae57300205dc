"""When training ends, and why."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np


class Stop(str):
    """Why training ended: one sentence, and the `reason` that code compares."""

    reason: "StopReason"


class StopReason(Enum):
    """The reasons why training ends: sentences with room for numbers."""

    NONE = ""
    MAX_ITER_REACHED = "Reached `max_iter` before the criterion of `tol` was met."
    MAX_ITER_MADE = "Trained for `max_iter` epochs, as `tol=0` asks."
    NO_PROGRESS = (
        "The {what} improved by no more than `tol` ({tol:g}) for `n_iter_no_change` ({n_iter_no_change}) epochs."
    )
    INTERRUPTED = "Interrupted by the user; the model is the best so far."
    CALLBACK = "A callback asked to stop."
    CONSTANT = "The target is constant, and predicted as it is: there is nothing to train."
    FOLDS = (
        "Trained for {n_epochs} epochs, {times} as lower the loss of unseen rows, by the median of {n_folds} folds."
    )
    FOLDS_STILL_GAIN = (
        "Reached `max_iter`, up to which the loss of unseen rows falls, by the median of {n_folds} folds."
    )
    SOLVED = "{message}"
    STREAM_SOLVED = "Solved for all rows so far."

    def __call__(self, **numbers: Any) -> Stop:
        """Return the sentence."""
        stop = Stop(self.value.format(**numbers))
        stop.reason = self
        return stop


@dataclass
class Stopping:
    """Stop when nothing has improved for a while.

    The training loss must fall by more than `tol` times `loss_scale`, the loss of the best constant prediction, so
    that the rule does not depend on the units of the target or of the weights. With early stopping, progress is a
    validation score that rises by more than `tol` (a score has no units), or a validation loss that falls as above:
    while a network still learns to be less wrong, its accuracy may stand still for many epochs.

    Parameters
    ----------
    tol : float
        Smallest improvement that counts; 0 disables the rule.
    n_iter_no_change : int
        Number of epochs in a row without improvement after which to stop.
    loss_scale : float, default=1.0
        Loss of the best constant prediction.
    at_the_end : Stop or None, default=None
        Why training ends after the last epoch it may make; None for the reason that `tol` gives.
    """

    tol: float
    n_iter_no_change: int
    loss_scale: float = 1.0
    at_the_end: Stop | None = None
    _lowest: float = field(default=np.inf, init=False)
    _highest: float = field(default=-np.inf, init=False)
    _n_without_improvement: int = field(default=0, init=False)

    @property
    def last_reason(self) -> Stop:
        """Why training ends after the last epoch it may make."""
        return self.at_the_end or (StopReason.MAX_ITER_REACHED if self.tol > 0 else StopReason.MAX_ITER_MADE)()

    def stop_reason(self, loss: float, score: float | None = None) -> Stop | None:
        """Take note of an epoch's loss and, with early stopping, score; return why to stop, or None."""
        improved = loss < self._lowest - self.tol * self.loss_scale
        self._lowest = min(self._lowest, loss)
        if score is not None:
            improved |= score > self._highest + self.tol
            self._highest = max(self._highest, score)
        self._n_without_improvement = 0 if improved else self._n_without_improvement + 1
        if self.tol == 0 or self._n_without_improvement < self.n_iter_no_change:
            return None
        what = "training loss" if score is None else "validation score and loss"
        return StopReason.NO_PROGRESS(what=what, tol=self.tol, n_iter_no_change=self.n_iter_no_change)
