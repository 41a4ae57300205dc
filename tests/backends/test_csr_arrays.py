"""Products with the arrays of CSR matrices, by SciPy's private functions and by its public ones."""

import importlib.util
import sys

import numpy as np
import pytest
from scipy import sparse

from sk_adalr.backends import csr_arrays
from sk_adalr.sparse_rows import CSRArrays


@pytest.fixture
def public(monkeypatch):
    """The module as it is where SciPy has no such private functions."""
    monkeypatch.setitem(sys.modules, "scipy.sparse._sparsetools", None)
    spec = importlib.util.spec_from_file_location("sk_adalr.backends._public_csr_arrays", csr_arrays.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.csr_matvecs.__module__ == "sk_adalr.backends._public_csr_arrays"
    return module


def rows_within(dtype, index):
    """Return rows 3 to 8 of a larger matrix, whose first entry is not that of the arrays."""
    X = sparse.random_array((12, 7), density=0.4, format="csr", dtype=dtype, random_state=np.random.default_rng(0))
    arrays = X.data, X.indices.astype(index), X.indptr.astype(index)
    return CSRArrays(arrays[0], arrays[1], arrays[2][3:9], (5, 7)), X[3:8].toarray()


dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
indices = pytest.mark.parametrize("index", [np.int32, np.int64])


@dtypes
@indices
@pytest.mark.parametrize("n_out", [1, 3])
def test_public_and_private_products_are_the_same_bits(public, dtype, index, n_out):
    matrix, dense = rows_within(dtype, index)
    rng = np.random.default_rng(1)
    cases = {"add_product": dense.astype(np.float64), "add_transposed_product": dense.T.astype(np.float64)}
    for name, expected in cases.items():
        operand = rng.normal(size=(expected.shape[1], n_out)).astype(dtype)
        found = [np.zeros((len(expected), n_out), dtype=dtype) for _ in range(2)]
        for out, module in zip(found, (csr_arrays, public), strict=True):
            getattr(module, name)(matrix, operand, out)
        np.testing.assert_array_equal(*found)
        np.testing.assert_allclose(found[0], expected @ operand, rtol=1e-5, atol=1e-6)


@dtypes
@indices
def test_public_and_private_rows_are_the_same(public, dtype, index):
    matrix, dense = rows_within(dtype, index)
    rows = np.array([4, 0, 2, 0])
    private, found = (module.take_rows(matrix, rows) for module in (csr_arrays, public))
    for ours, theirs in zip(private, found, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(sparse.csr_array(private, shape=(4, 7)).toarray(), dense[rows])
