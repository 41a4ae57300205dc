"""Which array library computes, and arrays of other libraries: the only room that imports CuPy."""

from sk_adalr.backends.interchange import Origin, enter, enter_host, fitted_array, origin, same_place
from sk_adalr.backends.namespace import (
    Array,
    add_scaled,
    beside,
    csr,
    import_cupy,
    is_sparse,
    namespace,
    special,
    to_device,
    to_host,
)

__all__ = [
    "Array",
    "Origin",
    "add_scaled",
    "beside",
    "csr",
    "enter",
    "enter_host",
    "fitted_array",
    "import_cupy",
    "is_sparse",
    "namespace",
    "origin",
    "same_place",
    "special",
    "to_device",
    "to_host",
]
