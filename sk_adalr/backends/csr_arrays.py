"""Row selection and products on the arrays of CSR matrices in host memory.

For a mini-batch, the checks and allocations of SciPy's matrix classes take longer than the product. So these functions
call the compiled routines that SciPy itself calls. As they are private, the public products replace them if missing.
"""

from typing import Any

import numpy as np
from scipy.sparse import csc_array, csr_array

from sk_adalr.backends.namespace import Array

try:
    from scipy.sparse._sparsetools import csc_matvecs, csr_matvecs, csr_row_index
except ImportError:

    def csr_matvecs(
        n_rows: int, n_columns: int, n_out: int, indptr: Array, indices: Array, data: Array, coef: Array, out: Array
    ) -> None:
        """Add the product of a CSR matrix and `coef` to `out`, both flat."""
        out += (csr_array(_own(data, indices, indptr), (n_rows, n_columns)) @ coef.reshape(-1, n_out)).ravel()

    def csc_matvecs(
        n_rows: int, n_columns: int, n_out: int, indptr: Array, indices: Array, data: Array, coef: Array, out: Array
    ) -> None:
        """Add the product of a CSC matrix and `coef` to `out`, both flat."""
        out += (csc_array(_own(data, indices, indptr), (n_rows, n_columns)) @ coef.reshape(-1, n_out)).ravel()

    def csr_row_index(
        n_rows: int, rows: Array, indptr: Array, indices: Array, data: Array, out_indices: Array, out_data: Array
    ) -> None:
        """Copy the entries of some rows to `out_indices` and `out_data`."""
        shape = len(indptr) - 1, int(indices.max(initial=0)) + 1
        chosen = csr_array(_own(data, indices, indptr), shape)[rows]
        out_indices[...], out_data[...] = chosen.indices, chosen.data

    def _own(data: Array, indices: Array, indptr: Array) -> tuple[Array, Array, Array]:
        """Return the arrays without entries before the first row, so that `indptr` starts at 0."""
        entries = slice(indptr[0], indptr[-1])
        return data[entries], indices[entries], indptr - indptr[0]


def take_rows(matrix: Any, rows: np.ndarray) -> tuple[Array, Array, Array]:
    """Return ``(data, indices, indptr)`` of a copy of the given rows."""
    index = matrix.indptr.dtype.type
    indptr = np.zeros(len(rows) + 1, dtype=index)
    np.cumsum(np.diff(matrix.indptr).take(rows), out=indptr[1:])
    data, indices = np.empty(indptr[-1], dtype=matrix.data.dtype), np.empty(indptr[-1], dtype=index)
    csr_row_index(len(rows), rows.astype(index), matrix.indptr, matrix.indices, matrix.data, indices, data)
    return data, indices, indptr


def add_product(matrix: Any, coef: Array, out: Array) -> None:
    """Add ``matrix @ coef`` to `out` (n_rows, n_out), for a C-contiguous `coef` (n_columns, n_out)."""
    arrays = matrix.indptr, matrix.indices, matrix.data
    csr_matvecs(*matrix.shape, out.shape[1], *arrays, coef.ravel(), out.reshape(-1))


def add_transposed_product(matrix: Any, residual: Array, out: Array) -> None:
    """Add ``matrix.T @ residual`` to `out` (n_columns, n_out), for a C-contiguous `residual` (n_rows, n_out)."""
    arrays = matrix.indptr, matrix.indices, matrix.data  # the columns of the transpose are the rows
    csc_matvecs(*matrix.shape[::-1], out.shape[1], *arrays, residual.ravel(), out.reshape(-1))
