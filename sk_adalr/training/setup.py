"""What trains, and on what."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sk_adalr.dataset import Dataset
from sk_adalr.objectives import Network, PenalizedMean
from sk_adalr.training.batches import Batches
from sk_adalr.units import Units


@dataclass(frozen=True)
class Setup:
    """All that does not change while mini-batches train.

    Parameters
    ----------
    data : Dataset
        With the target in the units of training.
    units : Units
    network : Network
    activation : str
        Of its hidden layers.
    objective : PenalizedMean
        Of the network.
    optimizer : Optimizer or AutomaticOptimizer
    batch_size : int
    shuffle : bool
    """

    data: Dataset
    units: Units
    network: Network
    activation: str
    objective: PenalizedMean
    optimizer: Any
    batch_size: int
    shuffle: bool

    def batches(
        self, random_state: np.random.RandomState, *, rows: np.ndarray | None = None, shuffle: bool | None = None
    ) -> Batches:
        """Return the mini-batches of the given rows, all by default."""
        return Batches(
            self.data,
            self.batch_size,
            shuffle=self.shuffle if shuffle is None else shuffle,
            random_state=random_state,
            rows=rows,
            standardization=self.units.inputs,
        )
