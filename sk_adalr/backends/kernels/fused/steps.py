"""The whole literal step of each direction, in one pass."""

import numpy as np

from sk_adalr.backends.kernels.fused.compile import compiled
from sk_adalr.backends.namespace import Array

# Conditions that are the same for all parameters stand inside the loops: the compiler moves them out and makes a
# vectorised loop for each case.


@compiled
def sgd(params: Array, grad: Array, direction: Array, rates: Array, hyper_learning_rate: float, adapts: bool) -> None:
    hyper_learning_rate = params.dtype.type(hyper_learning_rate)
    shares_rate = rates.size < params.size
    rate = rates[0] if shares_rate else params.dtype.type(0)
    for i in range(params.size):
        if adapts:
            rates[i] += grad[i] * direction[i] * hyper_learning_rate
        direction[i] = grad[i]
        params[i] -= (rate if shares_rate else rates[i]) * grad[i]


@compiled
def momentum(
    params: Array,
    grad: Array,
    direction: Array,
    rates: Array,
    hyper_learning_rate: float,
    adapts: bool,
    velocity: Array,
    momentum: float,
) -> None:
    hyper_learning_rate, momentum = params.dtype.type(hyper_learning_rate), params.dtype.type(momentum)
    shares_rate = rates.size < params.size
    rate = rates[0] if shares_rate else params.dtype.type(0)
    for i in range(params.size):
        if adapts:
            rates[i] += grad[i] * direction[i] * hyper_learning_rate
        v = velocity[i] * momentum + grad[i]
        velocity[i] = v
        direction[i] = v
        params[i] -= (rate if shares_rate else rates[i]) * v


@compiled
def nesterov(
    params: Array,
    grad: Array,
    direction: Array,
    rates: Array,
    hyper_learning_rate: float,
    adapts: bool,
    velocity: Array,
    momentum: float,
) -> None:
    hyper_learning_rate, momentum = params.dtype.type(hyper_learning_rate), params.dtype.type(momentum)
    shares_rate = rates.size < params.size
    rate = rates[0] if shares_rate else params.dtype.type(0)
    for i in range(params.size):
        if adapts:
            rates[i] += grad[i] * direction[i] * hyper_learning_rate
        v = velocity[i] * momentum + grad[i]
        d = v * momentum + grad[i]
        velocity[i] = v
        direction[i] = d
        params[i] -= (rate if shares_rate else rates[i]) * d


@compiled
def adam(
    params: Array,
    grad: Array,
    direction: Array,
    rates: Array,
    hyper_learning_rate: float,
    adapts: bool,
    grad_sum: Array,
    square_sum: Array,
    beta_1: float,
    beta_2: float,
    ratio: float,
    shift: float,
) -> None:
    as_float = params.dtype.type
    hyper_learning_rate = as_float(hyper_learning_rate)
    beta_1, beta_2, ratio, shift = as_float(beta_1), as_float(beta_2), as_float(ratio), as_float(shift)
    shares_rate = rates.size < params.size
    rate = rates[0] if shares_rate else params.dtype.type(0)
    for i in range(params.size):
        if adapts:
            rates[i] += grad[i] * direction[i] * hyper_learning_rate
        m = grad_sum[i] * beta_1 + grad[i]
        v = square_sum[i] * beta_2 + grad[i] * grad[i]
        d = m / (np.sqrt(v) * ratio + shift)
        grad_sum[i] = m
        square_sum[i] = v
        direction[i] = d
        params[i] -= (rate if shares_rate else rates[i]) * d
