"""The array library of an array, and transfers between host and device."""

import sys
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse
import scipy.special

#: A ``numpy.ndarray`` or a ``cupy.ndarray``; most code works with both.
Array: TypeAlias = Any

# Result size up to which ``np.dot`` is faster than ``np.matmul``. Both call BLAS alike, but ``np.dot`` first fills its
# result with zeros, and the ufunc ``np.matmul`` has a microsecond more overhead.
_SMALL_PRODUCT = 8192
_STAY_ON_HOST = "Pass data in host memory, with `backend='numpy'`."


def namespace(array: Array) -> ModuleType:
    """Return the array library that computes with an array.

    CuPy is looked up in ``sys.modules``: if there is a CuPy array, it has been imported.

    Parameters
    ----------
    array : array or CSR matrix
        Any array of any shape.

    Returns
    -------
    module
        ``cupy`` for a CuPy array or sparse matrix, and ``numpy`` for anything else.
    """
    if type(array) is np.ndarray:
        return np
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(array.data if is_sparse(array) else array, cupy.ndarray):
        return cupy
    return np


def special(array: Array) -> ModuleType:
    """Return the ``scipy.special`` of the array's library."""
    if namespace(array) is np:
        return scipy.special
    import cupyx.scipy.special

    return cupyx.scipy.special


def row_squares(a: Array) -> Array:
    """Return the sums (n_rows,) of squares along the rows of a matrix."""
    return (a * a).sum(axis=1)  # CuPy's `einsum` would compute a matrix product for each row


def row_sums(losses: Array) -> Array:
    """Return the sums (n_rows,) of losses (n_rows, n_outputs)."""
    return losses[:, 0] if losses.shape[1] == 1 else losses.sum(axis=1)


def multiply_into(out: Array, a: Array, b: Array) -> Array:
    """Fill `out` with the product ``a @ b`` of two matrices, or of a vector and a matrix, and return it."""
    if type(out) is np.ndarray and out.size <= _SMALL_PRODUCT:
        return np.dot(a, b, out=out)
    return namespace(out).matmul(a, b, out=out)


def weighted_sum(row_losses: Array, weight: Array | None) -> Any:
    """Return the sum (0-d) of the losses of the rows, weighted by `weight` if given."""
    # Accumulated in float64: a sum of a million float32 losses would lose four digits.
    if weight is not None:
        row_losses = row_losses * weight
    return row_losses.sum(dtype="float64")


def is_sparse(X: Any) -> bool:
    """Return whether `X` is a sparse matrix of SciPy or CuPy."""
    return hasattr(X, "tocsr")


def csr(parts: tuple[Array, Array, Array], shape: tuple[int, int]) -> Any:
    """Return the CSR matrix of ``(data, indices, indptr)``, in their library; indices must be sorted and unique."""
    if namespace(parts[0]) is np:
        return scipy.sparse.csr_array(parts, shape=shape)
    import cupyx.scipy.sparse

    matrix = cupyx.scipy.sparse.csr_matrix(parts, shape=shape)
    matrix.has_canonical_format = True  # otherwise CuPy checks this, and the host waits for the device
    return matrix


def to_host(array: Any) -> Any:
    """Return an array or CSR matrix in host memory, without a copy if it is there already."""
    if type(array) is np.ndarray:
        return array
    if namespace(array) is not np:
        return array.get()
    return array if is_sparse(array) else np.asarray(array)


def read(arrays: list[Array]) -> list[float]:
    """Return the elements of device arrays as Python floats, with a single synchronisation."""
    if not arrays:
        return []
    xp = namespace(arrays[0])
    parts = [xp.asarray(array, dtype="float64").reshape(-1) for array in arrays]
    return parts[0].tolist() if len(parts) == 1 else xp.concatenate(parts).tolist()


def to_floats(numbers: list[Any]) -> list[float]:
    """Return host numbers and 0-d device arrays as Python floats, with a single synchronisation."""
    is_host = [type(number) is float or namespace(number) is np for number in numbers]
    moved = iter(read([number for number, here in zip(numbers, is_host, strict=True) if not here]))
    return [float(number) if here else next(moved) for number, here in zip(numbers, is_host, strict=True)]


def beside(array: Any, reference: Array) -> Any:
    """Return an array or CSR matrix in the library and memory of `reference`, copied only if it is elsewhere."""
    if type(array) is np.ndarray and type(reference) is np.ndarray:
        return array  # fast path, for every iteration of the exact solver
    xp = namespace(reference)
    return to_host(array) if xp is np else _moved(array, xp)


def to_device(array: Any) -> Any:
    """Return an array or CSR matrix in the memory of the current CUDA device, copied only if it is elsewhere.

    Raises
    ------
    ImportError
        If CuPy is not installed; the message says which extra installs it.
    ValueError
        If there is no CUDA device.
    """
    return _moved(array, import_cupy())


def import_cupy() -> ModuleType:
    """Return CuPy if it is installed and finds a device; otherwise raise the same errors as `to_device`."""
    try:
        import cupy
    except ImportError as error:
        raise ImportError(
            "Computing on a GPU needs CuPy. Install it with `pip install 'sk-adalr[cuda12]'` or, for CUDA 13, "
            "`pip install 'sk-adalr[cuda13]'`, never both; or pass data in host memory, with `backend='numpy'`."
        ) from error
    try:
        n_devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise ValueError(f"CuPy is installed but finds no CUDA device: {error}. {_STAY_ON_HOST}") from error
    if n_devices == 0:
        raise ValueError(f"CuPy is installed but finds no CUDA device. {_STAY_ON_HOST}")
    return cupy


def _moved(array: Any, xp: ModuleType) -> Any:
    if namespace(array) is xp:
        return array
    if is_sparse(array):
        # CuPy needs 32-bit indices. A matrix with more entries than they can count would not fit into device memory.
        indices, indptr = (xp.asarray(part, dtype=np.int32) for part in (array.indices, array.indptr))
        return csr((xp.asarray(array.data), indices, indptr), array.shape)
    return xp.asarray(array)
