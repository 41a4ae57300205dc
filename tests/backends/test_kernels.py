"""Every kernel follows its formula, and numba's column equals NumPy's bit by bit."""

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from sk_adalr.backends.kernels.reference import REFERENCE
from sk_adalr.backends.kernels.table import LANES

SIZES = (0, 1, 7, 1000, 2 * LANES + 3)
sizes = pytest.mark.parametrize("size", SIZES)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(scope="module")
def fused():
    pytest.importorskip("numba", reason="the extra `fast` is not installed")
    from sk_adalr.backends.kernels.fused import FUSED

    return FUSED


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


def adapt_multipliers(size, dtype):
    multipliers, scale, direction, grad, scratch = vectors(size, dtype, 5)
    scale = positive(scale)
    product = grad * direction
    expected_scale = np.maximum(0.99 * scale, abs(product))
    expected = multipliers + 0.05 * product / expected_scale
    return (multipliers, scale, direction, grad, 0.05, 0.99, scratch), {
        0: expected,
        1: expected_scale,
        "result": expected.sum(dtype=np.float64),
    }


def center_and_clip(size, dtype):
    (a,) = vectors(size, dtype, 1)
    return (a, 0.1, 0.8), {0: np.clip(a - 0.1, -0.8, 0.8)}


def scale_direction(size, dtype):
    direction, grad, moment, scratch = vectors(size, dtype, 4)
    moment = positive(moment)
    expected_moment = 0.95 * moment + grad**2
    expected = direction * grad / (np.sqrt(0.3 * expected_moment) + 1e-5)
    return (direction, grad, moment, 0.95, 0.3, 1e-5, scratch), {0: expected, 2: expected_moment}


def move(size, dtype):
    iterate, average, direction, scratch = vectors(size, dtype, 4)
    moved = iterate - 0.3 * direction
    return (iterate, average, direction, 0.3, 0.1, scratch), {0: moved, 1: 0.9 * average + 0.1 * moved}


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


def shift_rows(size, dtype):
    raw, true_class = matrix(size, dtype), np.empty(size, dtype)
    target = np.random.RandomState(1).randint(5, size=size)
    shifted = np.array([row - max(row) for row in raw]).reshape(size, 5)
    return (raw, target, true_class), {
        0: shifted,
        2: np.array([row[k] for row, k in zip(shifted, target, strict=True)]),
    }


def softmax_residual(size, dtype):
    raw, target = np.exp(matrix(size, dtype)), np.random.RandomState(1).randint(5, size=size)
    total = raw.sum(axis=1)
    return (raw, total, target), {0: raw / total[:, None] - np.eye(5)[target]}


def gather(size, dtype):
    X, rows = matrix(11, dtype), np.random.RandomState(1).randint(11, size=size)
    return (X, rows, np.empty((size, 5), dtype)), {2: np.array([X[i] for i in rows]).reshape(size, 5)}


def gather_standardized(size, dtype):
    X, rows = matrix(11, dtype), np.random.RandomState(1).randint(11, size=size)
    center, scale = X.mean(axis=0), X.std(axis=0)
    standardized = (X - center) / scale
    expected = np.array([standardized[i] for i in rows]).reshape(size, 5)
    return (X, rows, center, scale, np.empty((size, 5), dtype)), {4: expected}


def csr(size, dtype):
    X = sparse.random_array((size, 11), density=0.3, format="csr", rng=np.random.default_rng(1), dtype=dtype)
    return X, matrix(11, dtype, 3), matrix(1, dtype, 11)[0]


def csr_matmul(size, dtype):
    X, coef, offset = csr(size, dtype)
    return (X, coef, offset), {"result": (X.toarray() - offset) @ coef}


def csr_matmul_without_offset(size, dtype):
    X, coef, _ = csr(size, dtype)
    return (X, coef[:, :1].copy(), None), {"result": X.toarray() @ coef[:, :1]}


def csr_transposed_matmul(size, dtype):
    X, _, offset = csr(size, dtype)
    residual = matrix(size, dtype, 3)
    return (X, X.T, residual, offset), {"result": (X.toarray() - offset).T @ residual}


def csr_transposed_matmul_without_offset(size, dtype):
    X, _, _ = csr(size, dtype)
    residual = matrix(size, dtype, 1)
    return (X, X.T, residual, None), {"result": X.toarray().T @ residual}


#: For each kernel, arguments, and what its formula makes of which of them.
CASES = [
    interpolate,
    adapt_multipliers,
    center_and_clip,
    scale_direction,
    move,
    add_bias_relu,
    relu_backward,
    tanh_backward,
    logistic_backward,
    shift_rows,
    softmax_residual,
    gather,
    gather_standardized,
    csr_matmul,
    csr_matmul_without_offset,
    csr_transposed_matmul,
    csr_transposed_matmul_without_offset,
]
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)

#: Arguments that a kernel may leave as it likes, by position.
FREE = {
    "interpolate": {4},
    "adapt_multipliers": {2, 6},
    "scale_direction": {6},
    "move": {5},
    "relu_backward": {1},
    "tanh_backward": {1},
    "logistic_backward": {1},
}


def kernel(table, case):
    return getattr(table, case.__name__.removesuffix("_without_offset"))


def copies(arguments):
    return [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]


def test_every_kernel_of_the_table_is_tested_here():
    kernels = {field.name for field in dataclasses.fields(REFERENCE)} - {"name", "step"}
    assert {case.__name__.removesuffix("_without_offset") for case in CASES} == kernels, (
        "`step` is held to the composed step in tests/contracts"
    )


@cases
@dtypes
@sizes
def test_a_kernel_follows_its_formula(case, dtype, size):
    arguments, expected = case(size, dtype)
    given = copies(arguments)
    result = kernel(REFERENCE, case)(*given)
    tolerance = 50 * np.finfo(dtype).eps
    for position, value in expected.items():
        actual = result if position == "result" else given[position]
        scale = 1 + size + np.abs(value).max(initial=0)
        np.testing.assert_allclose(actual, value, rtol=0, atol=tolerance * scale)


@cases
@dtypes
@sizes
def test_a_kernel_changes_only_what_it_is_for(case, dtype, size):
    arguments, expected = case(size, dtype)
    given = copies(arguments)
    kernel(REFERENCE, case)(*given)
    may_change = set(expected) | FREE.get(case.__name__, set())
    for position, (before, after) in enumerate(zip(arguments, given, strict=True)):
        if position not in may_change:
            dense = [a.toarray() if sparse.issparse(a) else a for a in (before, after)]
            np.testing.assert_equal(dense[1], dense[0])


def assert_columns_agree(fused, case, arguments):
    reference_arguments, fused_arguments = copies(arguments), copies(arguments)
    with np.errstate(all="ignore"):
        reference_result = kernel(REFERENCE, case)(*reference_arguments)
        fused_result = kernel(fused, case)(*fused_arguments)
    np.testing.assert_equal(fused_result, reference_result)
    for position, (expected, actual) in enumerate(zip(reference_arguments, fused_arguments, strict=True)):
        if isinstance(expected, np.ndarray) and position not in FREE.get(case.__name__, set()):
            np.testing.assert_array_equal(actual, expected)
            assert actual.dtype == expected.dtype


@cases
@dtypes
@sizes
def test_numba_equals_numpy_bit_by_bit(fused, case, dtype, size):
    arguments, _ = case(size, dtype)
    assert_columns_agree(fused, case, arguments)


@cases
@dtypes
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, 1e-42, 3e38])
def test_numba_treats_extreme_numbers_as_numpy_does(fused, case, dtype, value):
    arguments, _ = case(1000, dtype)
    arguments = copies(arguments)
    for position, argument in enumerate(arguments):
        if isinstance(argument, np.ndarray) and argument.dtype == dtype:
            # At different places of each argument, and at one place in all.
            argument.reshape(-1)[position :: 3 + position] = value
            argument.reshape(-1)[0] = value
    assert_columns_agree(fused, case, arguments)


@dtypes
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_are_gathered_from_read_only_and_memory_mapped_data_in_any_order(fused, dtype, order, tmp_path):
    X = np.memmap(tmp_path / "X", dtype=dtype, mode="w+", shape=(11, 5), order=order)
    X[...] = matrix(11, dtype)
    X.setflags(write=False)
    _, rows, center, scale, out = gather_standardized(7, dtype)[0]
    assert_columns_agree(fused, gather_standardized, (X, rows, center, scale, out))
    assert_columns_agree(fused, gather, (X, rows, out))
