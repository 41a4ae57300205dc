"""The record of a fit epoch by epoch, the stopping criterion, and the reasons why training ends."""

import sys
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from sk_adalr.backends import Array, namespace, read, to_host
from sk_adalr.parameters import ParameterLayout

# Fewer rates than this are sorted faster on the host than on a device.
_FEW = 100


class Stop(str):
    """Why training ended: a sentence for the user, and the `reason` for comparisons in code."""

    reason: "StopReason"


class StopReason(Enum):
    """The reasons why training ends: sentences with placeholders for numbers."""

    NONE = ""
    MAX_ITER_REACHED = "Reached `max_iter` before the criterion of `tol` was met."
    MAX_ITER_MADE = "Trained for `max_iter` epochs, as `tol=0` asks."
    NO_PROGRESS = (
        "The {what} improved by no more than `tol` ({tol:g}) for `n_iter_no_change` ({n_iter_no_change}) epochs."
    )
    INTERRUPTED = "Interrupted by the user; the model is the best so far."
    CALLBACK = "A callback asked to stop."
    CONSTANT = "The target is constant, and predicted as it is: there is nothing to train."
    FOLDS = "Trained for {n_epochs} epochs: the median best epoch of {n_folds} validation folds."
    FOLDS_STILL_GAIN = (
        "Reached `max_iter` while the validation loss was still falling, in the median of {n_folds} folds."
    )
    ENSEMBLE = "Trained {n_networks} networks, each stopped early on its own fold; predicts with their mean."
    ENSEMBLE_INTERRUPTED = "Interrupted by the user; predicts with the mean of {n_networks} networks so far."
    SOLVED = "{message}"
    STREAM_SOLVED = "Solved for all rows so far."
    STREAM_APPROXIMATED = "Solved for the rows of the last call and a quadratic approximation of those before."

    def __call__(self, **numbers: Any) -> Stop:
        """Return the sentence with the numbers filled in."""
        stop = Stop(self.value.format(**numbers))
        stop.reason = self
        return stop


@dataclass
class History:
    """The record of a fit, one entry per epoch; continued by ``warm_start`` and ``partial_fit``.

    Parameters
    ----------
    losses : list of float
        Mean training loss, penalty included, over the epoch's batches as they were visited.
    validation_scores : list of float
        Scores on the validation rows, such as accuracy or R2; empty without early stopping.
    validation_losses : list of float
        Mean loss on the validation rows, without penalty; empty without early stopping.
    n_rows_seen : int
        Number of training rows, summed over epochs.
    learning_rates : list of (float, float, float)
        Smallest, median and largest rate at the end of each epoch of this call.
    layer_learning_rates : list of list of (float, float, float)
        The same for each layer; empty if there is only one layer.
    earlier_learning_rates, earlier_layer_learning_rates : array or None
        The same for epochs of earlier calls, (n_epochs, 3) and (n_epochs, n_layers, 3): arrays, so that each of
        thousands of calls copies them without converting lists.
    stop_reason : Stop
        Why training ended; empty while training.
    best_epoch : int or None
        The epoch, counted from 1, whose parameters are kept: the best one on the validation rows, or without those the
        last one. None if there are no epochs.
    """

    losses: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    n_rows_seen: int = 0
    learning_rates: list[tuple[float, float, float]] = field(default_factory=list)
    layer_learning_rates: list[list[tuple[float, float, float]]] = field(default_factory=list)
    earlier_learning_rates: np.ndarray | None = None
    earlier_layer_learning_rates: np.ndarray | None = None
    stop_reason: Stop = StopReason.NONE()  # noqa: RUF009
    best_epoch: int | None = None

    def learning_rate_curve(self) -> np.ndarray:
        """Return the smallest, median and largest rate of all epochs, (n_epochs, 3)."""
        return _joined(self.earlier_learning_rates, np.reshape(self.learning_rates, (-1, 3)))

    def layer_learning_rate_curve(self) -> np.ndarray | None:
        """Return the same for each layer, (n_epochs, n_layers, 3), or None if there is only one layer."""
        earlier, new = self.earlier_layer_learning_rates, self.layer_learning_rates
        return _joined(earlier, np.array(new)) if new else earlier

    def record_rates(
        self, rates: Array, layout: ParameterLayout | None = None, room: np.ndarray | None = None
    ) -> None:
        """Append minimum, median and maximum of the rates (n_rates,), also per layer if there are several.

        On the host the rates are sorted in the buffer `room` (n_rates,), if given. A device is read only once.
        """
        if rates.size < _FEW:
            rates = to_host(rates)
        numbers = read([_order_statistics(parts, room) for parts in ([rates], *_by_layer(rates, layout))])
        total, *layers = (_summary(*numbers[start : start + 4]) for start in range(0, len(numbers), 4))
        self.learning_rates.append(total)
        if layers:
            self.layer_learning_rates.append(layers)


@dataclass
class Stopping:
    """Stop after a number of epochs without improvement.

    The training loss must fall by more than `tol` times `loss_scale`, the loss of the best constant prediction, so
    that the criterion does not depend on the units of the target or of the weights. With early stopping, a validation
    score that rises by more than `tol` (a score has no units), or a validation loss that falls as above, is an
    improvement: accuracy may be constant for many epochs while the loss still falls.

    Parameters
    ----------
    tol : float
        Smallest improvement that counts; 0 disables the criterion.
    n_iter_no_change : int
        Number of epochs in a row without improvement after which to stop.
    loss_scale : float, default=1.0
        Loss of the best constant prediction.
    at_the_end : Stop or None, default=None
        The stop reason after the maximum number of epochs; None for the default, which depends on `tol`.
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
        """The stop reason after the maximum number of epochs."""
        return self.at_the_end or (StopReason.MAX_ITER_REACHED if self.tol > 0 else StopReason.MAX_ITER_MADE)()

    def stop_reason(self, loss: float, score: float | None = None) -> Stop | None:
        """Record the loss of an epoch and, with early stopping, its score; return the reason to stop, or None."""
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


def _joined(earlier: np.ndarray | None, new: np.ndarray) -> np.ndarray:
    return new if earlier is None else np.concatenate([earlier, new])


def _by_layer(rates: Array, layout: ParameterLayout | None) -> list[list[Array]]:
    """Return the rates of each layer as a list of blocks; an empty list if there is only one layer."""
    if layout is None or len(layout.layers) == 1:
        return []
    if rates.size == layout.n_params:
        return [[rates[block] for block in layer] for layer in layout.layers]
    return [[layer] for layer in namespace(rates).broadcast_to(rates, len(layout.layers))[:, None]]


def _order_statistics(parts: list[Array], room: np.ndarray | None) -> Array:
    """Return the minimum, the two middle values and the maximum of the rates in `parts`, (4,)."""
    size = sum(part.size for part in parts)
    ordered = namespace(parts[0]).concatenate(parts, out=None if room is None else room[:size])
    ordered.sort()  # numpy.median takes twenty times as long if there are few rates
    upper, is_even = size // 2, size % 2 == 0
    return ordered[[0, upper - is_even, upper, -1]]


def _summary(low: float, below: float, above: float, high: float) -> tuple[float, float, float]:
    """Return the minimum, median and maximum from what `_order_statistics` returns."""
    # A rate in the units of features of scale 1e-200 overflows.
    largest = sys.float_info.max
    return min(low, largest), min(0.5 * (below + above), largest), min(high, largest)
