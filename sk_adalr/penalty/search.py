r"""The search for the penalty strength with the lowest validation loss.

The validation loss as a function of :math:`t = \log \lambda` is smooth, has one minimum for most data, and is
expensive to evaluate. If its slope is known, steps of a decade and then longer ones bracket a sign change of the
slope, which the secant method narrows. Otherwise steps of a decade bracket the minimum, and the vertex of the parabola
through three points refines it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

import numpy as np

#: Maps the logarithm of a strength to the validation loss and its slope, NaN if the slope is not known.
Curve: TypeAlias = Callable[[float], tuple[float, float]]

_DECADE = float(np.log(10))
# Relative differences of the loss that do not matter, as folds differ by a hundred times as much: a gain for which no
# further evaluation pays, and the total variation of a flat curve.
_ENOUGH, _FLAT = 1e-4, 1e-3
_MOST_VISITS = 12
# Least distance of an interpolated point from the ends of its interval, as a share of the interval.
_MARGIN = 0.1


class Ending(Enum):
    """How a search ended: at a minimum inside the bounds, at a bound, or on a flat curve."""

    INSIDE = "inside"
    AT_THE_BOUND = "at the bound"
    FLAT = "flat"


@dataclass
class Visits:
    """A curve, and the points at which it was evaluated.

    Parameters
    ----------
    curve : Curve
    low, high : float
        Bounds of the search.
    unit : float
        The loss of a constant prediction, as the scale of losses.
    share : float
        Relative decrease of the loss below which no further evaluation pays.
    """

    curve: Curve
    low: float
    high: float
    unit: float
    share: float = _ENOUGH
    points: list[tuple[float, float, float]] = field(default_factory=list)

    def visit(self, t: float) -> tuple[float, float]:
        """Evaluate the curve at `t`, store the point, and return loss and slope."""
        loss, slope = self.curve(t)
        self.points.append((t, loss, slope))
        return loss, slope

    @property
    def is_full(self) -> bool:
        """Whether the maximum number of evaluations is reached."""
        return len(self.points) >= _MOST_VISITS

    @property
    def best(self) -> tuple[float, float, float]:
        """The point (t, loss, slope) with the lowest loss."""
        return min(self.points, key=lambda point: point[1])

    @property
    def enough(self) -> float:
        """The decrease of the loss below which no further evaluation pays."""
        return self.share * max(self.best[1], 0.01 * self.unit)

    def ending(self) -> Ending:
        """Return how the search ended."""
        losses, (best, best_loss, _) = [loss for _, loss, _ in self.points], self.best
        if max(losses) - min(losses) <= _FLAT * max(best_loss, 0.01 * self.unit):
            return Ending.FLAT
        return Ending.AT_THE_BOUND if best in (self.low, self.high) else Ending.INSIDE


def by_slopes(visits: Visits, start: float) -> Visits:
    """Search for the minimum from `start`, using slopes."""
    step, here = _DECADE, float(np.clip(start, visits.low, visits.high))
    _, slope = visits.visit(here)
    while not visits.is_full:
        there = float(np.clip(here - np.copysign(step, slope), visits.low, visits.high))
        if there == here:
            return visits  # the loss still decreases at a bound
        _, new_slope = visits.visit(there)
        if new_slope * slope <= 0:
            return narrowed(visits, (here, slope), (there, new_slope))
        if abs(new_slope) * step <= visits.enough:
            return visits
        here, slope, step = there, new_slope, 2 * step
    return visits


def narrowed(visits: Visits, one: tuple[float, float], other: tuple[float, float]) -> Visits:
    """Narrow a bracket, whose ends (t, slope) have slopes of different signs, by a safeguarded secant method."""
    while not visits.is_full:
        width = other[0] - one[0]
        share = one[1] / (one[1] - other[1]) if one[1] != other[1] else 0.5
        curvature = abs(other[1] - one[1]) / abs(width)
        nearest = min(abs(one[1]), abs(other[1]))
        if 0.5 * nearest**2 <= visits.enough * curvature:  # a parabola predicts too small a decrease
            break
        middle = one[0] + width * float(np.clip(share, _MARGIN, 1 - _MARGIN))
        _, slope = visits.visit(middle)
        if slope * one[1] > 0:
            one = middle, slope
        else:
            other = middle, slope
    return visits


def by_values(visits: Visits, start: float) -> Visits:
    """Search for the minimum from `start`, using losses alone."""
    here = float(np.clip(start, visits.low, visits.high))
    loss, _ = visits.visit(here)
    for direction in (-_DECADE, _DECADE):
        while not visits.is_full:
            there = float(np.clip(here + direction, visits.low, visits.high))
            if there == here:
                break
            new, _ = visits.visit(there)
            if not new < loss - visits.enough:
                break
            here, loss = there, new
        if len(visits.points) > 2:  # the loss fell in this direction, so it rises in the other
            break
    return _at_the_vertex(visits)


def _at_the_vertex(visits: Visits) -> Visits:
    """Evaluate the curve at the vertex of the parabola through the best point and its neighbours."""
    points = sorted(visits.points)
    middle = points.index(visits.best)
    if not 0 < middle < len(points) - 1:
        return visits
    (a, loss_a, _), (b, loss_b, _), (c, loss_c, _) = points[middle - 1 : middle + 2]
    left, right = (loss_b - loss_a) / (b - a), (loss_c - loss_b) / (c - b)
    if right > left:
        vertex = (a + b) / 2 - left * (c - a) / 2 / (right - left)
        if abs(vertex - b) > _MARGIN * _DECADE:
            visits.visit(float(np.clip(vertex, a, c)))
    return visits
