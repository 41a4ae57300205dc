r"""The penalty of lowest held-out loss: a search over the logarithm of its strength.

A curve of the loss of held-out rows over :math:`t = \log \lambda` is smooth, has one minimum for most data, and is
dear to visit. Where its slope is known, an interval in which the slope changes its sign is found by steps of a decade
and narrowed by secants; where it is not, three visits and the parabola through them do the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

import numpy as np

#: From the logarithm of a strength to the loss of held-out rows and its slope; NaN where it is not known.
Curve: TypeAlias = Callable[[float], tuple[float, float]]

_DECADE = float(np.log(10))
# Gains below this share of the loss are no gains: folds differ by a hundred times as much.
_ENOUGH, _FLAT = 1e-4, 1e-3
_MOST_VISITS = 12
# Share of an interval that an interpolated point keeps from its ends.
_MARGIN = 0.1


class Ending(Enum):
    """Where a search ended."""

    INSIDE = "inside"
    AT_THE_BOUND = "at the bound"
    FLAT = "flat"


@dataclass
class Visits:
    """A curve, and where it was visited.

    Parameters
    ----------
    curve : Curve
    low, high : float
        Bounds of the search.
    unit : float
        A loss beside which those of the curve are small or large: that of a constant prediction.
    share : float
        Gains below this share of the loss are no gains.
    """

    curve: Curve
    low: float
    high: float
    unit: float
    share: float = _ENOUGH
    points: list[tuple[float, float, float]] = field(default_factory=list)

    def visit(self, t: float) -> tuple[float, float]:
        """Return loss and slope at `t`, and remember them."""
        loss, slope = self.curve(t)
        self.points.append((t, loss, slope))
        return loss, slope

    @property
    def is_full(self) -> bool:
        """Whether there were as many visits as there may be."""
        return len(self.points) >= _MOST_VISITS

    @property
    def best(self) -> tuple[float, float, float]:
        """The point of the lowest loss."""
        return min(self.points, key=lambda point: point[1])

    @property
    def enough(self) -> float:
        """A gain that is too small for another visit."""
        return self.share * max(self.best[1], 0.01 * self.unit)

    def ending(self) -> Ending:
        """Return where the search has ended."""
        losses, (best, best_loss, _) = [loss for _, loss, _ in self.points], self.best
        if max(losses) - min(losses) <= _FLAT * max(best_loss, 0.01 * self.unit):
            return Ending.FLAT
        return Ending.AT_THE_BOUND if best in (self.low, self.high) else Ending.INSIDE


def by_slopes(visits: Visits, start: float) -> Visits:
    """Search from `start` along a curve whose slope is known."""
    step, here = _DECADE, float(np.clip(start, visits.low, visits.high))
    _, slope = visits.visit(here)
    while not visits.is_full:
        there = float(np.clip(here - np.copysign(step, slope), visits.low, visits.high))
        if there == here:
            return visits  # at a bound, where it still falls
        _, new_slope = visits.visit(there)
        if new_slope * slope <= 0:
            return narrowed(visits, (here, slope), (there, new_slope))
        if abs(new_slope) * step <= visits.enough:
            return visits
        here, slope, step = there, new_slope, 2 * step
    return visits


def narrowed(visits: Visits, one: tuple[float, float], other: tuple[float, float]) -> Visits:
    """Narrow an interval at whose ends (t, slope) the slopes have different signs."""
    while not visits.is_full:
        width = other[0] - one[0]
        share = one[1] / (one[1] - other[1]) if one[1] != other[1] else 0.5
        curvature = abs(other[1] - one[1]) / abs(width)
        nearest = min(abs(one[1]), abs(other[1]))
        if 0.5 * nearest**2 <= visits.enough * curvature:  # what a parabola has left
            break
        middle = one[0] + width * float(np.clip(share, _MARGIN, 1 - _MARGIN))
        _, slope = visits.visit(middle)
        if slope * one[1] > 0:
            one = middle, slope
        else:
            other = middle, slope
    return visits


def by_values(visits: Visits, start: float) -> Visits:
    """Search from `start` along a curve whose slope is not known."""
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
        if len(visits.points) > 2:  # downhill that way, so the other one is uphill
            break
    return _at_the_vertex(visits)


def _at_the_vertex(visits: Visits) -> Visits:
    """Visit the lowest point of the parabola through the best point and its neighbours."""
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
