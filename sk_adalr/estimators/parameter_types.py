"""Types of the parameters, for type checkers. Names of options are defined beside the tables that implement them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from sk_adalr.directions import Direction, DirectionName
from sk_adalr.learning_rates import GranularityName, LearningRate, LearningRateName
from sk_adalr.objectives import ActivationName, Loss, LossName
from sk_adalr.options import BackendName

__all__ = [
    "ActivationName",
    "Auto",
    "BackendName",
    "ClassWeight",
    "Folds",
    "GranularityName",
    "LayerSizes",
    "LearningRateChoice",
    "LinearSolver",
    "LossChoice",
    "NetworkSolver",
    "PenaltyUnits",
    "RandomState",
    "Scoring",
    "SolverOfClassification",
    "SolverOfRegression",
    "Strength",
]


class Splitter(Protocol):
    """A splitter of rows into folds, such as scikit-learn's KFold."""

    def split(self, *args: Any, **kwargs: Any) -> Any:
        """Yield the indices of training and validation rows of each fold."""


Auto: TypeAlias = Literal["auto"]
NetworkSolver: TypeAlias = Auto | DirectionName | Direction
LinearSolver: TypeAlias = NetworkSolver | Literal["exact"]
#: Solver names of Ridge and PoissonRegressor; below, of LogisticRegression.
SolverOfRegression: TypeAlias = Literal[
    "cholesky", "svd", "lsqr", "sparse_cg", "sag", "saga", "lbfgs", "newton-cholesky"
]
SolverOfClassification: TypeAlias = Literal["lbfgs", "newton-cg", "newton-cholesky", "sag", "saga", "liblinear"]
LearningRateChoice: TypeAlias = Auto | LearningRateName | LearningRate
LossChoice: TypeAlias = LossName | Loss
PenaltyUnits: TypeAlias = Literal["features", "standardized"]
Strength: TypeAlias = float | Auto | Sequence[float] | np.ndarray
#: The number of folds, a splitter, or indices of training and test rows.
Folds: TypeAlias = int | Splitter | Iterable[tuple[Any, Any]] | None
LayerSizes: TypeAlias = int | Sequence[int] | np.ndarray
ClassWeight: TypeAlias = Mapping[Any, float] | Literal["balanced"] | None
RandomState: TypeAlias = int | np.random.RandomState | None
Scoring: TypeAlias = str | Callable[[Any, Any, Any], Any] | None
