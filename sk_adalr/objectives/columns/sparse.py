"""Sparse columns, standardised implicitly."""

from copy import copy
from typing import Any

import numpy as np
from scipy import sparse

from sk_adalr.backends import Array, beside, csr, namespace, to_host
from sk_adalr.objectives.columns.base import Columns, Coordinates, RowBlock
from sk_adalr.statistics import share_unit

# Squares of numbers between `_SAFE_LEAST` and its reciprocal are in range. A column with entries in more than the
# share `_FULL` of the rows may be constant.
_SAFE_LEAST, _FULL = 1e-100, 1.0 - 1e-6
# Share of stored entries above which dense products of rows are faster.
_DENSE_SHARE = 0.1


class SparseColumns(Columns):
    """CSR columns, centred and scaled implicitly; parameters as for `DenseColumns`."""

    def __init__(self, X: Any, weight: Array | None, centre: bool) -> None:
        self.shape = n, p = X.shape
        # Products of mixed precision would copy the data in every pass; indices dominate the memory traffic anyway.
        host = sparse.csr_array(to_host(X), dtype=np.float64)
        self.n_entries, self.dtype = host.nnz, host.dtype
        # Data on a device are not sent back to it from the host: the copy on the host is for the statistics below.
        on_host = namespace(X) is np
        self.data = host if on_host else csr((X.data.astype(np.float64), X.indices, X.indptr), X.shape)
        self.transposed = self.data.T
        entries, indices = host.data, host.indices
        entry_weight = None if weight is None else np.repeat(to_host(weight), np.diff(host.indptr))
        present = np.bincount(indices, entry_weight, p) / n
        # Divided by its peak, a constant column is all ones, and its mean has no round-off error.
        peak = None if _squares_are_safe(entries) and not (present > _FULL).any() else _peaks(entries, indices, p)
        relative = entries if peak is None else entries / peak[indices]

        def column_means(values: np.ndarray) -> np.ndarray:
            return np.bincount(indices, values if entry_weight is None else values * entry_weight, p) / n

        mean = column_means(relative) if centre else np.zeros(p)
        spread = relative - mean[indices]
        spread *= spread
        deviation = np.sqrt(column_means(spread) + mean**2 * np.maximum(1.0 - present, 0.0))
        # The deviation of a constant column may be the round-off error of its mean.
        self.alive = deviation > 16 * np.finfo(np.float64).eps * np.abs(mean)
        self.scale, self.mean = np.where(self.alive, deviation, 1.0), mean
        if peak is not None:
            self.scale, self.mean = self.scale * peak, self.mean * peak
        self._shift = self.mean / self.scale

    @classmethod
    def standardised_as(cls, X: Any, coordinates: Coordinates) -> "SparseColumns":
        """Return the columns of CSR X, on the host, standardised with the given mean and scale."""
        columns = cls.__new__(cls)
        columns.shape, columns.n_entries, columns.dtype = X.shape, X.nnz, np.dtype(np.float64)
        columns.data = sparse.csr_array(X, dtype=np.float64)
        columns.transposed = columns.data.T
        columns.mean, columns.scale, columns.alive = coordinates.mean, coordinates.scale, coordinates.alive
        columns._shift = columns.mean / columns.scale
        return columns

    @property
    def rounding(self) -> float:
        """Approximate round-off error of a prediction from coefficients of norm 1, as means are subtracted last."""
        return float(np.finfo(self.dtype).eps * max(1.0, np.abs(self._shift).max(initial=0.0)))

    def forward(self, coef: np.ndarray, out: Array | None = None) -> Array:
        """Return the predictions (n,) or (k, n), in `out` if given, for coefficients (p,) or (k, p)."""
        coef = np.where(self.alive, coef, 0.0)
        shift = coef @ self._shift
        product = self.data @ beside((coef / self.scale).T, self.data)
        xp = namespace(product)
        if coef.ndim == 1:
            return xp.subtract(product, shift, out=out)
        return xp.subtract(xp.ascontiguousarray(product.T), beside(shift[:, None], product), out=out)

    def backward(self, residual: Array) -> np.ndarray:
        """Return the sums (p,) or (k, p) of the rows, weighted by residuals (n,) or (k, n)."""
        if residual.ndim == 1:
            total = to_host(self.transposed @ residual) / self.scale - to_host(residual.sum()) * self._shift
        else:
            total = to_host(self.transposed @ residual.T).T / self.scale
            total -= np.outer(to_host(residual.sum(1)), self._shift)
        return np.where(self.alive, total, 0.0)

    def rounded(self, coef: np.ndarray) -> np.ndarray:
        """Return the coefficients unchanged: passes use float64."""
        return coef

    def share_unit(self) -> bool:
        """Return whether the columns seem to share a unit, like pixels or counts: their ranges differ little."""
        host = to_host(self.data)
        return share_unit((host.max(axis=0) - host.min(axis=0)).toarray().ravel()[self.alive])

    def row_products(self, factor: np.ndarray) -> np.ndarray:
        """Return the Gram matrix (n, n) of the standardised rows, their columns times `factor` (p,), on the host."""
        factor = np.where(self.alive, factor, 0.0)
        host = to_host(self.data)
        if host.nnz > _DENSE_SHARE * host.shape[0] * host.shape[1]:
            rows = self.dense_rows() * factor
            return rows @ rows.T
        rows, shift = sparse.csr_array(host @ sparse.diags_array(factor / self.scale)), factor * self._shift
        cross = rows @ shift
        return (rows @ rows.T).toarray() - cross[:, None] - cross + shift @ shift

    def dense_rows(self) -> np.ndarray:
        """Return the standardised rows (n, p), float64, on the host."""
        rows = to_host(self.data).toarray()
        rows -= self.mean
        rows /= self.scale
        return np.where(self.alive, rows, 0.0)

    def row_blocks(self, size: int) -> list[RowBlock]:
        """Return the rows in blocks of `size` that share the memory of the data, on a device in one block."""
        n = self.shape[0]
        if namespace(self.data) is not np:
            return [_WholeBlock(self)]
        return [_SparseBlock(self, slice(start, min(start + size, n))) for start in range(0, n, size)]


class _WholeBlock:
    """All rows of `SparseColumns`."""

    def __init__(self, columns: SparseColumns) -> None:
        self.rows = slice(0, columns.shape[0])
        self.forward, self.backward = columns.forward, columns.backward


class _SparseBlock:
    """A block of rows of `SparseColumns`."""

    def __init__(self, columns: SparseColumns, rows: slice) -> None:
        whole = columns.data
        first, last = whole.indptr[rows.start], whole.indptr[rows.stop]
        parts = (
            whole.data[first:last],
            whole.indices[first:last],
            whole.indptr[rows.start : rows.stop + 1] - first,
        )
        self.rows = rows
        self._block = copy(columns)
        self._block.data = sparse.csr_array(parts, shape=(rows.stop - rows.start, columns.shape[1]))
        self._block.transposed = self._block.data.T

    def forward(self, coef: np.ndarray) -> np.ndarray:
        """Return the predictions (k, rows) for coefficients (k, p)."""
        return self._block.forward(coef)

    def backward(self, residual: np.ndarray) -> np.ndarray:
        """Return the sums (k, p) of the rows, weighted by residuals (k, rows)."""
        return self._block.backward(residual)


def _squares_are_safe(entries: np.ndarray) -> bool:
    """Return whether the squares of all entries neither underflow nor overflow."""
    magnitudes = np.abs(entries)
    return bool(magnitudes.min(initial=1.0) > _SAFE_LEAST and magnitudes.max(initial=1.0) < 1.0 / _SAFE_LEAST)


def _peaks(entries: np.ndarray, indices: np.ndarray, p: int) -> np.ndarray:
    """Return the largest magnitude (p,) of the entries of each column, or 1 for a column without nonzeros."""
    peak = np.zeros(p)
    np.maximum.at(peak, indices, np.abs(entries))
    peak[peak == 0] = 1.0
    return peak
