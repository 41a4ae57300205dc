"""The multinomial log loss: exp, log and sums are NumPy's, the operations between them are fused into one pass."""

import numpy as np

from sk_adalr.backends.kernels.fused.compile import compiled
from sk_adalr.backends.kernels.table import least_log_probability
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
