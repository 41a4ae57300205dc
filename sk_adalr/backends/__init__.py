"""Array libraries (NumPy, CuPy), the kernels of training, and exchange with other array libraries.

The only package that imports CuPy and numba.
"""

from sk_adalr.backends.csr_arrays import take_rows
from sk_adalr.backends.interchange import Origin, enter, enter_host, fitted_array, origin, same_place
from sk_adalr.backends.kernels import (
    Kernels,
    Residuals,
    expect_steps,
    kernels,
    least_log_probability,
    least_probability,
    use_kernels,
)
from sk_adalr.backends.namespace import (
    Array,
    beside,
    csr,
    import_cupy,
    is_sparse,
    multiply_into,
    namespace,
    read,
    row_squares,
    row_sums,
    special,
    to_device,
    to_floats,
    to_host,
    weighted_sum,
)
from sk_adalr.public import publish

__all__ = [
    "Array",
    "Kernels",
    "Origin",
    "Residuals",
    "beside",
    "csr",
    "enter",
    "enter_host",
    "expect_steps",
    "fitted_array",
    "import_cupy",
    "is_sparse",
    "kernels",
    "least_log_probability",
    "least_probability",
    "multiply_into",
    "namespace",
    "origin",
    "read",
    "row_squares",
    "row_sums",
    "same_place",
    "special",
    "take_rows",
    "to_device",
    "to_floats",
    "to_host",
    "use_kernels",
    "weighted_sum",
]

publish(__name__, namespace, use_kernels)
