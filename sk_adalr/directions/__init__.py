"""Search directions of updates, independent of the learning rate."""

from typing import Literal, TypeAlias

from sk_adalr.directions.adam import Adam
from sk_adalr.directions.base import Direction, ElementwiseDirection
from sk_adalr.directions.momentum import Momentum
from sk_adalr.directions.nesterov import Nesterov
from sk_adalr.directions.sgd import SGD
from sk_adalr.public import publish

#: The directions by name. A new direction is added here; tests/contracts then checks its contract.
DIRECTIONS: dict[str, type] = {"sgd": SGD, "momentum": Momentum, "nesterov": Nesterov, "adam": Adam}
#: The names of `DIRECTIONS`, for type checkers.
DirectionName: TypeAlias = Literal["sgd", "momentum", "nesterov", "adam"]

__all__ = ["DIRECTIONS", "SGD", "Adam", "Direction", "DirectionName", "ElementwiseDirection", "Momentum", "Nesterov"]

publish(__name__, Direction, ElementwiseDirection, SGD, Momentum, Nesterov, Adam)
