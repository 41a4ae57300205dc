"""Checks of the users' names and numbers, and the directions, learning rates, losses and scorers that they name."""

import inspect
import math
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names

from sk_adalr.directions import DIRECTIONS, SGD, Adam, Direction, Momentum, Nesterov
from sk_adalr.learning_rates import GRANULARITIES, LEARNING_RATES, Hypergradient, LearningRate
from sk_adalr.objectives import LOSSES, Loss

_FULL_BATCH = {"auto": "which solves the same problem and leaves no learning rate to choose"}
_STOCHASTIC = {"auto": "or 'sgd' for mini-batches", "sgd": "which trains on mini-batches"}
_SCHEDULE = {
    "auto": "which measures a rate that needs no schedule",
    "hypergradient": "which adapts the rate to the loss instead of a schedule",
}
_OWN_LOSS = {"squared_error": "or write it as a class of three functions, see sk_adalr.objectives.ElementwiseLoss"}
_QUANTILE = {"squared_error": "or scikit-learn's QuantileRegressor"}
_ON_A_GPU = {"cupy": "which computes on the GPU"}
#: Values that users know from other libraries and that do not exist here, each with replacements and reasons; the
#: error message names the first replacement that the parameter allows.
_REPLACEMENTS = {
    "lbfgs": _FULL_BATCH,
    "newton-cg": _FULL_BATCH,
    "newton-cholesky": _FULL_BATCH,
    "liblinear": _FULL_BATCH,
    "sag": _STOCHASTIC,
    "saga": _STOCHASTIC,
    "invscaling": _SCHEDULE,
    "adaptive": _SCHEDULE,
    "optimal": _SCHEDULE,
    "huber": _OWN_LOSS,
    "absolute_error": _QUANTILE,
    "quantile": _QUANTILE,
    "cuda": _ON_A_GPU,
    "gpu": _ON_A_GPU,
}

#: Hyperparameters that estimators and `minimize` pass to the built-in classes. Looked up by exact class, so that
#: another class with a parameter of the same name keeps its own default.
_SHARED_NUMBERS: dict[type, tuple[str, ...]] = {
    Momentum: ("momentum",),
    Nesterov: ("momentum",),
    Adam: ("beta_1", "beta_2", "epsilon"),
    Hypergradient: ("hyper_learning_rate",),
}


def check_choice(name: str, value: Any, choices: Any) -> None:
    """Raise a ValueError or TypeError unless `value` is one of the strings `choices`."""
    if isinstance(value, str) and value in choices:
        return
    allowed = ", ".join(repr(choice) for choice in choices)
    message = f"`{name}` must be one of {allowed}; got {value!r}."
    if isinstance(value, str):
        for replacement, why in _REPLACEMENTS.get(value, {}).items():
            if replacement in choices:
                message += f" Instead of {value!r}, use {replacement!r}, {why}."
                break
        raise ValueError(message)
    raise TypeError(message)


def check_number(
    name: str,
    value: Any,
    minimum: float,
    maximum: float = math.inf,
    *,
    strict: bool = False,
    integer: bool = False,
    or_infinite: bool = False,
) -> None:
    """Raise a TypeError or ValueError unless `value` is a number in [minimum, maximum).

    With `strict`, `minimum` itself is invalid too. Infinity is invalid unless `or_infinite` is True.
    """
    kind: Any = Integral if integer else Real
    is_number = isinstance(value, kind) and not isinstance(value, bool)
    if is_number and minimum <= value < maximum and not (strict and value == minimum):
        return
    if or_infinite and isinstance(value, Real) and value == math.inf:
        return
    noun = "an integer" if integer else "a number"
    bound = f"greater than {minimum:g}" if strict else f"at least {minimum:g}"
    if maximum < math.inf:
        bound += f" and below {maximum:g}"
    elif or_infinite:
        bound += " or numpy.inf"
    elif not integer:
        bound += " and finite"
    message = f"`{name}` must be {noun} {bound}; got {value!r}."
    raise ValueError(message) if is_number else TypeError(message)


def check_bool(name: str, value: Any, *, or_auto: bool = False) -> None:
    """Raise a TypeError unless `value` is True or False, or "auto" if `or_auto` is True."""
    if isinstance(value, bool | np.bool_) or (or_auto and isinstance(value, str) and value == "auto"):
        return
    allowed = "'auto', True or False" if or_auto else "True or False"
    raise TypeError(f"`{name}` must be {allowed}; got {value!r}.")


def make_direction(
    direction: Any,
    parameter: str,
    *,
    others: Sequence[str] = (),
    momentum: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> Direction:
    """Return the direction with the name `direction`, or `direction` itself if it is a `Direction` object.

    `parameter` is the name of the user's parameter and `others` are the values that the caller handles itself, both
    for error messages. Only the built-in directions (`_SHARED_NUMBERS`) get the numbers. An object and a direction
    that was added to the table keep their own.
    """
    if not isinstance(direction, str) and isinstance(direction, Direction) and not isinstance(direction, type):
        return direction
    names = (*others, *DIRECTIONS)
    if isinstance(direction, str) and direction == "exact":
        raise ValueError(
            f"`{parameter}='exact'` needs a linear model, whose loss along a direction is known after one pass over "
            f"the rows. Use one of {', '.join(map(repr, names))}."
        )
    check_choice(parameter, direction, names)
    check_number("momentum", momentum, 0, 1)
    check_number("beta_1", beta_1, 0, 1)
    check_number("beta_2", beta_2, 0, 1)
    check_number("epsilon", epsilon, 0, strict=True)
    # Python floats keep products with float32 arrays in float32; NumPy float64 scalars would promote them.
    numbers = {"momentum": momentum, "beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
    cls = DIRECTIONS[direction]
    return cls(**{name: float(numbers[name]) for name in _SHARED_NUMBERS.get(cls, ())})


def make_learning_rate(
    learning_rate: Any,
    granularity: Any,
    learning_rate_init: float,
    hyper_learning_rate: float,
    *,
    others: Sequence[str] = (),
) -> LearningRate:
    """Return the rule with the name `learning_rate`, or `learning_rate` itself if it is a `LearningRate` object.

    `others` are the values that the caller handles itself, for the error message. Every rule that takes an initial
    rate and a granularity gets them. Only "hypergradient" gets `hyper_learning_rate`: an object and a rule that was
    added to the table keep their own.
    """
    is_name = isinstance(learning_rate, str)
    if not is_name and isinstance(learning_rate, LearningRate) and not isinstance(learning_rate, type):
        return learning_rate
    if isinstance(learning_rate, Real) and not isinstance(learning_rate, bool):
        raise TypeError(
            f"`learning_rate` says how rates change, not how large they are; got {learning_rate!r}. For a constant "
            f"rate, use `learning_rate='constant', learning_rate_init={learning_rate!r}`."
        )
    check_choice("learning_rate", learning_rate, (*others, *LEARNING_RATES))
    check_choice("granularity", granularity, GRANULARITIES)
    check_number("learning_rate_init", learning_rate_init, 0, strict=True)
    check_number("hyper_learning_rate", hyper_learning_rate, 0)
    cls = LEARNING_RATES[learning_rate]
    known = inspect.signature(cls).parameters
    settings: dict[str, Any] = {}
    if "learning_rate_init" in known:
        settings["learning_rate_init"] = float(learning_rate_init)
    if "granularity" in known:
        settings["granularity"] = GRANULARITIES[granularity]()
    if "hyper_learning_rate" in _SHARED_NUMBERS.get(cls, ()):
        settings["hyper_learning_rate"] = float(hyper_learning_rate)
    return cls(**settings)


def make_loss(loss: Any) -> Loss:
    """Return the loss with the name `loss`, or `loss` itself if it is a `Loss` object.

    Raises
    ------
    ValueError, TypeError
        If there is no such loss.
    """
    if isinstance(loss, str):
        check_choice("loss", loss, LOSSES)
        return LOSSES[loss]()
    if isinstance(loss, Loss) and not isinstance(loss, type):
        return loss
    example = f"; pass `{loss.__name__}()`, an object" if isinstance(loss, type) else ""
    raise TypeError(
        f"`loss` must be one of {', '.join(map(repr, LOSSES))}, or an object such as an instance of a subclass of "
        f"sk_adalr.objectives.ElementwiseLoss; got {loss!r}{example}."
    )


#: Common names of metrics, and the scikit-learn scorer names to suggest for them.
_SCORERS = {
    "auc": "roc_auc",
    "logloss": "neg_log_loss",
    "loss": "neg_log_loss' or 'neg_mean_squared_error",
    "mae": "neg_mean_absolute_error",
    "mse": "neg_mean_squared_error",
    "rmse": "neg_root_mean_squared_error",
}


def find_scorer(scoring: Any) -> Callable[..., Any] | None:
    """Return the scorer with the name `scoring`, or `scoring` itself if it is a callable scorer; None for None.

    Raises
    ------
    ValueError, TypeError
        If there is no such scorer, or if it is a metric function instead of a scorer.
    """
    if isinstance(scoring, str) and scoring not in get_scorer_names():
        similar = _SCORERS.get(scoring) or "".join(get_close_matches(scoring, get_scorer_names(), n=1))
        raise ValueError(
            "`scoring` must be None, a callable or one of the names that sklearn.metrics.get_scorer_names() gives; "
            f"got {scoring!r}." + (f" Did you mean '{similar}'?" if similar else "")
        )
    if not (scoring is None or isinstance(scoring, str) or callable(scoring)):
        raise TypeError(f"`scoring` must be None, a callable or the name of one scorer; got {scoring!r}.")
    return None if scoring is None else check_scoring(scoring=scoring)


def stable_text(value: Any) -> str:
    """Return a parameter as text that is the same in every process: the name alone if the repr has an address."""
    text = repr(value)
    return getattr(value, "__qualname__", type(value).__name__) if " at 0x" in text else text


#: Initial rates for `learning_rate_init="auto"`, suited to standardised data.
_DEFAULT_RATES = {SGD: 0.1, Momentum: 0.01, Nesterov: 0.01}


def default_rate(direction: Direction, *, linear: bool) -> float:
    """Return the default initial rate of `direction`.

    For Adam and custom directions it is 0.001 for a network, as in scikit-learn, and 0.01 for a linear model, which
    starts from zero, further from its optimum.
    """
    return _DEFAULT_RATES.get(type(direction), 0.01 if linear else 0.001)
