import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sk_adalr.parameters import ParameterLayout

layouts = st.builds(
    ParameterLayout.of_network, st.lists(st.integers(1, 6), min_size=2, max_size=5), fit_intercept=st.booleans()
)


@given(layouts)
def test_blocks_cover_the_vector_exactly_once(layout):
    params = np.zeros(layout.n_params)
    coefs, intercepts = layout.unpack(params)
    for block in (*coefs, *intercepts):
        block += 1  # views: what is written here is written into the vector
    np.testing.assert_array_equal(params, 1)


@given(layouts)
def test_coefficients_come_first_and_intercepts_last(layout):
    params = np.arange(layout.n_params)
    coefs, intercepts = layout.unpack(params)
    np.testing.assert_array_equal(np.concatenate([block.ravel() for block in (*coefs, *intercepts)]), params)
    assert sum(coef.size for coef in coefs) == layout.n_coefs


@given(layouts)
def test_layers_are_the_slices_of_the_blocks(layout):
    params = np.arange(layout.n_params)
    coefs, intercepts = layout.unpack(params)
    for i, slices in enumerate(layout.layers):
        blocks = [coefs[i], intercepts[i]] if layout.fit_intercept else [coefs[i]]
        assert [params[s].tolist() for s in slices] == [block.ravel().tolist() for block in blocks]


@given(layouts)
def test_blocks_are_c_contiguous_views(layout):
    # so that a matrix product can write its gradient in place
    coefs, intercepts = layout.unpack(np.zeros(layout.n_params))
    assert all(block.flags.c_contiguous and not block.flags.owndata for block in (*coefs, *intercepts))


def test_a_network_has_a_layer_between_each_two_sizes():
    assert ParameterLayout.of_network([3, 5, 2]).coef_shapes == ((3, 5), (5, 2))


@pytest.mark.parametrize(("fit_intercept", "expected"), [(True, 3 * 5 + 5 * 2 + 5 + 2), (False, 3 * 5 + 5 * 2)])
def test_the_number_of_parameters_is_counted(fit_intercept, expected):
    assert ParameterLayout.of_network([3, 5, 2], fit_intercept).n_params == expected


def test_a_plain_vector_is_one_layer_without_intercept():
    layout = ParameterLayout.vector(4)
    assert (layout.n_params, layout.layers) == (4, ((slice(0, 4),),))
