"""Nested parameters of estimators, such as ``solver__momentum`` and ``learning_rate__step_size``.

Directions and learning rates are immutable, since several estimators may share them. Setting one of their parameters
replaces the object.
"""

import inspect
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from numbers import Number
from typing import Any

from sk_adalr.estimators.name_hints import what_to_use

#: Parameters that may be objects with nested parameters.
_OBJECTS = {"solver", "learning_rate", "loss"}


def check_names(cls: Any, names: Iterable[str]) -> None:
    """Raise a TypeError that says what to use if a name is no parameter of the constructor of `cls`."""
    parameters = _parameters(cls)
    unknown = [name for name in names if name not in parameters]
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        answer = what_to_use(unknown[0], parameters, cls._other_parameters)
        raise TypeError(f"{cls.__name__} has no parameter `{unknown[0]}`. {answer}")


def defaults(cls: Any) -> dict[str, Any]:
    """Return the defaults of the parameters of a constructor."""
    return {p.name: p.default for p in _parameters(cls).values() if p.default is not p.empty}


@cache
def _parameters(cls: Any) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of the constructor of `cls`; reading them takes longer than all else in a constructor."""
    return inspect.signature(cls.__init__).parameters


def with_nested(params: dict[str, Any]) -> dict[str, Any]:
    """Return `params` and the nested parameters of the objects among them."""
    nested = (nested_parameters(name, params[name]) for name in _OBJECTS & params.keys())
    return {name: value for part in (params, *nested) for name, value in part.items()}


def parameters_of(value: Any) -> dict[str, Any]:
    """Return the parameters of an object: constructor arguments that it stores as attributes of the same names.

    Dataclasses do so, as do classes that follow the conventions of scikit-learn. An object that does not store all
    arguments cannot be rebuilt with one of them changed, so the result is empty, as for strings, numbers and classes.
    """
    if isinstance(value, str | Number | type):
        return {}
    if hasattr(value, "get_params"):
        return value.get_params(deep=False)
    try:
        parameters = inspect.signature(type(value)).parameters.values()
    except (ValueError, TypeError):  # types implemented in C may have no signature
        return {}
    if any(p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) or not hasattr(value, p.name) for p in parameters):
        return {}
    return {p.name: getattr(value, p.name) for p in parameters}


def nested_parameters(name: str, value: Any) -> dict[str, Any]:
    """Return the parameters of `value` at all levels, as ``name__parameter``; `value` is the parameter `name`."""
    found = {}
    for own, inner in parameters_of(value).items():
        found[f"{name}__{own}"] = inner
        found.update(nested_parameters(f"{name}__{own}", inner))
    return found


def with_parameters(name: str, value: Any, changes: Mapping[str, Any]) -> Any:
    """Return a copy of `value`, which is the parameter `name`, with some of its parameters changed.

    Raises
    ------
    ValueError
        If there is no such parameter.
    """
    parameters = parameters_of(value)
    inner_changes: dict[str, dict[str, Any]] = defaultdict(dict)
    for key, new in changes.items():
        own, is_nested, rest = key.partition("__")
        if own not in parameters:
            raise ValueError(f"Invalid parameter {own!r} for `{name}={value!r}`. {_what_there_is(name, value)}")
        if is_nested:
            inner_changes[own][rest] = new
        else:
            parameters[own] = new
    for own, inner in inner_changes.items():
        parameters[own] = with_parameters(f"{name}__{own}", parameters[own], inner)
    return type(value)(**parameters)


def _what_there_is(name: str, value: Any) -> str:
    parameters = parameters_of(value)
    if parameters:
        return "Its parameters are " + ", ".join(f"`{own}`" for own in parameters) + "."
    if isinstance(value, str):
        return f"A name has no parameters of its own; pass an object as `{name}`, or set a parameter of the estimator."
    return "It has none, or does not keep each argument of its constructor as an attribute of the same name."


def own_parameters(owner: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `changes` with each ``name__parameter`` replaced by a new object for the parameter `name` of `owner`.

    Raises
    ------
    ValueError
        If there is no such parameter; the message says what to use.
    """
    known = owner._get_param_names()
    own: dict[str, Any] = {}
    of_objects: dict[str, dict[str, Any]] = defaultdict(dict)
    for key, value in changes.items():
        name, is_nested, rest = key.partition("__")
        if name not in known:
            what = what_to_use(name, known, owner._other_parameters)
            raise ValueError(f"Invalid parameter {name!r} for estimator {owner}. {what}")  # starts like scikit-learn's
        if is_nested:
            of_objects[name][rest] = value
        else:
            own[name] = value
    for name, inner in of_objects.items():
        own[name] = with_parameters(name, own.get(name, getattr(owner, name)), inner)
    return own
