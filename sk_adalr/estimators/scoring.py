"""Validation scores during training, by a scorer of the user's choice."""

import copy
import inspect
import math
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import clone

from sk_adalr.backends import Array, beside, to_host
from sk_adalr.estimators.job import Job
from sk_adalr.parameters import ParameterLayout
from sk_adalr.training import History
from sk_adalr.units import Units


def score_of_user(
    job: Job[Any], units: Units, layout: ParameterLayout, history: History, rows: np.ndarray | None
) -> Callable[[Array], float]:
    """Return a function from parameters (n_params,) to the score of their model on the validation rows.

    Parameters
    ----------
    job : Job
        Its scorer gets a fitted copy of the estimator, and the rows in the user's units, on the host.
    units : Units
        Units of the parameters.
    layout : ParameterLayout
    history : History
        History of the running training.
    rows : int array or None
        Indices of the held-out rows of the fit; None for validation data passed by the user.
    """
    scorer: Any = job.options.scorer
    X, y, weight = _rows_of_user(job, rows)
    weights = {"sample_weight": weight} if weight is not None and _takes_weights(scorer) else {}
    unfitted: Any = clone(job.estimator)  # without feature names: the rows are arrays
    unfitted.n_features_in_ = X.shape[1]

    def score(params: Array) -> float:
        model = copy.copy(unfitted)
        attributes = job.model.attributes(layout, units.to_user(to_host(params), layout), job.target, history)
        vars(model).update(attributes | job.target.attributes)
        return _as_number(scorer(model, X, y, **weights))

    return score


def _rows_of_user(job: Job[Any], rows: np.ndarray | None) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Return features, target and weights of the validation rows, in the user's units, on the host."""
    data: Any = job.target.validation if rows is None else job.data
    every = slice(None) if rows is None else beside(rows, data.X)
    y = job.target.of_user(to_host(data.target[every]))
    if data.weight is None:
        return to_host(data.X[every]), y, None
    return to_host(data.X[every]), y, data.weight_scale * to_host(data.weight[every]).astype(np.float64)


def _takes_weights(scorer: Any) -> bool:
    """Return whether a scorer accepts `sample_weight`, which for those of scikit-learn depends on the metric."""
    if hasattr(scorer, "_accept_sample_weight"):
        return scorer._accept_sample_weight()
    parameters = inspect.signature(scorer).parameters.values()
    return any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in parameters)


def _as_number(score: Any) -> float:
    """Return a score as a float; NaN, an undefined score, becomes -inf, the worst score.

    Raises
    ------
    ValueError
        If the score is not a number.
    """
    if hasattr(score, "item") and np.size(score) == 1:
        score = score.item()
    if not isinstance(score, Real):
        raise ValueError(f"`scoring` must give one number, the larger the better; it gave {score!r}.")
    return -math.inf if math.isnan(score) else float(score)
