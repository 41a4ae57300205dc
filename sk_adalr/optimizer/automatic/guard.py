"""The loss and gradient of a step, and what to do when the loss jumps."""

import math

import numpy as np

from sk_adalr.backends import Array, namespace
from sk_adalr.optimizer.automatic.state import CALM, HARD_BATCH, RESTART, AutomaticState
from sk_adalr.optimizer.step import Evaluate

#: A loss above the smoothed loss by this multiple of the scale of losses is a spike.
SPIKE = 4.0
#: Least weight of a new loss in the smoothed loss.
SMOOTHING = 0.15
#: Largest squared length of a gradient, as a share of the largest number of its dtype.
LARGEST_SQUARE = 1e-3


def guarded_gradient(state: AutomaticState, params: Array, evaluate: Evaluate) -> float:
    """Fill ``state.grad`` with the gradient at ``state.point`` and return the loss there.

    A spike has two reasons: (a) the batch is hard, which its loss at the restart point tells: training goes on;
    (b) training diverges: it goes back to the restart point and halves the rate.

    Raises
    ------
    FloatingPointError
        If the batch has no finite loss and gradient at the restart point either.
    """
    state.event = CALM
    loss = float(evaluate(state.point, out=state.grad))
    if state.step == 0:
        state.first_loss = state.smoothed_loss = loss
    scale = max(abs(state.first_loss), abs(state.smoothed_loss))
    if not _is_finite(loss, state.grad) or loss > state.smoothed_loss + SPIKE * scale:
        loss = _go_on_or_restart(state, params, evaluate, loss)
    state.smoothed_loss += max(SMOOTHING, 1 / (state.step + 1)) * (loss - state.smoothed_loss)
    return loss


def _go_on_or_restart(state: AutomaticState, params: Array, evaluate: Evaluate, loss: float) -> float:
    previous_grad = state.scratch
    previous_loss = float(evaluate(state.restart_point, out=previous_grad))
    if _is_finite(loss, state.grad) and loss <= previous_loss + abs(previous_loss):
        state.event = HARD_BATCH
        return loss
    if not _is_finite(previous_loss, previous_grad):
        raise FloatingPointError(
            f"the loss or its gradient is not finite, even at the parameters before step {state.step}"
        )
    for array in (params, state.iterate, state.point):
        array[...] = state.restart_point
    state.grad[...] = previous_grad
    state.log_rates -= np.log(2)
    state.has_direction = False
    state.event = RESTART
    state.n_restarts += 1
    return previous_loss


def _is_finite(loss: float, grad: Array) -> bool:
    """Say whether the loss is finite, and the gradient so far below overflow that its products are finite too."""
    square = float(namespace(grad).vdot(grad, grad))
    return math.isfinite(loss) and square <= LARGEST_SQUARE * float(np.finfo(grad.dtype).max)
