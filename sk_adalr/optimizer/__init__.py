"""One update of the parameters: a direction times a learning rate."""

from sk_adalr.optimizer.state import freeze, thaw
from sk_adalr.optimizer.step import Evaluate, Optimizer, OptimizerState
from sk_adalr.public import publish

__all__ = ["Evaluate", "Optimizer", "OptimizerState", "freeze", "thaw"]

publish(__name__, Optimizer)
