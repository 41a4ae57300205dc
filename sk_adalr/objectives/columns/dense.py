"""A standardised copy of dense columns."""

import numpy as np

from sk_adalr.backends import Array, beside, kernels, namespace, row_squares, to_host
from sk_adalr.objectives.columns.base import CACHE_VALUES, DEVICE_VALUES, Columns
from sk_adalr.objectives.columns.blocks import MANY_COLUMNS, Block, DenseBlock, RowBlock

# Values that are transposed at a time: as many rows as the second-level cache holds, for each column is then written
# in long pieces.
_TRANSPOSED_VALUES = 1 << 18
# Columns of a block in products of rows, so that the sum of these is not what takes the time.
_COLUMNS_OF_PRODUCTS = 256


class DenseColumns(Columns):
    r"""Standardised copy of a dense matrix in the dtype of `X`, column after column until `row_blocks` stores rows so.

    Parameters
    ----------
    X : array (n, p), float32 or float64, any memory order
    weight : array (n,) or None
        Sample weights with mean 1; None for equal weights.
    centre : bool
        Whether to subtract the weighted column means.
    """

    def __init__(self, X: Array, weight: Array | None, centre: bool) -> None:
        self.shape = n, p = X.shape
        self.dtype, self.n_entries = X.dtype, n * p
        xp = namespace(X)
        self.data = xp.empty((p, n), X.dtype)
        self.mean, self.scale = np.zeros(p), np.ones(p)
        # Around the first value a constant column is exactly zero and an offset costs no digits.
        first = X[0].copy() if centre else None
        _transpose_into(X, self.data, first)
        weight = None if weight is None else weight.astype(X.dtype)
        step = max(1, (CACHE_VALUES if xp is np else DEVICE_VALUES) // max(n, 1))
        for start in range(0, p, step):
            columns = slice(start, start + step)
            block = self.data[columns]
            if first is not None:
                self.mean[columns] = _centre(block, weight, first[columns])
            self.scale[columns] = _normalise(block, weight)
        self.alive = self.scale > 0
        self.scale[~self.alive] = 1.0

    def forward(self, coef: np.ndarray, out: Array | None = None) -> Array:
        """Return, in `out` if given, the predictions (n,) or (k, n), float64, of coefficients (p,) or (k, p)."""
        coef = beside(coef.astype(self.dtype, copy=False), self.data)
        if out is None:
            return (coef @ self.data).astype(np.float64, copy=False)
        if self.dtype == out.dtype:
            return namespace(out).matmul(coef, self.data, out=out)
        out[...] = coef @ self.data
        return out

    def backward(self, residual: Array) -> Array:
        """Return the sums (p,) or (k, p), float64, of the rows weighted by residuals (n,) or (k, n)."""
        return self._sums(self._in_dtype(residual))

    def _in_dtype(self, residual: Array) -> Array:
        return residual if residual.dtype == self.dtype else kernels(residual).narrow(residual, self.dtype)

    def _sums(self, residual: Array) -> Array:
        product = self.data @ residual if residual.ndim == 1 else residual @ self.data.T
        return product.astype(np.float64, copy=False)

    def rounded(self, coef: np.ndarray) -> np.ndarray:
        """Return coefficients as `forward` sees them: a step is only exact in the numbers it was computed with."""
        return coef.astype(self.dtype).astype(np.float64) if self.dtype != np.float64 else coef

    def _ranges(self) -> np.ndarray:
        return to_host(self.data.max(axis=1) - self.data.min(axis=1)) * self.scale

    def row_blocks(self, size: int) -> list[Block]:
        """Return all rows in blocks of `size`, on a device in one, for predictions that need not outlive one."""
        n, p = self.shape
        if namespace(self.data) is not np:  # whose products would copy a part of the columns
            return [DenseBlock(self.data, slice(None))]
        blocks = [slice(start, min(start + size, n)) for start in range(0, n, size)]
        if self.dtype == np.float32 and p >= MANY_COLUMNS:
            self._store_by_rows()
            return [RowBlock(self.data.T, rows) for rows in blocks]
        return [DenseBlock(self.data, rows) for rows in blocks]

    def row_products(self, factor: np.ndarray) -> np.ndarray:
        """Return the products (n, n) of the standardised rows, each column times its factor (p,); the host's."""
        p, n = self.data.shape
        xp = namespace(self.data)
        factor, products = beside(factor, self.data), xp.zeros((n, n))
        step = max(_COLUMNS_OF_PRODUCTS, CACHE_VALUES // n)
        for start in range(0, p, step):
            columns = slice(start, start + step)
            block = self.data[columns] * factor[columns, None]
            products += block.T @ block
        return to_host(products)

    def dense_rows(self) -> np.ndarray:
        """Return the standardised rows (n, p), float64, the host's."""
        return to_host(self.data).T.astype(np.float64, copy=False)

    def _store_by_rows(self) -> None:
        """Store `data` row after row: blocks of them are then contiguous, and multiplied in half the time."""
        if self.data.flags.f_contiguous:
            return
        p, n = self.data.shape
        data = np.empty((n, p), self.dtype)
        for rows in _rows_to_transpose(n, p):
            data[rows] = self.data[:, rows].T
        self.data = data.T


def _transpose_into(X: Array, out: Array, offset: Array | None) -> None:
    """Make out (p, n) the transpose of X (n, p) less offset (p,) or None, in pieces that fit the cache."""
    n, p = X.shape
    xp = namespace(X)
    in_pieces = xp is np and not X.flags.f_contiguous
    for rows in _rows_to_transpose(n, p) if in_pieces else [slice(None)]:
        piece, transposed = out[:, rows], X[rows].T
        if offset is None:
            xp.copyto(piece, transposed)
        else:
            xp.subtract(transposed, offset[:, None], out=piece)


def _rows_to_transpose(n: int, p: int) -> list[slice]:
    size = max(16, _TRANSPOSED_VALUES // max(1, p))
    return [slice(start, start + size) for start in range(0, n, size)]


def _centre(block: Array, weight: Array | None, first: Array) -> np.ndarray:
    """Subtract the mean of every row of block (columns of X, less the values in first) in place.

    Return the mean with the first value, float64.
    """
    n = block.shape[1]
    mean = (block.mean(axis=1) if weight is None else block @ weight / n)[:, None]
    # Also against the rounding of a large mean, for instance that of an outlier in the first row.
    block -= mean
    rest = (block.mean(axis=1) if weight is None else block @ weight / n)[:, None]
    block -= rest
    return to_host(first.astype(np.float64) + mean[:, 0] + rest[:, 0])


def _normalise(block: Array, weight: Array | None) -> np.ndarray:
    """Divide the rows of block by their root mean squares in place; return these, 0 for rows of zeros."""
    n, xp = block.shape[1], namespace(block)
    with np.errstate(over="ignore", under="ignore"):
        square = row_squares(block, weight)
    square = to_host(square.astype(np.float64)) / n
    limits = np.finfo(block.dtype)
    peak = np.ones(len(block))
    unsafe = ~((square > limits.tiny / limits.eps**2) & (square < limits.max * limits.eps))
    if unsafe.any():
        # Squares would overflow or vanish: bring the largest value to 1 first.
        rows = beside(np.flatnonzero(unsafe), block)
        peak[unsafe] = to_host(xp.abs(block[rows]).max(axis=1))
        block[rows] /= beside(np.where(peak > 0, peak, 1.0)[unsafe, None].astype(block.dtype), block)
        values = block[rows].astype(np.float64)
        square[unsafe] = to_host(xp.average(values**2, axis=1, weights=weight))
    root = np.sqrt(square)
    factor = (1.0 / np.where(root > 0, root, 1.0)).astype(block.dtype)
    block *= beside(factor, block)[:, None]
    # The inverse of the rounded factor, so that the change of coordinates is the one that was applied.
    return np.where(root > 0, peak / factor.astype(np.float64), 0.0)
