"""Which columns a solver gets."""

from typing import Any

import numpy as np

from sk_adalr.backends import Array, is_sparse, namespace
from sk_adalr.objectives.columns.base import Columns
from sk_adalr.objectives.columns.blocks import MANY_COLUMNS
from sk_adalr.objectives.columns.dense import DenseColumns
from sk_adalr.objectives.columns.in_place import (
    LARGEST_OFFSET,
    NEWTON_OFFSET,
    ImplicitColumns,
    UnscaledColumns,
    are_safe,
    column_moments,
)
from sk_adalr.objectives.columns.sparse import SparseColumns

# Rows of fewer columns are multiplied in a third of the time column after column; blocks of them, of fewer than many.
_FEW_COLUMNS = 20


def standardised_columns(X: Any, weight: Array | None = None, centre: bool = True) -> Columns:
    """Return `DenseColumns` or `SparseColumns`.

    Parameters
    ----------
    X : array (n, p), float32 or float64, or CSR
    weight : array (n,) or None, default=None
        Sample weights with mean 1, beside X; None for equal weights.
    centre : bool, default=True
        Whether to subtract the weighted column means.
    """
    kind = SparseColumns if is_sparse(X) else DenseColumns
    return kind(X, weight, centre)


def columns_in_place(X: Any, weight: Array | None = None, centre: bool = True, by_blocks: bool = False) -> Columns:
    """Return the same without a copy of X, `ImplicitColumns`, where that costs neither digits nor time.

    `by_blocks` says whether the passes will be over ``row_blocks``.
    """
    few = MANY_COLUMNS if by_blocks else _FEW_COLUMNS
    if namespace(X) is np and not is_sparse(X) and X.flags.c_contiguous and X.shape[1] >= few:
        mean, square = column_moments(X, weight)
        if are_safe(X, mean if centre else 0.0, square, LARGEST_OFFSET):
            return ImplicitColumns(X, mean, square, centre)
    return standardised_columns(X, weight, centre)


def newton_columns(X: Array, weight: Array | None, centre: bool) -> DenseColumns:
    """Return `UnscaledColumns` of dense X (n, p) where that costs no digits, and `DenseColumns` elsewhere.

    Units do not disturb Newton's method. Arguments as for `standardised_columns`.
    """
    if weight is None and are_safe(X, *column_moments(X), NEWTON_OFFSET):
        return UnscaledColumns(X)
    return DenseColumns(X, weight, centre)
