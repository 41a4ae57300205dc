"""Detection of integers that float64 cannot distinguish, such as nanoseconds since 1970."""

from collections.abc import Iterator
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np

from sk_adalr.backends import is_sparse, namespace, to_host

#: float64 represents every integer up to this one exactly.
_EXACT_INTEGERS = 2**53


def refuse_merged_integers(**arrays: Any) -> None:
    """Raise a ValueError if rounding to float64 would lose most of the differences between integers of a column."""
    for name, array in arrays.items():
        for place, values in _large_integers(array):
            low, high = int(values.min()), int(values.max())
            if low == high or not _are_merged(values, high - low):
                continue
            raise ValueError(
                f"{place}`{name}` has integers from {low} to {high}, which float64 rounds to multiples of "
                f"{_spacing(values)}: too much of what distinguishes them would be lost. Subtract an origin while "
                "they are integers, such as the smallest, and the same one before `predict`."
            )


def _spacing(values: np.ndarray) -> int:
    """Return the spacing of float64 numbers at the largest absolute value."""
    return int(np.spacing(float(max(-int(values.min()), int(values.max())))))


def _are_merged(values: np.ndarray, spread: int) -> bool:
    """Return whether float64 is coarser than a thousandth of the spread, or merges half of the distinct integers."""
    return spread < 1000 * _spacing(values) or len(np.unique(values.astype(np.float64))) < len(np.unique(values)) / 2


def _large_integers(array: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yield a prefix for messages and the values (n_rows,) of each integer column that may exceed 2**53.

    Of a sparse column the values are its stored entries, and a zero if it has implicit zeros.
    """
    if hasattr(array, "columns") and hasattr(array, "dtypes"):  # a data frame
        for j, (label, dtype) in enumerate(zip(array.columns, array.dtypes, strict=True)):
            if _may_be_integer(dtype):
                column = array.iloc[:, j] if hasattr(array, "iloc") else array[:, j]
                yield from ((f"Column {label!r} of ", values) for _, values in _large_integers(column))
    elif is_sparse(array):
        by_column = to_host(array).tocsc() if array.dtype.kind in "iu" else None
        if by_column is not None and _exceed_float64(by_column.data):
            for j, (start, stop) in enumerate(pairwise(by_column.indptr)):
                zeros = np.zeros(int(stop - start < array.shape[0]), dtype=array.dtype)
                yield f"Column {j} of ", np.append(by_column.data[start:stop], zeros)
    else:
        values = _as_array(array)
        if values is not None and _exceed_float64(values):
            values = to_host(values)
            columns = [values] if values.ndim == 1 else values.reshape(len(values), -1).T
            for j, column in enumerate(columns):
                yield "" if values.ndim == 1 else f"Column {j} of ", column


def _may_be_integer(dtype: Any) -> bool:
    """Return whether a data frame column of this dtype (NumPy, pandas or polars) may hold integers."""
    kind = getattr(dtype, "kind", None)
    return getattr(dtype, "is_integer", lambda: True)() if kind is None else kind in "iuO"


def _as_array(array: Any) -> Any:
    """Return `array` as an array, with Python integers of dtype object converted; None if it is not array-like."""
    if namespace(array) is np:
        try:
            array = np.asarray(array)
        except (TypeError, ValueError, RuntimeError):
            return None  # validation raises an error later
        if array.dtype == object and all(isinstance(value, Integral) for value in array.flat):
            array = np.array(array.tolist())
    return array if array.ndim > 0 else None


def _exceed_float64(values: Any) -> bool:
    """Return whether the values are integers and some exceed 2**53, so that float64 may not represent them."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize < 8 or values.size == 0:
        return False
    return max(-int(values.min()), int(values.max())) > _EXACT_INTEGERS
