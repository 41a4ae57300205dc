"""What trains, and on what: what stays, and what moves and continues bitwise from where another fit ended."""

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

# CSR rows of one product where nothing is learned from them.
_EVALUATED_ROWS = 4096
_SEED_RANGE = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Setup:
    """All that does not change while mini-batches train.

    Parameters
    ----------
    data : Dataset
        With the target in the units of training.
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
        """The network that is trained."""
        return self.objective.network

    def batches(
        self, random_state: np.random.RandomState, *, rows: np.ndarray | None = None, for_evaluation: bool = False
    ) -> AnyBatches:
        """Return the mini-batches of the given rows, all by default; larger ones, in order, `for_evaluation`."""
        shuffle, batch_size = self.shuffle and not for_evaluation, self.batch_size
        batches = partial(Batches, shuffle=shuffle, random_state=random_state, standardization=self.units.inputs)
        if not isinstance(self.data.X, VisitedRows):
            if for_evaluation and self._sparse_rows is not None:  # more dense ones need more memory
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
        """Return the rate of each layer, (n_layers,), with which the automatic rule begins on `batch`.

        `direction` is that of the first step.
        """
        unit = 1.0
        if self.units.outputs is None:  # outputs are as large as the user's
            outputs = self.network.loss.target_units(batch.target, batch.weight, True)
            unit = 1.0 if outputs is None else float(outputs.raw.scale.mean()) or 1.0
        # A batch size below the usual one says how noisy steps are. Above the number of rows it says nothing more.
        batch_size = min(self.batch_size, max(self.data.n_samples, USUAL_BATCH_SIZE))
        return first_rates(self.network, params, batch, direction, batch_size, unit)


@dataclass
class TrainingState:
    """The moving parts of a fit; `freeze` makes them arrays, numbers and strings only.

    Parameters
    ----------
    params : array of shape (n_params,)
    optimizer : str
        What trains, as text.
    optimizer_state : dataclass
    random_state : RandomState
        Source of the order of batches.
    validation_seed : int
        Seed of the split for early stopping, the same whenever the fit continues.
    best, best_params : (float, float), array of shape (n_params,) or None
        Best validation score and loss so far, and the parameters that reached them.
    best_epoch : int or None
        After which epoch, from 1, they did; None before there are any, and of models of version 0.1.
    scoring : str
        What the score of `best` is called.
    units : Units or None
        Those of training.
    shown : bool array or None
        Which classes or outputs there is something to learn of; None in a stream, which takes what comes.
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
        """Return the state before the first step from `params`."""
        seed = int(random_state.randint(_SEED_RANGE))
        return cls(params, repr(optimizer), optimizer.init(params), random_state, seed)

    @classmethod
    def thaw(cls, frozen: dict[str, Any], optimizer: Any, like: Array = None) -> "TrainingState":
        """Return a copy of what was stored, but the units, where `like` lies; a new optimizer starts anew there."""
        state = thaw(cls, frozen | {"optimizer": repr(optimizer), "optimizer_state": None, "units": None}, like)
        if frozen["optimizer"] == state.optimizer:
            state.optimizer_state = thaw(optimizer.State, frozen["optimizer_state"], state.params)
        else:
            state.optimizer_state = optimizer.init(state.params)
        return state


def thaw_units(frozen: dict[str, Any]) -> Units:
    """Return the units that `freeze` stored."""
    outputs = frozen["outputs"]
    if outputs is not None and "center" in outputs:  # of version 0.1, which knew squared errors only
        outputs = freeze(TargetUnits.of_squares(thaw(Standardization, outputs)))
    return thaw(Units, frozen | {"outputs": outputs})
