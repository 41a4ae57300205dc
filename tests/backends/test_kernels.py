"""Every kernel follows its formula, and numba's column equals NumPy's bit by bit."""

import dataclasses

import numpy as np
import pytest
from kernel_cases import CASES, FREE, SIZES, copies, gather, gather_standardized, kernel, kernel_name, matrix
from scipy import sparse

from sk_adalr.backends.kernels.reference import REFERENCE

cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
sizes = pytest.mark.parametrize("size", SIZES)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(scope="module")
def fused():
    pytest.importorskip("numba", reason="the extra `fast` is not installed")
    from sk_adalr.backends.kernels.fused import FUSED

    return FUSED


def test_every_kernel_of_the_table_is_tested_here():
    kernels = {field.name for field in dataclasses.fields(REFERENCE)} - {"name"}
    # `step` is held to the composed step in tests/contracts, `csr_steps` to single ones in tests/training; the others
    # have files of their own beside this one.
    elsewhere = {"step", "csr_steps", "finish", "log_loss", "log_loss_derivatives", "curvature"}
    assert {kernel_name(case) for case in CASES} == kernels - elsewhere


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
    may_change = set(expected) | FREE.get(kernel_name(case), set())
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
        if isinstance(expected, np.ndarray) and position not in FREE.get(kernel_name(case), set()):
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
    _, target, rows, center, scale, out = gather_standardized(7, dtype)[0]
    assert_columns_agree(fused, gather_standardized, (X, target, rows, center, scale, out))
    assert_columns_agree(fused, gather, (X, target, rows, out))


@pytest.mark.parametrize("column", ["numpy", "numba"])
@pytest.mark.parametrize("scale", [1.0, 2.0**-10])
@dtypes
def test_no_residual_is_next_to_the_smallest_number(fused, column, dtype, scale):
    """Products with subnormal numbers take up to fifty times longer."""
    table = fused if column == "numba" else REFERENCE
    info = np.finfo(dtype)
    margins = np.linspace(0, -2 * np.log(info.tiny), 1001).astype(dtype)
    binary = margins[:, None] * np.array([[1, -1]], dtype)
    for raw, residual, target in (
        (binary.copy(), table.softmax_residual, np.zeros(1001, int)),
        (binary.copy(), table.binomial_residual, np.tile(np.array([[1, 0]], dtype), (1001, 1))),
    ):
        losses = residual(raw, target, scale)
        assert np.isfinite(losses).all()
        assert not ((raw != 0) & (np.abs(raw) < 1e3 * info.tiny)).any()
