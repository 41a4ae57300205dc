"""Which columns a solver gets."""

from typing import Any

import numpy as np

from sk_adalr.backends import Array, is_sparse, namespace, to_host
from sk_adalr.objectives.columns.base import Columns, Coordinates
from sk_adalr.objectives.columns.dense import DenseColumns
from sk_adalr.objectives.columns.sparse import SparseColumns
from sk_adalr.rows import SelectedRows, is_mapped
from sk_adalr.statistics import moments_around

# Means of columns up to so many standard deviations are small: for Newton's method, whose steps correct each other,
# and for first-order steps, which add up what each of them loses.
_NEWTON_OFFSET, _LARGEST_OFFSET = {"f": 3.0, "d": 30.0}, {"f": 1.0, "d": 30.0}
# Without an intercept columns keep their means: in float64 there are digits enough.
_KEPT_OFFSET = {"f": 30.0, "d": 30.0}
# Rows of fewer columns are multiplied in a third of the time column after column; blocks of them, of fewer than many.
_FEW_COLUMNS, _MANY_COLUMNS = 20, 256


def standardised_columns(
    X: Any, weight: Array | None = None, centre: bool = True, dtype: type | None = None
) -> Columns:
    """Return the columns of X, dense ones standardised to all digits: in a copy, unless they lie in a memory map.

    Parameters
    ----------
    X : array or SelectedRows (n, p), float32 or float64, or CSR
    weight : array (n,) or None, default=None
        Sample weights with mean 1, beside X; None for equal weights.
    centre : bool, default=True
        Whether to subtract the weighted column means.
    dtype : type or None, default=None
        Of the passes over dense columns; that of X by default.
    """
    if is_sparse(X):
        return SparseColumns(X, weight, centre)
    columns = DenseColumns.in_cache(X, weight, centre, dtype)
    return columns if is_mapped(X) else columns.copied(by_rows=True)


def standardised_as(X: Any, coordinates: Coordinates) -> Columns:
    """Return the columns of X, some rows of many, in the coordinates of all, whose mean and scale are in X's dtype.

    Passes centre and scale each block of dense rows; nothing is copied.
    """
    return (SparseColumns if is_sparse(X) else DenseColumns).standardised_as(X, coordinates)


def first_order_columns(X: Any, weight: Array | None = None, centre: bool = True, by_blocks: bool = False) -> Columns:
    """Return the same for steps that add up what each of them loses; in a copy where passes then take less time.

    `by_blocks` says whether the passes will be over ``row_blocks``.
    """
    if is_sparse(X):
        return SparseColumns(X, weight, centre)
    mean, square = moments_around(X, weight)
    if centre:
        is_safe = _are_safe(X, mean, square, _LARGEST_OFFSET)
    else:
        offset, mean = mean * (X.dtype == np.float32), np.zeros_like(mean)
        is_safe = _are_safe(X, offset, square, _KEPT_OFFSET)
    if is_safe:
        columns = DenseColumns(X, mean, np.sqrt(square - mean**2))
    else:
        columns = DenseColumns.in_cache(X, weight, centre)
    few = _MANY_COLUMNS if by_blocks else _FEW_COLUMNS
    if is_mapped(X) or (is_safe and namespace(X) is np and X.shape[1] >= few and X.flags.c_contiguous):
        return columns
    return columns.copied()


def newton_columns(X: Any, weight: Array | None, centre: bool) -> DenseColumns:
    """Return the columns of dense X (n, p), as passes read them, for Newton's method, which units do not disturb.

    Where offsets would cost digits, in a copy: with more than three iterations that is faster than to centre the rows
    each time, by a third. Memory maps are never copied. Arguments as for `standardised_columns`.
    """
    p = X.shape[1]
    if _are_safe(X, *moments_around(X, weight), _NEWTON_OFFSET):
        return DenseColumns(X, np.zeros(p), np.ones(p)).as_read()
    columns = DenseColumns.in_cache(X, weight, centre)
    return columns.as_read() if is_mapped(X) else columns.copied()


def _are_safe(X: Array, mean: np.ndarray, square: np.ndarray, largest_offset: dict[str, float]) -> bool:
    """Say whether sums over the columns of X (n, p) lose no digits, and products neither overflow nor vanish.

    Their standard deviations are then not much smaller than their means, or they are zero.

    Parameters
    ----------
    X : array or SelectedRows (n, p), float32 or float64
    mean, square : ndarray (p,), float64
        See `moments_around`; the mean is 0 where no mean is subtracted.
    largest_offset : dict
        The largest mean in units of the standard deviation, for each character of a dtype.
    """
    if isinstance(X, SelectedRows) or not (X.flags.c_contiguous or X.flags.f_contiguous):
        return False  # products with rows that do not lie side by side take a block of them anyway
    limits = np.finfo(X.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        is_small = mean**2 <= largest_offset[X.dtype.char] ** 2 * (square - mean**2)
    is_small &= (square > limits.tiny**0.5) & (square < limits.max**0.5)
    # A square that is zero has vanished unless all of its column is zero.
    suspect = ~is_small & (square == 0)
    if not (is_small | suspect).all():
        return False
    return not any(bool(to_host(X[:, column].any())) for column in np.flatnonzero(suspect))
