"""Training state at rest: named arrays and numbers that copy, pickle and need no trust to load."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from sk_adalr.backends import Array, beside, namespace, to_host

StateT = TypeVar("StateT")


def buffer() -> Any:
    """Declare a state field that is scratch space: allocated like the parameters, never stored."""
    return dataclasses.field(metadata={"buffer": True}, repr=False)


def late_buffer() -> Any:
    """Declare a buffer that is None until whoever needs it allocates it."""
    return dataclasses.field(default=None, metadata={"buffer": True}, repr=False)


def on_host() -> Any:
    """Declare a state field whose arrays lie on the host wherever the parameters are."""
    return dataclasses.field(metadata={"host": True})


def freeze(state: Any, *, share: bool = False) -> dict[str, Any]:
    """Return a state dataclass as a dict of the host's arrays and numbers, without its buffers.

    A deep copy unless it may `share` the arrays.
    """
    names = [f.name for f in dataclasses.fields(state) if not f.metadata.get("buffer")]
    frozen = {name: _each_array(getattr(state, name), to_host) for name in names}
    return frozen if share else copy.deepcopy(frozen)


def thaw(state_class: type[StateT], frozen: dict[str, Any], params: Array) -> StateT:
    """Return the state that `freeze` stored, as a copy where `params` lie, with fresh buffers like them."""
    empty_like = namespace(params).empty_like
    buffers = {
        f.name: empty_like(params)
        for f in dataclasses.fields(state_class)  # type: ignore[arg-type]
        if f.metadata.get("buffer") and f.default is dataclasses.MISSING
    }
    host = {f.name for f in dataclasses.fields(state_class) if f.metadata.get("host")}  # type: ignore[arg-type]
    moved = {
        name: value if name in host else _each_array(value, lambda array: beside(array, params))
        for name, value in copy.deepcopy(frozen).items()
    }
    return state_class(**moved, **buffers)


def _each_array(value: Any, move: Callable[[Array], Array]) -> Any:
    """Return `value` with `move` applied to it if it is an array, or to the arrays in a dict."""
    if isinstance(value, dict):
        return {name: _each_array(entry, move) for name, entry in value.items()}
    return move(value) if hasattr(value, "dtype") else value
