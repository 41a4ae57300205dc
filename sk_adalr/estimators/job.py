"""The inputs of one call of `fit` or `partial_fit`, and the fitted attributes that it sets."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any, Generic, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from sk_adalr.backends import beside, origin, to_device, to_host
from sk_adalr.caller import warn_caller
from sk_adalr.dataset import Dataset
from sk_adalr.estimators.model import LinearModel, NetworkModel
from sk_adalr.estimators.name_hints import argument_to_use
from sk_adalr.estimators.progress import Progress
from sk_adalr.options import Options
from sk_adalr.rows import is_mapped
from sk_adalr.targets import Target
from sk_adalr.training import History

ModelT = TypeVar("ModelT", bound=LinearModel | NetworkModel)
Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class Job(Generic[ModelT]):
    """All inputs of one call of `fit` or `partial_fit`.

    Parameters
    ----------
    name : str
        Class name of the estimator, for messages.
    model : LinearModel or NetworkModel
    options : Options
    data : Dataset
        In the user's units.
    target : Target
    before : mapping or None
        Fitted attributes from which training continues; None to train from scratch.
    progress : Progress
    n_restored : int, default=0
        Number of epochs of this fit that were restored from a checkpoint.
    estimator : estimator or None, default=None
        The estimator being fitted; a user's scorer scores copies of it. None in `partial_fit`.
    """

    name: str
    model: ModelT
    options: Options
    data: Dataset
    target: Target
    before: Mapping[str, Any] | None
    progress: Progress
    n_restored: int = 0
    estimator: BaseEstimator | None = None

    def warn_not_converged(self, advice: str) -> None:
        """Warn that `max_iter` ended training."""
        warn_caller(
            f"{self.name} reached `max_iter` ({self.options.max_iter}) before the criterion of `tol` was met. "
            f"Raise `max_iter`{advice} or set `tol=0` if that many iterations were what you wanted.",
            ConvergenceWarning,
        )


def answers_unknown_arguments(method: Method) -> Method:
    """Decorate a method so that its TypeError for an unknown argument says what to use; its signature is kept."""
    known = inspect.signature(method).parameters

    @wraps(method)
    def answering(self: Any, *args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name not in known:
                answer = argument_to_use(name, list(known)[1:])
                raise TypeError(f"{type(self).__name__}.{method.__name__} has no argument `{name}`. {answer}")
        return method(self, *args, **kwargs)

    return answering  # type: ignore[return-value]


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Restore all attributes of `estimator` if the block raises, Ctrl-C included."""
    before = estimator.__dict__.copy()
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        raise


def take_fitted(estimator: Any, fitted: Mapping[str, Any]) -> None:
    """Set the fitted attributes of `estimator`, and delete those of an earlier fit that are not in `fitted`."""
    cls: Any = type(estimator)
    for name in _fitted_names(cls) - fitted.keys():
        vars(estimator).pop(name, None)
    vars(estimator).update(fitted)


@cache
def _fitted_names(cls: Any) -> frozenset[str]:
    """Return the names of all fitted attributes that a class annotates, except `n_features_in_`."""
    annotated = {name for base in cls.__mro__ for name in vars(base).get("__annotations__", ())}
    return frozenset(name for name in annotated if name.endswith("_") and name != "n_features_in_")


def history_attributes(history: History, note: str = "") -> dict[str, Any]:
    """Return the fitted attributes that describe the course of training; `note` is appended to ``stop_reason_``."""
    attributes = {
        "loss_": history.losses[-1],
        "loss_curve_": history.losses,
        "learning_rate_curve_": history.learning_rate_curve(),
        "validation_scores_": history.validation_scores or None,
        "validation_loss_curve_": history.validation_losses or None,
        "best_epoch_": history.best_epoch,
        "stop_reason_": (history.stop_reason + note).strip(),
    }
    layer_curve = history.layer_learning_rate_curve()
    if layer_curve is not None:
        attributes["layer_learning_rate_curve_"] = layer_curve
    return attributes


def publisher(X: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function that converts the arrays among fitted attributes to the array library and device of `X`.

    The training state and the labels stay NumPy arrays: training can continue in any library, and labels may be
    strings.
    """
    place = origin(X)

    def publish(fitted: dict[str, Any]) -> dict[str, Any]:
        if place.library is None:
            return fitted
        return {name: value if name == "classes_" else place.give_each(value) for name, value in fitted.items()}

    return publish


def restored(estimator: BaseEstimator) -> tuple[dict[str, Any], int] | None:
    """Return the state that a checkpoint callback has saved for this fit, and its number of epochs; else None."""
    for callback in getattr(estimator, "_skl_callbacks", ()):
        state = callback.restored(estimator) if hasattr(callback, "restored") else None
        if state is not None:
            return state
    return None


def mover(backend: str, X: Any) -> Callable[[Any], Any]:
    """Return a function that moves an array to the device on which `backend` computes; `X` are the features."""
    if backend != "cupy" and is_mapped(X):
        return lambda array: array  # with memory-mapped features, all arrays are on the host
    if backend == "auto":
        return lambda array: beside(array, X)
    return to_device if backend == "cupy" else to_host


def check_same_features(n_features: int, before: Mapping[str, Any]) -> None:
    """Raise a ValueError if training would continue with a different number of features."""
    if n_features != before["n_features_in_"]:
        raise ValueError(
            "Continued training needs the same features as before; it had "
            f"{before['n_features_in_']} and would now have {n_features}. Fit with `warm_start=False` instead."
        )


def check_same_target(target: Target, estimator: BaseEstimator) -> None:
    """Raise a ValueError if training would continue with other classes, or another shape or loss of the target."""
    for name, value in target.attributes.items():
        before = getattr(estimator, name)
        if value is not before and not np.array_equal(before, value):
            raise ValueError(
                f"Continued training needs the same target as before; `{name.strip('_')}` was "
                f"{before!r} and is now {value!r}. Fit with `warm_start=False` instead."
            )
