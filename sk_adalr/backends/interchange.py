"""Arrays of other libraries: in by DLPack, and back to where they came from."""

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import sklearn

from sk_adalr.backends.namespace import beside, import_cupy, namespace, to_host

#: DLPack's numbers for memory that CUDA kernels read: of a device, and managed.
_CUDA = (2, 13)


@dataclass(frozen=True)
class Origin:
    """The library and device of the caller's array.

    Parameters
    ----------
    library : module or None, default=None
        None for NumPy, and for all that NumPy reads.
    device : device or None, default=None
        In the terms of the library.
    is_cuda : bool, default=False
        Whether that is memory of a CUDA device.
    """

    library: ModuleType | None = None
    device: Any = None
    is_cuda: bool = False

    def give(self, array: Any) -> Any:
        """Return a NumPy or CuPy array as an array of the caller's library, on the caller's device.

        Without a copy where it lies in that device's memory. What is no number, such as string labels, has no place
        in other libraries and stays NumPy's.
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
        """Return arrays, and those in lists, as the caller's kind, and anything else as it is."""
        if isinstance(value, list):
            return [self.give_each(entry) for entry in value]
        return self.give(value) if isinstance(value, np.ndarray | np.generic) else value

    def __str__(self) -> str:
        return "NumPy" if self.library is None else f"{self.library.__name__} on {self.device}"


def origin(array: Any) -> Origin:
    """Return where `array` is from, if scikit-learn's ``array_api_dispatch`` is on; NumPy's where it is off."""
    library = _library(array) if sklearn.get_config()["array_api_dispatch"] else None
    if library is None:
        return Origin()
    return Origin(library, array.device, _is_cuda(array))


def same_place(one: Origin, other: Origin) -> bool:
    """Say whether two arrays are of one library and on one device."""
    return one.library is other.library and one.device == other.device


def enter(array: Any, name: str) -> Any:
    """Return the caller's `array` as one of CuPy's where it lies on a CUDA device, else of NumPy's, without a copy.

    What is no array of another library is returned as it is, and so is all where scikit-learn's
    ``array_api_dispatch`` is off. `name` is for messages.

    Raises
    ------
    TypeError
        If the array cannot be exchanged, such as a tensor that requires a gradient.
    ImportError, ValueError
        If the array lies on a CUDA device and CuPy is not there, or finds none.
    """
    return array if origin(array).library is None else _exchanged(array, name)


def enter_host(array: Any, name: str) -> Any:
    """Return as `enter`, but always in host memory."""
    if origin(array).library is None:
        return array
    return to_host(enter(array, name))


def fitted_array(array: Any, reference: Any = None) -> Any:
    """Return a fitted array, of whatever library, beside the NumPy or CuPy array `reference`; NumPy's by default."""
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
        return False  # what lies nowhere cannot be exchanged either, and then an error says so


def _library(array: Any) -> ModuleType | None:
    """Return the array's library; None for NumPy's, and for what belongs to no array library."""
    if isinstance(array, np.ndarray | np.generic):
        return None
    for name, kind in (("cupy", "ndarray"), ("torch", "Tensor")):
        library = sys.modules.get(name)
        if library is not None and isinstance(array, getattr(library, kind)):
            return library
    # Beside arrays, some data frames have the method too: they have no DLPack.
    if hasattr(array, "__array_namespace__") and hasattr(array, "__dlpack_device__"):
        return array.__array_namespace__()
    return None
