"""The passes of the automatic rule."""

import numpy as np

from sk_adalr.backends.kernels.fused.compile import compiled
from sk_adalr.backends.kernels.table import LANES
from sk_adalr.backends.namespace import Array


@compiled
def interpolate(out, a, b, weight, scratch):
    as_float = out.dtype.type
    rest = as_float(1 - weight)
    weight = as_float(weight)
    for i in range(out.size):
        out[i] = a[i] * weight + b[i] * rest


@compiled
def _compiled_adapt_multipliers(multipliers, scale, direction, grad, step_size, decay, tiny, lanes):
    as_float = scale.dtype.type
    step_size, decay, tiny = as_float(step_size), as_float(decay), as_float(tiny)
    for start in range(0, grad.size, lanes.size):
        block = slice(start, min(start + lanes.size, grad.size))
        p, s, d, g = multipliers[block], scale[block], direction[block], grad[block]
        for i in range(p.size):
            product = d[i] * g[i]
            size = abs(product)
            largest = s[i] * decay + tiny
            # Not `max`: NaN has to win on either side.
            largest = size if not size <= largest and largest == largest else largest
            s[i] = largest
            p[i] += product / largest * step_size
        if p.size == lanes.size:
            for i in range(p.size):
                lanes[i] += p[i]


def adapt_multipliers(
    multipliers: Array, scale: Array, direction: Array, grad: Array, step_size: float, decay: float, scratch: Array
) -> float:
    lanes = np.zeros(LANES, dtype=multipliers.dtype)
    tiny = float(np.finfo(scale.dtype).tiny)
    _compiled_adapt_multipliers(multipliers, scale, direction, grad, step_size, decay, tiny, lanes)
    rest = multipliers[multipliers.size - multipliers.size % LANES :]
    return float(lanes.sum()) + float(rest.sum())


@compiled
def center_and_clip(a, center, bound):
    as_float = a.dtype.type
    center, bound = as_float(center), as_float(bound)
    for i in range(a.size):
        x = a[i] - center
        x = -bound if x < -bound else x
        a[i] = bound if x > bound else x


@compiled
def scale_direction(direction, grad, moment, decay, correction, epsilon, scratch):
    as_float = grad.dtype.type
    decay, correction, epsilon = as_float(decay), as_float(correction), as_float(epsilon)
    for i in range(grad.size):
        square = moment[i] * decay + grad[i] * grad[i]
        moment[i] = square
        direction[i] *= grad[i] / (np.sqrt(square * correction) + epsilon)


@compiled
def move(iterate, average, direction, rate, weight, scratch):
    as_float = iterate.dtype.type
    rate, weight = as_float(rate), as_float(weight)
    for i in range(iterate.size):
        moved = iterate[i] - direction[i] * rate
        iterate[i] = moved
        average[i] += (moved - average[i]) * weight
