"""Losses and their residuals; exp, log and sums are NumPy's and SciPy's own, whatever is between them is one pass."""

import numpy as np
from scipy.special import expit

from sk_adalr.backends.kernels.fused.compile import compiled
from sk_adalr.backends.kernels.reference import row_sums
from sk_adalr.backends.kernels.table import least_log_probability, least_probability
from sk_adalr.backends.namespace import Array


@compiled
def _compiled_shift_rows(raw: Array, target: Array, true_class: Array, least: float) -> None:
    least = raw.dtype.type(least)
    for i in range(raw.shape[0]):
        largest = raw[i, 0]
        for j in range(1, raw.shape[1]):
            largest = largest if raw[i, j] <= largest or largest != largest else raw[i, j]
        true_class[i] = raw[i, target[i]] - largest
        for j in range(raw.shape[1]):
            shifted = raw[i, j] - largest
            raw[i, j] = least if shifted < least else shifted


@compiled
def _compiled_softmax_residual(raw: Array, total: Array, target: Array, scale: float) -> None:
    one, scale = raw.dtype.type(1), raw.dtype.type(scale)
    for i in range(raw.shape[0]):
        for j in range(raw.shape[1]):
            raw[i, j] /= total[i]
        raw[i, target[i]] -= one
        for j in range(raw.shape[1]):
            raw[i, j] *= scale


def softmax_residual(raw: Array, target: Array, scale: float, bias: Array | None = None) -> Array:
    if bias is not None:
        raw += bias
    true_class = np.empty(raw.shape[0], dtype=raw.dtype)
    _compiled_shift_rows(raw, target, true_class, least_log_probability(raw.dtype))
    np.exp(raw, out=raw)
    total = np.add.reduce(raw, axis=1)
    _compiled_softmax_residual(raw, total, target, scale)
    return np.log(total) - true_class


@compiled
def _compiled_binomial_residual(
    raw: Array, target: Array, scale: float, losses: Array, share: Array, least: float
) -> None:
    scale, least = raw.dtype.type(scale), raw.dtype.type(least)
    for i in range(raw.shape[0]):
        for j in range(raw.shape[1]):
            losses[i, j] -= raw[i, j] * target[i, j]
            bounded = least if share[i, j] < least else share[i, j]
            raw[i, j] = (bounded - target[i, j]) * scale


def binomial_residual(raw: Array, target: Array, scale: float, bias: Array | None = None) -> Array:
    if bias is not None:
        raw += bias
    losses, share = np.logaddexp(0, raw), expit(raw)
    _compiled_binomial_residual(raw, target, scale, losses, share, least_probability(raw.dtype))
    return row_sums(losses)


@compiled
def _compiled_squared_residual(raw: Array, target: Array, scale: float, losses: Array) -> None:
    scale, half = raw.dtype.type(scale), raw.dtype.type(0.5)
    for i in range(raw.shape[0]):
        for j in range(raw.shape[1]):
            error = raw[i, j] - target[i, j]
            losses[i, j] = error * error * half
            raw[i, j] = error * scale


def squared_residual(raw: Array, target: Array, scale: float, bias: Array | None = None) -> Array:
    if bias is not None:
        raw += bias
    losses = np.empty_like(raw)
    _compiled_squared_residual(raw, target, scale, losses)
    return row_sums(losses)
