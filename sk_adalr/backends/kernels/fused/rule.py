"""The kernels of the automatic learning-rate rule, and the penalty's `add_scaled`."""

import numpy as np

from sk_adalr.backends.kernels.fused.compile import compiled
from sk_adalr.backends.namespace import Array


@compiled
def add_scaled(out: Array, factor: float, a: Array) -> None:
    factor = out.dtype.type(factor)
    for i in range(out.size):
        out[i] += a[i] * factor


@compiled
def scale_direction(
    grad: Array, moment: Array, decay: float, correction: float, epsilon: float, scratch: Array
) -> None:
    as_float = grad.dtype.type
    decay, correction, epsilon = as_float(decay), as_float(correction), as_float(epsilon)
    for i in range(grad.size):
        square = moment[i] * decay + grad[i] * grad[i]
        moment[i] = square
        grad[i] = grad[i] / (np.sqrt(square * correction) + epsilon)


@compiled
def move(
    iterate: Array,
    average: Array,
    direction: Array,
    rate: float,
    weight: float,
    point: Array,
    interpolation: float,
    scratch: Array,
) -> None:
    as_float = iterate.dtype.type
    rate, weight, rest = as_float(rate), as_float(weight), as_float(1 - interpolation)
    interpolation = as_float(interpolation)
    for i in range(iterate.size):
        moved = iterate[i] - direction[i] * rate
        iterate[i] = moved
        mean = average[i] + (moved - average[i]) * weight
        average[i] = mean
        point[i] = mean * interpolation + moved * rest


@compiled
def scale_and_move(
    grad: Array,
    moment: Array,
    decay: float,
    correction: float,
    epsilon: float,
    iterate: Array,
    average: Array,
    rate: float,
    weight: float,
    point: Array,
    interpolation: float,
) -> None:
    """Do the work of `scale_direction` and `move` in one pass, without changing `grad`."""
    as_float = grad.dtype.type
    decay, correction, epsilon = as_float(decay), as_float(correction), as_float(epsilon)
    rate, weight, rest = as_float(rate), as_float(weight), as_float(1 - interpolation)
    interpolation = as_float(interpolation)
    for i in range(grad.size):
        square = moment[i] * decay + grad[i] * grad[i]
        moment[i] = square
        moved = iterate[i] - grad[i] / (np.sqrt(square * correction) + epsilon) * rate
        iterate[i] = moved
        mean = average[i] + (moved - average[i]) * weight
        average[i] = mean
        point[i] = mean * interpolation + moved * rest
