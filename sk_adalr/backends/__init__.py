"""Which array library computes, and with which kernels: the only room that imports CuPy and numba."""

from sk_adalr.backends.kernels import Kernels, expect_steps, kernels, use_kernels
from sk_adalr.backends.namespace import Array, add_scaled, namespace, special, to_host

__all__ = [
    "Array",
    "Kernels",
    "add_scaled",
    "expect_steps",
    "kernels",
    "namespace",
    "special",
    "to_host",
    "use_kernels",
]
