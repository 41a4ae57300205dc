import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from sklearn.base import BaseEstimator

from sk_adalr.dataset import scale_weights
from sk_adalr.validation import (
    check_features,
    check_features_and_target,
    check_finite_model,
    check_finite_prediction,
    check_weights,
)


class Model(BaseEstimator):
    pass


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_keep_their_dtype(dtype):
    assert check_features(Model(), np.ones((2, 2), dtype=dtype), reset=True).dtype == dtype


@pytest.mark.parametrize("dtype", [np.int8, np.int64, bool, np.float16])
def test_other_numbers_become_float64(dtype):
    assert check_features(Model(), np.ones((2, 2), dtype=dtype), reset=True).dtype == np.float64


def test_masked_entries_are_refused():
    X = np.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 0]])
    with pytest.raises(ValueError, match=r"`X` is a masked array with masked entries.*SimpleImputer"):
        check_features(Model(), X, reset=True)


def test_masked_targets_are_refused():
    y = np.ma.masked_array([1.0, 2.0], mask=[0, 1])
    with pytest.raises(ValueError, match="`y` is a masked array"):
        check_features_and_target(Model(), np.ones((2, 2)), y, numeric=True, reset=True)


def test_a_masked_array_without_masked_entries_is_an_array():
    assert check_features(Model(), np.ma.masked_array(np.ones((2, 2))), reset=True).shape == (2, 2)


def test_a_dask_collection_is_refused_before_it_is_loaded():
    class Collection:
        def __array__(self, *args, **kwargs):
            raise AssertionError("loaded into memory")

    Collection.__module__ = "dask.array.core"
    with pytest.raises(TypeError, match=r"`X` is a dask collection.*`X.compute\(\)`.*`partial_fit`"):
        check_features(Model(), Collection(), reset=True)


def test_no_weights_are_none():
    assert check_weights(None, 3) is None


def test_a_number_weighs_every_row():
    np.testing.assert_array_equal(check_weights(2, 3), [2.0, 2.0, 2.0])


def test_sample_weights_multiply_class_weights():
    np.testing.assert_array_equal(check_weights([1, 2, 3], 3, np.array([10.0, 0.0, 1.0])), [10, 0, 3])


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, 2], r"`sample_weight` must have one entry for each of the 3 samples; got shape \(2,\)"),
        ([[1], [2], [3]], r"`sample_weight` must have one entry .* got shape \(3, 1\)"),
        ([1, -0.5, 1], "`sample_weight` must not be negative; got -0.5"),
        (-1.0, "`sample_weight` must not be negative; got -1"),
        ([1, np.nan, 1], "sample_weight.*NaN"),
        ([1, np.inf, 1], "sample_weight.*infinity"),
        (np.nan, "finite"),
        ([0, 0, 0], "The weights are all zero"),
        (np.ma.masked_array([1.0, 2.0, 3.0], mask=[0, 1, 0]), "`sample_weight` is a masked array"),
    ],
    ids=str,
)
def test_weights_that_mean_nothing_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        check_weights(weight, 3)


def test_class_weights_that_leave_no_weight_are_refused():
    with pytest.raises(ValueError, match="The weights are all zero"):
        check_weights([1, 0, 0], 3, np.array([0.0, 1.0, 1.0]))


def test_weights_that_overflow_together_are_refused():
    with (
        pytest.raises(ValueError, match="`sample_weight` times `class_weight` must be finite"),
        np.errstate(over="ignore"),
    ):
        check_weights([1e200] * 3, 3, np.full(3, 1e200))


@pytest.mark.parametrize(("value", "scale"), [(1.0, 1.0), (3.0, 3.0), (1e-200, 1e-200)])
def test_equal_weights_are_none_and_their_value(value, scale):
    assert scale_weights(np.full(4, value), np.float64) == (None, scale)


@given(arrays(float, 4, elements=st.one_of(st.just(0.0), st.floats(1e-30, 1e30))), st.integers(-300, 300))
def test_multiplying_all_weights_by_a_power_of_two_changes_no_bit(weight, exponent):
    weight[0] += 1.0  # one must be positive
    scaled, scale = scale_weights(weight, np.float32)
    multiplied, multiplied_scale = scale_weights(np.ldexp(weight, exponent), np.float32)
    np.testing.assert_array_equal(scaled, multiplied)
    assert multiplied_scale == np.ldexp(scale, exponent)


@given(arrays(float, 4, elements=st.floats(1e-300, 1e300)))
def test_scaled_weights_keep_their_ratios_and_fit_into_float32(weight):
    scaled, scale = scale_weights(weight, np.float32)
    if scaled is None:
        assert (weight == scale).all()
    else:
        assert 1 <= scaled.max() <= 2
        assert scaled.min() > 0
        # Float32 rounds to 6e-8; what is below 1e-19 of the largest is lost in every sum, but not the row.
        expected = np.maximum(weight / scale, np.sqrt(np.finfo(np.float32).tiny))
        np.testing.assert_allclose(scaled.astype(float), expected, rtol=1e-7)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_model_that_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="The parameters of this Model are not finite"):
        check_finite_model(Model(), np.zeros(2), np.array([1.0, value]))


@pytest.mark.parametrize("dtype", ["M8[s]", "m8[s]"], ids=["dates", "durations"])
def test_dates_and_durations_are_no_numbers(dtype):
    with pytest.raises(TypeError, match="`X` has dates or durations"):
        check_features(Model(), np.ones((2, 2)).astype(dtype), reset=True)


def test_dates_of_data_frames_are_no_numbers_either():
    dates = pl.Series("d", range(3)).cast(pl.Date)
    for X in (pl.DataFrame({"d": dates, "x": [1.0, 2.0, 3.0]}), pl.DataFrame({"d": dates.cast(pl.Datetime)})):
        with pytest.raises(TypeError, match="`X` has dates or durations"):
            check_features(Model(), X, reset=True)
    with pytest.raises(TypeError, match="`y` has dates or durations"):
        check_features_and_target(Model(), np.ones((3, 1)), dates, numeric=True, reset=True)


def test_a_prediction_that_is_not_finite_is_refused():
    assert check_finite_prediction(np.ones((2, 1))).shape == (2, 1)
    with pytest.raises(ValueError, match="beyond the range of float32"):
        check_finite_prediction(np.array([[1.0], [np.nan]], dtype=np.float32))


def test_entries_in_one_place_are_added_up_and_the_user_s_matrix_is_left_alone():
    X = sparse.csr_array((np.array([1.0, 2.0, 5.0]), np.array([0, 0, 0]), np.array([0, 2, 3])), shape=(2, 1))
    checked, _ = check_features_and_target(Model(), X, np.ones(2), numeric=True, reset=True)
    np.testing.assert_array_equal(checked.data, [3.0, 5.0])
    assert X.nnz == 3


class Fitted(Model):
    n_features_in_ = 2


def test_a_plain_array_of_more_rows_is_taken_as_it_is():
    X, y = np.ones((3, 2)), np.arange(3)
    assert check_features(Fitted(), X, reset=False) is X
    checked, target = check_features_and_target(Fitted(), X, y, numeric=True, reset=False)
    assert checked is X
    assert target is y


@pytest.mark.parametrize(
    ("X", "error"),
    [
        (np.ones((3, 4)), "features"),
        (np.ones((3, 2)) * [1, np.nan], "NaN"),
        (np.ones((3, 2)) * [1, np.inf], "infinity"),
        (np.ones(2), "2D array"),
        (np.ones((0, 2)), "0 sample"),
        (np.ones((3, 2)) * 1j, "Complex"),
        ([[1.0, 2.0], [3.0]], "inhomogeneous"),
    ],
)
def test_more_rows_are_refused_as_the_first_ones(X, error):
    with pytest.raises(ValueError, match=error):
        check_features(Fitted(), X, reset=False)
    with pytest.raises(ValueError, match=error):
        check_features_and_target(Fitted(), X, np.ones(len(X)), numeric=True, reset=False)


def test_more_rows_without_names_are_warned_of_where_the_first_had_some():
    model = Fitted()
    model.feature_names_in_ = np.array(["a", "b"], dtype=object)
    with pytest.warns(UserWarning, match="valid feature names"):
        check_features(model, np.ones((3, 2)), reset=False)


@pytest.mark.parametrize("y", [np.array([1.0, np.nan, 2.0]), np.ones(4), np.array([1.0, 2.0, 1e308])])
def test_targets_of_more_rows_are_refused_as_the_first_ones(y):
    with pytest.raises(ValueError, match=r"NaN|inconsistent|exceed the range"):
        check_features_and_target(Fitted(), np.ones((3, 2)), y, numeric=True, reset=False)
