"""The automatic learning rate for training on mini-batches."""

from sk_adalr.optimizer.automatic.rates import USUAL_BATCH_SIZE, first_rates
from sk_adalr.optimizer.automatic.rule import AUTOMATIC_DIRECTIONS, AutomaticOptimizer, AutomaticState

__all__ = ["AUTOMATIC_DIRECTIONS", "USUAL_BATCH_SIZE", "AutomaticOptimizer", "AutomaticState", "first_rates"]
