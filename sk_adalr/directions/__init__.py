"""Where to go: search directions that never contain the learning rate."""

from sk_adalr.directions.adam import Adam
from sk_adalr.directions.base import Direction, ElementwiseDirection
from sk_adalr.directions.momentum import Momentum
from sk_adalr.directions.nesterov import Nesterov
from sk_adalr.directions.sgd import SGD
from sk_adalr.public import publish

#: The name table: a new direction joins here, and tests/contracts holds it to every promise.
DIRECTIONS: dict[str, type] = {"sgd": SGD, "momentum": Momentum, "nesterov": Nesterov, "adam": Adam}

__all__ = ["DIRECTIONS", "SGD", "Adam", "Direction", "ElementwiseDirection", "Momentum", "Nesterov"]

publish(__name__, Direction, ElementwiseDirection, SGD, Momentum, Nesterov, Adam)
