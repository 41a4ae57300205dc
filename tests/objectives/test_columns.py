"""Passes over the columns of a linear predictor: by blocks of rows, and without a copy."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from sk_adalr.objectives.columns import (
    columns_of_few_rows,
    first_order_columns,
    newton_columns,
    standardised_columns,
)
from sk_adalr.objectives.columns.sparse import SparseColumns
from sk_adalr.rows import SelectedRows


def reads_in_place(columns, X):
    return np.shares_memory(columns.data, X)


def centres_in_cache(columns):
    return columns._center is not None


def mapped(X, folder, order="C"):
    """Return X in a memory map, as a plain array, of which scikit-learn's validation makes a view."""
    X = np.asfortranarray(X) if order == "F" else X
    np.save(folder / "X.npy", X)
    return np.asarray(np.load(folder / "X.npy", mmap_mode="r"))


@pytest.fixture(autouse=True)
def any_map_is_large(monkeypatch):
    monkeypatch.setattr("sk_adalr.rows._SMALL_MAP", 0)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("storage", [np.asarray, np.asfortranarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_columns", [5, 300])
@pytest.mark.parametrize("n_classes", [3, 10, 400])
@pytest.mark.parametrize("make", [standardised_columns, first_order_columns])
def test_blocks_of_rows_add_up_to_all_rows(storage, dtype, n_columns, n_classes, make):
    rng = np.random.default_rng(0)
    X = storage(rng.standard_normal((1300, n_columns)).astype(dtype))
    coef = rng.standard_normal((n_classes, n_columns))
    residual = rng.standard_normal((n_classes, 1300)).astype(dtype)
    columns = make(X)
    predictions, sums = columns.forward(coef), columns.backward(residual)

    blocks = columns.row_blocks(512)

    tolerance = 1e4 * np.finfo(dtype).eps
    seen, intercept = columns.to_blocks(coef, np.zeros(n_classes))
    parts = [block.forward(seen) for block in blocks]
    np.testing.assert_allclose(np.hstack(parts) + intercept[:, None], predictions, rtol=0, atol=tolerance)
    total = sum(block.backward(np.ascontiguousarray(residual[:, block.rows])) for block in blocks)
    total = columns.from_blocks(total, residual.sum(axis=1, dtype=float))
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
@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 1.5, 500)], ids=["equal", "weighted"])
def test_columns_are_read_as_they_are_where_sums_over_them_lose_no_digits(change, are_small, weight, tmp_path):
    X = np.random.default_rng(0).normal(size=(500, 23))
    X[:, 1] = change(X[:, 1])
    for columns in (newton_columns(X, weight, centre=True), first_order_columns(X, weight)):
        assert reads_in_place(columns, X) is are_small
    X = mapped(X, tmp_path)
    for columns in (newton_columns(X, weight, centre=True), first_order_columns(X, weight)):
        assert reads_in_place(columns, X)
        assert centres_in_cache(columns) is not are_small


@pytest.mark.parametrize(
    ("X", "by_blocks", "in_place"),
    [
        (np.eye(9, 30), False, True),
        (np.eye(9, 300), True, True),
        (np.eye(9, 30), True, False),
        (np.eye(9, 19), False, False),
        (np.asfortranarray(np.eye(9, 30)), False, False),
        (np.eye(9, 60)[:, ::2], False, False),
    ],
    ids=["many", "many in blocks", "fewer in blocks", "few", "by columns", "not contiguous"],
)
def test_columns_in_memory_are_copied_where_first_order_steps_then_take_less_time(X, by_blocks, in_place):
    assert reads_in_place(first_order_columns(X, by_blocks=by_blocks), X) is in_place


def test_sparse_columns_stay_sparse():
    assert type(first_order_columns(sparse.csr_array(np.eye(9, 30)))) is SparseColumns


def test_a_small_memory_map_is_copied_as_an_array_is(tmp_path, monkeypatch):
    monkeypatch.undo()
    X = mapped(np.random.default_rng(0).normal(5, 1, size=(50, 3)), tmp_path)
    assert not reads_in_place(standardised_columns(X), X)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n_columns", [5, 30])
@pytest.mark.parametrize("by_blocks", [False, True])
def test_memory_maps_are_never_copied(order, n_columns, by_blocks, tmp_path):
    X = mapped(np.random.default_rng(0).normal(size=(50, n_columns)), tmp_path, order)
    for part in (X, X[::2], X[:, ::2]):
        assert reads_in_place(first_order_columns(part, by_blocks=by_blocks), X)
        assert reads_in_place(newton_columns(part, None, True), X)
        assert reads_in_place(standardised_columns(part), X)


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("weight", [None, np.linspace(0, 2, 700)], ids=["equal", "weighted"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.8, 1e3], ids=["as they are", "centred in cache"])
def test_columns_in_place_are_those_of_a_standardised_copy(dtype, weight, centre, offset, tmp_path):
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((700, 300)) * np.logspace(-3, 3, 300) + offset * np.logspace(-3, 3, 300)).astype(dtype)
    X[:, 7] = 0
    X = mapped(X, tmp_path)
    columns = first_order_columns(X, weight, centre)
    assert reads_in_place(columns, X)
    mean = np.average(X, axis=0, weights=weight).astype(np.longdouble) if centre else np.zeros(300, np.longdouble)
    mean += np.average(X - mean, axis=0, weights=weight) if centre else 0
    rows = X - mean
    scale = np.sqrt(np.average(rows**2, axis=0, weights=weight))
    scale[7] = 1.0
    rows = (rows / scale).astype(float)
    tolerance = 2e4 * np.finfo(dtype).eps
    np.testing.assert_allclose(columns.mean, mean.astype(float), rtol=tolerance, atol=tolerance * scale.max())
    np.testing.assert_allclose(columns.scale, scale.astype(float), rtol=tolerance)
    assert columns.alive.tolist() == [column != 7 for column in range(300)]

    coef, residual = rng.standard_normal((2, 300)), rng.standard_normal((2, 700))
    seen = columns.rounded(coef)
    np.testing.assert_allclose(columns.forward(seen), seen @ rows.T, rtol=0, atol=tolerance * 10)
    np.testing.assert_allclose(columns.backward(residual), residual @ rows, rtol=0, atol=10 * tolerance)
    assert columns.share_unit() is standardised_columns(X, weight, centre).share_unit()
    np.testing.assert_allclose(columns.dense_rows(), rows, rtol=0, atol=tolerance)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("make", [np.asarray, lambda X: SelectedRows(X, np.arange(len(X)))], ids=["array", "selected"])
@pytest.mark.parametrize("n_columns", [3, 30])
def test_an_offset_of_a_million_deviations_costs_no_digits(order, make, n_columns):
    """The closed form is in fractions, of the numbers as they are."""
    rng = np.random.default_rng(0)
    X = np.array(1e6 + rng.standard_normal((60, n_columns)), order=order)
    X[:, 1] = 0.1
    weight = rng.random(60)
    weight /= weight.mean()
    columns = standardised_columns(make(X), weight)
    exact = np.array([[Fraction(float(x)) for x in row] for row in X])
    exact_weight = np.array([Fraction(float(w)) for w in weight])
    centred = exact - exact_weight @ exact / exact_weight.sum()
    scale = np.sqrt((exact_weight @ centred**2 / exact_weight.sum()).astype(float))
    rows = centred.astype(float) / np.where(scale > 0, scale, 1.0)

    coef, residual = rng.standard_normal(n_columns), rng.standard_normal(60)
    assert not columns.alive[1]
    np.testing.assert_allclose(columns.scale[columns.alive], scale[columns.alive], rtol=1e-13)
    np.testing.assert_allclose(columns.forward(coef), rows @ coef, rtol=0, atol=1e-13)
    np.testing.assert_allclose(columns.backward(residual), residual @ rows, rtol=0, atol=1e-12)
    np.testing.assert_allclose(columns.dense_rows(), rows, rtol=0, atol=1e-13)
    products = (rows * 2.0 ** -np.arange(n_columns)) @ (rows * 2.0 ** -np.arange(n_columns)).T
    np.testing.assert_allclose(columns.row_products(2.0 ** -np.arange(n_columns)), products, rtol=0, atol=1e-12)


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("factor", ["scales", "different"])
@pytest.mark.parametrize(("offset", "in_place"), [(0.5, True), (5.0, False)])
def test_products_of_few_rows_are_those_of_standardised_rows(offset, in_place, factor, centre):
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((30, 700)) + offset) * np.logspace(-3, 3, 700)
    X[:, 7] = 0
    weight = rng.random(30)
    weight /= weight.mean()
    columns = columns_of_few_rows(X, weight, centre)
    assert reads_in_place(columns, X) is (in_place or not centre)
    mean = weight @ X / 30 if centre else np.zeros(700)
    scale = np.sqrt(weight @ (X - mean) ** 2 / 30)
    factor = np.where(scale > 0, scale, 1.0) if factor == "scales" else rng.random(700)
    rows = (X - mean) / np.where(scale > 0, scale, 1.0) * factor
    expected = rows @ rows.T
    np.testing.assert_allclose(columns.row_products(factor), expected, rtol=0, atol=1e-14 * expected.max())


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1e200, 1e300])
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_columns_of_extreme_units_are_standardised(scale, offset):
    X = np.random.default_rng(0).normal(size=(200, 4)) + offset
    expected = (X - X.mean(axis=0)) / X.std(axis=0)
    X[:, 1] *= scale
    tolerance = 1e-3 if scale < 1e-308 else 1e-13  # of a subnormal number's own digits
    np.testing.assert_allclose(standardised_columns(X).dense_rows(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0, 1000])
def test_columns_as_they_are_read_predict_and_sum_as_their_matrix_does(dtype, offset, tmp_path):
    rng = np.random.default_rng(0)
    X = mapped((rng.normal(size=(50, 4)) + offset).astype(dtype), tmp_path)
    columns = newton_columns(X, None, True)
    coef, residual = rng.normal(size=(2, 4)), rng.normal(size=(2, 50))
    assert reads_in_place(columns, X)
    rows = X - columns.mean
    np.testing.assert_allclose(columns.forward(coef), coef @ rows.T, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(columns.backward(residual), residual @ rows, rtol=1e-4)
    np.testing.assert_array_equal(columns.to_raw(coef, np.ones(2))[0], coef)
    factor, out = rng.random(20).astype(dtype), np.empty((4, 20), dtype)
    np.testing.assert_allclose(columns.fill(slice(10, 30), out, factor), rows[10:30].T * factor, rtol=1e-5)
