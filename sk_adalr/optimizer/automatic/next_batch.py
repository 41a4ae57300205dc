r"""The first rates, judged by the next batch: what a batch says of a direction of its own is too good to be true.

With fewer rows in a batch than parameters the loss of the batch that made a direction can fall to nothing along it,
while that of all other rows rises. So the direction of each of the first steps is followed on the batch of the next
step too: the fraction of the rate at which the loss of those batches is lowest, together, bounds the rate.
"""

import math
from functools import partial

import numpy as np

from sk_adalr.backends import kernels
from sk_adalr.optimizer.automatic.ahead import owe
from sk_adalr.optimizer.automatic.state import AutomaticState
from sk_adalr.optimizer.step import Evaluate

#: Steps whose directions are judged: fewer leave the verdict to chance where batches are small.
N_JUDGED = 8
#: Fractions of the rate that are tried, smallest first, as a walk along the direction needs them.
FRACTIONS = 2.0 ** np.arange(-5, 1)


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
    owe(state, losses, partial(_add_changes, state))


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
