"""The array library of an array, and the way back to the host."""

import sys
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import scipy.linalg.blas
import scipy.special

#: A ``numpy.ndarray`` or a ``cupy.ndarray``; the core never asks which.
Array: TypeAlias = Any

_AXPY = {"f": scipy.linalg.blas.saxpy, "d": scipy.linalg.blas.daxpy}


def namespace(array: Array) -> ModuleType:
    """Return the array library that computes with an array.

    CuPy is looked up among the modules that are already imported: whoever made the array has imported it.

    Parameters
    ----------
    array : array
        Any array of any shape.

    Returns
    -------
    module
        ``cupy`` for a CuPy array and ``numpy`` for anything else.
    """
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(array, cupy.ndarray):
        return cupy
    return np


def special(array: Array) -> ModuleType:
    """Return the ``scipy.special`` of the array's library."""
    if namespace(array) is np:
        return scipy.special
    import cupyx.scipy.special

    return cupyx.scipy.special


def to_host(array: Array) -> np.ndarray:
    """Return `array` as a NumPy array, without a copy where it is one already."""
    return array.get() if namespace(array) is not np else np.asarray(array)


def add_scaled(out: Array, factor: float, array: Array) -> None:
    """Add `factor` times `array` to the contiguous vector `out`, without a temporary on NumPy."""
    if namespace(out) is np:
        _AXPY[out.dtype.char](array, out, a=factor)
    else:
        out += factor * array
