"""The training loop over epochs and mini-batches; the numerical work is elsewhere."""

from sk_adalr.training.batches import Batches
from sk_adalr.training.block_batches import AnyBatches, VisitedRows
from sk_adalr.training.history import History, Stop, Stopping, StopReason
from sk_adalr.training.setup import Setup, TrainingState, thaw_units
from sk_adalr.training.trainer import DivergedError, Trainer, Validation

__all__ = [
    "AnyBatches",
    "Batches",
    "DivergedError",
    "History",
    "Setup",
    "Stop",
    "StopReason",
    "Stopping",
    "Trainer",
    "TrainingState",
    "Validation",
    "VisitedRows",
    "thaw_units",
]
