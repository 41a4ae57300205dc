"""The interface of the kernels of training."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from sk_adalr.backends.namespace import Array

_LEAST_SHARE = 0.7


@cache
def least_probability(dtype: Any) -> float:
    """Return the lower bound of probabilities in residuals, tiny but far from the smallest normal number.

    Arithmetic with subnormal numbers is up to fifty times slower, and in float32 they are frequent as soon as classes
    are separated well.
    """
    return float(np.finfo(dtype).tiny) ** _LEAST_SHARE


@cache
def least_log_probability(dtype: Any) -> float:
    """Return the logarithm of `least_probability`."""
    return math.log(least_probability(dtype))


@dataclass
class Residuals:
    """The residuals of every layer for one batch, whose column sums are the gradient of the intercepts.

    Parameters
    ----------
    arrays : list of arrays of shape (n_rows, n_units)
        From the first layer to the last, C-contiguous, in buffers that all batches share. Empty without intercepts.
    ones : array of shape (n_rows,)
        Ones: a product with them is twice as fast as a sum over rows.
    plan : object, default=None
        Data that the device kernels reuse from launch to launch.
    """

    arrays: list[Array]
    ones: Array
    plan: Any = None


@dataclass(frozen=True)
class Kernels:
    """The performance-critical array operations of training; each implementation (NumPy, numba, CuPy) is one instance.

    Arguments are positional. Unless stated otherwise, floating-point arrays have one dtype, to which Python floats are
    rounded, and `scratch` may be overwritten. The implementations for NumPy arrays agree bitwise: sums over many
    elements, exp, tanh and log are NumPy's, or follow its order; everything else is the same operations in the same
    order, each rounded once.

    Parameters
    ----------
    name : str
        The library that computes.
    step : mapping of str to callable
        By the name of a direction in ``DIRECTIONS``: everything in a literal step after the gradient, in one pass,
        ``(params, grad, direction, rates, hyper_learning_rate, adapts, *arrays, *constants)``. If `adapts`, first
        ``rates += hyper_learning_rate * grad * direction``; then `direction` becomes the new one, given the arrays
        and constants of the direction's ``operands``; then ``params -= rates * direction``. `rates` is (n_params,),
        or (1,) if not `adapts`. A direction that is missing here makes its step by its own methods.
    interpolate : callable
        ``(out, a, b, weight, scratch)``: ``out = weight * a + (1 - weight) * b``.
    scale_direction : callable
        ``(grad, moment, decay, correction, epsilon, scratch)``: ``moment = decay * moment + grad**2`` and
        ``grad /= sqrt(correction * moment) + epsilon``.
    move : callable
        ``(iterate, average, direction, rate, weight, point, interpolation, scratch)``:
        ``iterate -= rate * direction``, ``average += weight * (iterate - average)`` and
        ``point = interpolation * average + (1 - interpolation) * iterate``; `rate` may be a 0-d float64 array.
    finish : callable
        ``(grad, coefs, weighted, intercept_grads, residuals, row_losses, weight, weight_sum, factor, scale)``: the
        rest of a loss and its gradient after the products with the data. The arrays in `intercept_grads`, views of the
        end of `grad`, become the sums over rows of those in `residuals`; then ``grad *= scale`` and
        ``grad[:n_coefs] += factor * weighted``, where `weighted` are `coefs` times their penalty weights. Returns, 0-d
        in float64, ``(weight @ row_losses) / weight_sum + factor / 2 * (coefs @ weighted)``; `weight` None means 1.
    add_bias_relu : callable
        ``(a, bias)``: ``a = max(a + bias, 0)`` for `a` (n_rows, n_units) and `bias` (n_units,).
    relu_backward, tanh_backward, logistic_backward : callable
        ``(delta, output)``: `delta` times the derivative of the activation, in terms of its output. Both have the
        shape (n_rows, n_units); `output` may be overwritten.
    softmax_residual, binomial_residual, squared_residual : callable
        ``(raw, target, scale, bias=None)``: add `bias` (n_outputs,), if given, to `raw` (n_rows, n_outputs), and
        overwrite it with `scale` times the derivative of a loss:
        softmax minus 1 at the class in `target` (n_rows,), sigmoid minus `target`, or `raw` minus `target`. Returns
        the loss of each row, (n_rows,): multinomial or binomial log loss, or half the squared error. Probabilities in
        a derivative are at least about `least_probability`.
    gather : callable
        ``(X, target, rows, out)``: copy the given rows of `X` to `out`, and return the same rows of `target`.
    gather_standardized : callable
        ``(X, target, rows, center, scale, out)``: ``out = (X[rows] - center) / scale``; returns ``target[rows]``.
    csr_matmul : callable
        ``(matrix, coef, offset, out)``: ``out = matrix @ coef - offset @ coef`` for `coef` (n_columns, n_out);
        `offset` (n_columns,) may be None, for zero. On NumPy, `matrix` is any object with the arrays of a CSR matrix,
        whose `indptr` need not start at 0, and `coef` and `out` are contiguous.
    csr_transposed_matmul : callable
        ``(matrix, residual, offset, out)``: ``out = (matrix - offset).T @ residual`` for `residual` (n_rows, n_out).
    csr_steps : mapping of str to callable
        By the name of a direction, or "automatic": the steps of many batches of CSR rows, for a linear model with one
        output, in one call, ``(loss, X, order, target, weight, batch_size, terms, coef_weights, params, grad,
        operands, constants)``. For a name that is missing, steps are made one by one.

        `loss` is "binomial" or "squared". `order` has the indices of the rows, in batches of `batch_size`; `target`
        and `weight` (or None) are in this order. `terms` (n_batches, 3) are the two factors of `split_division` and
        the penalty factor, or zeros for a batch without weight, which makes no step. `grad` may be overwritten.
        `operands` and `constants` are those of the optimizer, which documents them.

        Returns the loss of each row, unweighted, and ``factor * (coefs @ weighted)`` of each batch.
    narrow : callable
        ``(a, dtype)``: return `a` in `dtype`, with 0 for magnitudes below `least_probability` of `dtype`.
    log_loss : callable
        ``(scores, sign, weight)``: for margins ``s = sign * scores`` (n,), where `sign` is -1 for the positive class
        and 1 for the other, return ``weight @ log(1 + exp(s))``, on the host, and intermediate results for
        `log_loss_derivatives`; `weight` None means 1. `sign` is int8, the other arrays are float64.
    log_loss_derivatives : callable
        ``(evaluated, sign, weight)``: return the residuals (n,), which are the derivatives of the log loss with
        respect to the scores, the second derivatives (n,), and the sum of the residuals, on the host. The arrays must
        not be overwritten: on a device they are part of `evaluated`.
    curvature : callable
        ``(Z, second, residual)``: return, on the host, ``Z @ diag(second) @ Z.T`` for a C-contiguous `Z` with few rows
        and many columns, and ``Z @ residual``, or None if `residual` is None. All arrays are float64.
    """

    name: str
    step: Mapping[str | None, Callable[..., Any]]
    interpolate: Callable[..., Any]
    scale_direction: Callable[..., Any]
    move: Callable[..., Any]
    finish: Callable[..., Any]
    add_bias_relu: Callable[..., Any]
    relu_backward: Callable[..., Any]
    tanh_backward: Callable[..., Any]
    logistic_backward: Callable[..., Any]
    softmax_residual: Callable[..., Any]
    binomial_residual: Callable[..., Any]
    squared_residual: Callable[..., Any]
    gather: Callable[..., Any]
    gather_standardized: Callable[..., Any]
    csr_matmul: Callable[..., Any]
    csr_transposed_matmul: Callable[..., Any]
    csr_steps: Mapping[str, Callable[..., Any]]
    narrow: Callable[..., Any]
    log_loss: Callable[..., Any]
    log_loss_derivatives: Callable[..., Any]
    curvature: Callable[..., Any]
