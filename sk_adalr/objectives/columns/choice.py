"""Which columns a solver gets."""

import numpy as np

from sk_adalr.backends import is_sparse, namespace
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


def standardised_columns(X, weight=None, centre=True):
    """`DenseColumns` or `SparseColumns` of X (n, p); weight (n,) has mean 1, or is None."""
    kind = SparseColumns if is_sparse(X) else DenseColumns
    return kind(X, weight, centre)


def columns_in_place(X, weight=None, centre=True, by_blocks=False):
    """The same without a copy of X, `ImplicitColumns`, where that costs neither digits nor time.

    `by_blocks` says whether the passes will be over ``row_blocks``.
    """
    few = MANY_COLUMNS if by_blocks else _FEW_COLUMNS
    if namespace(X) is np and not is_sparse(X) and X.flags.c_contiguous and X.shape[1] >= few:
        mean, square = column_moments(X, weight)
        if are_safe(X, mean if centre else 0.0, square, LARGEST_OFFSET):
            return ImplicitColumns(X, mean, square, centre)
    return standardised_columns(X, weight, centre)


def newton_columns(X, weight, centre):
    """`UnscaledColumns` of dense X (n, p), whose units do not disturb Newton's method, where that costs no digits."""
    if weight is None and are_safe(X, *column_moments(X), NEWTON_OFFSET):
        return UnscaledColumns(X)
    return standardised_columns(X, weight, centre)
