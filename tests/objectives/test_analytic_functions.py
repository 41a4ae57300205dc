import numpy as np
import pytest
from oracles import central_difference, relative_error
from scipy.optimize import rosen, rosen_der

from sk_adalr.objectives.test_functions import beale, ill_conditioned_quadratic, rosenbrock

POINTS = [np.array([1.0, 1.0]), np.array([-1.3, 0.7]), np.array([2.5, -0.4])]


@pytest.mark.parametrize("function", [beale, rosenbrock, ill_conditioned_quadratic])
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_gradient_is_the_derivative_of_the_value(function, point):
    expected = central_difference(lambda w: function(w)[0], point)
    if np.abs(expected).max() < 1e-9:  # Rosenbrock at its minimum
        np.testing.assert_allclose(function(point)[1], 0, atol=1e-9)
    else:
        assert relative_error(function(point)[1], expected) < 1e-7


@pytest.mark.parametrize(
    ("function", "minimum"), [(beale, (3.0, 0.5)), (rosenbrock, (1.0, 1.0)), (ill_conditioned_quadratic, (0.0, 0.0))]
)
def test_value_and_gradient_are_zero_at_the_minimum(function, minimum):
    value, grad = function(np.array(minimum))
    assert value == 0
    np.testing.assert_array_equal(grad, 0)


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_beale_is_the_published_polynomial(point):
    x, y = point
    expected = (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2
    assert beale(point)[0] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_rosenbrock_is_scipy_s(point):
    value, grad = rosenbrock(point)
    assert value == pytest.approx(rosen(point), rel=1e-13, abs=1e-30)
    np.testing.assert_allclose(grad, rosen_der(point), rtol=1e-12, atol=1e-12)


def test_the_quadratic_has_the_condition_number_that_is_asked_for():
    curvatures = ill_conditioned_quadratic(np.ones(6), condition=1e4)[1]
    assert curvatures.max() / curvatures.min() == pytest.approx(1e4, rel=1e-12)
