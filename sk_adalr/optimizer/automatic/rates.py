r"""The two hypergradients of the automatic rule.

The derivative of the loss by a rate is :math:`-g \cdot d`. For one parameter, the gradient of the next batch gives
it for free. For all parameters together, the next batch is biased towards small rates, so the gradient at the end
of a trial step on the same batch decides: a rate below the minimum along d grows, one above it shrinks.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from sk_adalr.backends import Array, add_scaled, kernels, namespace
from sk_adalr.optimizer.automatic.ahead import adapted_rates
from sk_adalr.optimizer.automatic.state import SHORTENED, AutomaticState
from sk_adalr.optimizer.step import Evaluate

#: Slices of the flat vector that share one rate.
Group = Sequence[slice]

#: Step size of the logarithm of a parameter's rate, and its bound.
PARAMETER_STEP = 0.1
MAX_LOG_MULTIPLIER = 3.0
#: Decay of the largest recent product that normalises the hypergradient of a parameter.
PRODUCT_DECAY = 0.98
#: Step size of the logarithm of the rate of a group.
GROUP_STEP = 0.12


def adapt_multipliers(state: AutomaticState) -> None:
    """Move each parameter's rate along the agreement of its last direction with the gradient of the next batch.

    The mean of the logarithms is removed: what all parameters share is the rate of their group.
    """
    table, multipliers = kernels(state.grad), state.log_multipliers
    total = table.adapt_multipliers(
        multipliers, state.product_scale, state.direction, state.grad, PARAMETER_STEP, PRODUCT_DECAY, state.point
    )
    table.center_and_clip(multipliers, total / multipliers.size, MAX_LOG_MULTIPLIER)


def adapt_groups(state: AutomaticState, groups: Sequence[Group], evaluate: Evaluate, loss: Any) -> list[Any]:
    """Adapt the rates of all groups by the gradient at the end of a trial step from ``state.point``, same batch.

    Rates never exceed ``state.log_rate_caps``. Overwrites ``state.point`` and ``state.grad``. Returns the rates for
    this step.
    """
    rates = group_rates(state)
    subtract(state.point, rates, state.direction, groups)
    trial_loss = evaluate(state.point, out=state.grad)
    move = partial(_move_log_rates, state)
    if namespace(state.grad) is not np:
        return adapted_rates(state, rates, groups, loss, trial_loss, move)
    cosines = [_cosine(state.grad, state.direction, group, scratch=state.point) for group in groups]
    limit = loss + max(abs(loss), abs(state.smoothed_loss))
    is_short_enough = float(trial_loss) <= limit and all(map(math.isfinite, cosines))
    move(is_short_enough, *cosines)
    return rates if is_short_enough else [rate / 4 for rate in rates]


def _move_log_rates(state: AutomaticState, is_short_enough: float, *cosines: float) -> None:
    if is_short_enough:
        np.minimum(state.log_rates + GROUP_STEP * np.array(cosines), state.log_rate_caps, out=state.log_rates)
    else:
        state.event = SHORTENED
        state.log_rates -= math.log(4)


def group_rates(state: AutomaticState) -> list[float]:
    """Return the current rate of each group."""
    return [math.exp(log_rate) for log_rate in state.log_rates.tolist()]


def subtract(target: Array, rates: list[float], direction: Array, groups: Sequence[Group]) -> None:
    """Make ``target -= rates * direction``, one rate per group."""
    for rate, group in zip(rates, groups, strict=True):
        for block in group:
            add_scaled(target[block], -rate, direction[block])


def _cosine(a: Array, b: Array, group: Group, *, scratch: Array) -> float:
    """Return the cosine between two vectors of any scale, 0 if one of them is zero; overwrites `a` and `scratch`."""
    scale_a, scale_b = (max(_magnitude(v[block]) for block in group) for v in (a, b))
    if scale_a == 0 or scale_b == 0:
        return 0.0
    product = norm_a = norm_b = 0.0
    for block in group:
        unit_a, unit_b = a[block], scratch[block]
        unit_a /= scale_a
        namespace(b).divide(b[block], scale_b, out=unit_b)
        product += float(unit_a @ unit_b)
        norm_a += float(unit_a @ unit_a)
        norm_b += float(unit_b @ unit_b)
    return product / math.sqrt(norm_a * norm_b)


def _magnitude(a: Array) -> float:
    """Return the largest absolute value, without an array of all of them."""
    return float(namespace(a).maximum(a.max(), -a.min()))
