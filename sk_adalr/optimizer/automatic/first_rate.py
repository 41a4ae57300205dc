"""The first rate: a line search along the first direction, by forward passes alone, and what the next batches say.

What a batch says of a direction of its own is too good to be true. With fewer rows in a batch than parameters its loss
can fall to nothing along it, while that of all other rows rises. So the direction of each of the first steps is
followed on the batch of the next step too: the fraction of the rate at which the loss of those batches is lowest,
together, bounds the rate.
"""

import math
from collections.abc import Callable
from functools import cache, partial

import numpy as np

from sk_adalr.backends import kernels
from sk_adalr.optimizer.automatic.state import AutomaticState
from sk_adalr.optimizer.step import Evaluate

#: The search without a hint starts where the linear model of the loss promises this relative decrease.
FIRST_DECREASE = 1e-4
#: A hint is where to start only if the loss falls there by this share of what the linear model promises.
TRUSTED_DECREASE = 0.1
MAX_DOUBLINGS = 40
#: Steps whose directions are judged: fewer leave the verdict to chance where batches are small.
N_JUDGED = 8
#: Fractions of the rate that are tried, smallest first, as a walk along the direction needs them.
FRACTIONS = 2.0 ** np.arange(-5, 1)


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


def judge_direction(state: AutomaticState, step_size: float, evaluate: Evaluate) -> None:
    """Add up the change of the loss of a new batch along the last direction, by forward passes.

    ``state.point``, which is overwritten, is where `step_size` times the direction led.
    """
    add_scaled = kernels(state.point).add_scaled
    add_scaled(state.point, step_size, state.direction)
    losses = [evaluate(state.point)]
    rate = math.exp(state.log_rates[0])  # they are still the same for all groups
    for step in np.diff(FRACTIONS, prepend=0.0).tolist():
        add_scaled(state.point, -rate * step, state.direction)
        losses.append(evaluate(state.point))
    state.owe(losses, partial(_add_changes, state))


def _add_changes(state: AutomaticState, start: float, *losses: float) -> None:
    if math.isfinite(start):
        state.changes += [loss - start if math.isfinite(loss) else math.inf for loss in losses]


def bound_rates(state: AutomaticState, multiple: float) -> None:
    """Lower the rates, for good, to a multiple of the best one; where no batch was heard, do nothing."""
    changes = state.changes
    if not changes.any():
        return
    best = FRACTIONS[changes.argmin()] if changes.min() < 0 else FRACTIONS[0] / 2
    if multiple * best < 1:
        state.log_rates += math.log(multiple * best)
        state.log_rate_caps[...] = state.log_rates
