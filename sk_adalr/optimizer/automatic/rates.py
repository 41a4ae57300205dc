r"""The two hypergradients of the automatic rule.

The derivative of the loss by a rate is :math:`-g \cdot d`. For one parameter, the gradient of the next batch gives
it for free. For all parameters together, the next batch is biased towards small rates, so the gradient at the end
of a trial step on the same batch decides: a rate below the minimum along d grows, one above it shrinks.
"""

import math
from collections.abc import Sequence
from functools import partial, reduce
from typing import Any

import numpy as np

from sk_adalr.backends import Array, kernels, namespace
from sk_adalr.optimizer.automatic.state import SHORTENED, AutomaticState
from sk_adalr.optimizer.step import Evaluate

#: Slices of the flat vector that share one rate.
Group = Sequence[slice]

#: Step size of the logarithm of a parameter's rate.
PARAMETER_STEP = 0.12
#: What a parameter's rate, and its inverse, may be in those of its group.
MAX_MULTIPLIER = 20.0
#: Decay of the largest recent product that normalises the hypergradient of a parameter.
PRODUCT_DECAY = 0.96
#: Step size of the logarithm of the rate of a group.
GROUP_STEP = 0.24


def adapt_multipliers(state: AutomaticState) -> None:
    """Move each parameter's rate along the agreement of its last direction with the gradient of the next batch.

    Their geometric mean is brought back to 1: what all parameters share is the rate of their group.
    """
    vectors = state.multipliers, state.product_scale, state.direction, state.grad
    constants = PARAMETER_STEP, PRODUCT_DECAY, MAX_MULTIPLIER
    kernels(state.grad).adapt_multipliers(*vectors, *constants, state.point)


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def adapt_groups(state: AutomaticState, groups: Sequence[Group], evaluate: Evaluate, loss: Any) -> list[Any]:
    """Adapt the rates of all groups by the gradient at the end of a trial step from ``state.point``, same batch.

    Rates never exceed ``state.log_rate_caps``. Overwrites ``state.point`` and ``state.grad``. Returns the rates for
    this step.
    """
    xp, rates = namespace(state.grad), group_rates(state)
    subtract(state.point, rates, state.direction, groups)
    trial_loss = evaluate(state.point, out=state.grad)
    cosines = [_cosine(state.grad, state.direction, group, scratch=state.point) for group in groups]
    smoothed = state.smoothed_loss if state.window is None else state.window.smoothed_loss
    limit = xp.asarray(loss, dtype="float64") + xp.maximum(abs(loss), abs(smoothed))
    is_short_enough = (trial_loss <= limit) & xp.isfinite(xp.stack(cosines)).all()
    state.owe([is_short_enough, *cosines], partial(_move_log_rates, state))
    share = xp.where(is_short_enough, 1.0, 0.25)
    # NumPy's scalars, unlike floats, would make float32 vectors float64.
    return [rate * (float(share) if xp is np else share) for rate in rates]


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
    add_scaled = kernels(target).add_scaled
    for rate, group in zip(rates, groups, strict=True):
        for block in group:
            add_scaled(target[block], -rate, direction[block])


def _cosine(a: Array, b: Array, group: Group, *, scratch: Array) -> Any:
    """Return the cosine between two vectors of any scale, 0-d, 0 if one is zero; overwrites `a` and `scratch`."""
    xp = namespace(a)
    scale_a, scale_b = (reduce(xp.maximum, [_magnitude(v[block]) for block in group]) for v in (a, b))
    product = norm_a = norm_b = 0.0
    for block in group:
        unit_a, unit_b = a[block], scratch[block]
        unit_a /= scale_a
        xp.divide(b[block], scale_b, out=unit_b)
        product = product + xp.dot(unit_a, unit_b).astype("float64")
        norm_a = norm_a + xp.dot(unit_a, unit_a).astype("float64")
        norm_b = norm_b + xp.dot(unit_b, unit_b).astype("float64")
    return xp.where((scale_a == 0) | (scale_b == 0), 0.0, product / xp.sqrt(norm_a * norm_b))


def _magnitude(a: Array) -> Any:
    """Return the largest absolute value, without an array of all of them."""
    return namespace(a).maximum(a.max(), -a.min())
