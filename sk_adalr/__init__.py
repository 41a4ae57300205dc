"""Gradient-trained scikit-learn estimators that need no learning-rate tuning."""

from importlib import import_module
from typing import TYPE_CHECKING

from sk_adalr.estimators import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)
from sk_adalr.minimize import minimize
from sk_adalr.public import publish

__version__ = "0.1.0"

__all__ = [
    "AdaptiveLRLinearRegression",
    "AdaptiveLRLogisticRegression",
    "AdaptiveLRMLPClassifier",
    "AdaptiveLRMLPRegressor",
    "__version__",
    "minimize",
]

publish(
    __name__,
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
    minimize,
)

#: Submodules with public names, listed in the API reference; all others are internal.
_SUBMODULES = frozenset(
    {
        "backends",
        "callbacks",
        "checkpoint",
        "directions",
        "export",
        "learning_rates",
        "objectives",
        "optimizer",
        "parameters",
        "plotting",
    }
)


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBMODULES})


if not TYPE_CHECKING:  # a type checker would take every name for a module

    def __getattr__(name):
        """Import a public module when it is first used, as scikit-learn does."""
        if name in _SUBMODULES:
            return import_module(f"sk_adalr.{name}")
        raise AttributeError(f"module 'sk_adalr' has no attribute {name!r}")
