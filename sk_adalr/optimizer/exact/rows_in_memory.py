"""Rows in memory and the passes over them that a factorisation needs.

Rows are read in blocks that stay in cache, as float64 and relative to an origin near their mean, so that neither an
offset nor float32 costs digits, and the data is never copied as a whole. Dense and sparse rows give the same results.
"""

from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np
from scipy import sparse

from sk_adalr.backends import Array, beside, is_sparse, namespace, to_host
from sk_adalr.optimizer.exact.moments import Moments, RowsInMemory, stacked_factor
from sk_adalr.rows import SelectedRows

# Values per block: 1 MiB on the host, for its second-level cache, more on a device.
_BLOCK, _DEVICE_BLOCK = 1 << 17, 1 << 25
# Least number of rows per block, and per column if rows are copied or not: adding up the products then costs little.
_MIN_ROWS, _COPIED_PER_COLUMN, _READ_PER_COLUMN = 256, 1, 4
# Number of rows whose mean is the first origin.
_FIRST_ROWS = 32
# Sum of squared means of all columns, in their standard deviations, that costs a digit at most, as they add up in
# products with coefficients: the origin is then 0, and rows are read as they are.
_NEAR = 4.0
# Time of a multiplication in a sparse product relative to one in a dense product.
_SPARSE_COST = 100.0


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


def _is_plain(X: Any) -> bool:
    """Return whether X need not be converted. In another memory order, the result would differ by round-off error."""
    return type(X) is not SelectedRows and not is_sparse(X) and X.dtype == np.float64 and X.flags.c_contiguous


class _DenseRows:
    """Rows that are converted to dense blocks as they are read; see `Rows`."""

    def __init__(self, X: Any, target: Array, weight: Array | None) -> None:
        self._X, self._target, self._weight = X, target, weight
        self.n_features, self.dtypes = X.shape[1], (X.dtype, target.dtype)
        self.shape = X.shape[0], X.shape[1] + target.shape[1]

    def first_origin(self, unit: np.ndarray) -> np.ndarray:
        few = _DenseRows(self._X[:_FIRST_ROWS], self._target[:_FIRST_ROWS], None)
        block = to_host(next(few._joint_blocks(unit, np.zeros(len(unit))))[1])
        rest = block - block[0]
        mean, deviation, p = block[0] + rest.mean(axis=0), rest.std(axis=0), self.n_features
        offset = np.divide(mean, deviation, out=np.where(mean == 0, 0.0, np.inf), where=deviation > 0)[:p]
        if offset @ offset <= _NEAR + 2 * p / len(block):  # means of so few rows are not 0 by chance
            mean[:p] = 0.0
        return mean

    def origin_near(self, mean: np.ndarray) -> np.ndarray:
        return mean

    def products(self, unit: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        xp, q, p = namespace(self._target), self.shape[1], self.n_features
        total, products, product = xp.zeros(q), xp.zeros((q, q)), xp.empty((p, p))
        for weight, block, target in self._blocks(unit, origin):
            root = xp.ones(len(block)) if weight is None else xp.sqrt(weight)
            if weight is not None:
                block, target = block * root[:, None], target * root[:, None]
            total[:p] += root @ block
            total[p:] += root @ target
            products[:p, :p] += xp.matmul(block.T, block, out=product)
            products[:p, p:] += block.T @ target
            products[p:, p:] += target.T @ target
        products[p:, :p] = products[:p, p:].T
        return to_host(total), to_host(products)

    def peaks(self, origin: np.ndarray) -> np.ndarray:
        unit = np.ones(self.shape[1])
        return np.max([to_host(abs(block).max(axis=0)) for _, block in self._joint_blocks(unit, origin)], axis=0)

    def residual_products(
        self, moments: Moments, scale: np.ndarray, coef: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        xp, p = namespace(self._target), self.n_features
        grad, squares = xp.zeros(coef.shape), xp.zeros(len(coef))
        raw, target_scale = xp.asarray(coef / scale[:p]), xp.asarray(scale[p:])
        for weight, block, target in self._blocks(moments.unit, moments.mean):
            residual = target / target_scale - block @ raw.T
            heavy = residual if weight is None else weight[:, None] * residual
            grad += heavy.T @ block
            squares += (heavy * residual).sum(axis=0)
        return to_host(grad) / scale[:p], to_host(squares)

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
        for weight, block in self._joint_blocks(moments.unit, moments.mean):
            block *= factor
            if weight is not None:
                block *= xp.sqrt(weight)[:, None]
            yield block

    def _joint_blocks(self, unit: np.ndarray, origin: np.ndarray) -> Iterator[tuple[Array | None, Array]]:
        """Yield weights and new blocks of features and targets side by side, minus an origin."""
        for weight, *columns in self._blocks(unit, origin):
            yield weight, namespace(self._target).concatenate(columns, axis=1)

    def _blocks(self, unit: np.ndarray, origin: np.ndarray) -> Iterator[tuple[Array | None, Array, Array]]:
        """Yield weights, features and targets, minus an origin, which must not be changed.

        Features that need no change are those of X, others are in a buffer that is reused for every block.
        """
        (n, q), p, xp = self.shape, self.n_features, namespace(self._target)
        has_unit, has_origin = bool((unit != 1).any()), bool(origin[:p].any())
        is_copied = has_unit or has_origin or not _is_plain(self._X)
        least = max(_MIN_ROWS, q * (_COPIED_PER_COLUMN if is_copied else _READ_PER_COLUMN))
        size = min(n, max(least, (_BLOCK if xp is np else _DEVICE_BLOCK) // q))
        buffer = xp.empty((size, p)) if is_copied else None
        origin, factor = xp.asarray(origin), xp.asarray(1.0 / unit)
        for start in range(0, n, size):
            rows = slice(start, min(start + size, n))
            features = self._X[rows]
            if buffer is not None:
                block = buffer[: rows.stop - start]
                block[...] = features.toarray() if is_sparse(features) else features
                if has_unit:
                    block *= factor[:p]
                if has_origin:
                    block -= origin[:p]
                features = block
            target = self._target[rows] * factor[p:] - origin[p:]
            yield None if self._weight is None else self._weight[rows], features, target


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
