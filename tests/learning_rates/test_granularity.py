import numpy as np

from sk_adalr.learning_rates import Global, PerLayer, PerParameter
from sk_adalr.parameters import ParameterLayout

LAYOUT = ParameterLayout(((2, 1), (1, 2)))  # coefficients 0:2 and 2:4, intercepts 4:5 and 5:7
PRODUCT = np.array([1.0, 2.0, 10.0, 20.0, 6.0, 30.0, 40.0])


def test_per_parameter_keeps_the_product():
    np.testing.assert_array_equal(PerParameter().reduce(PRODUCT.copy(), LAYOUT), PRODUCT)


def test_global_is_the_mean_over_all_parameters_and_not_the_sum():
    np.testing.assert_allclose(Global().reduce(PRODUCT.copy(), LAYOUT), [109 / 7], rtol=1e-15)


def test_per_layer_is_the_mean_over_coefficients_and_intercept_of_each_layer():
    np.testing.assert_allclose(PerLayer().reduce(PRODUCT.copy(), LAYOUT), [9 / 3, 100 / 4], rtol=1e-15)


def test_per_layer_spreads_each_rate_over_its_layer():
    spread = PerLayer().expand(np.array([0.1, 0.2]), LAYOUT, scratch=np.full(7, np.nan))
    np.testing.assert_array_equal(spread, [0.1, 0.1, 0.2, 0.2, 0.1, 0.2, 0.2])


def test_per_layer_works_without_intercepts():
    layout = ParameterLayout(((2, 1), (1, 2)), fit_intercept=False)
    np.testing.assert_array_equal(PerLayer().reduce(PRODUCT[:4].copy(), layout), [1.5, 15.0])


def test_one_layer_and_one_rate_are_the_same_for_a_plain_vector():
    layout = ParameterLayout.vector(7)
    np.testing.assert_allclose(PerLayer().reduce(PRODUCT, layout), Global().reduce(PRODUCT, layout), rtol=1e-15)
