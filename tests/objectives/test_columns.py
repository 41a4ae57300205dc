"""Passes over the columns of a linear predictor: by blocks of rows, and without a copy."""

import numpy as np
import pytest
from scipy import sparse

from sk_adalr.objectives.columns import columns_in_place, newton_columns, standardised_columns
from sk_adalr.objectives.columns.dense import DenseColumns
from sk_adalr.objectives.columns.in_place import ImplicitColumns, UnscaledColumns
from sk_adalr.objectives.columns.sparse import SparseColumns


@pytest.mark.parametrize("storage", [np.asarray, np.asfortranarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_columns", [5, 300])  # the latter are stored row after row where they are float32
@pytest.mark.parametrize("n_classes", [3, 10, 400])  # of 300 columns: products with few rows, fewer, and too few
def test_blocks_of_rows_add_up_to_all_rows(storage, dtype, n_columns, n_classes):
    rng = np.random.default_rng(0)
    X = storage(rng.standard_normal((1300, n_columns)).astype(dtype))
    coef = rng.standard_normal((n_classes, n_columns))
    residual = rng.standard_normal((n_classes, 1300)).astype(dtype)
    columns = standardised_columns(X)
    predictions, sums = columns.forward(coef), columns.backward(residual)

    blocks = columns.row_blocks(512)

    tolerance = 1e4 * np.finfo(dtype).eps
    parts = [block.forward(coef) for block in blocks]
    np.testing.assert_allclose(np.hstack(parts), predictions, rtol=0, atol=tolerance)
    total = sum(block.backward(np.ascontiguousarray(residual[:, block.rows])) for block in blocks)
    np.testing.assert_allclose(total, sums, rtol=0, atol=tolerance)
    np.testing.assert_allclose(columns.forward(coef), predictions, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("change", "are_small"),
    [
        (lambda column: column, True),
        (lambda column: 1e6 * column, True),
        (lambda column: 0 * column, True),
        (lambda column: column + 2, True),
        (lambda column: column + 100, False),
        (lambda column: 0 * column + 5, False),
        (lambda column: 1e-200 * column, False),
        (lambda column: 1e200 * column, False),
    ],
    ids=["standard", "another unit", "zero", "offset", "large offset", "constant", "squares vanish", "overflow"],
)
def test_columns_are_left_as_they_are_where_sums_over_them_lose_no_digits(change, are_small):
    X = np.random.default_rng(0).normal(size=(500, 3))
    X[:, 1] = change(X[:, 1])
    assert type(newton_columns(X, None, centre=True)) is (UnscaledColumns if are_small else DenseColumns)
    X = np.hstack([X, np.random.default_rng(1).normal(size=(500, 20))])
    assert type(columns_in_place(X)) is (ImplicitColumns if are_small else DenseColumns)


@pytest.mark.parametrize(
    ("X", "by_blocks", "kind"),
    [
        (np.ones((9, 30)), False, DenseColumns),
        (np.eye(9, 30), False, ImplicitColumns),
        (np.eye(9, 300), True, ImplicitColumns),
        (np.eye(9, 30), True, DenseColumns),
        (np.eye(9, 19), False, DenseColumns),
        (np.asfortranarray(np.eye(9, 30)), False, DenseColumns),
        (np.eye(9, 60)[:, ::2], False, DenseColumns),
        (sparse.csr_array(np.eye(9, 30)), False, SparseColumns),
    ],
    ids=["constant", "many", "many in blocks", "fewer in blocks", "few", "by columns", "not contiguous", "sparse"],
)
def test_columns_stay_in_place_where_that_costs_neither_digits_nor_time(X, by_blocks, kind):
    assert type(columns_in_place(X, by_blocks=by_blocks)) is kind


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("weight", [None, np.linspace(0, 2, 700)], ids=["equal", "weighted"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_in_place_are_those_of_a_standardised_copy(dtype, weight, centre):
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((700, 300)) * np.logspace(-3, 3, 300) + 0.8 * np.logspace(-3, 3, 300)).astype(dtype)
    X[:, 7] = 0
    copy, columns = standardised_columns(X.astype(np.float64), weight, centre), columns_in_place(X, weight, centre)
    assert type(columns) is ImplicitColumns
    assert np.shares_memory(columns.data, X)
    tolerance = 1e4 * np.finfo(dtype).eps
    for name in ("mean", "scale", "alive"):
        np.testing.assert_allclose(getattr(columns, name), getattr(copy, name), rtol=tolerance)
    coef, residual = rng.standard_normal((2, 300)), rng.standard_normal((2, 700))
    seen = columns.rounded(coef)
    np.testing.assert_allclose(seen, coef * copy.alive, rtol=tolerance)
    np.testing.assert_allclose(columns.forward(seen), copy.forward(seen), rtol=0, atol=tolerance)
    np.testing.assert_allclose(columns.forward(seen[0]), copy.forward(seen[0]), rtol=0, atol=tolerance)
    np.testing.assert_allclose(columns.backward(residual), copy.backward(residual), rtol=0, atol=10 * tolerance)
    np.testing.assert_allclose(columns.backward(residual[0]), copy.backward(residual[0]), rtol=0, atol=10 * tolerance)
    assert columns.share_unit() is copy.share_unit()

    raw, intercept = columns.to_blocks(seen, np.ones(2))
    blocks = columns.row_blocks(512)
    assert np.shares_memory(columns.data, X)
    scores = np.hstack([block.forward(raw) for block in blocks]) + intercept[:, None]
    np.testing.assert_allclose(scores, copy.forward(seen) + 1, rtol=0, atol=tolerance)
    residual = residual.astype(dtype)
    sums = sum(block.backward(residual[:, block.rows]) for block in blocks)
    sums = columns.from_blocks(sums, residual.sum(axis=1, dtype=np.float64))
    np.testing.assert_allclose(sums, copy.backward(residual), rtol=0, atol=10 * tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_as_they_are_predict_and_sum_as_their_matrix_does(dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 4)).astype(dtype)
    columns = UnscaledColumns(X)
    coef, residual = rng.normal(size=(2, 4)), rng.normal(size=(2, 50))
    assert np.shares_memory(columns.data, X)
    np.testing.assert_allclose(columns.forward(coef), coef @ X.T, rtol=1e-5)
    np.testing.assert_allclose(columns.backward(residual), residual @ X, rtol=1e-4)
    np.testing.assert_array_equal(columns.to_raw(coef, np.ones(2))[0], coef)
