"""Names that users know from scikit-learn and other libraries: what to use instead, and those without effect.

A name gets a line in one of these tables; the sentence says what to do.
"""

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import wraps
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

from sk_adalr.estimators.own_parameters import nested_parameters, with_parameters
from sk_adalr.names import check_bool

Method = TypeVar("Method", bound=Callable[..., Any])

_CLASSES_ARE_JOINT = (
    "More than two classes are always modelled jointly, as 'multinomial' does; leave it out, or wrap the estimator in "
    "sklearn.multiclass.OneVsRestClassifier."
)
_ETA0 = "Leave it out, since rates are learned, or use `learning_rate_init`."
_POWER_T = "It belongs to the schedule 'invscaling'; leave it out, since rates are learned here."
_AVERAGE = "Leave it out: `learning_rate='auto'` keeps a running average of the iterates anyway."
_EPOCHS = "Use `max_iter`."
_RATE = "Use `learning_rate_init`."
_SEED = "Use `random_state`."
_DEVICE = "Use `backend='cupy'` to compute on a GPU."

#: Parameters of other estimators, and what to use for them here.
PARAMETERS = {
    "average": _AVERAGE,
    "callbacks": "Use `set_callbacks`.",
    "decay": _POWER_T,
    "device": _DEVICE,
    "early_stopping_rounds": "Use `early_stopping=True` and `n_iter_no_change`.",
    "epochs": _EPOCHS,
    "eta": _RATE,
    "eta0": _ETA0,
    "lr": _RATE,
    "max_epochs": _EPOCHS,
    "n_epochs": _EPOCHS,
    "n_iter": _EPOCHS,
    "normalize": "Leave it out: `standardize=True`, the default, does more.",
    "optimizer": "Use `solver`.",
    "patience": "Use `n_iter_no_change`.",
    "power_t": _POWER_T,
    "precompute": "Leave it out: the solver decides whether a Gram matrix pays.",
    "seed": _SEED,
    "weight_decay": "Use `alpha` or `C`, the L2 penalty.",
}

#: Those of linear regression.
LINEAR_REGRESSION = {
    "C": "Use `alpha`, the strength of the L2 penalty.",
    "class_weight": "Pass `sample_weight` to `fit`.",
    "gcv_mode": "Search over `alpha` with sklearn.model_selection.GridSearchCV.",
    "alphas": "Search over `alpha` with sklearn.model_selection.GridSearchCV.",
    "l1_ratio": "The penalty is L2; for an L1 penalty use sklearn.linear_model.ElasticNet.",
    "penalty": "The penalty is L2, with the strength `alpha`; for L1 use sklearn.linear_model.Lasso.",
}

#: Those of logistic regression.
LOGISTIC_REGRESSION = {
    "alpha": "Use `C`, the inverse of the strength of the L2 penalty.",
    "Cs": "Search over `C` with sklearn.model_selection.GridSearchCV.",
    "loss": "The loss is the log loss; for another use sklearn.linear_model.SGDClassifier.",
    "multi_class": _CLASSES_ARE_JOINT,
}

_NETWORK = {
    "fit_intercept": "Every layer has an intercept; leave it out.",
    "hidden_layers": "Use `hidden_layer_sizes`.",
    "max_fun": "It belongs to the solver 'lbfgs'; use `max_iter`.",
    "n_jobs": "Leave it out: the threads are those of NumPy's BLAS, which threadpoolctl sets.",
    "dropout": "There is no dropout; use `alpha`, `early_stopping=True`, or another library such as skorch.",
}

#: Those of the classifier that is a network.
MLP_CLASSIFIER = {
    **_NETWORK,
    "C": "Use `alpha`, the strength of the L2 penalty.",
    "loss": "The loss is the log loss; leave it out.",
}

#: Those of the regressor that is a network.
MLP_REGRESSOR = {
    **_NETWORK,
    "C": "Use `alpha`, the strength of the L2 penalty.",
    "class_weight": "Pass `sample_weight` to `fit`.",
}

#: Parameters that are accepted with one value only, and what to do about any other.
_ONLY = {
    "dual": (False, "The primal problem, which is solved here, has the same optimum; leave it out."),
    "intercept_scaling": (1, "Intercepts are not penalised here, so there is nothing to scale; leave it out."),
    "positive": (False, "For coefficients of one sign use sklearn.linear_model.LinearRegression(positive=True)."),
}

_VALIDATION = "Pass validation data as `X_val` and `y_val`, with `early_stopping=True`."
_COEF_INIT = "Set `warm_start=True` to start from the previous fit."

#: Arguments of other estimators' `fit` and `partial_fit`, and what to use for them here.
ARGUMENTS = {
    "batch_size": "It is a parameter of the estimator.",
    "callbacks": "Use `set_callbacks`.",
    "class_weight": "It is a parameter of the classifiers.",
    "classes": "`fit` finds the classes in `y`; only `partial_fit` of a classifier needs them.",
    "coef_init": _COEF_INIT,
    "early_stopping_rounds": "It is the parameter `n_iter_no_change` of the estimator.",
    "epochs": "It is the parameter `max_iter` of the estimator.",
    "eval_metric": "Validation data are judged by accuracy or R2, and by the loss; leave it out.",
    "eval_sample_weight": "Validation data have no weights; leave it out.",
    "eval_set": _VALIDATION,
    "intercept_init": _COEF_INIT,
    "sample_weights": "Use `sample_weight`.",
    "validation_data": _VALIDATION,
    "validation_split": "It is the parameter `validation_fraction` of the estimator, with `early_stopping=True`.",
    "verbose": "It is a parameter of the estimator.",
    "weights": "Use `sample_weight`.",
}

#: Parameters that may be objects with parameters of their own.
_OBJECTS = {"solver", "learning_rate", "loss"}


class Answering:
    """An estimator that answers unknown parameters with what to use instead."""

    #: Parameters of the counterparts of this estimator alone.
    _other_parameters: Mapping[str, str] = MappingProxyType({})
    _get_param_names: Callable[[], list[str]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Return the bare object, or raise a TypeError where `__init__` would without saying what to do."""
        if kwargs:
            parameters = inspect.signature(cls.__init__).parameters
            unknown = [name for name in kwargs if name not in parameters]
            if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                answer = cls._what_to_use(unknown[0], parameters)
                raise TypeError(f"{cls.__name__} has no parameter `{unknown[0]}`. {answer}")
        return super().__new__(cls)

    @classmethod
    def _what_to_use(cls, name: str, known: Iterable[str]) -> str:
        return {**PARAMETERS, **cls._other_parameters}.get(name) or _similar(name, known)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the parameters of the objects among them, as in ``solver__momentum``.

        Returns
        -------
        params : dict
            Names and values.
        """
        params = super().get_params(deep=False)  # type: ignore[misc]
        if deep:
            for name in _OBJECTS & params.keys():
                params |= nested_parameters(name, params[name])
        return params

    def set_params(self, **params: Any) -> Any:
        """Set the parameters of this estimator.

        Parameters
        ----------
        **params : dict
            Names and values. ``solver__momentum`` is a parameter of the object passed as ``solver``, which stays as
            it is: the estimator gets another one.

        Returns
        -------
        self : estimator
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter; the message says what to use.
        """
        known = self._get_param_names()
        own: dict[str, Any] = {}
        of_objects: dict[str, dict[str, Any]] = defaultdict(dict)
        for key, value in params.items():
            name, is_nested, rest = key.partition("__")
            if name not in known:
                # The beginning is scikit-learn's.
                answer = self._what_to_use(name, known)
                raise ValueError(f"Invalid parameter {name!r} for estimator {self}. {answer}")
            if is_nested:
                of_objects[name][rest] = value
            else:
                own[name] = value
        for name, changes in of_objects.items():
            own[name] = with_parameters(name, own.get(name, getattr(self, name)), changes)
        return super().set_params(**own)  # type: ignore[misc]


def check_accepted(estimator: Any) -> None:
    """Raise an error if a parameter that is there for compatibility only asks for what there is not."""
    for name in ("copy_X", "nesterovs_momentum"):
        check_bool(name, getattr(estimator, name, True))
    n_jobs = getattr(estimator, "n_jobs", None)
    if not isinstance(n_jobs, Integral | None):
        raise TypeError(f"`n_jobs` must be None or an integer; got {n_jobs!r}.")
    for name, (only, advice) in _ONLY.items():
        value = getattr(estimator, name, only)
        if not isinstance(value, Real | np.bool_) or value != only:
            raise ValueError(f"`{name}` must be {only!r}; got {value!r}. {advice}")


def answers_unknown_arguments(method: Method) -> Method:
    """Answer unknown arguments of the method with what to use instead; its signature stays as it is."""
    known = inspect.signature(method).parameters

    @wraps(method)
    def answering(self: Any, *args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name not in known:
                answer = ARGUMENTS.get(name) or _similar(name, list(known)[1:])
                raise TypeError(f"{type(self).__name__}.{method.__name__} has no argument `{name}`. {answer}")
        return method(self, *args, **kwargs)

    return answering  # type: ignore[return-value]


def _similar(name: str, known: Iterable[str]) -> str:
    known = [other for other in known if other != "self"]
    similar = get_close_matches(name, known, n=1)
    if similar:
        return f"Did you mean `{similar[0]}`?"
    return "Known names are " + ", ".join(f"`{other}`" for other in sorted(known)) + "."
