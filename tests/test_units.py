import numpy as np
import pytest

from sk_adalr.objectives import predict_raw
from sk_adalr.optimizer import freeze, thaw
from sk_adalr.parameters import ParameterLayout
from sk_adalr.standardization import Standardization
from sk_adalr.units import TargetUnits, Units

LAYOUT = ParameterLayout.of_network([3, 4, 2])
INPUTS = Standardization(np.array([1.0, -2.0, 0.5]), np.array([2.0, 0.1, 30.0]))
OUTPUTS = Standardization(np.array([10.0, -5.0]), np.array([7.0, 0.3]))
UNITS = {
    "none": Units(),
    "inputs": Units(inputs=INPUTS),
    "outputs": Units(outputs=TargetUnits.of_squares(OUTPUTS)),
    "both": Units(INPUTS, TargetUnits.of_squares(OUTPUTS)),
}
all_units = pytest.mark.parametrize("units", UNITS.values(), ids=list(UNITS))


def params(dtype=np.float64):
    return np.random.RandomState(0).standard_normal(LAYOUT.n_params).astype(dtype)


@all_units
def test_a_model_in_the_user_s_units_predicts_what_the_trained_one_predicts(units):
    X = np.random.RandomState(1).standard_normal((5, 3))
    Z = X if units.inputs is None else (X - units.inputs.center) / units.inputs.scale
    expected = predict_raw(*LAYOUT.unpack(params()), Z, "tanh")
    if units.outputs is not None:
        expected = expected * units.outputs.raw.scale + units.outputs.raw.center
    actual = predict_raw(*LAYOUT.unpack(units.to_user(params(), LAYOUT)), X, "tanh")
    np.testing.assert_allclose(actual, expected, rtol=1e-11)


@all_units
def test_from_user_inverts_to_user(units):
    np.testing.assert_allclose(units.from_user(units.to_user(params(), LAYOUT), LAYOUT), params(), rtol=1e-11)


@all_units
def test_conversion_copies_and_keeps_the_dtype(units):
    trained = params(np.float32)
    converted = units.to_user(trained, LAYOUT)
    assert converted.dtype == np.float32
    assert not np.shares_memory(converted, trained)
    np.testing.assert_array_equal(trained, params(np.float32))


@all_units
def test_frozen_units_thaw_to_the_same(units):
    thawed = thaw(Units, freeze(units))
    np.testing.assert_array_equal(thawed.to_user(params(), LAYOUT), units.to_user(params(), LAYOUT))


def test_a_model_without_intercepts_has_its_coefficients_scaled():
    layout = ParameterLayout.of_network([2, 1], fit_intercept=False)
    outputs = TargetUnits.of_squares(Standardization(np.zeros(1), np.array([8.0])))
    units = Units(Standardization(np.zeros(2), np.array([2.0, 4.0])), outputs)
    np.testing.assert_array_equal(units.to_user(np.array([1.0, 1.0]), layout), [4.0, 2.0])


def test_coefficients_beyond_the_range_of_the_dtype_are_refused():
    units = Units(Standardization(np.zeros(3), np.full(3, 1e-30)), TargetUnits.of_squares(OUTPUTS))
    with pytest.raises(ValueError, match=r"beyond the range of float32.*Rescale `X` or `y`, or pass float64"):
        units.to_user(params(np.float32) * np.float32(1e10), LAYOUT)
