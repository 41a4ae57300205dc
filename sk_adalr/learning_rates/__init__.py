"""How far to go: constant rates and rates that descend their own gradient."""

from sk_adalr.learning_rates.base import LearningRate
from sk_adalr.learning_rates.constant import Constant
from sk_adalr.learning_rates.granularity import GRANULARITIES, Global, Granularity, PerLayer, PerParameter
from sk_adalr.learning_rates.hypergradient import Hypergradient
from sk_adalr.public import publish

#: The name table: a new rule joins here, and tests/contracts holds it to every promise.
LEARNING_RATES: dict[str, type] = {"constant": Constant, "hypergradient": Hypergradient}

__all__ = [
    "GRANULARITIES",
    "LEARNING_RATES",
    "Constant",
    "Global",
    "Granularity",
    "Hypergradient",
    "LearningRate",
    "PerLayer",
    "PerParameter",
]

publish(__name__, LearningRate, Constant, Hypergradient, PerParameter, PerLayer, Global)
