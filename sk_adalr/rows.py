"""Access to rows block by block, without copying memory maps, and detection of duplicate rows."""

import math
import mmap
from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.utils.extmath import safe_sparse_dot

from sk_adalr.backends import Array, is_sparse, namespace, to_host

#: Values per block: 256 KiB of float64 on the host, to stay in cache; more on a device, to keep it busy.
CACHE_VALUES, DEVICE_VALUES = 1 << 15, 1 << 24

# A memory map of at most this many bytes is treated as an ordinary array: copying it is faster.
_SMALL_MAP = 1 << 22
# Largest number of rows that are searched for duplicates. A row takes as long as two epochs of a small network: 1 us
# with 10 columns, 2 us with 100, 9 us with 784.
_MOST_SEARCHED = 20_000


class SelectedRows:
    """A selection of rows of a dense matrix that is gathered lazily: slicing it returns an array.

    Parameters
    ----------
    X : ndarray (n, p)
    index : ndarray (m,), int
        The selected rows, in increasing order.
    """

    def __init__(self, X: np.ndarray, index: np.ndarray) -> None:
        self._X, self._index = X, index
        self.shape, self.dtype, self.ndim = (len(index), X.shape[1]), X.dtype, 2

    def __getitem__(self, key: Any) -> np.ndarray:
        """Return a copy of a slice of rows, or of a pair of slices (rows, columns)."""
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        return self._X[self._index[rows], columns]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return a copy of all selected rows."""
        return np.asarray(self[:], dtype=dtype)


def is_mapped(X: Any) -> bool:
    """Return whether a dense matrix is a large memory map, or any view of one, which should not be copied.

    `SelectedRows` count as memory maps, maps of up to `_SMALL_MAP` bytes do not.
    """
    if isinstance(X, SelectedRows):
        return True
    if not isinstance(X, np.ndarray) or X.nbytes <= _SMALL_MAP:
        return False
    while isinstance(X, np.ndarray):
        X = X.base
    return isinstance(X.obj if isinstance(X, memoryview) else X, mmap.mmap)


def some_rows(X: Any, keep: np.ndarray) -> Any:
    """Return the rows of `X` that the mask `keep` (n,) selects, without a copy if `X` is a memory map."""
    return SelectedRows(X, np.flatnonzero(keep)) if is_mapped(X) else X[keep]


def in_rows(X: Any) -> Any:
    """Return a dense host matrix in C order, for access by rows; return anything else unchanged."""
    if is_sparse(X) or namespace(X) is not np or not hasattr(X, "__array__"):
        return X
    return np.ascontiguousarray(X)


def slices_of_rows(X: Any, n_values: int | None = None, least: int = 1) -> Iterator[slice]:
    """Yield non-empty slices of the rows of `X` (n, p) with about `n_values` values, but at least `least` rows."""
    n, p = X.shape
    if n_values is None:
        n_values = CACHE_VALUES if namespace(X) is np else DEVICE_VALUES
    size = max(least, n_values // max(1, p))
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def predictions(X: Any, coef: Any) -> Any:
    """Return the product (n, k) of `X` (n, p) and `coef` (p, k), converting dtypes one block of rows at a time."""
    if is_sparse(X) or is_sparse(coef) or namespace(X) is not np:
        return safe_sparse_dot(X, coef, dense_output=True)
    if X.dtype == coef.dtype and not is_mapped(X):
        return X @ coef
    raw = np.empty((X.shape[0], coef.shape[1]), np.result_type(X.dtype, coef.dtype))
    for rows in slices_of_rows(X, 1 << 18):
        np.matmul(X[rows], coef, out=raw[rows])
    return raw


def has_finite_squares(entries: Any) -> bool:
    """Return whether the sum of squares is finite, which excludes NaN, infinite and huge entries."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(_sum_of_squares(entries))


def _sum_of_squares(entries: Any) -> float:
    if entries.flags.c_contiguous or entries.flags.f_contiguous:
        flat = entries.reshape(-1) if entries.flags.c_contiguous else entries.T.reshape(-1)
        return float(flat @ flat)
    matrix = entries.reshape(len(entries), -1)
    parts = (matrix[rows].reshape(-1) for rows in slices_of_rows(matrix))
    return sum(float(part @ part) for part in parts)


def copies_of_rows(X: Any, target: Array) -> np.ndarray:
    """Return an array (n,) with the same number for identical rows of dense or CSR X, numbered by first occurrence.

    Duplicates, from oversampling or from integer weights written out, would leak training rows into validation. If
    rows with equal features have different targets, equal rows are independent observations, and none counts as a
    duplicate. More than `_MOST_SEARCHED` rows are not searched: each then has its own number.
    """
    n = X.shape[0]
    if n > _MOST_SEARCHED:
        return np.arange(n)
    X, target = to_host(X), to_host(target).reshape(n, -1)
    if not is_sparse(X) and _all_differ(X):
        return np.arange(n)
    numbers: dict[bytes, int] = {}
    copies = np.array([numbers.setdefault(digest, len(numbers)) for digest in _digests(X)])
    if len(numbers) < n and (target[first_copies(copies)[copies]] == target).all():
        return copies
    return np.arange(n)


def first_copies(copies: np.ndarray) -> np.ndarray:
    """Return the indices of the first row of each set of identical rows, given the numbers of `copies_of_rows`."""
    return np.unique(copies, return_index=True)[1]


def _all_differ(X: np.ndarray) -> bool:
    """Return whether a quick test shows that all dense rows differ, by weighted sums of their entries.

    These differ by more than round-off error, as a rule; if not, rows may still differ.
    """
    factors = np.cos(np.arange(1.0, X.shape[1] + 1))  # pseudo-random weights, without the cost of a generator
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.concatenate([X[rows] @ factors for rows in slices_of_rows(X)])
        largest = max(abs(float(X.min())), abs(float(X.max())))
        rounding = 4 * X.shape[1] * np.finfo(np.float64).eps * largest * np.abs(factors).sum()
        return bool((np.diff(np.sort(sums)) > rounding).all())


def _digests(X: Any) -> Iterator[bytes]:
    """Yield a hash of each row of dense or CSR X, which is equal for identical rows only."""
    if is_sparse(X):
        entries = (slice(start, stop) for start, stop in pairwise(X.indptr.tolist()))
        rows = (X.indices[row].tobytes() + X.data[row].tobytes() for row in entries)
    else:
        rows = (row.tobytes() for row in X)
    return (blake2b(row, digest_size=16).digest() for row in rows)
