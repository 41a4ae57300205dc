"""Parameters of objects that are parameters: ``solver__momentum``, ``learning_rate__step_size``.

A direction or a rule is a value: it is frozen, and two fits may share it. So it is never changed. Setting one of its
parameters puts another object in its place.
"""

import inspect
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from numbers import Number
from typing import Any


def parameters_of(value: Any) -> dict[str, Any]:
    """Return the parameters of an object: what its constructor takes and it keeps under the same names.

    A dataclass does, and so does a class by the habits of scikit-learn. An object that does not keep all of them
    cannot be made again with one of them changed, and has none here. Nor do strings, numbers and classes.
    """
    if isinstance(value, str | Number | type):
        return {}
    if hasattr(value, "get_params"):
        return value.get_params(deep=False)
    try:
        parameters = inspect.signature(type(value)).parameters.values()
    except (ValueError, TypeError):  # of a type that is written in C
        return {}
    if any(p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) or not hasattr(value, p.name) for p in parameters):
        return {}
    return {p.name: getattr(value, p.name) for p in parameters}


def nested_parameters(name: str, value: Any) -> dict[str, Any]:
    """Return the parameters of `value`, the parameter `name`, and theirs, as ``name__parameter``."""
    found = {}
    for own, inner in parameters_of(value).items():
        found[f"{name}__{own}"] = inner
        found.update(nested_parameters(f"{name}__{own}", inner))
    return found


def with_parameters(name: str, value: Any, changes: Mapping[str, Any]) -> Any:
    """Return an object like `value`, the parameter `name`, with some of its parameters changed.

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


def own_parameters(
    owner: Any, changes: Mapping[str, Any], known: Collection[str], answer: Callable[[str], str]
) -> dict[str, Any]:
    """Return `changes`, with each ``name__parameter`` as another object for the parameter `name` of `owner`.

    Raises
    ------
    ValueError
        If there is no such parameter; of `owner` itself, with what `answer` says.
    """
    own: dict[str, Any] = {}
    of_objects: dict[str, dict[str, Any]] = defaultdict(dict)
    for key, value in changes.items():
        name, is_nested, rest = key.partition("__")
        if name not in known:
            raise ValueError(answer(name))
        if is_nested:
            of_objects[name][rest] = value
        else:
            own[name] = value
    for name, inner in of_objects.items():
        own[name] = with_parameters(name, own.get(name, getattr(owner, name)), inner)
    return own
