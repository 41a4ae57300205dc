"""Rows of a sparse matrix for the first layer of a network: sliced without a copy, centred implicitly."""

from typing import Any, NamedTuple

import numpy as np

from sk_adalr.backends import Array, kernels, namespace, take_rows


class CSRArrays(NamedTuple):
    """The arrays of (consecutive rows of) a CSR matrix: constructing SciPy's class takes longer than a product."""

    data: Array
    indices: Array
    indptr: Array
    shape: tuple[int, int]


class SparseRows:
    """Consecutive rows of a CSR matrix, minus an offset that is subtracted from every row.

    :math:`(X - 1 o^T) W = X W - 1 (o^T W)`: the centred rows never become dense.

    Parameters
    ----------
    matrix : CSR matrix of shape (n_rows, n_columns), or, on NumPy, its `CSRArrays`
    offset : array of shape (n_columns,) or None, default=None
        None for zero.
    """

    def __init__(self, matrix: Any, offset: Array | None = None) -> None:
        self.matrix = matrix
        self.offset = offset
        self.shape = matrix.shape

    def rows(self, start: int, stop: int) -> "SparseRows":
        """Return the rows from `start` to `stop`, in host memory, without a copy."""
        matrix = self.matrix
        shape = (stop - start, self.shape[1])
        return SparseRows(CSRArrays(matrix.data, matrix.indices, matrix.indptr[start : stop + 1], shape), self.offset)

    def take(self, rows: np.ndarray) -> "SparseRows":
        """Return a copy of the rows with indices `rows` (n,), in host memory."""
        parts = take_rows(self.matrix, rows)
        return SparseRows(CSRArrays(*parts, (len(rows), self.shape[1])), self.offset)

    def __getitem__(self, rows: Any) -> "SparseRows":
        """Return a copy of the indexed rows; `matrix` must be a CSR matrix."""
        return SparseRows(self.matrix[rows], self.offset)

    def __matmul__(self, coef: Array) -> Array:
        """Return the product with `coef` (n_columns, n_out)."""
        return self.matmul(coef)

    def matmul(self, coef: Array, out: Array | None = None) -> Array:
        """Return the product with `coef` (n_columns, n_out), in `out` (n_rows, n_out) if given."""
        out = _like(coef, self.shape[0]) if out is None else out
        kernels(coef).csr_matmul(self.matrix, coef, self.offset, out)
        return out

    def transposed_matmul(self, residual: Array, out: Array | None = None) -> Array:
        """Return the transpose times `residual` (n_rows, n_out), in `out` (n_columns, n_out) if given."""
        out = _like(residual, self.shape[1]) if out is None else out
        kernels(residual).csr_transposed_matmul(self.matrix, residual, self.offset, out)
        return out


def _like(array: Array, n_rows: int) -> Array:
    return namespace(array).empty((n_rows, array.shape[1]), dtype=array.dtype)
