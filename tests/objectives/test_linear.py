"""Passes over blocks of rows of a linear predictor's columns add up to those over all rows."""

import numpy as np
import pytest
from scipy import sparse

from sk_adalr.objectives.linear import standardised_columns


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
