"""The kernels for CuPy arrays.

A launch costs some microseconds whatever it computes, and the arrays of a step are small. So each kernel uses as few
launches as possible.
"""

from dataclasses import replace
from typing import Any

from sk_adalr.backends.kernels.device.elementwise import DIRECTIONS, launch
from sk_adalr.backends.kernels.device.gram import curvature
from sk_adalr.backends.kernels.device.margins import log_loss, log_loss_derivatives
from sk_adalr.backends.kernels.device.sums import finish
from sk_adalr.backends.kernels.reference import REFERENCE
from sk_adalr.backends.kernels.table import least_log_probability, least_probability
from sk_adalr.backends.namespace import Array, namespace, row_sums

#: Up to so many classes, one thread processes a row. With more, the array operations of CuPy use the threads better.
MAX_CLASSES_PER_THREAD = 64


def _step(name: str) -> Any:
    n_arrays = DIRECTIONS[name].outputs.count("T ")

    def step(
        params: Array,
        grad: Array,
        direction: Array,
        rates: Array,
        hyper_learning_rate: float,
        adapts: bool,
        *operands: Any,
    ) -> None:
        arrays, constants = operands[:n_arrays], operands[n_arrays:]
        if adapts:
            outputs = (params, direction, *arrays, rates)
            launch(f"{name}_step_adapted", grad, hyper_learning_rate, *constants, *outputs)
        else:
            launch(f"{name}_step", grad, rates, *constants, params, direction, *arrays)

    return step


def _interpolate(out: Array, a: Array, b: Array, weight: float, scratch: Array) -> None:
    launch("interpolate", a, b, weight, 1 - weight, out)


def _scale_direction(
    grad: Array, moment: Array, decay: float, correction: float, epsilon: float, scratch: Array
) -> None:
    launch("scale_direction", decay, correction, epsilon, grad, moment)


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
    launch("move", direction, rate, weight, interpolation, 1 - interpolation, iterate, average, point)


def _add_bias_relu(a: Array, bias: Array) -> None:
    launch("add_bias_relu", bias, a.shape[1], a)


def _relu_backward(delta: Array, output: Array) -> None:
    launch("relu_backward", output, delta)


def _tanh_backward(delta: Array, output: Array) -> None:
    launch("tanh_backward", output, delta)


def _logistic_backward(delta: Array, output: Array) -> None:
    launch("logistic_backward", output, delta)


def _softmax_residual(raw: Array, target: Array, scale: float, bias: Array | None = None) -> Array:
    n_rows, n_classes = raw.shape
    if n_classes > MAX_CLASSES_PER_THREAD:
        return REFERENCE.softmax_residual(raw, target, scale, bias)
    row_losses = namespace(raw).empty(n_rows, dtype=raw.dtype)
    constants = (n_classes, scale, least_log_probability(raw.dtype))
    offset = (raw, 0) if bias is None else (bias, 1)  # the kernel needs a device array in either case
    launch("softmax_residual", target, *constants, *offset, row_losses, raw)
    return row_losses


def _binomial_residual(raw: Array, target: Array, scale: float, bias: Array | None = None) -> Array:
    losses = namespace(raw).empty_like(raw)
    offset = 0.0 if bias is None else bias
    launch("binomial_residual", target, scale, offset, least_probability(raw.dtype), losses, raw)
    return row_sums(losses)


def _squared_residual(raw: Array, target: Array, scale: float, bias: Array | None = None) -> Array:
    losses = namespace(raw).empty_like(raw)
    launch("squared_residual", target, scale, 0.0 if bias is None else bias, losses, raw)
    return row_sums(losses)


def _gather(X: Array, target: Array, rows: Array, out: Array) -> Array:
    targets = _room_for(target, rows)
    launch("gather", X, target, rows, X.shape[1], _n_columns(target), out, targets)
    return targets


def _gather_standardized(X: Array, target: Array, rows: Array, center: Array, scale: Array, out: Array) -> Array:
    targets = _room_for(target, rows)
    sizes = X.shape[1], _n_columns(target)
    launch("gather_standardized", X, target, rows, center, scale, *sizes, out, targets)
    return targets


def _room_for(target: Array, rows: Array) -> Array:
    return namespace(target).empty((len(rows), *target.shape[1:]), dtype=target.dtype)


def _n_columns(target: Array) -> int:
    return target.shape[1] if target.ndim == 2 else 1


def _csr_matmul(matrix: Any, coef: Array, offset: Array | None, out: Array) -> None:
    out[...] = matrix @ coef
    if offset is not None:
        out -= offset @ coef


def _csr_transposed_matmul(matrix: Any, residual: Array, offset: Array | None, out: Array) -> None:
    out[...] = matrix.T @ residual
    if offset is not None:
        out -= namespace(residual).outer(offset, residual.sum(axis=0))


def _narrow(a: Array, dtype: Any) -> Array:
    narrowed = namespace(a).empty(a.shape, dtype=dtype)
    launch("narrow", a, least_probability(dtype), narrowed)
    return narrowed


DEVICE = replace(
    REFERENCE,
    name="cupy",
    step={name: _step(name) for name in DIRECTIONS},
    interpolate=_interpolate,
    scale_direction=_scale_direction,
    move=_move,
    finish=finish,
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
    narrow=_narrow,
    log_loss=log_loss,
    log_loss_derivatives=log_loss_derivatives,
    curvature=curvature,
)
