"""When to stop, and the sentence that says why."""

from dataclasses import dataclass, field

import numpy as np

MAX_ITER_REACHED = "Reached `max_iter` before the criterion of `tol` was met."
MAX_ITER_MADE = "Trained for `max_iter` epochs, as `tol=0` asks."
INTERRUPTED = "Interrupted by the user; the model is the best so far."
CALLBACK = "A callback asked to stop."
CONSTANT = "The target is constant, and predicted as it is: there is nothing to train."
FOLDS = "Trained for {} epochs, {} as lower the loss of unseen rows, by the median of {} folds."
FOLDS_STILL_GAIN = "Reached `max_iter`, up to which the loss of unseen rows falls, by the median of {} folds."


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
    """

    tol: float
    n_iter_no_change: int
    loss_scale: float = 1.0
    _lowest: float = field(default=np.inf, init=False)
    _highest: float = field(default=-np.inf, init=False)
    _n_without_improvement: int = field(default=0, init=False)

    def stop_reason(self, loss: float, score: float | None = None) -> str | None:
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
        return (
            f"The {what} improved by no more than `tol` ({self.tol:g}) for `n_iter_no_change` "
            f"({self.n_iter_no_change}) epochs."
        )
