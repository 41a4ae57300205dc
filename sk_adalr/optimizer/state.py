"""Training state at rest: named arrays and numbers that copy, pickle and need no trust to load."""

import copy
import dataclasses
from typing import Any, TypeVar

from sk_adalr.backends import Array, namespace

StateT = TypeVar("StateT")


def buffer() -> Any:
    """Declare a state field that is scratch space: allocated like the parameters, never stored."""
    return dataclasses.field(metadata={"buffer": True}, repr=False)


def freeze(state: Any, *, share: bool = False) -> dict[str, Any]:
    """Return a state dataclass as a dict, without its buffers; a deep copy unless it may `share` the arrays."""
    names = [f.name for f in dataclasses.fields(state) if not f.metadata.get("buffer")]
    frozen = {name: getattr(state, name) for name in names}
    return frozen if share else copy.deepcopy(frozen)


def thaw(state_class: type[StateT], frozen: dict[str, Any], params: Array) -> StateT:
    """Return the state that `freeze` stored, as a copy, with fresh buffers like `params`."""
    empty_like = namespace(params).empty_like
    buffers = {
        f.name: empty_like(params)
        for f in dataclasses.fields(state_class)  # type: ignore[arg-type]
        if f.metadata.get("buffer")
    }
    return state_class(**copy.deepcopy(frozen), **buffers)
