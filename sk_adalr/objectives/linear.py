r"""Columns of a linear predictor, centred and scaled once, for full passes over the data.

With the column means :math:`\mu` and scales :math:`\sigma` the predictor is

.. math:: u = X w + b = \tilde X \tilde w + \tilde b, \qquad
          \tilde X = (X - 1\mu^T)\,\mathrm{diag}(1/\sigma), \quad
          \tilde w = \sigma w, \quad \tilde b = b + \mu^T w.

A solver that sees only :math:`\tilde X` is blind to the offsets and units of the columns. Data stays as it is where
it can be, and both corrections are applied to the vectors that enter and leave a pass. Dense data whose offsets would
cost digits, or of few columns, is standardised in a copy, which costs as much as twenty passes and brings it into the
layout in which passes over few columns run at memory speed.

Where the data lie on a device, so does all that has an entry per row. What has an entry per column, coefficients,
gradients, means and scales, is the host's: a pass moves one such vector in and one out.
"""

from copy import copy

import numpy as np
from scipy import sparse

from sk_adalr.backends import beside, csr, is_sparse, least_probability, namespace, to_host

# Values per block of in-cache work: 256 KiB of float64.
_CACHE_VALUES = 32_768
# The same on a device, which needs many to be busy.
_DEVICE_VALUES = 1 << 24
# From so many columns on, blocks of float32 rows are multiplied twice as fast where they are stored row after row, in
# parts of about as many multiplications, which OpenBLAS makes without packing, if those are not too few rows.
_MANY_COLUMNS, _SMALL_PRODUCT, _LEAST_ROWS = 256, 1_000_000, 16
# Values that are transposed at a time: as many rows as the second-level cache holds, for each column is then written
# in long pieces.
_TRANSPOSED_VALUES = 1 << 18
# Columns whose ranges differ by no more than this factor (between the 10th percentile and the largest) are in one
# unit: the rule by which mini-batch training standardises.
_SAME_UNIT_RATIO = 4.0
# Rows of fewer columns are multiplied in a third of the time column after column; blocks of them, of fewer than many.
_FEW_COLUMNS = 20
# Means of columns up to so many standard deviations are small.
_LARGEST_OFFSET = {"f": 3.0, "d": 30.0}
# Squares of numbers above the first, and below its inverse, are safe. Columns with more entries than this share of
# the rows may be constant.
_SAFE_LEAST, _FULL = 1e-100, 1.0 - 1e-6


class Columns:
    r"""What dense and sparse columns share: the change of coordinates.

    Attributes
    ----------
    shape : (n, p)
    n_entries : int
        Number of entries that are stored.
    mean : ndarray (p,), float64
        :math:`\mu`; zeros where the columns are not centred.
    scale : ndarray (p,), float64
        :math:`\sigma > 0`: the root mean square of the (centred) column.
    alive : ndarray (p,), bool
        False for columns that carry no information: constant if centred, zero if not.
    """

    def to_raw(self, coef, intercept):
        """Coefficients (k, p) and intercepts (k,) of the columns as the caller gave them."""
        raw = coef / self.scale
        return raw, intercept - raw @ self.mean

    def from_raw(self, coef, intercept):
        """Inverse of `to_raw`."""
        return np.where(self.alive, coef * self.scale, 0.0), intercept + coef @ self.mean

    def to_blocks(self, coef, intercept):
        """Coefficients (k, p) and intercepts (k,) as `row_blocks` need them."""
        return coef, intercept

    def from_blocks(self, sums, total):
        """Sums (k, p) of the standardised rows, from those of `row_blocks` and of the residuals (k,)."""
        return sums

    def share_unit(self):
        """Whether the columns look like pixels or counts: ranges that differ little."""
        ranges = self._ranges()[self.alive]
        if ranges.size < 2:
            return False
        # numpy.quantile takes ten times as long, which tells where a fit takes a millisecond.
        tenth = np.interp(0.1 * (ranges.size - 1), np.arange(ranges.size), np.sort(ranges))
        return bool(ranges.max() <= _SAME_UNIT_RATIO * tenth)


class DenseColumns(Columns):
    r"""Standardised copy of a dense matrix in the dtype of `X`, column after column until `row_blocks` stores rows so.

    Parameters
    ----------
    X : ndarray (n, p), float32 or float64, any memory order
    weight : ndarray (n,) or None
        Sample weights with mean 1; None for equal weights.
    centre : bool
        Whether to subtract the weighted column means.
    """

    def __init__(self, X, weight, centre):
        self.shape = n, p = X.shape
        self.dtype, self.n_entries = X.dtype, n * p
        xp = namespace(X)
        self.data = xp.empty((p, n), X.dtype)
        self.mean, self.scale = np.zeros(p), np.ones(p)
        # Around the first value a constant column is exactly zero and an offset costs no digits.
        first = X[0].copy() if centre else None
        _transpose_into(X, self.data, first)
        weight = None if weight is None else weight.astype(X.dtype)
        step = max(1, (_CACHE_VALUES if xp is np else _DEVICE_VALUES) // max(n, 1))
        for start in range(0, p, step):
            columns = slice(start, start + step)
            block = self.data[columns]
            if centre:
                self.mean[columns] = _centre(block, weight, first[columns])
            self.scale[columns] = _normalise(block, weight)
        self.alive = self.scale > 0
        self.scale[~self.alive] = 1.0

    def forward(self, coef):
        """Predictions (n,) or (k, n), float64, of coefficients (p,) or (k, p)."""
        coef = beside(coef.astype(self.dtype, copy=False), self.data)
        return (coef @ self.data).astype(np.float64, copy=False)

    def backward(self, residual):
        """Sums (p,) or (k, p), float64, of the rows weighted by residuals (n,) or (k, n)."""
        return self._sums(self._in_dtype(residual))

    def _in_dtype(self, residual):
        if residual.dtype == self.dtype:
            return residual
        residual = residual.astype(self.dtype)
        # Next to the smallest number arithmetic is up to fifty times slower.
        residual[abs(residual) < least_probability(self.dtype)] = 0.0
        return residual

    def _sums(self, residual):
        product = self.data @ residual if residual.ndim == 1 else residual @ self.data.T
        return to_host(product.astype(np.float64, copy=False))

    def rounded(self, coef):
        """Coefficients as `forward` sees them: a step is only exact in the numbers it was computed with."""
        return coef.astype(self.dtype).astype(np.float64) if self.dtype != np.float64 else coef

    def _ranges(self):
        return to_host(self.data.max(axis=1) - self.data.min(axis=1)) * self.scale

    def row_blocks(self, size):
        """Blocks of `size` rows, more on a device, for passes in which predictions need not outlive their block."""
        n, p = self.shape
        on_host = namespace(self.data) is np
        size = size if on_host else max(size, _DEVICE_VALUES // max(1, p))
        blocks = [slice(start, min(start + size, n)) for start in range(0, n, size)]
        if on_host and self.dtype == np.float32 and p >= _MANY_COLUMNS:
            self._store_by_rows()
            return [_RowBlock(self.data.T, rows) for rows in blocks]
        return [_DenseBlock(self.data, rows) for rows in blocks]

    def _store_by_rows(self):
        """Store `data` row after row: blocks of them are then contiguous, and multiplied in half the time."""
        p, n = self.data.shape
        data = np.empty((n, p), self.dtype)
        for rows in _rows_to_transpose(n, p):
            data[rows] = self.data[:, rows].T
        self.data = data.T


class UnscaledColumns(DenseColumns):
    """The columns of X (n, p) as they are, without a copy, for a solver that their units do not disturb."""

    def __init__(self, X):
        self.shape, self.dtype, self.n_entries = X.shape, X.dtype, X.size
        self.data = X.T
        p = X.shape[1]
        self.mean, self.scale, self.alive = np.zeros(p), np.ones(p), np.ones(p, bool)


class ImplicitColumns(DenseColumns):
    r"""The columns of C-contiguous X (n, p), centred and scaled implicitly, as sparse ones: without a copy.

    Parameters
    ----------
    X : ndarray (n, p), float32 or float64
    mean, square : ndarray (p,), float64
        Weighted means and mean squares of the columns, see `column_moments`, which `are_safe`.
    centre : bool
        Whether to subtract the means.
    """

    def __init__(self, X, mean, square, centre):
        self.shape, self.dtype, self.n_entries = X.shape, X.dtype, X.size
        self.data = X.T
        self.mean = mean if centre else np.zeros(len(mean))
        deviation = np.sqrt(square - self.mean**2)
        self.alive = deviation > 0
        self.scale = np.where(self.alive, deviation, 1.0)

    def forward(self, coef):
        """Predictions (n,) or (k, n), float64, of coefficients (p,) or (k, p)."""
        raw = self._unscaled(coef)
        predictions = super().forward(raw)
        predictions -= raw @ self.mean if coef.ndim == 1 else (raw @ self.mean)[:, None]
        return predictions

    def backward(self, residual):
        """Sums (p,) or (k, p), float64, of the rows weighted by residuals (n,) or (k, n)."""
        residual = self._in_dtype(residual)
        return self.from_blocks(self._sums(residual), residual.sum(axis=-1, dtype=np.float64))

    def rounded(self, coef):
        """Coefficients as `forward` sees them."""
        return self._unscaled(coef) * self.scale

    def _ranges(self):
        return (self.data.max(axis=1) - self.data.min(axis=1)).astype(np.float64)

    def to_blocks(self, coef, intercept):
        """Coefficients (k, p) and intercepts (k,) as `row_blocks` need them."""
        raw = self._unscaled(coef)
        return raw, intercept - raw @ self.mean

    def from_blocks(self, sums, total):
        """Sums (k, p) of the standardised rows, from those of `row_blocks` and of the residuals (k,)."""
        return np.where(self.alive, (sums - np.multiply.outer(total, self.mean)) / self.scale, 0.0)

    def _unscaled(self, coef):
        """Coefficients of the columns as they are, in numbers of their dtype."""
        return super().rounded(np.where(self.alive, coef, 0.0) / self.scale)


class _DenseBlock:
    """Some rows of `DenseColumns`."""

    def __init__(self, data, rows):
        self.rows, self._data = rows, data[:, rows]

    def forward(self, coef):
        """Predictions (k, rows) of coefficients (k, p), in the dtype of the data."""
        return beside(coef.astype(self._data.dtype, copy=False), self._data) @ self._data

    def backward(self, residual):
        """Sums (k, p) over the rows of the block."""
        return to_host(residual @ self._data.T)


class _RowBlock:
    """The same of data (n, p) that are stored row after row, in parts that make small products."""

    def __init__(self, data, rows):
        self.rows, self._data = rows, data[rows]

    def forward(self, coef):
        """Predictions (k, rows) of coefficients (k, p), in the dtype of the data."""
        coef = np.ascontiguousarray(coef.T, dtype=self._data.dtype)
        predictions = np.empty((coef.shape[1], len(self._data)), coef.dtype)
        for part in self._parts(coef.shape[1]):
            predictions[:, part] = (self._data[part] @ coef).T
        return predictions

    def backward(self, residual):
        """Sums (k, p) over the rows of the block."""
        return sum(residual[:, part] @ self._data[part] for part in self._parts(len(residual)))

    def _parts(self, k):
        n, p = self._data.shape
        size = _SMALL_PRODUCT // (p * k)
        size = size if size >= _LEAST_ROWS else n
        return [slice(start, start + size) for start in range(0, n, size)]


class SparseColumns(Columns):
    """CSR columns, centred and scaled implicitly; parameters as for `DenseColumns`."""

    def __init__(self, X, weight, centre):
        self.shape = n, p = X.shape
        # Products of mixed precision would copy the data in every pass; indices dominate the traffic anyway.
        host = sparse.csr_array(to_host(X), dtype=np.float64)
        self.n_entries = host.nnz
        # Data on a device do not come back to it: only the statistics below are the host's.
        on_host = namespace(X) is np
        self.data = host if on_host else csr((X.data.astype(np.float64), X.indices, X.indptr), X.shape)
        self.transposed = self.data.T
        entries, indices = host.data, host.indices
        entry_weight = None if weight is None else np.repeat(to_host(weight), np.diff(host.indptr))
        present = np.bincount(indices, entry_weight, p) / n
        # In units of its peak a constant column is all ones, and its mean free of rounding.
        peak = None if _squares_are_safe(entries) and not (present > _FULL).any() else _peaks(entries, indices, p)
        relative = entries if peak is None else entries / peak[indices]

        def column_means(values):
            return np.bincount(indices, values if weight is None else values * entry_weight, p) / n

        mean = column_means(relative) if centre else np.zeros(p)
        spread = relative - mean[indices]
        spread *= spread
        deviation = np.sqrt(column_means(spread) + mean**2 * np.maximum(1.0 - present, 0.0))
        # A constant column keeps the rounding error of its mean.
        self.alive = deviation > 16 * np.finfo(np.float64).eps * np.abs(mean)
        self.scale, self.mean = np.where(self.alive, deviation, 1.0), mean
        if peak is not None:
            self.scale, self.mean = self.scale * peak, self.mean * peak
        self._shift = self.mean / self.scale

    def forward(self, coef):
        """Predictions (n,) or (k, n) of coefficients (p,) or (k, p)."""
        coef = np.where(self.alive, coef, 0.0)
        shift = coef @ self._shift
        product = self.data @ beside((coef / self.scale).T, self.data)
        if coef.ndim == 1:
            return product - shift
        return namespace(product).ascontiguousarray(product.T) - beside(shift[:, None], product)

    def backward(self, residual):
        """Sums (p,) or (k, p) of the rows weighted by residuals (n,) or (k, n)."""
        if residual.ndim == 1:
            total = to_host(self.transposed @ residual) / self.scale - to_host(residual.sum()) * self._shift
        else:
            total = to_host(self.transposed @ residual.T).T / self.scale
            total -= np.outer(to_host(residual.sum(1)), self._shift)
        return np.where(self.alive, total, 0.0)

    def rounded(self, coef):
        """Coefficients as `forward` sees them."""
        return coef

    def _ranges(self):
        host = to_host(self.data)
        return (host.max(axis=0) - host.min(axis=0)).toarray().ravel()

    def row_blocks(self, size):
        """Blocks of `size` rows that share the memory of the data; one block on a device."""
        n = self.shape[0]
        if namespace(self.data) is not np:
            return [_WholeBlock(self)]
        return [_SparseBlock(self, slice(start, min(start + size, n))) for start in range(0, n, size)]


class _WholeBlock:
    """All rows of `SparseColumns`."""

    def __init__(self, columns):
        self.rows = slice(0, columns.shape[0])
        self.forward, self.backward = columns.forward, columns.backward


class _SparseBlock:
    """Some rows of `SparseColumns`."""

    def __init__(self, columns, rows):
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

    def forward(self, coef):
        """Predictions (k, rows) of coefficients (k, p)."""
        return self._block.forward(coef)

    def backward(self, residual):
        """Sums (k, p) over the rows of the block."""
        return self._block.backward(residual)


def standardised_columns(X, weight=None, centre=True):
    """`DenseColumns` or `SparseColumns` of X (n, p); weight (n,) has mean 1, or is None."""
    kind = SparseColumns if is_sparse(X) else DenseColumns
    return kind(X, weight, centre)


def columns_in_place(X, weight=None, centre=True, by_blocks=False):
    """The same without a copy of X, `ImplicitColumns`, where that costs neither digits nor time.

    `by_blocks` says whether the passes will be over ``row_blocks``.
    """
    few = _MANY_COLUMNS if by_blocks else _FEW_COLUMNS
    if namespace(X) is np and not is_sparse(X) and X.flags.c_contiguous and X.shape[1] >= few:
        mean, square = column_moments(X, weight)
        if are_safe(X, mean if centre else 0.0, square):
            return ImplicitColumns(X, mean, square, centre)
    return standardised_columns(X, weight, centre)


def column_moments(X, weight=None):
    """Weighted means and mean squares (p,), float64, of the columns of X (n, p); weight (n,) has mean 1, or is None.

    Sums in the dtype of X are those of a few rows only.
    """
    n, p = X.shape
    xp = namespace(X)
    weight = xp.ones(n, X.dtype) if weight is None else weight.astype(X.dtype)
    total, square = xp.zeros(p), xp.zeros(p)
    size = max(1, (_CACHE_VALUES if xp is np else _DEVICE_VALUES) // max(1, p))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for start in range(0, n, size):
            rows = slice(start, start + size)
            block = X[rows]
            total += weight[rows] @ block
            square += weight[rows] @ (block * block)
    return to_host(total) / n, to_host(square) / n


def are_safe(X, mean, square):
    """Whether the columns of X (n, p) vary by not much less than they are large, or are zero, given their moments.

    Sums over them then lose no digits. Nor may products with them overflow or vanish.
    """
    limits = np.finfo(X.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        is_small = mean**2 <= _LARGEST_OFFSET[X.dtype.char] ** 2 * (square - mean**2)
    is_small &= (square > limits.tiny**0.5) & (square < limits.max**0.5)
    # A square that is zero has vanished unless all of its column is zero.
    suspect = ~is_small & (square == 0)
    if not (is_small | suspect).all():
        return False
    return not to_host(X[:, beside(np.flatnonzero(suspect), X)].any())


def _squares_are_safe(entries):
    """Whether the squares of all entries neither vanish nor overflow."""
    magnitudes = np.abs(entries)
    return bool(magnitudes.min(initial=1.0) > _SAFE_LEAST and magnitudes.max(initial=1.0) < 1.0 / _SAFE_LEAST)


def _peaks(entries, indices, p):
    """Largest magnitude (p,) of the entries of every column, 1 if it has none."""
    peak = np.zeros(p)
    np.maximum.at(peak, indices, np.abs(entries))
    peak[peak == 0] = 1.0
    return peak


def _transpose_into(X, out, offset):
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


def _rows_to_transpose(n, p):
    size = max(16, _TRANSPOSED_VALUES // max(1, p))
    return [slice(start, start + size) for start in range(0, n, size)]


def _centre(block, weight, first):
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


def _normalise(block, weight):
    """Divide the rows of block by their root mean squares in place; return these, 0 for rows of zeros."""
    n, xp = block.shape[1], namespace(block)
    with np.errstate(over="ignore", under="ignore"):
        square = (
            xp.einsum("ij,ij->i", block, block) if weight is None else xp.einsum("ij,ij,j->i", block, block, weight)
        )
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
