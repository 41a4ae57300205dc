"""Our estimators under the names of scikit-learn's, and scikit-learn's test modules with these names in them."""

import importlib
import inspect
import sys
import types
from unittest import mock

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)
from sk_adalr.estimators.model import LinearModel


def _takes(base, **defaults):
    """Return a class decorator: the constructor takes these parameters first, then those of `base`."""
    parameters = dict(inspect.signature(base.__init__).parameters)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    first = {name: inspect.Parameter(name, kind, default=default) for name, default in defaults.items()}
    rest = {name: parameter for name, parameter in parameters.items() if name not in {"self", *first}}
    rest = {name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for name, parameter in rest.items()}

    def decorate(cls):
        cls.__init__.__signature__ = inspect.Signature([parameters["self"], *first.values(), *rest.values()])
        return cls

    return decorate


@_takes(AdaptiveLRLinearRegression, alpha=1.0)
class Ridge(AdaptiveLRLinearRegression):
    """The linear regression with Ridge's default penalty."""

    def __init__(self, alpha=1.0, **parameters):
        super().__init__(alpha=alpha, **parameters)


class _PenaltyOfTheMean(LinearModel):
    """A linear model whose penalty is one of the mean loss, whatever the rows."""

    def curvature(self, data):
        return self.strength


class _SGD:
    """The parameters that say which model it is: the loss, and a penalty of the mean loss, whatever the rows."""

    def _model(self):
        super()._model()
        if self.loss != self._only_loss or self.penalty not in ("l2", None):
            raise ValueError(f"loss={self.loss!r} with penalty={self.penalty!r} is a model that we do not have.")
        return _PenaltyOfTheMean(0.0 if self.penalty is None else self.alpha, self.fit_intercept)


@_takes(AdaptiveLRLogisticRegression, loss="log_loss", penalty="l2", alpha=1e-4)
class SGDClassifier(_SGD, AdaptiveLRLogisticRegression):
    """The logistic regression by SGDClassifier's parameters."""

    _only_loss = "log_loss"

    def __init__(self, loss="log_loss", penalty="l2", alpha=1e-4, tol=1e-4, **parameters):
        super().__init__(tol=tol or 0, **parameters)
        self.loss, self.penalty, self.alpha = loss, penalty, alpha


@_takes(AdaptiveLRLinearRegression, loss="squared_error", penalty="l2", alpha=1e-4)
class SGDRegressor(_SGD, AdaptiveLRLinearRegression):
    """The linear regression by SGDRegressor's parameters."""

    _only_loss = "squared_error"

    def __init__(self, loss="squared_error", penalty="l2", alpha=1e-4, tol=1e-4, **parameters):
        super().__init__(alpha=alpha, tol=tol or 0, **parameters)
        self.loss, self.penalty = loss, penalty


REPLACED = {
    "sklearn.linear_model": {
        "LinearRegression": AdaptiveLRLinearRegression,
        "LogisticRegression": AdaptiveLRLogisticRegression,
        "Ridge": Ridge,
        "SGDClassifier": SGDClassifier,
        "SGDRegressor": SGDRegressor,
    },
    "sklearn.neural_network": {
        "MLPClassifier": AdaptiveLRMLPClassifier,
        "MLPRegressor": AdaptiveLRMLPRegressor,
    },
}
NAMES = {name for names in REPLACED.values() for name in names}
CLASSES = tuple({cls for names in REPLACED.values() for cls in names.values()})


def load(name):
    """Return scikit-learn's test module `name`, run anew where our classes stand in for theirs.

    Only this module sees the stand-ins. All that it imports is imported before, and keeps scikit-learn's classes.
    """
    importlib.import_module(name)
    del sys.modules[name]
    with mock.patch.dict(sys.modules):
        stand_ins = [_stand_in(package, classes) for package, classes in REPLACED.items()]
        attributes = {module.__name__.rpartition(".")[2]: module for module in stand_ins}
        sys.modules.update({module.__name__: module for module in stand_ins})
        with mock.patch.multiple(sys.modules["sklearn"], **attributes):
            module = importlib.import_module(name)
    sys.modules[name] = module
    return module


def _stand_in(package, classes):
    """Return a module with all that the package has, but for the classes that are replaced."""
    original = importlib.import_module(package)
    module = types.ModuleType(package)
    module.__dict__.update(original.__dict__)
    module.__dict__.update(classes)
    return module


def is_about_ours(item):
    """Whether the test that pytest has collected reaches one of our classes, by its text or its parameters."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return any(_reaches(value, set()) for value in (item.obj, *parameters))


def _reaches(value, seen):
    if id(value) in seen:
        return False
    seen.add(id(value))
    if isinstance(value, type):
        return issubclass(value, CLASSES)
    if inspect.isfunction(value):
        function = inspect.unwrap(value)
        names = set(_names(function.__code__))
        if names & NAMES:
            return True
        ours = (function.__globals__.get(name) for name in names)
        return any(_reaches(other, seen) for other in ours if getattr(other, "__module__", "") == function.__module__)
    if isinstance(value, list | tuple):
        return any(_reaches(element, seen) for element in value)
    if hasattr(value, "get_params") and not isinstance(value, CLASSES):
        return any(_reaches(element, seen) for element in value.get_params().values())
    return isinstance(value, CLASSES)


def _names(code):
    """Yield the global names and attributes that a function uses, those of the functions inside it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
