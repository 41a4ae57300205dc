"""What one call of `fit` or `partial_fit` trains on mini-batches, from its start to the fitted model."""

from dataclasses import dataclass
from typing import Any

from sk_adalr.dataset import Dataset
from sk_adalr.estimators.holdout import Holdout
from sk_adalr.estimators.targets import Target
from sk_adalr.objectives import Network
from sk_adalr.optimizer import Optimizer
from sk_adalr.optimizer.automatic import AutomaticOptimizer
from sk_adalr.parameters import ParameterLayout
from sk_adalr.training import History, Stopping, TrainingState, Validation
from sk_adalr.units import Units


@dataclass
class Session:
    """What trains, on what, how far it is, and who judges it.

    Parameters
    ----------
    data : Dataset
        With the target in the units of training.
    target : Target
        In the user's units.
    units : Units
    layout : ParameterLayout
    network : Network
    optimizer : Optimizer or AutomaticOptimizer
    state : TrainingState
    history : History
    holdout, validation : Holdout, Validation or None
        The rows that judge, and their verdict; None where all rows train.
    stopping : Stopping or None
        None in `partial_fit`, which makes the epoch that it is asked for.
    paying_epochs : float or None
        How many epochs pay, infinite if all do, where folds of the rows were asked; one where there
        is nothing to learn.
    theta : float
        How far folds let the raw prediction lie from that of the best constant, 1 where they trust it.
    is_chunk : bool
        Whether the rows are a chunk of a stream.
    note : str
        What there is to say beside the reason of the end.
    """

    data: Dataset
    target: Target
    units: Units
    layout: ParameterLayout
    network: Network
    optimizer: Optimizer | AutomaticOptimizer
    state: TrainingState
    history: History
    holdout: Holdout | None = None
    validation: Validation | None = None
    stopping: Stopping | None = None
    paying_epochs: float | None = None
    theta: float = 1.0
    is_chunk: bool = False
    note: str = ""

    @property
    def is_constant(self) -> bool:
        """Whether a fit has nothing to learn: a constant prediction has no loss."""
        return self.stopping is not None and self.stopping.loss_scale == 0

    @property
    def loss(self) -> float:
        """The loss that the model is known by: on the rows that judge, where there are some."""
        return self.history.losses[-1] if self.validation is None else self.validation.best[1]

    def freeze(self) -> dict[str, Any]:
        """Return all that another call needs to go on, sharing its arrays."""
        if self.validation is not None:
            self.state.best, self.state.best_params = self.validation.best, self.validation.best_params
        shown = None if self.stopping is None else self.target.shown  # a stream takes what comes
        return {**self.state.freeze(self.optimizer), "units": self.units.freeze(), "shown": shown}
