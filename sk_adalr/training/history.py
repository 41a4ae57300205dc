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
        Smallest, median and largest rate at the end of the epoch.
    layer_learning_rates : list of list of (float, float, float)
        The same for each layer; empty for a single one.
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
    stop_reason: str = ""
    note: str = ""

    def record_rates(self, rates: np.ndarray, layout: ParameterLayout | None = None) -> None:
        """Append the summary of the rates (n_rates,), which lie on the host; by layer too if there are several."""
        self.learning_rates.append(_summary(rates))
        if layout is None or len(layout.layers) == 1:
            return
        if rates.size == layout.n_params:
            by_layer = [np.concatenate([rates[block] for block in layer]) for layer in layout.layers]
        else:
            by_layer = list(np.broadcast_to(rates, len(layout.layers))[:, None])
        self.layer_learning_rates.append([_summary(layer) for layer in by_layer])


def _summary(rates: np.ndarray) -> tuple[float, float, float]:
    """Return the smallest, median and largest rate."""
    # Both several times as fast as numpy.median, which matters where an iteration takes microseconds.
    upper, is_even = rates.size // 2, rates.size % 2 == 0
    if rates.size < _FEW:
        ordered = np.sort(rates).tolist()
        low, below, above, high = ordered[0], ordered[upper - is_even], ordered[upper], ordered[-1]
    else:
        ordered = np.partition(rates, upper)  # at one place: NumPy's fast way does not know several
        above = float(ordered[upper])
        below = float(ordered[:upper].max()) if is_even else above
        low, high = float(rates.min()), float(rates.max())
    # In the units of features of scale 1e-200 a rate is beyond the largest float.
    largest = sys.float_info.max
    return min(low, largest), min(0.5 * (below + above), largest), min(high, largest)
