"""For each kernel of the table, arguments and what its formula makes of them."""

from itertools import pairwise

import numpy as np
from scipy import sparse
from scipy.special import expit

from sk_adalr.backends import Residuals

SIZES = (0, 1, 7, 1000, 2051)


def vectors(size, dtype, count):
    rng = np.random.RandomState(size)
    return [rng.standard_normal(size).astype(dtype) for _ in range(count)]


def matrix(size, dtype, n_columns=5):
    return np.random.RandomState(size).standard_normal((size, n_columns)).astype(dtype)


def positive(array):
    return abs(array) + array.dtype.type(0.1)


def interpolate(size, dtype):
    out, a, b, scratch = vectors(size, dtype, 4)
    return (out, a, b, 0.95, scratch), {0: 0.95 * a + 0.05 * b}


def scale_direction(size, dtype):
    grad, moment, scratch = vectors(size, dtype, 3)
    moment = positive(moment)
    expected_moment = 0.95 * moment + grad**2
    expected = grad / (np.sqrt(0.3 * expected_moment) + 1e-5)
    return (grad, moment, 0.95, 0.3, 1e-5, scratch), {0: expected, 1: expected_moment}


def move(size, dtype):
    iterate, average, direction, point, scratch = vectors(size, dtype, 5)
    moved = iterate - 0.3 * direction
    mean = 0.9 * average + 0.1 * moved
    arguments = (iterate, average, direction, 0.3, 0.1, point, 0.95, scratch)
    return arguments, {0: moved, 1: mean, 5: 0.95 * mean + 0.05 * moved}


def add_bias_relu(size, dtype):
    a, bias = matrix(size, dtype), matrix(1, dtype)[0]
    return (a, bias), {0: (a + bias) * (a + bias > 0)}


def relu_backward(size, dtype):
    delta, output = matrix(size, dtype), np.maximum(matrix(size + 1, dtype)[:size], 0)
    return (delta, output), {0: np.where(output > 0, delta, 0)}


def tanh_backward(size, dtype):
    delta, output = matrix(size, dtype), np.tanh(matrix(size + 1, dtype)[:size])
    return (delta, output), {0: delta * (1 - output**2)}


def logistic_backward(size, dtype):
    delta, output = matrix(size, dtype), 1 / (1 + np.exp(-matrix(size + 1, dtype)[:size]))
    return (delta, output), {0: delta * output * (1 - output)}


def softmax_residual(size, dtype):
    raw, target = matrix(size, dtype), np.random.RandomState(1).randint(5, size=size)
    log_share = raw.astype(np.float64) - np.log(np.exp(raw, dtype=np.float64).sum(axis=1, keepdims=True))
    return (raw, target, 0.25), {
        0: 0.25 * (np.exp(log_share) - np.eye(5)[target]),
        "result": -log_share[np.arange(size), target],
    }


def binomial_residual(size, dtype, n_outputs=5):
    raw = matrix(size, dtype, n_outputs)
    target = (matrix(size + 1, dtype, n_outputs)[:size] > 0).astype(dtype)
    share = 1 / (1 + np.exp(-raw.astype(np.float64)))
    return (raw, target, 0.25), {
        0: 0.25 * (share - target),
        "result": -np.log(np.where(target == 1, share, 1 - share)).sum(axis=1),
    }


def binomial_residual_of_one_output(size, dtype):
    return binomial_residual(size, dtype, 1)


def squared_residual(size, dtype, n_outputs=5):
    raw, target = matrix(size, dtype, n_outputs), matrix(size + 1, dtype, n_outputs)[:size]
    return (raw, target, 0.25), {0: 0.25 * (raw - target), "result": ((raw - target) ** 2).sum(axis=1) / 2}


def squared_residual_of_one_output(size, dtype):
    return squared_residual(size, dtype, 1)


def with_bias(case):
    """Return the same case of a residual with a bias that is still to be added."""

    def biased(size, dtype):
        (raw, *others), expected = case(size, dtype)
        bias = matrix(3, dtype, raw.shape[1])[0]
        return (raw - bias, *others, bias), expected

    biased.__name__ = f"{case.__name__}_with_bias"
    return biased


def gather(size, dtype, n_targets=7):
    X, target, rows = matrix(11, dtype), matrix(12, dtype, n_targets)[:11], rows_of(11, size)
    expected = {3: np.array([X[i] for i in rows]).reshape(size, 5)}
    return (X, target, rows, np.empty((size, 5), dtype)), expected | {"result": target[rows]}


def gather_of_classes(size, dtype):
    (X, target, *others), expected = gather(size, dtype)
    target = np.arange(11)
    return (X, target, *others), expected | {"result": target[rows_of(11, size)]}


def gather_standardized(size, dtype, n_targets=1):
    (X, target, rows, out), expected = gather(size, dtype, n_targets)
    center, scale = X.mean(axis=0), X.std(axis=0)
    return (X, target, rows, center, scale, out), {5: (expected[3] - center) / scale, "result": expected["result"]}


def rows_of(n_rows, size):
    return np.random.RandomState(1).randint(n_rows, size=size)


def csr(size, dtype):
    X = sparse.random_array((size, 11), density=0.3, format="csr", random_state=np.random.default_rng(1), dtype=dtype)
    return X, matrix(11, dtype, 3), matrix(1, dtype, 11)[0]


def csr_matmul(size, dtype):
    X, coef, offset = csr(size, dtype)
    return (X, coef, offset, np.empty((size, 3), dtype)), {3: (X.toarray() - offset) @ coef}


def csr_matmul_without_offset(size, dtype):
    X, coef, _ = csr(size, dtype)
    return (X, coef[:, :1].copy(), None, np.empty((size, 1), dtype)), {3: X.toarray() @ coef[:, :1]}


def csr_transposed_matmul(size, dtype):
    X, _, offset = csr(size, dtype)
    residual = matrix(size, dtype, 3)
    return (X, residual, offset, np.empty((11, 3), dtype)), {3: (X.toarray() - offset).T @ residual}


def csr_transposed_matmul_without_offset(size, dtype):
    X, _, _ = csr(size, dtype)
    residual = matrix(size, dtype, 1)
    return (X, residual, None, np.empty((11, 1), dtype)), {3: X.toarray().T @ residual}


def narrow(size, dtype):
    (a,) = vectors(size, np.float64, 1)
    return (a, np.dtype(dtype)), {"result": a}


#: Each returns the arguments, and by position, or as "result", what the formula makes of them.
CASES = [
    interpolate,
    scale_direction,
    move,
    add_bias_relu,
    relu_backward,
    tanh_backward,
    logistic_backward,
    softmax_residual,
    binomial_residual,
    binomial_residual_of_one_output,
    squared_residual,
    squared_residual_of_one_output,
    *map(with_bias, (softmax_residual, binomial_residual, binomial_residual_of_one_output, squared_residual)),
    gather,
    gather_of_classes,
    gather_standardized,
    csr_matmul,
    csr_matmul_without_offset,
    csr_transposed_matmul,
    csr_transposed_matmul_without_offset,
    narrow,
]
#: Arguments that a kernel may leave as it likes, by position.
FREE = {
    "interpolate": {4},
    "scale_direction": {5},
    "move": {7},
    "relu_backward": {1},
    "tanh_backward": {1},
    "logistic_backward": {1},
}


def kernel_name(case):
    name = case.__name__
    for suffix in (
        "_of_many",
        "_of_classes",
        "_without_offset",
        "_with_bias",
        "_of_one_output",
    ):
        name = name.removesuffix(suffix)
    return name


def kernel(table, case):
    return getattr(table, kernel_name(case))


def copies(arguments):
    return [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]


def finish_arguments(asarray, size, dtype, has_weight, factor):
    """Return the arguments of `finish` as arrays that `asarray` makes of NumPy's, always the same for the same."""
    n_coefs, widths, n_rows = size
    rng = np.random.RandomState(n_coefs)

    def draw(*shape):
        return rng.standard_normal(shape).astype(dtype)

    grad = asarray(draw(n_coefs + sum(widths)))
    ends = np.cumsum([n_coefs, *widths])
    intercept_grads = [grad[start:end] for start, end in pairwise(ends)]
    residuals = Residuals([asarray(draw(n_rows, width)) for width in widths], asarray(np.ones(n_rows, dtype)))
    coefs, row_losses = draw(n_coefs), draw(n_rows) ** 2
    weighted = asarray(coefs * positive(draw(n_coefs)))
    weight = asarray(positive(draw(n_rows))) if has_weight else None
    rows = (intercept_grads, residuals, asarray(row_losses), weight)
    return (grad, asarray(coefs), weighted, *rows, 7.0, factor, 0.75)


def scores_of(n, has_weight):
    """Return scores, targets and weights of two classes."""
    rng = np.random.RandomState(n)
    scores = 5 * rng.standard_normal(n)
    scores[::5] *= 200  # far beyond where a probability is 0 or 1
    target = (rng.standard_normal(n) > 0).astype(float)
    return scores, target, rng.rand(n) if has_weight else None


def log_loss_results(table, asarray, scores, target, weight):
    """Return the sum of the losses, the residuals, the second derivatives, and the sum of the residuals."""
    sign = asarray(np.where(target > 0, -1, 1).astype(np.int8))
    weight = None if weight is None else asarray(weight)
    loss, evaluated = table.log_loss(asarray(scores), sign, weight)
    residual, second, total = table.log_loss_derivatives(evaluated, sign, weight)
    assert isinstance(loss, float)
    assert isinstance(total, float)
    return [loss, residual, second, total]


def log_loss_formula(scores, target, weight):
    """Return what `log_loss_results` returns, in float64 whatever the scores."""
    weight = np.ones(len(scores)) if weight is None else weight
    residual = weight * (expit(scores) - target)
    loss = weight * (np.logaddexp(0, scores) - target * scores)
    return [loss.sum(), residual, weight * expit(scores) * expit(-scores), residual.sum()]


def predictions_of(r, n, has_residual):
    """Return the arguments of `curvature`."""
    rng = np.random.RandomState(r)
    return rng.standard_normal((r, n)), rng.rand(n), rng.standard_normal(n) if has_residual else None
