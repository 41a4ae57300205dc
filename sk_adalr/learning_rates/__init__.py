"""How far to go: constant rates and rates that descend their own gradient."""

from typing import Literal, TypeAlias

from sk_adalr.learning_rates.base import LearningRate
from sk_adalr.learning_rates.constant import Constant
from sk_adalr.learning_rates.granularity import (
    GRANULARITIES,
    Global,
    Granularity,
    GranularityName,
    PerLayer,
    PerParameter,
)
from sk_adalr.learning_rates.hypergradient import Hypergradient
from sk_adalr.public import publish

#: The name table: a new rule joins here, and tests/contracts holds it to every promise.
LEARNING_RATES: dict[str, type] = {"constant": Constant, "hypergradient": Hypergradient}
#: Its names, for type checkers.
LearningRateName: TypeAlias = Literal["constant", "hypergradient"]

__all__ = [
    "GRANULARITIES",
    "LEARNING_RATES",
    "Constant",
    "Global",
    "Granularity",
    "GranularityName",
    "Hypergradient",
    "LearningRate",
    "LearningRateName",
    "PerLayer",
    "PerParameter",
]

publish(__name__, LearningRate, Constant, Hypergradient, PerParameter, PerLayer, Global)
