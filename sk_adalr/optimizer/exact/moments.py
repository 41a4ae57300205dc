r"""Means and scatter matrix of the columns of features and targets, and the other passes that a factorisation needs.

Rows are read in blocks that stay in cache, as float64 and relative to an origin near their mean, so that neither an
offset nor float32 costs digits, and the data is never copied as a whole. Dense and sparse rows give the same results.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import numpy as np
from scipy import sparse

from sk_adalr.backends import Array, beside, is_sparse, namespace, to_host

# Values per block: 2 MiB on the host, for its second-level cache, more on a device; and the least number of rows.
_BLOCK, _DEVICE_BLOCK, _MIN_ROWS = 1 << 18, 1 << 25, 256
# Number of rows whose mean is the first origin.
_FIRST_ROWS = 32
# Mean squares within these limits have neither underflowed nor overflowed.
_LEAST, _LARGEST = 1e-140, 1e140
# A mean this many standard deviations from the origin costs two digits of the products: they are recomputed.
_FAR = 10.0
# Time of a multiplication in a sparse product relative to one in a dense product.
_SPARSE_COST = 100.0


@dataclass(frozen=True)
class Moments:
    """Weighted means and scatter matrix of the columns, in units that keep squares in the range of float64.

    Attributes
    ----------
    unit : ndarray (q,)
        Powers of two; 1 unless squares would underflow or overflow.
    mean : ndarray (q,)
        In these units; zeros if the columns are not centred.
    scatter : ndarray (q, q)
        Weighted mean of the products of the centred columns, in these units.
    origin : ndarray (q,)
        Subtracted from the rows as they are read, in these units.
    """

    unit: np.ndarray
    mean: np.ndarray
    scatter: np.ndarray
    origin: np.ndarray


class Rows(Protocol):
    """Interface to rows of p features and k targets side by side, (n, q), with weights of mean 1, as sums over them.

    Attributes
    ----------
    shape : (n, q)
    n_features : int
    dtypes : (dtype, dtype)
        Of features and of targets: they set the level of round-off error.
    """

    shape: tuple[int, int]
    n_features: int
    dtypes: tuple[np.dtype, np.dtype]

    def first_origin(self, unit: np.ndarray) -> np.ndarray:
        """Return an origin (q,) near the mean, in units of `unit` (q,); for a constant column it is the constant."""
        ...

    def origin_near(self, mean: np.ndarray) -> np.ndarray:
        """Return the origin (q,) nearest to the mean that `products` supports."""
        ...

    def products(self, unit: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the weighted sums (q,) of the columns and of their products (q, q), relative to an origin."""
        ...

    def peaks(self, origin: np.ndarray) -> np.ndarray:
        """Return the largest distance (q,) of each column from an origin."""
        ...

    def residual_products(
        self, moments: Moments, scale: np.ndarray, coef: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums (k, p) of features times residuals and (k,) of squared residuals.

        Features and targets are centred and divided by `scale` (q,); `coef` (k, p) applies to these features.
        """
        ...

    def squares_along(self, moments: Moments, scale: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Return the weighted sums (m,) of the squared projections of standardised features on directions (m, p)."""
        ...

    def triangular_factor(self, moments: Moments, scale: np.ndarray) -> np.ndarray:
        """Return R (r, q), r <= q, of the QR factorisation of all weighted columns, centred and divided by `scale`."""
        ...


class RowsInMemory(Rows, Protocol):
    """Rows that can also be iterated over, not only summed."""

    def standardised_blocks(self, moments: Moments, scale: np.ndarray) -> Iterator[Array]:
        """Yield blocks (rows, q), centred, divided by `scale` and multiplied by the square roots of the weights."""
        ...


def rows_of(X: Any, target: Array, weight: Array | None) -> RowsInMemory:
    """Wrap X (n, p), dense or CSR, target (n, k) and weight (n,) of mean 1, or None, as `Rows`."""
    if is_sparse(X) and has_sparse_products(X):
        return _SparseRows(X, target, weight)
    return _DenseRows(X, target, weight)


def has_sparse_products(X: Any) -> bool:
    """Return whether X.T @ X of a CSR matrix is faster as a sparse product than as a dense one."""
    n, p = X.shape
    return _SPARSE_COST * n_sparse_multiplications(X) < n * p**2


def n_sparse_multiplications(X: Any) -> float:
    """Return the number of multiplications in the sparse product X.T @ X of a CSR matrix."""
    return float((np.diff(X.indptr).astype(np.float64) ** 2).sum())


def stacked_factor(factor: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the triangular factor (r, q), r <= q, of `rows` stacked below another triangular factor."""
    return np.asarray(np.linalg.qr(np.vstack([factor, rows]), mode="r"))


def joint_moments(rows: Rows, centre: bool) -> Moments:
    """Return the moments of all columns, in one pass over the data unless units or offsets are extreme."""
    q = rows.shape[1]
    unit = np.ones(q)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        moments = _moments_around_first(rows, unit, centre)
        square = moments.scatter.diagonal()
        is_safe = (square > _LEAST) & (square < _LARGEST)
    if not is_safe.all():
        peak = rows.peaks(moments.origin)
        unsafe = ~is_safe & (peak > 0)
        if unsafe.any():
            unit[unsafe] = 2.0 ** np.round(np.log2(peak[unsafe]))
            moments = _moments_around_first(rows, unit, centre)
    if (np.abs(moments.mean - moments.origin) > _FAR * np.sqrt(moments.scatter.diagonal())).any() and centre:
        return _moments_around(rows, unit, rows.origin_near(moments.mean))
    return moments


def _moments_around_first(rows: Rows, unit: np.ndarray, centre: bool) -> Moments:
    if centre:
        return _moments_around(rows, unit, rows.first_origin(unit))
    origin = np.zeros(len(unit))
    return Moments(unit, origin, rows.products(unit, origin)[1] / rows.shape[0], origin)


def _moments_around(rows: Rows, unit: np.ndarray, origin: np.ndarray) -> Moments:
    total, products = rows.products(unit, origin)
    shift, scatter = total / rows.shape[0], products / rows.shape[0]
    scatter -= np.outer(shift, shift)
    diagonal = np.einsum("ii->i", scatter)
    np.maximum(diagonal, 0.0, out=diagonal)
    return Moments(unit, origin + shift, scatter, origin)


class _DenseRows:
    """Rows that are converted to dense blocks as they are read; see `Rows`."""

    def __init__(self, X: Any, target: Array, weight: Array | None) -> None:
        self._X, self._target, self._weight = X, target, weight
        self.n_features, self.dtypes = X.shape[1], (X.dtype, target.dtype)
        self.shape = X.shape[0], X.shape[1] + target.shape[1]

    def first_origin(self, unit: np.ndarray) -> np.ndarray:
        few = _DenseRows(self._X[:_FIRST_ROWS], self._target[:_FIRST_ROWS], None)
        _, block = next(few._blocks(unit, np.zeros(len(unit))))
        first = block[0].copy()
        block -= first
        return to_host(first + block.mean(axis=0))

    def origin_near(self, mean: np.ndarray) -> np.ndarray:
        return mean

    def products(self, unit: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        xp, q = namespace(self._target), self.shape[1]
        total, products = xp.zeros(q), xp.zeros((q, q))
        for weight, block in self._blocks(unit, origin):
            total += (xp.ones(len(block)) if weight is None else weight) @ block
            if weight is not None:
                block *= xp.sqrt(weight)[:, None]
            products += block.T @ block
        return to_host(total), to_host(products)

    def peaks(self, origin: np.ndarray) -> np.ndarray:
        unit = np.ones(self.shape[1])
        return np.max([to_host(abs(block).max(axis=0)) for _, block in self._blocks(unit, origin)], axis=0)

    def residual_products(
        self, moments: Moments, scale: np.ndarray, coef: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        xp, p = namespace(self._target), self.n_features
        grad, squares = xp.zeros(coef.shape), xp.zeros(len(coef))
        coef = xp.asarray(coef)
        for block in self.standardised_blocks(moments, scale):
            residual = block[:, p:] - block[:, :p] @ coef.T
            grad += residual.T @ block[:, :p]
            squares += (residual**2).sum(axis=0)
        return to_host(grad), to_host(squares)

    def squares_along(self, moments: Moments, scale: np.ndarray, directions: np.ndarray) -> np.ndarray:
        along = beside(directions.T, self._target)
        squares = namespace(along).zeros(len(directions))
        for block in self.standardised_blocks(moments, scale):
            squares += ((block[:, : self.n_features] @ along) ** 2).sum(axis=0)
        return to_host(squares)

    def triangular_factor(self, moments: Moments, scale: np.ndarray) -> np.ndarray:
        blocks = self.standardised_blocks(moments, scale)
        return reduce(stacked_factor, map(to_host, blocks), np.zeros((0, self.shape[1])))

    def standardised_blocks(self, moments: Moments, scale: np.ndarray) -> Iterator[Array]:
        xp = namespace(self._target)
        factor = xp.asarray(1.0 / scale)
        for weight, block in self._blocks(moments.unit, moments.mean):
            block *= factor
            if weight is not None:
                block *= xp.sqrt(weight)[:, None]
            yield block

    def _blocks(self, unit: np.ndarray, origin: np.ndarray) -> Iterator[tuple[Array | None, Array]]:
        """Yield weights and rows minus an origin, in a buffer that is reused for every block."""
        (n, q), p, xp = self.shape, self.n_features, namespace(self._target)
        # At least as many rows as columns: adding up the products then costs little compared with computing them.
        size = min(n, max(_MIN_ROWS, q, (_BLOCK if xp is np else _DEVICE_BLOCK) // q))
        buffer = xp.empty((size, q))
        origin, factor = xp.asarray(origin), xp.asarray(1.0 / unit)
        for start in range(0, n, size):
            rows = slice(start, min(start + size, n))
            block, features = buffer[: rows.stop - start], self._X[rows]
            block[:, :p] = features.toarray() if is_sparse(features) else features
            block[:, p:] = self._target[rows]
            if (unit != 1).any():
                block *= factor
            block -= origin
            yield None if self._weight is None else self._weight[rows], block


class _SparseRows:
    """CSR rows with few entries, summed by sparse products; see `Rows`.

    Only features with an entry in every row have an origin other than 0, so that subtracting it keeps the sparsity.
    """

    def __init__(self, X: Any, target: np.ndarray, weight: np.ndarray | None) -> None:
        n, p = X.shape
        self._dense = _DenseRows(X, target, weight)
        self._X, self._target = sparse.csr_array(X, dtype=np.float64), target.astype(np.float64)
        self._weight = np.ones(n) if weight is None else weight
        self._has_origin = np.append(np.bincount(X.indices, minlength=p) == n, np.ones(target.shape[1], bool))
        self.shape, self.n_features, self.dtypes = self._dense.shape, p, self._dense.dtypes
        self.peaks, self.squares_along = self._dense.peaks, self._dense.squares_along
        self.triangular_factor = self._dense.triangular_factor
        self.standardised_blocks = self._dense.standardised_blocks

    def first_origin(self, unit: np.ndarray) -> np.ndarray:
        return self.origin_near(np.append(self._X[[0]].toarray(), self._target[0]) / unit)

    def origin_near(self, mean: np.ndarray) -> np.ndarray:
        return np.where(self._has_origin, mean, 0.0)

    def products(self, unit: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        X, target = self._around(unit, origin)
        heavy, heavy_target = sparse.diags_array(self._weight) @ X, self._weight[:, None] * target
        cross = X.T @ heavy_target
        total = np.append(heavy.sum(axis=0), heavy_target.sum(axis=0))
        return total, np.block([[(X.T @ heavy).toarray(), cross], [cross.T, target.T @ heavy_target]])

    def residual_products(
        self, moments: Moments, scale: np.ndarray, coef: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        p = self._X.shape[1]
        X, target = self._around(moments.unit, moments.origin)
        shift, scale, target_scale = (moments.mean - moments.origin), scale[:p], scale[p:]
        raw = coef / scale
        residual = (target - shift[p:]) / target_scale - X @ raw.T + raw @ shift[:p]
        heavy = self._weight[:, None] * residual
        grad = ((X.T @ heavy).T - np.outer(heavy.sum(axis=0), shift[:p])) / scale
        return grad, (heavy * residual).sum(axis=0)

    def _around(self, unit: np.ndarray, origin: np.ndarray) -> tuple[Any, np.ndarray]:
        """Return features and target minus an origin."""
        X, p = self._X, self._X.shape[1]
        entries = X.data / unit[X.indices] - origin[X.indices]
        return sparse.csr_array((entries, X.indices, X.indptr), X.shape), self._target / unit[p:] - origin[p:]
