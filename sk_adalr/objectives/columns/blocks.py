"""Some rows of dense columns, for passes in which predictions need not outlive their block."""

from typing import Protocol

import numpy as np

from sk_adalr.backends import Array, beside, to_host

# From so many columns on, blocks of float32 rows are multiplied twice as fast where they are stored row after row, in
# parts of about as many multiplications, which OpenBLAS makes without packing, if those are not too few rows.
MANY_COLUMNS, _SMALL_PRODUCT, _LEAST_ROWS = 256, 1_000_000, 16


class Block(Protocol):
    """Some rows of `Columns`, whose `to_blocks` gives the coefficients and whose `from_blocks` takes the sums."""

    rows: slice

    def forward(self, coef: np.ndarray) -> Array:
        """Return the predictions (k, rows) of coefficients (k, p), in the dtype of the data."""
        ...

    def backward(self, residual: Array) -> np.ndarray:
        """Return the sums (k, p) of the rows weighted by residuals (k, rows)."""
        ...


class DenseBlock:
    """Some rows of dense columns.

    Parameters
    ----------
    data : array (p, n)
        All columns.
    rows : slice
    """

    def __init__(self, data: Array, rows: slice) -> None:
        self.rows, self._data = rows, data[:, rows]

    def forward(self, coef: np.ndarray) -> Array:
        """Return the predictions (k, rows) of coefficients (k, p), in the dtype of the data."""
        return beside(coef.astype(self._data.dtype, copy=False), self._data) @ self._data

    def backward(self, residual: Array) -> np.ndarray:
        """Return the sums (k, p) of the rows weighted by residuals (k, rows)."""
        return to_host(residual @ self._data.T)


class RowBlock:
    """The same on the host of data (n, p) that are stored row after row, in parts that make small products."""

    def __init__(self, data: np.ndarray, rows: slice) -> None:
        self.rows, self._data = rows, data[rows]

    def forward(self, coef: np.ndarray) -> np.ndarray:
        """Return the predictions (k, rows) of coefficients (k, p), in the dtype of the data."""
        coef = np.ascontiguousarray(coef.T, dtype=self._data.dtype)
        predictions = np.empty((coef.shape[1], len(self._data)), coef.dtype)
        for part in self._parts(coef.shape[1]):
            predictions[:, part] = (self._data[part] @ coef).T
        return predictions

    def backward(self, residual: np.ndarray) -> np.ndarray:
        """Return the sums (k, p) of the rows weighted by residuals (k, rows)."""
        return sum(residual[:, part] @ self._data[part] for part in self._parts(len(residual)))

    def _parts(self, k: int) -> list[slice]:
        n, p = self._data.shape
        size = _SMALL_PRODUCT // (p * k)
        size = size if size >= _LEAST_ROWS else n
        return [slice(start, start + size) for start in range(0, n, size)]
