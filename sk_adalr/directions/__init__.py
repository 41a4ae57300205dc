"""Where to go: search directions that never contain the learning rate."""

from typing import Literal, TypeAlias

from sk_adalr.directions.adam import Adam
from sk_adalr.directions.base import Direction, ElementwiseDirection
from sk_adalr.directions.momentum import Momentum
from sk_adalr.directions.nesterov import Nesterov
from sk_adalr.directions.sgd import SGD
from sk_adalr.public import publish

#: The name table: a new direction joins here, and tests/contracts holds it to every promise.
DIRECTIONS: dict[str, type] = {"sgd": SGD, "momentum": Momentum, "nesterov": Nesterov, "adam": Adam}
#: Its names, for type checkers.
DirectionName: TypeAlias = Literal["sgd", "momentum", "nesterov", "adam"]

__all__ = ["DIRECTIONS", "SGD", "Adam", "Direction", "DirectionName", "ElementwiseDirection", "Momentum", "Nesterov"]

publish(__name__, Direction, ElementwiseDirection, SGD, Momentum, Nesterov, Adam)
