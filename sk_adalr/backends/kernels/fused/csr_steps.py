"""Many steps of a linear model with one output on CSR rows in one call, each bitwise equal to the reference."""

from functools import lru_cache, partial
from typing import Any

import numpy as np

from sk_adalr.backends.kernels.fused import rule, steps
from sk_adalr.backends.kernels.fused.compile import EXPIT, call, compiled, prefetch
from sk_adalr.backends.kernels.table import least_probability
from sk_adalr.backends.namespace import Array

# Rows are read in random order, which hardware prefetching cannot predict: prefetch this many rows ahead.
_AHEAD = 6
_LINE_OF_VALUES, _LINE_OF_INDICES = 8, 16  # entries per cache line of 64 bytes, for float64 and int32
# NumPy's pairwise summation adds up to this many numbers in eight partial sums; larger arrays are halved.
_LEAF = 128
_LOSSES = {"squared": 0, "binomial": 1}
_BINOMIAL = _LOSSES["binomial"]
_SGD, _MOMENTUM, _NESTEROV, _ADAM, _AUTOMATIC = range(5)
_KINDS = {"sgd": _SGD, "momentum": _MOMENTUM, "nesterov": _NESTEROV, "adam": _ADAM, "automatic": _AUTOMATIC}


@lru_cache(maxsize=32)
def tree(n: int) -> np.ndarray:
    """Return the summation tree of NumPy's pairwise sum of `n` numbers, as an array (n_leaves, 2).

    For each leaf in order: its size, and the number of additions of partial sums that follow it.
    """
    return np.array(_tree(n), dtype=np.int64)


def _tree(n: int) -> list[tuple[int, int]]:
    if n <= _LEAF:
        return [(n, 0)]
    half = n // 2 - n // 2 % 8
    *right, (size, n_sums) = _tree(n - half)
    return [*_tree(half), *right, (size, n_sums + 1)]


@compiled
def _leaf_sum(a: Array) -> Any:
    # Unsigned indices let the compiler vectorise the eight sums.
    n, one, eight = np.uint64(a.size), np.uint64(1), np.uint64(8)
    i = np.uint64(0)
    total = a.dtype.type(0)
    if n >= eight:
        s0, s1, s2, s3, s4, s5, s6, s7 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
        i = eight
        while i + eight <= n:
            s0 += a[i]
            s1 += a[i + one]
            s2 += a[i + np.uint64(2)]
            s3 += a[i + np.uint64(3)]
            s4 += a[i + np.uint64(4)]
            s5 += a[i + np.uint64(5)]
            s6 += a[i + np.uint64(6)]
            s7 += a[i + np.uint64(7)]
            i += eight
        total = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
    while i < n:
        total += a[i]
        i += one
    return total


@compiled
def pairwise_sum(a: Array, tree: Array) -> Any:
    """Return the same as ``np.add.reduce(a)``, bitwise, given the summation `tree` of its size."""
    sums, depth, start = np.zeros(64, dtype=a.dtype), 0, 0  # a stack of sums
    for k in range(tree.shape[0]):
        total = _leaf_sum(a[start : start + tree[k, 0]])
        for _ in range(tree[k, 1]):
            depth -= 1
            total = sums[depth] + total
        sums[depth] = total
        depth += 1
        start += tree[k, 0]
    return sums[0]


@compiled
def _fill_rows(
    rows: tuple[Array, ...],
    batch: slice,
    loss: tuple[Any, ...],
    scale: float,
    params: Array,
    shift: float,
    coef_grad: Array,
    raw: Array,
    residual: Array,
) -> None:
    """Fill `raw` and `residual` for a batch, and add the rows, weighted by their residuals, to `coef_grad`."""
    data, indices, starts, stops, target, weight = rows
    code, expit, least = loss
    for i in range(batch.start, batch.stop):
        if i + _AHEAD < starts.size:
            for k in range(starts[i + _AHEAD], stops[i + _AHEAD], _LINE_OF_VALUES):
                prefetch(data, np.intp(k))
            for k in range(starts[i + _AHEAD], stops[i + _AHEAD], _LINE_OF_INDICES):
                prefetch(indices, np.intp(k))
        score = params.dtype.type(0)
        for k in range(starts[i], stops[i]):
            score += data[k] * params[np.uint64(indices[k])]
        score -= shift
        if coef_grad.size < params.size:
            score += params[coef_grad.size]
        raw[i] = score
        if code == _BINOMIAL:
            score = call(expit, score)
            score = least if score < least else score
        error = (score - target[i]) * scale
        if weight.size:
            error *= weight[i]
        residual[i - batch.start] = error
        for k in range(starts[i], stops[i]):
            coef_grad[np.uint64(indices[k])] += data[k] * error


@compiled
def _add_columns(
    columns: tuple[Array, ...], total: float, rest: float, factor: float, params: Array, grad: Array, products: Array
) -> Any:
    """Add offset, scaling and penalty to the gradient; return ``factor * (coefs @ weighted)``, see `Kernels`."""
    offset, coef_weights, tree = columns
    for j in range(products.size):
        entry = grad[j]
        if offset.size:
            entry -= offset[j] * total
        entry *= rest
        if factor != 0:
            penalty = (coef_weights[j] * params[j] if coef_weights.size else params[j]) * factor
            entry += penalty
            products[j] = penalty * params[j]
        grad[j] = entry
    grad[products.size :] = total * rest
    return factor if factor == 0 else pairwise_sum(products, tree)


@compiled
def _make_steps(
    how: tuple[Any, ...],
    rows: tuple[Array, ...],
    columns: tuple[Array, ...],
    trees: tuple[Array, Array],
    terms: Array,
    params: Array,
    grad: Array,
    operands: tuple[Array, ...],
    constants: Array,
    raw: Array,
    squares: Array,
) -> None:
    kind, loss, n_columns, batch_size = how
    (offset, _, tree), (a, b, c, d) = columns, operands
    residual, products = np.empty(batch_size, dtype=raw.dtype), np.empty(n_columns, dtype=raw.dtype)
    shift, n_done = raw.dtype.type(0), 0
    for i in range(squares.size):
        batch = slice(i * batch_size, min((i + 1) * batch_size, raw.size))
        scale, rest, factor = terms[i, 0], terms[i, 1], terms[i, 2]
        if scale == 0:  # all weights of the batch are zero
            continue
        if offset.size:
            for j in range(n_columns):
                products[j] = offset[j] * params[j]
            shift = pairwise_sum(products, tree)
        grad[:] = raw.dtype.type(0)
        _fill_rows(rows, batch, loss, scale, params, shift, grad[:n_columns], raw, residual)
        n_rows = batch.stop - batch.start
        total = pairwise_sum(residual[:n_rows], trees[0] if n_rows == batch_size else trees[1])
        squares[i] = _add_columns(columns, total, rest, factor, params, grad, products)
        k = constants[n_done]
        n_done += 1
        if kind == _AUTOMATIC:
            rule.scale_and_move(grad, c, k[0], k[1], k[2], a, b, k[3], k[4], params, k[5])
        elif kind == _ADAM:
            steps.adam(params, grad, a, b, k[0], k[1] != 0, c, d, k[2], k[3], k[4], k[5])
        elif kind == _NESTEROV:
            steps.nesterov(params, grad, a, b, k[0], k[1] != 0, c, k[2])
        elif kind == _MOMENTUM:
            steps.momentum(params, grad, a, b, k[0], k[1] != 0, c, k[2])
        else:
            steps.sgd(params, grad, a, b, k[0], k[1] != 0)


def _steps(
    kind: int,
    loss: str,
    X: Any,
    order: Array,
    target: Array,
    weight: Array | None,
    batch_size: int,
    terms: Array,
    coef_weights: Array | None,
    params: Array,
    grad: Array,
    operands: tuple[Array, ...],
    constants: Array,
) -> tuple[Array, Array]:
    none, n_columns, matrix, target = params[:0], X.shape[1], X.matrix, target.ravel()
    bounds = matrix.indptr.take(order), matrix.indptr[1:].take(order)
    rows = (matrix.data, matrix.indices, *bounds, target, none if weight is None else weight)
    columns = (*[none if array is None else array for array in (X.offset, coef_weights)], tree(n_columns))
    of_loss = (_LOSSES[loss], EXPIT[params.dtype], params.dtype.type(least_probability(params.dtype)))
    how, trees = (kind, of_loss, n_columns, batch_size), (tree(batch_size), tree(len(order) % batch_size))
    operands = (*operands, *[none] * (4 - len(operands)))
    raw, squares = (np.zeros(n, dtype=params.dtype) for n in (len(order), len(terms)))
    _make_steps(how, rows, columns, trees, terms, params, grad, operands, constants, raw, squares)
    return (np.logaddexp(0, raw) - raw * target if loss == "binomial" else (raw - target) ** 2 * 0.5), squares


CSR_STEPS = {name: partial(_steps, kind) for name, kind in _KINDS.items()}
