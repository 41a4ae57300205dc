import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from sk_adalr.sparse_rows import SparseRows
from sk_adalr.standardization import Standardization

WEIGHT = np.array([1.0, 2.0, 0.0, 0.5, 3.0, 1.0])


def features():
    """Six rows of columns in different units, some entries zero."""
    X = np.random.RandomState(0).standard_normal((6, 4)) * [1.0, 100.0, 1e-3, 1e6] + [0.0, 30.0, 5.0, 0.0]
    X[[0, 2, 5], [0, 1, 3]] = 0
    return X


as_storage = pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "csr"])


@as_storage
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["equal", "weighted"])
def test_columns_in_different_units_get_mean_and_deviation_each(storage, weight):
    X = features()
    result = Standardization.of_features(storage(X), weight)
    scaler = StandardScaler().fit(X, sample_weight=weight)
    np.testing.assert_allclose(result.center, scaler.mean_, rtol=1e-12)
    np.testing.assert_allclose(result.scale, scaler.scale_, rtol=1e-12)


def test_words_that_the_first_chunk_of_a_stream_lacks_get_the_median_scale():
    X = sparse.csr_array(np.random.RandomState(0).rand(50, 8) * ([0.02] * 5 + [0] * 3))
    scale = Standardization.of_features(X, None, is_chunk=True).scale
    np.testing.assert_array_equal(scale[5:], np.median(scale[:5]))
    np.testing.assert_array_equal(Standardization.of_features(X, None).scale[5:], 1)
    np.testing.assert_array_equal(Standardization.of_features(X.toarray(), None, is_chunk=True).scale[5:], 1)


@as_storage
def test_columns_in_one_unit_share_the_root_of_their_mean_variance(storage):
    X = np.random.RandomState(0).uniform(0, 1, (50, 3)) * [1.0, 0.9, 0.8]
    scale = Standardization.of_features(storage(X), None).scale
    np.testing.assert_allclose(scale, np.sqrt(X.var(axis=0).mean()), rtol=1e-12)


@as_storage
@pytest.mark.parametrize("weight", [None, np.r_[np.full(50, 2.0), np.full(50, 1.0)]], ids=["alike", "weighted"])
def test_a_rare_column_is_scaled_as_if_a_tenth_of_the_rows_had_it(storage, weight):
    X = np.random.RandomState(0).standard_normal((100, 2))
    X[:, 1] = 0
    X[-3:, 1] = 50.0  # a word in three documents
    scale = Standardization.of_features(storage(X), weight).scale
    np.testing.assert_allclose(scale[1], 50 * np.sqrt(0.1 * 0.9), rtol=1e-12)
    target_scale = Standardization.of_targets(X, weight).scale
    np.testing.assert_allclose(target_scale, np.sqrt(np.cov(X, aweights=weight, rowvar=False, bias=True).diagonal()))


@as_storage
def test_without_centring_the_scale_is_the_root_mean_square(storage):
    X = features()
    result = Standardization.of_features(storage(X), None, center=False)
    np.testing.assert_array_equal(result.center, 0)
    np.testing.assert_allclose(result.scale, np.sqrt((X**2).mean(axis=0)), rtol=1e-12)


@as_storage
@pytest.mark.parametrize("constant", [0.0, 0.1, -3.7, 1e6, 1e-12])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_column_becomes_exactly_zero(storage, constant, dtype):
    X = features().astype(dtype)
    X[:, 1] = constant
    X = storage(X)
    transformed = Standardization.of_features(X, None).transform(X)
    if isinstance(transformed, SparseRows):
        transformed = transformed @ np.eye(4, dtype=dtype)
        # Sparse columns are centred in the product: a rounding error of the column's own magnitude stays.
        np.testing.assert_allclose(transformed[:, 1], 0, atol=np.finfo(dtype).eps)
    else:
        np.testing.assert_array_equal(transformed[:, 1], 0)


@as_storage
@pytest.mark.parametrize("offset", [1e3, 1e6, 1e8])
def test_an_offset_does_not_change_the_deviation(storage, offset):
    X = features()[:, :1]
    expected = X.std(axis=0)
    scale = Standardization.of_features(storage(X + offset), None).scale
    # `X + offset` itself is rounded to 1e-16 times the offset.
    np.testing.assert_allclose(scale, expected, rtol=1e-14 * offset)


@pytest.mark.parametrize("magnitude", [1e-300, 1e-160, 1e160, 1e300])
def test_squares_neither_overflow_nor_underflow(magnitude):
    X = np.random.RandomState(0).standard_normal((20, 2)) * [1.0, 50.0]
    with np.errstate(over="raise", under="ignore", invalid="raise"):
        result = Standardization.of_features(X * magnitude, None)
        transformed = result.transform(X * magnitude)
    expected = Standardization.of_features(X, None).transform(X)
    np.testing.assert_allclose(transformed, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("weight", [None, np.linspace(0.1, 1, 500)], ids=["equal", "weighted"])
@pytest.mark.parametrize("row", [0, 250, 499])
def test_a_row_far_from_the_others_costs_no_digits(row, weight):
    X = np.random.RandomState(0).standard_normal((500, 3))
    X[row] += [1e2, 1e5, 1e8]
    result = Standardization.of_features(X, weight)
    exact = X.astype(np.longdouble)
    center = np.average(exact, axis=0, weights=weight)
    np.testing.assert_allclose(result.center, center, rtol=1e-12)
    np.testing.assert_allclose(result.scale**2, np.average((exact - center) ** 2, axis=0, weights=weight), rtol=1e-12)


@as_storage
def test_a_row_without_weight_is_no_row(storage):
    X = features()
    spoiled = X.copy()
    spoiled[2] = 1e12
    clean = Standardization.of_features(storage(X), WEIGHT)
    result = Standardization.of_features(storage(spoiled), WEIGHT)
    np.testing.assert_array_equal(result.center, clean.center)
    np.testing.assert_array_equal(result.scale, clean.scale)


def test_statistics_in_blocks_equal_those_at_once(monkeypatch):
    at_once = Standardization.of_features(features(), WEIGHT)
    monkeypatch.setattr("sk_adalr.rows.CACHE_VALUES", 8)
    in_blocks = Standardization.of_features(features(), WEIGHT)
    np.testing.assert_allclose(in_blocks.center, at_once.center, rtol=1e-13)
    np.testing.assert_allclose(in_blocks.scale, at_once.scale, rtol=1e-13)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["equal", "weighted"])
def test_targets_are_scaled_by_their_deviation_each_and_centred_a_tenth_off_the_mean(weight):
    y = features()[:, :2]
    result = Standardization.of_targets(y, weight)
    scaler = StandardScaler().fit(y, sample_weight=weight)
    np.testing.assert_allclose(result.scale, scaler.scale_, rtol=1e-12)
    np.testing.assert_allclose(result.center, scaler.mean_ - 0.1 * scaler.scale_, rtol=1e-12)


@as_storage
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_transforming_keeps_the_dtype(storage, dtype):
    X = storage(features().astype(dtype))
    transformed = Standardization.of_features(X, None).transform(X)
    assert (transformed @ np.eye(4, dtype=dtype)).dtype == dtype


def test_transforming_leaves_the_rows_as_they_were():
    X = features()
    Standardization.of_features(X, None).transform(X)
    np.testing.assert_array_equal(X, features())


def test_transforming_into_a_buffer_equals_transforming():
    X, buffer = features(), np.empty((6, 4))
    units = Standardization.of_features(X, None)
    assert units.transform(X, out=buffer) is buffer
    np.testing.assert_array_equal(buffer, units.transform(X))


floats = st.floats(-100, 100, width=32)
positive = st.floats(0.125, 100, width=32)


@given(
    X=arrays(float, (5, 3), elements=st.one_of(st.just(0.0), floats)),
    center=arrays(float, 3, elements=floats),
    scale=arrays(float, 3, elements=positive),
    coef=arrays(float, (3, 2), elements=floats),
    residual=arrays(float, (5, 2), elements=floats),
)
def test_centred_sparse_products_equal_the_dense_formula(X, center, scale, coef, residual):
    dense = (X - center) / scale
    implicit = Standardization(center, scale).transform(sparse.csr_array(X))
    # Rounding is relative to the terms that cancel: (|X| + |center|) / scale, times 3 or 5 of them.
    terms = (np.abs(X) + np.abs(center)) / scale
    bound = 1e-14 * (1 + terms @ np.abs(coef))
    assert (np.abs(implicit @ coef - dense @ coef) <= bound).all()
    bound = 1e-14 * (1 + terms.max(axis=0)[:, None] * 5 * np.abs(residual).sum(axis=0))
    assert (np.abs(implicit.transposed_matmul(residual) - dense.T @ residual) <= bound).all()
    np.testing.assert_array_equal(implicit[1:4] @ coef, (implicit @ coef)[1:4])


@given(
    X=arrays(float, (5, 3), elements=floats),
    center=arrays(float, 3, elements=floats),
    scale=arrays(float, 3, elements=positive),
    coef=arrays(float, (3, 2), elements=floats),
    intercept=arrays(float, 2, elements=floats),
)
def test_a_folded_layer_predicts_the_same_in_the_units_of_the_data(X, center, scale, coef, intercept):
    units = Standardization(center, scale)
    expected = units.transform(X) @ coef + intercept
    folded_coef, folded_intercept = units.fold(coef, intercept)
    bound = 1e-13 * (1 + np.abs(intercept) + ((np.abs(X) + np.abs(center)) / scale) @ np.abs(coef))
    assert (np.abs(X @ folded_coef + folded_intercept - expected) <= bound).all()


@given(
    center=arrays(float, 3, elements=floats),
    scale=arrays(float, 3, elements=positive),
    coef=arrays(float, (3, 2), elements=floats),
    intercept=arrays(float, 2, elements=floats),
)
def test_unfolding_inverts_folding(center, scale, coef, intercept):
    units = Standardization(center, scale)
    back_coef, back_intercept = units.unfold(*units.fold(coef, intercept))
    np.testing.assert_allclose(back_coef, coef, rtol=1e-15)
    bound = 1e-13 * (1 + np.abs(intercept) + np.abs(center / scale) @ np.abs(coef))
    assert (np.abs(back_intercept - intercept) <= bound).all()


def test_folding_without_intercept_keeps_none():
    units = Standardization(np.zeros(2), np.array([2.0, 4.0]))
    coef, intercept = units.fold(np.ones((2, 1)), None)
    assert intercept is None
    np.testing.assert_array_equal(coef[:, 0], [0.5, 0.25])


def test_a_constant_sparse_column_has_products_of_exactly_zero():
    X = sparse.csr_array(np.column_stack([np.full(5, 1.2345), np.arange(5.0)]))
    rows = Standardization.of_features(X, None).transform(X)
    np.testing.assert_array_equal(rows @ np.array([[0.1], [0.0]]), 0)
    np.testing.assert_array_equal(rows.transposed_matmul(np.array([[0.1, -0.7, 0.3, 1.1, 0.9]]).T)[0], 0)


def test_a_block_of_sparse_rows_is_a_part_of_all_rows():
    """A column that has no zeros in the block alone is centred implicitly there, too."""
    X = sparse.random_array((50, 20), density=0.8, format="csr", random_state=np.random.default_rng(0))
    units = Standardization.of_features(X, None).beside(X)
    coef = np.random.RandomState(0).standard_normal((20, 3))
    whole = units.transform(X) @ coef
    for start in range(0, 50, 5):
        np.testing.assert_array_equal(units.transform(X[start : start + 5]) @ coef, whole[start : start + 5])


@as_storage
@pytest.mark.parametrize("constant", [448.41, -2026.0, 1e-5])
def test_a_column_that_was_constant_gets_the_scale_of_the_rows_in_which_it_varies(storage, constant, rng):
    X, more = rng.standard_normal((50, 2)), rng.standard_normal((40, 2))
    X[:, 0], more[:, 0] = constant, constant + 0.1 * more[:, 0]
    before = Standardization.of_features(storage(X), None)
    after, changed = before.opened(storage(more), None, center=True)
    np.testing.assert_array_equal(changed, [True, False])
    distance = np.sqrt(np.mean((more[:, 0] - constant) ** 2))
    np.testing.assert_allclose(after.scale, [distance, before.scale[1]], rtol=1e-6)
    np.testing.assert_array_equal(after.center, before.center)
    # It had no part in the model and has none in these rows: nothing that was learned changes.
    weights = rng.standard_normal((2, 3))
    for units in (before, after):
        rows = units.transform(storage(X)) @ weights
        np.testing.assert_array_equal(rows, before.transform(storage(X)) @ weights)
    assert not after.opened(storage(7 * more), None, center=True)[1].any()


@as_storage
def test_another_constant_is_as_far_as_it_is(storage):
    first, second = (storage(np.full((20, 1), value)) for value in (2026.0, 2028.0))
    after, _ = Standardization.of_features(first, None).opened(second, None, center=True)
    np.testing.assert_allclose(after.scale, [2.0])


@as_storage
def test_few_rows_do_not_tell_the_scale_of_a_column(storage, rng):
    before = Standardization.of_features(storage(np.full((1, 2), 3.0)), None)
    after, changed = before.opened(storage(3 + 1e-6 * rng.standard_normal((5, 2))), None, center=True)
    assert not changed.any()
    np.testing.assert_array_equal(after.scale, before.scale)
    assert not after.opened(storage(3 + rng.standard_normal((50, 2))), None, center=True)[1].any()
