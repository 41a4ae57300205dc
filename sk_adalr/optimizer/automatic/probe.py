"""The first rate: a line search along the first direction, by forward passes alone."""

import math
from collections.abc import Callable
from functools import cache

#: The search without a hint starts where the linear model of the loss promises this relative decrease.
FIRST_DECREASE = 1e-4
#: A hint is where to start only if the loss falls there by this share of what the linear model promises.
TRUSTED_DECREASE = 0.1
MAX_DOUBLINGS = 40


def first_rate(loss_at: Callable[[float], float], loss: float, slope: float, hint: float | None) -> float:
    """Return the first local minimum of the loss along a direction.

    Parameters
    ----------
    loss_at : callable
        ``loss_at(rate) -> float``, inf where the loss is not finite.
    loss : float
        ``loss_at(0)``.
    slope : float
        Decrease of the loss per unit of rate at 0, > 0.
    hint : float or None
        Where to start, if the loss at that rate deserves it. Any value is safe.
    """
    if hint is not None and loss_at(hint) <= loss - TRUSTED_DECREASE * hint * slope < loss:
        return line_minimum(loss_at, loss, hint)
    start = FIRST_DECREASE * abs(loss) / slope
    return line_minimum(loss_at, loss, start if 0 < start < math.inf else 1e-3)


def line_minimum(loss_at: Callable[[float], float], loss: float, start: float) -> float:
    """Return the local minimum of ``loss_at`` that is reached first from `start`, exact for a parabola.

    Rates ``start * 2**k`` are tried, upwards first. A rate counts only if its loss is below `loss`; where none does,
    0 is returned: the direction is made of rounding.
    """
    loss_at = cache(loss_at)
    rate = start
    for _ in range(MAX_DOUBLINGS):
        if not loss_at(2 * rate) < loss_at(rate) < loss:
            break
        rate *= 2
    for _ in range(MAX_DOUBLINGS):
        if loss_at(rate) < loss and not loss_at(rate / 2) < loss_at(rate):
            return rate * _vertex(loss_at(rate / 2), loss_at(rate), loss_at(2 * rate))
        rate /= 2
    return rate if loss_at(rate) < loss else 0.0


def _vertex(half: float, one: float, two: float) -> float:
    """Return where the parabola through the given values at 1/2, 1 and 2 is lowest; 1 if it has no minimum."""
    slope = 2 * (one - half)
    curvature = (two - one - slope) / 1.5
    return 0.75 - slope / (2 * curvature) if curvature > 0 else 1.0
