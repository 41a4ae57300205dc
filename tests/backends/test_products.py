"""Products into given arrays, small and large."""

import numpy as np
import pytest

from sk_adalr.backends import multiply_into


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n_rows", "n_inner", "n_columns"), [(1, 1, 1), (7, 30, 1), (30, 7, 10), (100, 32, 100)])
def test_a_product_is_that_of_the_operator(dtype, n_rows, n_inner, n_columns):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape).astype(dtype) for shape in ((n_inner, n_rows), (n_inner, n_columns)))
    for left, right in ((a.T, b), (a.T.copy(), b.T.copy().T), (np.ones(n_inner, dtype), b)):
        out = np.full((left @ right).shape, np.nan, dtype)
        assert multiply_into(out, left, right) is out
        np.testing.assert_allclose(out, left @ right, rtol=0, atol=1e2 * np.finfo(dtype).eps)
