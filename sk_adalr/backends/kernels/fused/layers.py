"""The operations of a network around its matrix products: gathering rows, and activations."""

import numpy as np

from sk_adalr.backends.kernels.fused.compile import compiled
from sk_adalr.backends.namespace import Array


@compiled
def add_bias_relu(a: Array, bias: Array) -> None:
    zero = a.dtype.type(0)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            x = a[i, j] + bias[j]
            a[i, j] = zero if x <= zero else x


@compiled
def relu_backward(delta: Array, output: Array) -> None:
    zero, one = delta.dtype.type(0), delta.dtype.type(1)
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            delta[i, j] *= one if output[i, j] > zero else zero


@compiled
def _compiled_gather_standardized(X: Array, rows: Array, center: Array, scale: Array, out: Array) -> None:
    for i in range(rows.size):
        row = rows[i]
        for j in range(X.shape[1]):
            out[i, j] = (X[row, j] - center[j]) / scale[j]


def gather_standardized(X: Array, target: Array, rows: Array, center: Array, scale: Array, out: Array) -> Array:
    _compiled_gather_standardized(np.asarray(X), rows, center, scale, out)  # numba does not accept `np.memmap`
    return target.take(rows, axis=0)
