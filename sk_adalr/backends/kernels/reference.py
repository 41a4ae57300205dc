"""The reference kernels, written with array operations, which define the results of all other implementations."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from sk_adalr.backends.csr_arrays import add_product, add_transposed_product
from sk_adalr.backends.kernels.table import Kernels, Residuals, least_log_probability, least_probability
from sk_adalr.backends.namespace import Array, multiply_into, namespace, row_sums, special, to_host, weighted_sum

#: Elements per block, so that three blocks fit into the L2 cache.
_BLOCK = 32_768
# Multiplications per product, and least rows per block. OpenBLAS computes products of less than about a million
# multiplications without packing, twice as fast; this smaller number also keeps the block in the L2 cache.
_SMALL_PRODUCT, _MIN_ROWS = 600_000, 1024
# Binary logarithm of the number of factors in a product whose logarithm is computed, and the least number of terms for
# which products pay.
_HALVINGS, _FEW_LOGARITHMS = 5, 1000


def _interpolate(out: Array, a: Array, b: Array, weight: float, scratch: Array) -> None:
    xp = namespace(out)
    xp.multiply(a, weight, out=out)
    out += xp.multiply(b, 1 - weight, out=scratch)


def _add_scaled(out: Array, factor: float, a: Array) -> None:
    # SciPy's `axpy` would need no temporary array, but it has its own pool of BLAS threads. They compete with NumPy's
    # spinning BLAS threads for the processor, which takes twenty times as long as this loop.
    xp, n = namespace(out), out.shape[0]
    products = xp.empty(min(n, _BLOCK), dtype=out.dtype)
    for start in range(0, n, _BLOCK):
        part = out[start : start + _BLOCK]
        part += xp.multiply(a[start : start + _BLOCK], factor, out=products[: part.shape[0]])


def _scale_direction(
    grad: Array, moment: Array, decay: float, correction: float, epsilon: float, scratch: Array
) -> None:
    xp = namespace(grad)
    moment *= decay
    moment += xp.multiply(grad, grad, out=scratch)
    xp.multiply(moment, correction, out=scratch)
    xp.sqrt(scratch, out=scratch)
    scratch += epsilon
    grad /= scratch


def _move(
    iterate: Array,
    average: Array,
    direction: Array,
    rate: float,
    weight: float,
    point: Array,
    interpolation: float,
    scratch: Array,
) -> None:
    xp = namespace(iterate)
    iterate -= xp.multiply(direction, rate, out=scratch)
    xp.subtract(iterate, average, out=scratch)
    scratch *= weight
    average += scratch
    _interpolate(point, average, iterate, interpolation, scratch)


def finish(
    add_scaled: Callable[[Array, float, Array], None],
    grad: Array,
    coefs: Array,
    weighted: Array,
    intercept_grads: list[Array],
    residuals: Residuals,
    row_losses: Array,
    weight: Array | None,
    weight_sum: float,
    factor: float,
    scale: float,
) -> Any:
    """Implement `Kernels.finish` with the given implementation of ``out += factor * a``."""
    for intercept_grad, residual in zip(intercept_grads, residuals.arrays, strict=True):
        multiply_into(intercept_grad, residuals.ones, residual)
    if scale != 1:
        grad *= scale
    mean = weighted_sum(row_losses, weight) / weight_sum
    if factor == 0:
        return mean
    add_scaled(grad[: coefs.shape[0]], factor, weighted)
    return mean + 0.5 * factor * namespace(coefs).dot(coefs, weighted)


def _add_bias_relu(a: Array, bias: Array) -> None:
    a += bias
    namespace(a).maximum(a, 0, out=a)


def _relu_backward(delta: Array, output: Array) -> None:
    # `greater` and `multiply` stream; the equivalent `delta[output <= 0] = 0` is several times slower.
    delta *= namespace(output).greater(output, 0, out=output)


def _tanh_backward(delta: Array, output: Array) -> None:
    output *= output
    delta *= namespace(output).subtract(1, output, out=output)


def _logistic_backward(delta: Array, output: Array) -> None:
    # a (1 - a) = 1/4 - (a - 1/2)^2, in place
    output -= 0.5
    output *= output
    delta *= namespace(output).subtract(0.25, output, out=output)


def _softmax_residual(raw: Array, target: Array, scale: float, bias: Array | None = None) -> Array:
    if bias is not None:
        raw += bias
    xp = namespace(raw)
    rows = xp.arange(raw.shape[0])
    raw -= raw.max(axis=1, keepdims=True)  # prevents overflow, without changing the softmax
    true_class = raw[rows, target]
    xp.maximum(raw, least_log_probability(raw.dtype), out=raw)
    xp.exp(raw, out=raw)
    total = raw.sum(axis=1)
    raw /= total[:, None]
    raw[rows, target] -= 1
    raw *= scale
    return xp.log(total) - true_class


def _binomial_residual(raw: Array, target: Array, scale: float, bias: Array | None = None) -> Array:
    if bias is not None:
        raw += bias
    xp = namespace(raw)
    losses = xp.logaddexp(0, raw)
    losses -= raw * target
    special(raw).expit(raw, out=raw)
    xp.maximum(raw, least_probability(raw.dtype), out=raw)
    raw -= target
    raw *= scale
    return row_sums(losses)


def _squared_residual(raw: Array, target: Array, scale: float, bias: Array | None = None) -> Array:
    if bias is not None:
        raw += bias
    raw -= target
    losses = raw * raw
    losses *= 0.5
    raw *= scale
    return row_sums(losses)


def _gather(X: Array, target: Array, rows: Array, out: Array) -> Array:
    # mode="clip" avoids the temporary array that the default bounds check needs.
    X.take(rows, axis=0, out=out, mode="clip")
    return target.take(rows, axis=0)


def _gather_standardized(X: Array, target: Array, rows: Array, center: Array, scale: Array, out: Array) -> Array:
    target = _gather(X, target, rows, out)
    out -= center
    # Division, because the reciprocal of a subnormal scale would overflow.
    out /= scale
    return target


def _csr_matmul(matrix: Any, coef: Array, offset: Array | None, out: Array) -> None:
    out.fill(0)
    add_product(matrix, coef, out)
    if offset is not None:
        out -= offset @ coef


def _csr_transposed_matmul(matrix: Any, residual: Array, offset: Array | None, out: Array) -> None:
    out.fill(0)
    add_transposed_product(matrix, residual, out)
    if offset is not None:
        out -= np.outer(offset, residual.sum(axis=0))


def _narrow(a: Array, dtype: Any) -> Array:
    narrowed = a.astype(dtype)
    narrowed[abs(narrowed) < least_probability(dtype)] = 0.0
    return narrowed


def _log_loss(scores: Array, sign: Array, weight: Array | None) -> tuple[float, tuple[Array, Array]]:
    xp = namespace(scores)
    margins = scores * sign
    exponentials = xp.copysign(margins, -1.0)
    xp.exp(exponentials, out=exponentials)
    if weight is None:
        total = _sum_of_logarithms(exponentials.reshape(-1)) + float(xp.maximum(margins, 0.0).sum())
    else:
        losses = xp.log1p(exponentials)
        losses += xp.maximum(margins, 0.0)
        total = float(weight @ losses)
    return total, (margins, exponentials)


def _sum_of_logarithms(a: Array) -> float:
    """Return the sum of ``log(1 + a)`` for ``a`` (n,) between 0 and 1.

    Logarithms of products take a quarter of the time. As no term is negative, no digit of a small one is lost.
    """
    total = 0.0
    for _ in range(_HALVINGS):
        if len(a) < _FEW_LOGARITHMS:
            break
        half = len(a) // 2
        if len(a) % 2:
            total += math.log1p(a[-1])
        first, second = a[:half], a[half : 2 * half]
        a = first * second
        a += first
        a += second
    return total + float(namespace(a).log1p(a).sum())


def _log_loss_derivatives(
    evaluated: tuple[Array, Array], sign: Array, weight: Array | None
) -> tuple[Array, Array, float]:
    margins, exponentials = evaluated
    xp = namespace(margins)
    larger = 1.0 / (1.0 + exponentials)
    # exp(min(margin, 0)), branch-free: branching on the sign would be mispredicted half of the time.
    first = (margins >= 0).astype(margins.dtype)
    xp.maximum(first, exponentials, out=first)
    first *= larger
    second = exponentials * larger
    second *= larger
    if weight is not None:
        first *= weight
        second *= weight
    first *= sign
    return first, second, float(first.sum())


def _curvature(Z: Array, second: Array, residual: Array | None) -> tuple[np.ndarray, np.ndarray | None]:
    r, n = Z.shape
    step = max(_MIN_ROWS, _SMALL_PRODUCT // r**2) if namespace(Z) is np else n
    H = np.zeros((r, r))
    for start in range(0, n, step):
        block = Z[:, start : start + step]
        H += to_host((block * second[start : start + step]) @ block.T)
    return H, None if residual is None else to_host(Z @ residual)


#: `step` is empty: directions and learning rates implement their own steps, which only fused kernels replace.
REFERENCE = Kernels(
    name="numpy",
    step={},
    interpolate=_interpolate,
    scale_direction=_scale_direction,
    move=_move,
    finish=partial(finish, _add_scaled),
    add_bias_relu=_add_bias_relu,
    relu_backward=_relu_backward,
    tanh_backward=_tanh_backward,
    logistic_backward=_logistic_backward,
    softmax_residual=_softmax_residual,
    binomial_residual=_binomial_residual,
    squared_residual=_squared_residual,
    gather=_gather,
    gather_standardized=_gather_standardized,
    csr_matmul=_csr_matmul,
    csr_transposed_matmul=_csr_transposed_matmul,
    csr_steps={},
    narrow=_narrow,
    log_loss=_log_loss,
    log_loss_derivatives=_log_loss_derivatives,
    curvature=_curvature,
)
