"""Exchange of arrays with other libraries by DLPack, and back to the library and device they came from."""

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import sklearn

from sk_adalr.backends.namespace import beside, import_cupy, namespace, to_host

#: DLPack's device types whose memory CUDA kernels can read: device memory and managed memory.
_CUDA = (2, 13)


@dataclass(frozen=True)
class Origin:
    """The library and device of the caller's array.

    Parameters
    ----------
    library : module or None, default=None
        None for NumPy, and for anything that NumPy converts.
    device : device or None, default=None
        The library's own device object.
    is_cuda : bool, default=False
        Whether the device is a CUDA device.
    """

    library: ModuleType | None = None
    device: Any = None
    is_cuda: bool = False

    def give(self, array: Any) -> Any:
        """Return a NumPy or CuPy array as an array of the caller's library, on the caller's device.

        It is copied only if it is in other memory. Arrays that other libraries do not support, such as string labels,
        remain NumPy arrays.
        """
        if self.library is None or array.dtype.kind not in "biuf":
            return to_host(array)
        xp = namespace(array)
        if xp is self.library:
            return array
        if xp is not np and self.is_cuda:
            return self.library.from_dlpack(array)
        array = to_host(array)
        if self.library is sys.modules.get("cupy"):
            return self.library.asarray(array)
        return self.library.asarray(array, device=self.device)

    def give_each(self, value: Any) -> Any:
        """Convert arrays, also those in lists, as `give` does; return anything else unchanged."""
        if isinstance(value, list):
            return [self.give_each(entry) for entry in value]
        return self.give(value) if isinstance(value, np.ndarray | np.generic) else value

    def __str__(self) -> str:
        return "NumPy" if self.library is None else f"{self.library.__name__} on {self.device}"


def origin(array: Any) -> Origin:
    """Return the library and device of `array`; without scikit-learn's ``array_api_dispatch`` always NumPy's."""
    library = _library(array) if sklearn.get_config()["array_api_dispatch"] else None
    if library is None:
        return Origin()
    return Origin(library, array.device, _is_cuda(array))


def same_place(one: Origin, other: Origin) -> bool:
    """Return whether two arrays have the same library and device."""
    return one.library is other.library and one.device == other.device


def enter(array: Any, name: str) -> Any:
    """Return the caller's `array` as a CuPy array if it is on a CUDA device, else as a NumPy array, without a copy.

    Anything that is not an array of another library is returned unchanged, and so is everything without
    scikit-learn's ``array_api_dispatch``. `name` is for error messages.

    Raises
    ------
    TypeError
        If the array cannot be exchanged, such as a tensor that requires a gradient.
    ImportError, ValueError
        If the array is on a CUDA device, but CuPy is not installed or finds no device.
    """
    return array if origin(array).library is None else _exchanged(array, name)


def enter_host(array: Any, name: str) -> Any:
    """Return the same as `enter`, but always in host memory."""
    if origin(array).library is None:
        return array
    return to_host(enter(array, name))


def fitted_array(array: Any, reference: Any = None) -> Any:
    """Return a fitted array of any library as an array like `reference`, of NumPy (the default) or CuPy."""
    if _library(array) is not None:
        array = _exchanged(array, "The model")
    return beside(array, reference)


def _exchanged(array: Any, name: str) -> Any:
    xp = import_cupy() if _is_cuda(array) else np
    if namespace(array) is xp and xp is not np:
        return array
    try:
        return xp.from_dlpack(array)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise TypeError(
            f"{name} cannot be taken from {type(array).__module__.partition('.')[0]}: {error}. Pass a strided array "
            "of float64, float32, integers or booleans, in the memory of the CPU or of a CUDA device, without "
            "gradient."
        ) from error


def _is_cuda(array: Any) -> bool:
    try:
        return array.__dlpack_device__()[0] in _CUDA
    except (BufferError, RuntimeError, TypeError, ValueError):
        return False  # an array without a device cannot be exchanged, which raises an error later


def _library(array: Any) -> ModuleType | None:
    """Return the array library of `array`; None for NumPy, and for anything that is not an array."""
    if isinstance(array, np.ndarray | np.generic):
        return None
    for name, kind in (("cupy", "ndarray"), ("torch", "Tensor")):
        library = sys.modules.get(name)
        if library is not None and isinstance(array, getattr(library, kind)):
            return library
    # Some data frames have `__array_namespace__`, too, but not DLPack.
    if hasattr(array, "__array_namespace__") and hasattr(array, "__dlpack_device__"):
        return array.__array_namespace__()
    return None
