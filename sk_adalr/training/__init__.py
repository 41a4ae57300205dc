"""The loop over epochs and batches, and nothing numerical."""

from sk_adalr.training.batches import Batches
from sk_adalr.training.history import History
from sk_adalr.training.resume import TrainingState
from sk_adalr.training.shrinkage import best_constant, constant_loss, no_worse_than_constant, shrunk
from sk_adalr.training.stopping import Stopping
from sk_adalr.training.trainer import Trainer, Validation
from sk_adalr.training.trial import Trust, best_epoch

__all__ = [
    "Batches",
    "History",
    "Stopping",
    "Trainer",
    "TrainingState",
    "Trust",
    "Validation",
    "best_constant",
    "best_epoch",
    "constant_loss",
    "no_worse_than_constant",
    "shrunk",
]
