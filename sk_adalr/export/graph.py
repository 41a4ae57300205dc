"""Construction of ONNX graphs, with unique names from skl2onnx."""

from typing import Any

import numpy as np


class Graph:
    """The nodes that a converter adds to an ONNX graph.

    Parameters
    ----------
    scope : skl2onnx Scope
        Provides unique names.
    container : skl2onnx ModelComponentContainer
        Stores the nodes.
    """

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope = scope
        self._container = container

    def node(self, kind: str, *inputs: str, out: str | None = None, **attributes: Any) -> str:
        """Add an ONNX operator; return the name of its output, which is `out` if given."""
        out = self._scope.get_unique_variable_name(kind.lower()) if out is None else out
        name = self._scope.get_unique_operator_name(kind)
        self._container.add_node(kind, list(inputs), out, name=name, **attributes)
        return out

    def cast(self, value: str, dtype: Any, out: str | None = None) -> str:
        """Add a cast to a NumPy dtype; return the name of its output."""
        return self.node("Cast", value, out=out, to=_onnx_type(np.dtype(dtype)))

    def constant(self, array: np.ndarray) -> str:
        """Add a constant array; return its name."""
        name = self._scope.get_unique_variable_name("constant")
        entries = [text.encode() for text in array] if array.dtype.kind in "OU" else array.ravel()
        self._container.add_initializer(name, _onnx_type(array.dtype), array.shape, entries)
        return name


def _onnx_type(dtype: np.dtype) -> int:
    from onnx.helper import np_dtype_to_tensor_dtype

    return np_dtype_to_tensor_dtype(np.dtype(object) if dtype.kind == "U" else dtype)
