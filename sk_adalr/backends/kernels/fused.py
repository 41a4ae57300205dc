"""The kernels compiled by numba, one pass over memory each. Importing this module imports numba.

Compiled without fastmath, products and sums are not contracted and nothing is reordered: results equal the
reference's bit by bit, and NaN and infinity pass through. The error model of NumPy, where dividing by zero gives
infinity, is what lets the loops be vectorised.
"""

import platform
from typing import Any

import numba
import numpy as np
from scipy.special import expit

from sk_adalr.backends.kernels.reference import REFERENCE, row_sums
from sk_adalr.backends.kernels.table import LANES, Kernels
from sk_adalr.backends.namespace import Array

_compile = numba.njit(cache=True, nogil=True, error_model="numpy")

# In the steps, what does not change from parameter to parameter is decided within the loop: the compiler moves the
# decision out of it and makes a vectorised loop for each case.


@_compile
def _sgd(params, grad, direction, rates, hyper_learning_rate, adapts):
    hyper_learning_rate = params.dtype.type(hyper_learning_rate)
    shares_rate = rates.size < params.size
    rate = rates[0] if shares_rate else params.dtype.type(0)
    for i in range(params.size):
        if adapts:
            rates[i] += grad[i] * direction[i] * hyper_learning_rate
        direction[i] = grad[i]
        params[i] -= (rate if shares_rate else rates[i]) * grad[i]


@_compile
def _momentum(params, grad, direction, rates, hyper_learning_rate, adapts, velocity, momentum):
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


@_compile
def _nesterov(params, grad, direction, rates, hyper_learning_rate, adapts, velocity, momentum):
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


@_compile
def _adam(
    params, grad, direction, rates, hyper_learning_rate, adapts, grad_sum, square_sum, beta_1, beta_2, ratio, shift
):
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


@_compile
def _interpolate(out, a, b, weight, scratch):
    as_float = out.dtype.type
    rest = as_float(1 - weight)
    weight = as_float(weight)
    for i in range(out.size):
        out[i] = a[i] * weight + b[i] * rest


@_compile
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


def _adapt_multipliers(
    multipliers: Array, scale: Array, direction: Array, grad: Array, step_size: float, decay: float, scratch: Array
) -> float:
    lanes = np.zeros(LANES, dtype=multipliers.dtype)
    tiny = float(np.finfo(scale.dtype).tiny)
    _compiled_adapt_multipliers(multipliers, scale, direction, grad, step_size, decay, tiny, lanes)
    rest = multipliers[multipliers.size - multipliers.size % LANES :]
    return float(lanes.sum()) + float(rest.sum())


@_compile
def _center_and_clip(a, center, bound):
    as_float = a.dtype.type
    center, bound = as_float(center), as_float(bound)
    for i in range(a.size):
        x = a[i] - center
        x = -bound if x < -bound else x
        a[i] = bound if x > bound else x


@_compile
def _scale_direction(direction, grad, moment, decay, correction, epsilon, scratch):
    as_float = grad.dtype.type
    decay, correction, epsilon = as_float(decay), as_float(correction), as_float(epsilon)
    for i in range(grad.size):
        square = moment[i] * decay + grad[i] * grad[i]
        moment[i] = square
        direction[i] *= grad[i] / (np.sqrt(square * correction) + epsilon)


@_compile
def _move(iterate, average, direction, rate, weight, scratch):
    as_float = iterate.dtype.type
    rate, weight = as_float(rate), as_float(weight)
    for i in range(iterate.size):
        moved = iterate[i] - direction[i] * rate
        iterate[i] = moved
        average[i] += (moved - average[i]) * weight


@_compile
def _add_bias_relu(a, bias):
    zero = a.dtype.type(0)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            x = a[i, j] + bias[j]
            a[i, j] = zero if x <= zero else x


@_compile
def _relu_backward(delta, output):
    zero, one = delta.dtype.type(0), delta.dtype.type(1)
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            delta[i, j] *= one if output[i, j] > zero else zero


@_compile
def _tanh_backward(delta, output):
    one = delta.dtype.type(1)
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            delta[i, j] *= one - output[i, j] * output[i, j]


@_compile
def _logistic_backward(delta, output):
    half, quarter = delta.dtype.type(0.5), delta.dtype.type(0.25)
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            centered = output[i, j] - half
            delta[i, j] *= quarter - centered * centered


@_compile
def _compiled_shift_rows(raw, target, true_class):
    for i in range(raw.shape[0]):
        largest = raw[i, 0]
        for j in range(1, raw.shape[1]):
            largest = largest if raw[i, j] <= largest or largest != largest else raw[i, j]
        for j in range(raw.shape[1]):
            raw[i, j] -= largest
        true_class[i] = raw[i, target[i]]


@_compile
def _compiled_softmax_residual(raw, total, target, scale):
    one, scale = raw.dtype.type(1), raw.dtype.type(scale)
    for i in range(raw.shape[0]):
        for j in range(raw.shape[1]):
            raw[i, j] /= total[i]
        raw[i, target[i]] -= one
        for j in range(raw.shape[1]):
            raw[i, j] *= scale


def _softmax_residual(raw: Array, target: Array, scale: float) -> Array:
    true_class = np.empty(raw.shape[0], dtype=raw.dtype)
    _compiled_shift_rows(raw, target, true_class)
    np.exp(raw, out=raw)
    total = np.add.reduce(raw, axis=1)
    _compiled_softmax_residual(raw, total, target, scale)
    return np.log(total) - true_class


@_compile
def _compiled_binomial_residual(raw, target, scale, losses, share):
    scale = raw.dtype.type(scale)
    for i in range(raw.shape[0]):
        for j in range(raw.shape[1]):
            losses[i, j] -= raw[i, j] * target[i, j]
            raw[i, j] = (share[i, j] - target[i, j]) * scale


def _binomial_residual(raw: Array, target: Array, scale: float) -> Array:
    losses, share = np.logaddexp(0, raw), expit(raw)
    _compiled_binomial_residual(raw, target, scale, losses, share)
    return row_sums(losses)


@_compile
def _compiled_squared_residual(raw, target, scale, losses):
    scale, half = raw.dtype.type(scale), raw.dtype.type(0.5)
    for i in range(raw.shape[0]):
        for j in range(raw.shape[1]):
            error = raw[i, j] - target[i, j]
            losses[i, j] = error * error * half
            raw[i, j] = error * scale


def _squared_residual(raw: Array, target: Array, scale: float) -> Array:
    losses = np.empty_like(raw)
    _compiled_squared_residual(raw, target, scale, losses)
    return row_sums(losses)


@_compile
def _compiled_gather_standardized(X, rows, center, scale, out):
    for i in range(rows.size):
        row = rows[i]
        for j in range(X.shape[1]):
            out[i, j] = (X[row, j] - center[j]) / scale[j]


def _gather_standardized(X: Array, rows: Array, center: Array, scale: Array, out: Array) -> None:
    _compiled_gather_standardized(np.asarray(X), rows, center, scale, out)  # a memory map is no plain array


# Columns are counted without a sign, which spares a look whether they count from the end. A single output, the binary
# and the scalar model, is summed in a register.


@_compile
def _compiled_csr_matmul(data, indices, indptr, coef, shift, out):
    zero = out.dtype.type(0)
    for i in range(out.shape[0]):
        if out.shape[1] == 1:
            total = zero
            for k in range(indptr[i], indptr[i + 1]):
                total += data[k] * coef[np.uint64(indices[k]), 0]
            out[i, 0] = total
        else:
            out[i] = zero
            for k in range(indptr[i], indptr[i + 1]):
                for j in range(out.shape[1]):
                    out[i, j] += data[k] * coef[np.uint64(indices[k]), j]
        for j in range(shift.size):
            out[i, j] -= shift[j]


@_compile
def _compiled_csr_transposed_matmul(data, indices, indptr, residual, offset, total, out):
    out[...] = out.dtype.type(0)
    for i in range(residual.shape[0]):
        for k in range(indptr[i], indptr[i + 1]):
            if out.shape[1] == 1:
                out[np.uint64(indices[k]), 0] += data[k] * residual[i, 0]
            else:
                for j in range(out.shape[1]):
                    out[np.uint64(indices[k]), j] += data[k] * residual[i, j]
    if out.shape[1] == 1:
        column = out.ravel()
        for i in range(offset.size):
            column[i] -= offset[i] * total[0]
    else:
        for i in range(offset.size):
            for j in range(out.shape[1]):
                out[i, j] -= offset[i] * total[j]


def _csr_matmul(matrix: Any, coef: Array, offset: Array | None, out: Array) -> None:
    shift = coef.ravel()[:0] if offset is None else offset @ coef
    _compiled_csr_matmul(matrix.data, matrix.indices, matrix.indptr, coef, shift, out)


def _csr_transposed_matmul(matrix: Any, residual: Array, offset: Array | None, out: Array) -> None:
    if offset is None:
        offset = total = residual.ravel()[:0]
    else:
        total = residual.sum(axis=0)
    _compiled_csr_transposed_matmul(matrix.data, matrix.indices, matrix.indptr, residual, offset, total, out)


# SciPy's products round as these do where its compiler has no fused multiply-add to contract them to.
_SAME_AS_SCIPY = platform.machine().lower() in ("x86_64", "amd64")

FUSED = Kernels(
    name="numba",
    step={"sgd": _sgd, "momentum": _momentum, "nesterov": _nesterov, "adam": _adam},
    interpolate=_interpolate,
    adapt_multipliers=_adapt_multipliers,
    center_and_clip=_center_and_clip,
    scale_direction=_scale_direction,
    move=_move,
    penalize=REFERENCE.penalize,  # the multiply-add of BLAS rounds once
    add_bias_relu=_add_bias_relu,
    relu_backward=_relu_backward,
    tanh_backward=_tanh_backward,
    logistic_backward=_logistic_backward,
    softmax_residual=_softmax_residual,
    binomial_residual=_binomial_residual,
    squared_residual=_squared_residual,
    gather=REFERENCE.gather,  # it copies a row faster than a compiled loop does
    gather_standardized=_gather_standardized,
    csr_matmul=_csr_matmul if _SAME_AS_SCIPY else REFERENCE.csr_matmul,
    csr_transposed_matmul=_csr_transposed_matmul if _SAME_AS_SCIPY else REFERENCE.csr_transposed_matmul,
)
