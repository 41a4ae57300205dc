"""The loss and gradient of a step, and what to do when the loss jumps or creeps up."""

import math
from functools import cache
from typing import Any

import numpy as np

from sk_adalr.backends import Array, namespace
from sk_adalr.optimizer.automatic.state import CALM, HARD_BATCH, RESTART, AutomaticState
from sk_adalr.optimizer.step import Evaluate

#: A loss above the smoothed loss by this multiple of the scale of losses is a spike.
SPIKE = 4.0
#: Least weight of a new loss in the smoothed loss.
SMOOTHING = 0.15
#: A gradient longer than this multiple of the mean length is shortened to it (Adam's direction is bounded anyway).
MAX_RELATIVE_NORM = 2.0
#: Least weight of a new length in the mean length.
NORM_SMOOTHING = 0.05
#: Largest squared length of a gradient, as a share of the largest number of its dtype.
LARGEST_SQUARE = 1e-3


def guarded_gradient(state: AutomaticState, params: Array, evaluate: Evaluate) -> Any:
    """Fill ``state.grad`` with the gradient at ``state.point`` and return the loss there; `point` may be overwritten.

    A loss that jumps or creeps up has two reasons: (a) batches are hard, which the average shares: training goes on;
    (b) training diverges, which the average escapes: it goes on from the average at half the rate.

    Raises
    ------
    FloatingPointError
        If the batch has no finite loss and gradient at the average either.
    """
    loss = evaluate(state.point, out=state.grad)
    smoothing = max(SMOOTHING, 1 / (state.step + 1))
    if state.window is not None:
        largest = _largest_square(state.grad.dtype)
        norm_smoothing = max(NORM_SMOOTHING, 1 / (state.step + 1))
        state.window.watch(state, loss, largest, SPIKE, smoothing, MAX_RELATIVE_NORM, norm_smoothing)
        return loss
    loss, state.square = state.settle(loss, _square(state.grad))
    state.event = CALM
    if state.step == 0:
        state.first_loss = state.smoothed_loss = state.lowest_loss = loss
    scale = max(abs(state.first_loss), abs(state.smoothed_loss))
    is_spike = not _is_finite(loss, state.square, state.grad.dtype) or loss > state.smoothed_loss + SPIKE * scale
    if is_spike or _crept_up(state):
        loss = _go_on_or_restart(state, params, evaluate, loss)
    state.smoothed_loss += smoothing * (loss - state.smoothed_loss)
    state.lowest_loss = min(state.lowest_loss, state.smoothed_loss)
    return loss


def _crept_up(state: AutomaticState) -> bool:
    """Say, once per rise, whether the smoothed loss has risen by the scale of losses.

    A loss that grows by a constant factor per step drags the smoothed loss along and is never a spike.
    """
    if state.smoothed_loss <= state.lowest_loss + max(abs(state.first_loss), abs(state.lowest_loss)):
        return False
    state.lowest_loss = state.smoothed_loss
    return True


def _go_on_or_restart(state: AutomaticState, params: Array, evaluate: Evaluate, loss: float) -> float:
    average_grad = state.point
    average_loss, average_square = state.settle(evaluate(params, out=average_grad), _square(average_grad))
    dtype = average_grad.dtype
    if _is_finite(loss, state.square, dtype) and loss <= average_loss + abs(average_loss):
        state.event = HARD_BATCH
        return loss
    if not _is_finite(average_loss, average_square, dtype):
        raise FloatingPointError(f"the loss or its gradient is not finite, even at the average, in step {state.step}")
    state.iterate[...] = params
    state.grad[...] = average_grad
    state.square = average_square
    state.log_rates -= math.log(2)
    state.has_direction = False
    state.event = RESTART
    state.n_restarts += 1
    return average_loss


def _square(grad: Array) -> Any:
    return namespace(grad).vdot(grad, grad)


def _is_finite(loss: float, square: float, dtype: Any) -> bool:
    """Say whether the loss is finite, and the gradient so far below overflow that its products are finite too."""
    return math.isfinite(loss) and square <= _largest_square(dtype)


@cache
def _largest_square(dtype: Any) -> float:
    return LARGEST_SQUARE * float(np.finfo(dtype).max)
