"""Serialisable state: named arrays and numbers that can be copied, pickled and loaded without running code."""

import copy
import dataclasses
from collections.abc import Callable
from functools import cache, partial
from typing import Any, TypeVar, get_args, get_type_hints

import numpy as np

from sk_adalr.backends import Array, beside, namespace, to_host

StateT = TypeVar("StateT")


def buffer() -> Any:
    """Declare a state field that is scratch space: allocated like the parameters, never stored."""
    return dataclasses.field(metadata={"buffer": True}, repr=False)


def late_buffer() -> Any:
    """Declare a buffer that is None until it is first needed."""
    return dataclasses.field(default=None, metadata={"buffer": True}, repr=False)


def on_host(**options: Any) -> Any:
    """Declare a state field whose arrays are always on the host, even if the parameters are on a device."""
    return dataclasses.field(metadata={"host": True}, **options)


def freeze(state: Any, *, share: bool = False) -> dict[str, Any]:
    """Return a dataclass as a dict of host arrays and numbers, without its buffers.

    Nested dataclasses and random states become dicts, too. The result is a deep copy unless it may `share` arrays.
    """
    fields = dataclasses.fields(state)
    frozen = {f.name: _at_rest(getattr(state, f.name)) for f in fields if not f.metadata.get("buffer")}
    return frozen if share else copy.deepcopy(frozen)


def thaw(state_class: type[StateT], frozen: dict[str, Any], like: Array = None) -> StateT:
    """Restore a state from a copy of what `freeze` returned, on the device of `like`, or the host if that is None.

    Buffers are allocated like `like`.
    """
    kinds, values = _kinds(state_class), {}  # type: ignore[arg-type]
    for field in dataclasses.fields(state_class):  # type: ignore[arg-type]
        if field.name in frozen:
            value = frozen[field.name]
            kind = _copied if value is None else kinds.get(field.name, _copied)
            values[field.name] = kind(value, None if field.metadata.get("host") else like)
        elif field.metadata.get("buffer") and field.default is dataclasses.MISSING:
            values[field.name] = namespace(like).empty_like(like)
    return state_class(**values)


@cache
def _kinds(state_class: type) -> dict[str, Callable[[Any, Array], Any]]:
    """Return functions that thaw the fields whose frozen values do not reveal their types."""
    kinds: dict[str, Callable[[Any, Array], Any]] = {}
    for name, hint in get_type_hints(state_class).items():
        for kind in (hint, *get_args(hint)):
            if kind is np.random.RandomState:
                kinds[name] = _random_state
            elif isinstance(kind, type) and dataclasses.is_dataclass(kind):
                kinds[name] = partial(thaw, kind)
    return kinds


def _random_state(frozen: dict[str, Any], like: Array) -> np.random.RandomState:
    random_state = np.random.RandomState(0)  # any seed: without one, the operating system is asked for it
    random_state.set_state(frozen)
    return random_state


def _at_rest(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return freeze(value, share=True)
    if isinstance(value, np.random.RandomState):
        return value.get_state(legacy=False)
    if isinstance(value, dict):
        return {name: _at_rest(entry) for name, entry in value.items()}
    return to_host(value) if hasattr(value, "dtype") else value


def _copied(value: Any, like: Array) -> Any:
    """Return a copy of `value`, with its arrays, alone or in a dict, on the device of `like`."""
    if isinstance(value, dict):
        return {name: _copied(entry, like) for name, entry in value.items()}
    return beside(value.copy(), like) if hasattr(value, "dtype") else value
