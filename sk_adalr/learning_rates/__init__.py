"""Learning rates of updates: constant, or adapted by the hypergradient."""

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

#: The rules by name. A new rule is added here; tests/contracts then checks its contract.
LEARNING_RATES: dict[str, type] = {"constant": Constant, "hypergradient": Hypergradient}
#: The names of `LEARNING_RATES`, for type checkers.
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
