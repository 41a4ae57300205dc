"""Rows that are not all in memory at once: of memory maps, read block by block, and some of them, without a copy."""

import math
import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils.extmath import safe_sparse_dot

from sk_adalr.backends import is_sparse, namespace

#: Values of in-cache work at a time: 256 KiB of float64. The same on a device, which needs many to be busy.
CACHE_VALUES, DEVICE_VALUES = 1 << 15, 1 << 24

# Bytes up to which a memory map is copied like any array, where that is faster.
_SMALL_MAP = 1 << 22


class SelectedRows:
    """Some rows of a dense matrix, which are gathered as they are read: a slice of them is an array.

    Parameters
    ----------
    X : ndarray (n, p)
    index : ndarray (m,), int
        The rows, in increasing order.
    """

    def __init__(self, X: np.ndarray, index: np.ndarray) -> None:
        self._X, self._index = X, index
        self.shape, self.dtype, self.ndim = (len(index), X.shape[1]), X.dtype, 2

    def __getitem__(self, key: Any) -> np.ndarray:
        """Return the rows of a slice, or of two slices rows and columns, in a copy."""
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        return self._X[self._index[rows], columns]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all of the rows, in a copy."""
        return np.asarray(self[:], dtype=dtype)


def is_mapped(X: Any) -> bool:
    """Say whether a dense matrix lies in a memory map that no copy should be made of, however many views were.

    A small map is one like any array.
    """
    if isinstance(X, SelectedRows):
        return True
    if not isinstance(X, np.ndarray) or X.nbytes <= _SMALL_MAP:
        return False
    while isinstance(X, np.ndarray):
        X = X.base
    return isinstance(X.obj if isinstance(X, memoryview) else X, mmap.mmap)


def some_rows(X: Any, keep: np.ndarray) -> Any:
    """Return the rows (n,) of `X` that a mask says to keep, without a copy of those of a memory map."""
    return SelectedRows(X, np.flatnonzero(keep)) if is_mapped(X) else X[keep]


def in_rows(X: Any) -> Any:
    """Return a matrix of which rows can be read in any order, in a copy where it is none; rows elsewhere stay."""
    if is_sparse(X) or namespace(X) is not np or not hasattr(X, "__array__"):
        return X
    return np.ascontiguousarray(X)


def slices_of_rows(X: Any, n_values: int | None = None, least: int = 1) -> Iterator[slice]:
    """Yield slices of the rows of `X` (n, p), of so many values at a time but at least so many rows; none is empty."""
    n, p = X.shape
    if n_values is None:
        n_values = CACHE_VALUES if namespace(X) is np else DEVICE_VALUES
    size = max(least, n_values // max(1, p))
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def predictions(X: Any, coef: Any) -> Any:
    """Return the products (n, k) of `X` (n, p) and coefficients (p, k), with no copy of `X` in another dtype."""
    if is_sparse(X) or is_sparse(coef) or namespace(X) is not np:
        return safe_sparse_dot(X, coef, dense_output=True)
    if X.dtype == coef.dtype and not is_mapped(X):
        return X @ coef
    raw = np.empty((X.shape[0], coef.shape[1]), np.result_type(X.dtype, coef.dtype))
    for rows in slices_of_rows(X, 1 << 18):
        np.matmul(X[rows], coef, out=raw[rows])
    return raw


def has_finite_squares(entries: Any) -> bool:
    """Say whether the sum of the squares is finite: none is NaN, infinite or huge."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(_sum_of_squares(entries))


def _sum_of_squares(entries: Any) -> float:
    if entries.flags.c_contiguous or entries.flags.f_contiguous:
        flat = entries.reshape(-1) if entries.flags.c_contiguous else entries.T.reshape(-1)
        return float(flat @ flat)
    matrix = entries.reshape(len(entries), -1)
    parts = (matrix[rows].reshape(-1) for rows in slices_of_rows(matrix))
    return sum(float(part @ part) for part in parts)
