"""The learning rate that nobody chooses: mini-batch training with no rate and no horizon to set."""

from sk_adalr.optimizer.automatic.rule import AUTOMATIC_DIRECTIONS, AutomaticOptimizer
from sk_adalr.optimizer.automatic.state import EVENTS, AutomaticState

__all__ = ["AUTOMATIC_DIRECTIONS", "EVENTS", "AutomaticOptimizer", "AutomaticState"]
