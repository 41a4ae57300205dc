"""Dense columns: used as they are, centred block by block in every pass, or copied."""

from copy import copy
from typing import Any

import numpy as np

from sk_adalr.backends import Array, beside, kernels, namespace, to_host
from sk_adalr.objectives.columns.base import Columns, Coordinates, RowBlock
from sk_adalr.rows import SelectedRows, slices_of_rows
from sk_adalr.statistics import dense_extremes, dense_moments, dense_units, share_unit

# Values per block of rows, so that it stays in the L2 cache.
_BLOCK_VALUES = 1 << 16
# Least number of rows to transpose at a time, so that columns are written in long pieces.
_LEAST_ROWS = 16
# Least number of columns per block of `row_products`, so that adding up the products does not dominate the time.
_COLUMNS_OF_PRODUCTS = 256
# Factors of columns are equal if they differ by no more than round-off error, relative to them.
_EQUAL = 4 * np.finfo(float).eps
# Blocks with fewer columns are standardised in Fortran order.
_FEW_COLUMNS = 20


class DenseColumns(Columns):
    r"""Columns of X (n, p), standardised without a copy: passes use the rows :math:`z = (x - c) / s`, from which

    .. math:: \tilde x = (z - o) u, \qquad o = (\mu - c) / s, \quad u = s / \sigma.

    If X is used as it is, c = 0 and s = 1. If large offsets would cause cancellation, c is the mean rounded to the
    dtype of the passes, and each block of rows is centred in cache. If units are extreme, the block is also divided
    by :math:`s = \sigma`.

    Parameters
    ----------
    X : array or SelectedRows (n, p), float32 or float64
    mean, scale : ndarray (p,), float64
        Weighted means, or zeros, and deviations of the columns, 0 for constant columns.
    """

    _center: Array | None = None
    _divisor: Array | None = None
    _buffer: Array | None = None
    _held = slice(0, 0)

    def __init__(self, X: Array, mean: np.ndarray, scale: np.ndarray) -> None:
        self.data, self.shape, self.dtype, self.n_entries = X, X.shape, X.dtype, X.shape[0] * X.shape[1]
        self.alive = scale > 0
        self.mean, self.scale, self._is_plain = mean, np.where(self.alive, scale, 1.0), False
        with np.errstate(over="ignore"):
            self._offset, self._unit = self.mean, 1.0 / self.scale

    @classmethod
    def in_cache(cls, X: Array, weight: Array | None, centre: bool, dtype: Any = None) -> "DenseColumns":
        """Return the columns of X (n, p), weighted by (n,) or None, centred in every pass, which computes in `dtype`.

        A constant column is then exactly zero, offsets cost no digits and no unit is out of range. By default `dtype`
        is the dtype of X, or float64 without centring, because offsets then do cost digits.
        """
        dtype = np.dtype(dtype or (X.dtype if centre else np.float64))
        limits, unit = np.finfo(dtype), np.ones(X.shape[1])
        origin, mean, variance = dense_moments(X, weight, centre, None, dtype)
        is_safe = (variance == 0) | ((variance > limits.tiny**0.5) & (variance < limits.max**0.5))
        if not is_safe.all() or (variance == 0).any():
            unit = dense_units(X, dtype)
            if (unit != 1).any():
                origin, mean, variance = dense_moments(X, weight, centre, unit, dtype)
        # The mean, rounded to `dtype` so that subtracting it needs no further rounding, and the remainder.
        center = (unit * (origin + mean)).astype(dtype)
        rest = (origin - center.astype(np.float64) / unit + mean) * unit
        columns = cls(X, center + rest, np.sqrt(variance) * unit)
        columns.dtype, columns._center = dtype, beside(center, X)
        columns._offset = rest
        if (unit != 1).any():
            # Passes divide, because the reciprocal may be out of range.
            scale = columns.scale.astype(dtype)
            columns._divisor, columns.scale = beside(scale, X), scale.astype(np.float64)
            columns._offset, columns._unit = rest / columns.scale, np.ones(len(rest))
        return columns

    @classmethod
    def standardised_as(cls, X: Array, coordinates: Coordinates) -> "DenseColumns":
        """Return the columns of X, standardised block by block with the given mean and scale."""
        columns, dtype = cls(X, coordinates.mean, coordinates.scale), coordinates.dtype
        columns.dtype = dtype
        columns._center, columns._divisor = (
            beside(array.astype(dtype), X) for array in (coordinates.mean, coordinates.scale)
        )
        columns.alive, columns._is_plain = coordinates.alive, True
        return columns

    def as_read(self) -> "DenseColumns":
        """Return the columns :math:`z` of the passes, not standardised further, for a solver invariant to units."""
        columns = copy(self)
        columns._is_plain = True
        columns.mean, columns.scale = np.zeros(self.shape[1]), np.ones(self.shape[1])
        if self._center is not None:
            columns.mean = to_host(self._center).astype(np.float64)
        if self._divisor is not None:
            columns.scale = self.scale
        return columns

    def copied(self, by_rows: bool = False) -> "DenseColumns":
        """Return a standardised copy of the columns, in C order if `by_rows`, else in Fortran order."""
        (n, p), xp = self.shape, namespace(self.data)
        data = xp.empty((n, p), self.dtype).T if by_rows else xp.empty((p, n), self.dtype)
        offset, unit = (beside(array.astype(self.dtype)[:, None], data) for array in (self._offset, self._unit))
        for rows in slices_of_rows(self.data, 4 * _BLOCK_VALUES, least=_LEAST_ROWS):
            block = self.fill(rows, data[:, rows])
            block -= offset
            block *= unit
        columns = copy(self)
        columns.data, columns._unit_of_data, columns._center, columns._is_plain = data.T, self.scale, None, True
        return columns

    @property
    def lie_by_rows(self) -> bool:
        """Whether the rows that `read` returns are in C order, row after row."""
        if isinstance(self.data, SelectedRows):
            return True
        by_columns = self.data.flags.f_contiguous or (self._center is not None and self.shape[1] < _FEW_COLUMNS)
        return not by_columns

    def fill(self, rows: slice, out: Array, factor: Array | None = None) -> Array:
        """Fill `out` (p, m) with the transposed rows :math:`z`, each times its `factor` (m,), and return it."""
        return self._standardise(self.data[rows].T, slice(None), out, factor)

    def _standardise(self, block: Array, columns: slice, out: Array, factor: Array | None = None) -> Array:
        xp = namespace(out)
        if self._center is None:
            return xp.multiply(block, 1 if factor is None else factor, out=out)
        xp.subtract(block, self._center[columns, None], out=out)
        if self._divisor is not None:
            xp.divide(out, self._divisor[columns, None], out=out)
        return out if factor is None else xp.multiply(out, factor, out=out)

    def read(self, rows: slice) -> Array:
        """Return the transposed rows :math:`z` (p, m), in memory that is reused when other rows are read."""
        if self._center is None:
            return self.data[rows].T
        if self._held != rows:
            p, m = self.shape[1], rows.stop - rows.start
            if self._buffer is None or self._buffer.size < p * m:
                self._buffer = np.empty(p * m, self.dtype)
            memory = self._buffer[: p * m]
            self._last = self.fill(rows, memory.reshape(m, p).T if self.lie_by_rows else memory.reshape(p, m))
            self._held = rows
        return self._last

    def forward(self, coef: np.ndarray, out: Array | None = None) -> Array:
        """Return the predictions (n,) or (k, n), float64, in `out` if given, for coefficients (p,) or (k, p)."""
        coef, intercept = self.to_blocks(coef, np.zeros(coef.shape[:-1]))
        xp = namespace(self.data)
        coef, intercept = (beside(array, self.data) for array in (coef.astype(self.dtype, copy=False), intercept))
        out = xp.empty((*coef.shape[:-1], self.shape[0])) if out is None else out
        for rows in self.slices():
            if self.dtype == out.dtype:
                xp.matmul(coef, self.read(rows), out=out[..., rows])
            else:
                out[..., rows] = coef @ self.read(rows)
            if not self._is_plain:
                out[..., rows] += intercept[..., None]
        return out

    def backward(self, residual: Array) -> Array:
        """Return the sums (p,) or (k, p), float64, of the rows, weighted by residuals (n,) or (k, n)."""
        xp, shape = namespace(residual), residual.shape[:-1]
        sums, total = xp.zeros((*shape, self.shape[1])), xp.zeros(shape)
        for rows in self.slices():
            part = residual[..., rows]
            if part.dtype != self.dtype:
                part = kernels(part).narrow(part, self.dtype)
            sums += part @ self.read(rows).T
            if not self._is_plain:
                total += part.sum(axis=-1, dtype=np.float64)
        return self.from_blocks(sums, total)

    def slices(self) -> list[slice]:
        """Return the slices of a pass: one for all rows, or blocks if rows are centred, or summed in float32."""
        if namespace(self.data) is not np or (self._center is None and self.dtype == np.float64):
            return [slice(0, self.shape[0])]
        return list(slices_of_rows(self.data, 4 * _BLOCK_VALUES if self._center is None else _BLOCK_VALUES))

    def rounded(self, coef: np.ndarray) -> np.ndarray:
        """Return coefficients, rounded as `forward` rounds them, so that a step is exact for the rounded ones."""
        coef = self.to_blocks(coef, np.zeros(coef.shape[:-1]))[0]
        return coef if self._is_plain else coef / self._unit

    def to_blocks(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Convert coefficients (k, p) and intercepts (k,) for use with `row_blocks`."""
        if not self._is_plain:
            coef = np.where(self.alive, coef, 0.0) * self._unit
        if self.dtype != np.float64:
            coef = coef.astype(self.dtype).astype(np.float64)
        return coef, intercept if self._is_plain else intercept - coef @ self._offset

    def from_blocks(self, sums: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Return the sums (k, p) over standardised rows, from the sums of `row_blocks` and of the residuals (k,)."""
        if self._is_plain:
            return sums
        alive, offset, unit = (beside(array, sums) for array in (self.alive, self._offset, self._unit))
        return namespace(sums).where(alive, (sums - total[..., None] * offset) * unit, 0.0)

    def share_unit(self) -> bool:
        """Return whether the columns, in their original units, have similar ranges, like pixels or counts."""
        low, high = dense_extremes(self.data)
        return share_unit(((high - low) * self._unit_of_data)[self.alive])

    def row_blocks(self, size: int) -> list[RowBlock]:
        """Return the rows in blocks of `size`, on a device in one block; the last block that was read stays cached."""
        n = self.shape[0]
        if namespace(self.data) is not np:  # products on a device would copy a slice of the columns
            size = n
        return [DenseBlock(self, slice(start, min(start + size, n))) for start in range(0, n, size)]

    def row_products(self, factor: np.ndarray) -> np.ndarray:
        """Return the Gram matrix (n, n) of the standardised rows, their columns times `factor` (p,), on the host."""
        (n, p), xp = self.shape, namespace(self.data)
        offset, factor = self._to_standardise(factor)
        common = None
        if self._center is None and (np.abs(factor - factor[0]) <= _EQUAL * factor[0]).all():
            common, factor = float(factor[0]), np.ones(p)  # products of the rows as they are, multiplied afterwards
        # At least as many columns as rows, so that adding up the products takes little time beside computing them.
        step = p if common is not None else max(_COLUMNS_OF_PRODUCTS, n, _BLOCK_VALUES // (8 * n))
        products, product, along = xp.zeros((n, n)), xp.empty((n, n)), xp.zeros(n)
        offset, scale = (beside(array, self.data) for array in (offset * factor, factor[:, None]))
        for start in range(0, p, step):
            columns = slice(start, start + step)
            block = self.data[:, columns].T
            if common is None:
                block = self._standardise(block, columns, xp.empty(block.shape[::-1]).T, scale[columns])
            products += xp.matmul(block.T, block, out=product)
            along += offset[columns] @ block
        if not self._is_plain:
            products -= along[:, None]
            products -= along - offset @ offset
        if common is not None:
            products *= common**2
        return to_host(products)

    def dense_rows(self) -> np.ndarray:
        """Return the standardised rows (n, p), float64, on the host."""
        offset, factor = self._to_standardise(np.ones(self.shape[1]))
        rows = self.fill(slice(0, self.shape[0]), namespace(self.data).empty(self.shape).T)
        return (to_host(rows).T - offset) * factor

    def _to_standardise(self, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return offset and factor (p,) that convert the rows :math:`z` to standardised rows, times `factor`."""
        if self._is_plain:
            return np.zeros_like(factor), factor
        return self._offset, np.where(self.alive, factor * self._unit, 0.0)


class DenseBlock:
    """A block of rows of `DenseColumns`; see `RowBlock`."""

    def __init__(self, columns: DenseColumns, rows: slice) -> None:
        self.rows, self._columns = rows, columns

    def forward(self, coef: np.ndarray) -> Array:
        """Return the predictions (k, rows) for coefficients (k, p), in the dtype of the data."""
        block = self._columns.read(self.rows)
        return beside(coef.astype(block.dtype, copy=False), block) @ block

    def backward(self, residual: Array) -> np.ndarray:
        """Return the sums (k, p) of the rows, weighted by residuals (k, rows)."""
        return to_host(residual @ self._columns.read(self.rows).T)
