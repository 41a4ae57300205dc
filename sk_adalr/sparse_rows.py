"""Rows of a sparse matrix as a network's first layer multiplies them: sliced without a copy, centred implicitly."""

from typing import Any

from sk_adalr.backends import Array, csr, kernels


class SparseRows:
    """Consecutive rows of a CSR matrix, minus an offset that is subtracted from every row.

    :math:`(X - 1 o^T) W = X W - 1 (o^T W)`: the centred rows never become dense.

    Building a scipy matrix costs more than multiplying a mini-batch with it. The rows of one matrix therefore share
    two shells, one for the product and one for that of the transpose, that are pointed at the rows when they are asked
    for: what `rows` returns is valid until the next call.

    Parameters
    ----------
    matrix : CSR of shape (n_rows, n_columns)
    offset : array of shape (n_columns,) or None, default=None
        None for zero.
    """

    def __init__(self, matrix: Any, offset: Array | None = None) -> None:
        self._matrix = matrix
        self._offset = offset
        self._transposed: Any = None
        self._shells: dict[int, SparseRows] = {}
        self.shape = matrix.shape

    def rows(self, start: int, stop: int) -> "SparseRows":
        """Return the rows from `start` to `stop`, which is valid until the next call."""
        matrix = self._matrix
        first, last = matrix.indptr[start], matrix.indptr[stop]
        parts = (
            matrix.data[first:last],
            matrix.indices[first:last],
            matrix.indptr[start : stop + 1] - first,
        )
        shell = self._shells.get(stop - start)
        if shell is None:
            shell = SparseRows(csr(parts, (stop - start, self.shape[1])), self._offset)
            self._shells[stop - start] = shell
        for target in (shell._matrix, shell._transposed_matrix()):
            target.data, target.indices, target.indptr = parts
        return shell

    def __getitem__(self, rows: Any) -> "SparseRows":
        """Return a copy of any rows."""
        return SparseRows(self._matrix[rows], self._offset)

    def __matmul__(self, coef: Array) -> Array:
        """Return the product with `coef` (n_columns, n_out)."""
        return kernels(coef).csr_matmul(self._matrix, coef, self._offset)

    def transposed_matmul(self, residual: Array) -> Array:
        """Return the product of the transpose with `residual` (n_rows, n_out)."""
        return kernels(residual).csr_transposed_matmul(self._matrix, self._transposed_matrix(), residual, self._offset)

    def _transposed_matrix(self) -> Any:
        if self._transposed is None:
            self._transposed = self._matrix.T
        return self._transposed
