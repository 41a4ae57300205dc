"""One update of the parameters: a direction times a learning rate."""

from sk_adalr.optimizer.state import freeze, thaw
from sk_adalr.optimizer.step import Evaluate, Optimizer, OptimizerState

__all__ = ["Evaluate", "Optimizer", "OptimizerState", "freeze", "thaw"]
