"""Which array library computes: the only room that imports CuPy."""

from sk_adalr.backends.namespace import Array, namespace, special, to_host

__all__ = ["Array", "namespace", "special", "to_host"]
