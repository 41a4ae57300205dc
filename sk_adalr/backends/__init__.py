"""Which array library computes: the only room that imports CuPy."""

from sk_adalr.backends.namespace import Array, add_scaled, namespace, special, to_host

__all__ = ["Array", "add_scaled", "namespace", "special", "to_host"]
