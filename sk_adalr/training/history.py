"""What happened, epoch by epoch."""

import sys
from dataclasses import dataclass, field

import numpy as np

from sk_adalr.parameters import ParameterLayout

#: Up to so many rates are sorted faster than partitioned.
_FEW = 100


@dataclass
class History:
    """The record of a fit, one entry per epoch; continued by ``warm_start`` and ``partial_fit``.

    Parameters
    ----------
    losses : list of float
        Mean training loss, penalty included, over the epoch's batches as they were visited.
    validation_scores : list of float
        Accuracy or R2 on the validation rows; empty without early stopping.
    validation_losses : list of float
        Mean loss on the validation rows, without penalty; empty without early stopping.
    learning_rates : list of (float, float, float)
        Smallest, median and largest rate at the end of the epoch, of the epochs of this call.
    layer_learning_rates : list of list of (float, float, float)
        The same for each layer; empty for a single one.
    earlier_learning_rates, earlier_layer_learning_rates : array or None
        Those of the epochs before, (n_epochs, 3) and (n_epochs, n_layers, 3): of thousands of calls, each copies their
        numbers, and converts none.
    stop_reason : str
        One sentence; empty while training.
    note : str
        What the optimizer has to say about the last epoch; empty where nothing happened.
    """

    losses: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    learning_rates: list[tuple[float, float, float]] = field(default_factory=list)
    layer_learning_rates: list[list[tuple[float, float, float]]] = field(default_factory=list)
    earlier_learning_rates: np.ndarray | None = None
    earlier_layer_learning_rates: np.ndarray | None = None
    stop_reason: str = ""
    note: str = ""

    def learning_rate_curve(self) -> np.ndarray:
        """Return the rates of all epochs, (n_epochs, 3)."""
        return _joined(self.earlier_learning_rates, np.reshape(self.learning_rates, (-1, 3)))

    def layer_learning_rate_curve(self) -> np.ndarray | None:
        """Return those of the layers, (n_epochs, n_layers, 3), or None for a single one."""
        earlier, new = self.earlier_layer_learning_rates, self.layer_learning_rates
        return _joined(earlier, np.array(new)) if new else earlier

    def record_rates(
        self, rates: np.ndarray, layout: ParameterLayout | None = None, room: np.ndarray | None = None
    ) -> None:
        """Append the summary of the rates (n_rates,), which lie on the host; by layer too if there are several.

        `room`, like `rates`, is overwritten: a summary orders a copy.
        """
        room = np.empty_like(rates) if room is None else room
        self.learning_rates.append(_summary([rates], room))
        if layout is None or len(layout.layers) == 1:
            return
        if rates.size == layout.n_params:
            by_layer = [[rates[block] for block in layer] for layer in layout.layers]
        else:
            by_layer = [[layer] for layer in np.broadcast_to(rates, len(layout.layers))[:, None]]
        self.layer_learning_rates.append([_summary(parts, room) for parts in by_layer])


def _joined(earlier: np.ndarray | None, new: np.ndarray) -> np.ndarray:
    return new if earlier is None else np.concatenate([earlier, new])


def _summary(parts: list[np.ndarray], room: np.ndarray) -> tuple[float, float, float]:
    """Return the smallest, median and largest of the rates in `parts`; overwrites `room`."""
    ordered = np.concatenate(parts, out=room[: sum(part.size for part in parts)])
    # Both several times as fast as numpy.median, which matters where an iteration takes microseconds.
    upper, is_even = ordered.size // 2, ordered.size % 2 == 0
    if ordered.size < _FEW:
        ordered.sort()
        low, below, above, high = (float(ordered[i]) for i in (0, upper - is_even, upper, -1))
    else:
        ordered.partition(upper)  # at one place: NumPy's fast way does not know several
        above = float(ordered[upper])
        below = float(ordered[:upper].max()) if is_even else above
        low, high = float(ordered[: upper + 1].min()), float(ordered[upper:].max())
    # In the units of features of scale 1e-200 a rate is beyond the largest float.
    largest = sys.float_info.max
    return min(low, largest), min(0.5 * (below + above), largest), min(high, largest)
