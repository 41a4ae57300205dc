"""The learning rate that nobody chooses, for training on mini-batches."""

from sk_adalr.optimizer.automatic.rates import first_rates
from sk_adalr.optimizer.automatic.rule import AUTOMATIC_DIRECTIONS, AutomaticOptimizer
from sk_adalr.optimizer.automatic.state import AutomaticState

__all__ = ["AUTOMATIC_DIRECTIONS", "AutomaticOptimizer", "AutomaticState", "first_rates"]
