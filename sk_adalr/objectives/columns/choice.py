"""The choice of the implementation of `Columns` for each solver."""

from typing import Any

import numpy as np

from sk_adalr.backends import Array, is_sparse, namespace, to_host
from sk_adalr.objectives.columns.base import Columns, Coordinates
from sk_adalr.objectives.columns.dense import DenseColumns
from sk_adalr.objectives.columns.sparse import SparseColumns
from sk_adalr.rows import SelectedRows, is_mapped
from sk_adalr.statistics import moments_around

# Largest column means, in standard deviations, that cost few digits, by dtype. Newton's method has a higher limit,
# because its steps correct the errors of earlier steps; first-order steps accumulate them.
_NEWTON_OFFSET, _LARGEST_OFFSET = {"f": 3.0, "d": 30.0}, {"f": 1.0, "d": 30.0}
# Up to this one, even squares of columns lose no digit.
_NO_OFFSET = {"d": 2.0}
# Without an intercept columns are not centred; float64 has enough digits for any mean.
_KEPT_OFFSET = {"f": 30.0, "d": 30.0}
# Below `_FEW_COLUMNS` columns products are three times as fast in Fortran order; by blocks of rows, below
# `_MANY_COLUMNS`.
_FEW_COLUMNS, _MANY_COLUMNS = 20, 256


def standardised_columns(
    X: Any, weight: Array | None = None, centre: bool = True, dtype: type | None = None
) -> Columns:
    """Return the columns of X; dense ones are standardised in full precision, in a copy unless X is a memory map.

    Parameters
    ----------
    X : array or SelectedRows (n, p), float32 or float64, or CSR
    weight : array (n,) or None, default=None
        Sample weights with mean 1, on the device of X; None for equal weights.
    centre : bool, default=True
        Whether to subtract the weighted column means.
    dtype : type or None, default=None
        In which passes over dense columns compute; by default the dtype of X.
    """
    if is_sparse(X):
        return SparseColumns(X, weight, centre)
    columns = DenseColumns.in_cache(X, weight, centre, dtype)
    return columns if is_mapped(X) else columns.copied(by_rows=True)


def columns_of_few_rows(X: Any, weight: Array | None, centre: bool) -> Columns:
    """Return the columns of X for products of its rows in float64; they are copied if their offsets cost a digit.

    Arguments as for `standardised_columns`.
    """
    if not is_sparse(X) and X.dtype == np.float64 and not is_mapped(X) and X.flags.c_contiguous:
        mean, square = moments_around(X, weight)
        mean = mean * centre
        if _are_safe(X, mean, square, _NO_OFFSET):
            return DenseColumns(X, mean, np.sqrt(square - mean**2))
    return standardised_columns(X, weight, centre, np.float64)


def standardised_as(X: Any, coordinates: Coordinates) -> Columns:
    """Return the columns of X, a subset of the rows, standardised by the mean and scale of all rows.

    Mean and scale must be representable in the dtype of X. Passes centre and scale each block of dense rows; nothing
    is copied.
    """
    return (SparseColumns if is_sparse(X) else DenseColumns).standardised_as(X, coordinates)


def first_order_columns(X: Any, weight: Array | None = None, centre: bool = True, by_blocks: bool = False) -> Columns:
    """Return the columns of X for first-order steps, which accumulate round-off errors; copied if this is faster.

    `by_blocks` says whether passes will use ``row_blocks``. Other arguments as for `standardised_columns`.
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
    """Return the columns of dense X (n, p) for Newton's method, which is invariant to units: unscaled if possible.

    If large offsets would cause cancellation, the result is a standardised copy: with more than three iterations this
    is a third faster than centring the rows in every pass. Memory maps are never copied. Arguments as for
    `standardised_columns`.
    """
    p = X.shape[1]
    if _are_safe(X, *moments_around(X, weight), _NEWTON_OFFSET):
        return DenseColumns(X, np.zeros(p), np.ones(p)).as_read()
    columns = DenseColumns.in_cache(X, weight, centre)
    return columns.as_read() if is_mapped(X) else columns.copied()


def _are_safe(X: Array, mean: np.ndarray, square: np.ndarray, largest_offset: dict[str, float]) -> bool:
    """Return whether passes can use X (n, p) as it is: sums lose no digits, and products stay in range.

    This is so if no mean is much larger than the standard deviation, except for columns of zeros.

    Parameters
    ----------
    X : array or SelectedRows (n, p), float32 or float64
    mean, square : ndarray (p,), float64
        See `moments_around`; the mean is 0 if none is subtracted.
    largest_offset : dict
        The largest allowed mean in units of the standard deviation, by dtype character.
    """
    if isinstance(X, SelectedRows) or not (X.flags.c_contiguous or X.flags.f_contiguous):
        return False  # products with rows that are not contiguous copy blocks of them anyway
    limits = np.finfo(X.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        is_small = mean**2 <= largest_offset[X.dtype.char] ** 2 * (square - mean**2)
    is_small &= (square > limits.tiny**0.5) & (square < limits.max**0.5)
    # A mean square of zero has underflowed unless the whole column is zero.
    suspect = ~is_small & (square == 0)
    if not (is_small | suspect).all():
        return False
    return not any(bool(to_host(X[:, column].any())) for column in np.flatnonzero(suspect))
