"""The constant parts of a fit, and its state, from which another fit continues bitwise."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from sk_adalr.backends import Array, is_sparse, namespace
from sk_adalr.dataset import Batch, Dataset
from sk_adalr.objectives import Network, PenalizedMean
from sk_adalr.optimizer.automatic import USUAL_BATCH_SIZE, first_rates
from sk_adalr.optimizer.state import freeze, on_host, thaw
from sk_adalr.sparse_rows import SparseRows
from sk_adalr.standardization import Standardization
from sk_adalr.training.batches import Batches, even_size, standardized_rows
from sk_adalr.training.block_batches import AnyBatches, BlockBatches, VisitedRows
from sk_adalr.units import TargetUnits, Units

# Minimum batch size of CSR rows that are only evaluated.
_EVALUATED_ROWS = 4096
_SEED_RANGE = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Setup:
    """Everything that is constant during training on mini-batches.

    Parameters
    ----------
    data : Dataset
        With the target in training units.
    units : Units
    objective : PenalizedMean
    optimizer : Optimizer or AutomaticOptimizer
    batch_size : int
    shuffle : bool
    """

    data: Dataset
    units: Units
    objective: PenalizedMean
    optimizer: Any
    batch_size: int
    shuffle: bool

    @property
    def network(self) -> Network:
        """The network to train."""
        return self.objective.network

    def batches(
        self, random_state: np.random.RandomState, *, rows: np.ndarray | None = None, for_evaluation: bool = False
    ) -> AnyBatches:
        """Return the mini-batches of the given rows, by default all; `for_evaluation`, unshuffled and maybe larger."""
        shuffle, batch_size = self.shuffle and not for_evaluation, self.batch_size
        batches = partial(Batches, shuffle=shuffle, random_state=random_state, standardization=self.units.inputs)
        if not isinstance(self.data.X, VisitedRows):
            if for_evaluation and self._sparse_rows is not None:  # larger dense batches need more memory
                batch_size = max(batch_size, _EVALUATED_ROWS)
            batch_size = self._even(batch_size, self.data.n_samples if rows is None else len(rows))
            return batches(self.data, batch_size, rows=rows, sparse_rows=self._sparse_rows)

        def batches_of(data: Dataset) -> Batches:
            return batches(self.units.of_target(data), self._even(batch_size, data.n_samples))

        return BlockBatches(self.data, batch_size, batches_of, random_state if shuffle else None)

    def _even(self, batch_size: int, n_rows: int) -> int:
        return even_size(batch_size, n_rows) if self.optimizer.has_even_batches else batch_size

    @cached_property
    def _sparse_rows(self) -> SparseRows | None:
        X = self.data.X
        return standardized_rows(X, self.units.inputs) if is_sparse(X) and namespace(X) is np else None

    def first_rates(self, params: Array, batch: Batch, direction: Array) -> np.ndarray:
        """Return the initial rate of each layer, (n_layers,), for the automatic rule.

        `batch` is the first batch, and `direction` the direction of the first step.
        """
        unit = 1.0
        if self.units.outputs is None:  # outputs are in the user's units
            outputs = self.network.loss.target_units(batch.target, batch.weight, True)
            unit = 1.0 if outputs is None else float(outputs.raw.scale.mean()) or 1.0
        # Batches have no more rows than the data. But a small data set is no reason for lower rates, unlike small
        # batches, whose steps are noisy.
        batch_size = min(self.batch_size, max(self.data.n_samples, USUAL_BATCH_SIZE))
        return first_rates(self.network, params, batch, direction, batch_size, unit)


@dataclass
class TrainingState:
    """The state of a fit, which `freeze` converts to arrays, numbers and strings.

    Parameters
    ----------
    params : array of shape (n_params,)
    optimizer : str
        The `repr` of the optimizer.
    optimizer_state : dataclass
    random_state : RandomState
        Source of the order of batches.
    validation_seed : int
        Seed of the split for early stopping, the same whenever the fit continues.
    best, best_params : (float, float), array of shape (n_params,) or None
        Best validation score and loss so far, and the parameters that reached them.
    best_epoch : int or None
        The epoch, counted from 1, of `best_params`; None if there are none, and in models of version 0.1.
    scoring : str
        Name of the score in `best`.
    units : Units or None
        The training units.
    shown : bool array or None
        `Target.shown`: which classes, labels or outputs can be learned from the rows; None in a stream.
    """

    params: Array
    optimizer: str
    optimizer_state: Any
    random_state: np.random.RandomState
    validation_seed: int
    best: tuple[float, float] = (-np.inf, np.inf)
    best_params: Array | None = None
    best_epoch: int | None = None
    scoring: str = "None"
    units: Units | None = on_host(default=None)  # noqa: RUF009
    shown: np.ndarray | None = on_host(default=None)  # noqa: RUF009

    @classmethod
    def start(cls, optimizer: Any, params: Array, random_state: np.random.RandomState) -> "TrainingState":
        """Return the state of a new training that starts from `params`."""
        seed = int(random_state.randint(_SEED_RANGE))
        return cls(params, repr(optimizer), optimizer.init(params), random_state, seed)

    @classmethod
    def thaw(cls, frozen: dict[str, Any], optimizer: Any, like: Array = None) -> "TrainingState":
        """Restore a state from a copy of `frozen`, on the device of `like` and without units.

        If the optimizer is not the one before, its state is initialised again.
        """
        state = thaw(cls, frozen | {"optimizer": repr(optimizer), "optimizer_state": None, "units": None}, like)
        if frozen["optimizer"] == state.optimizer:
            state.optimizer_state = thaw(optimizer.State, frozen["optimizer_state"], state.params)
        else:
            state.optimizer_state = optimizer.init(state.params)
        return state


def thaw_units(frozen: dict[str, Any]) -> Units:
    """Restore the units that `freeze` stored."""
    outputs = frozen["outputs"]
    if outputs is not None and "center" in outputs:  # from version 0.1, which had only the squared error
        outputs = freeze(TargetUnits.of_squares(thaw(Standardization, outputs)))
    return thaw(Units, frozen | {"outputs": outputs})
