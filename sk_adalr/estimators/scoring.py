"""The score of a model while it trains, by a scorer of the user's choice."""

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
    """Return the function of the parameters that gives the score of their model on the validation rows.

    Parameters
    ----------
    job : Job
        Whose scorer gets a fitted copy of the estimator, and the rows as the user gave them, on the host.
    units : Units
        Of the parameters.
    layout : ParameterLayout
    history : History
        Of the training, which continues.
    rows : int array or None
        Which rows of the fit are held out; None for the user's validation rows.
    """
    scorer: Any = job.options.scorer
    X, y, weight = _rows_of_user(job, rows)
    weights = {"sample_weight": weight} if weight is not None and _takes_weights(scorer) else {}
    unfitted: Any = clone(job.estimator)  # without the names of columns, which arrays do not have
    unfitted.n_features_in_ = X.shape[1]

    def score(params: Array) -> float:
        model = copy.copy(unfitted)
        attributes = job.model.attributes(layout, units.to_user(to_host(params), layout), job.target, history)
        vars(model).update(attributes | job.target.attributes)
        return _as_number(scorer(model, X, y, **weights))

    return score


def _rows_of_user(job: Job[Any], rows: np.ndarray | None) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Return features, target and weights of the validation rows."""
    data: Any = job.target.validation if rows is None else job.data
    every = slice(None) if rows is None else beside(rows, data.X)
    y = job.target.of_user(to_host(data.target[every]))
    if data.weight is None:
        return to_host(data.X[every]), y, None
    return to_host(data.X[every]), y, data.weight_scale * to_host(data.weight[every]).astype(np.float64)


def _takes_weights(scorer: Any) -> bool:
    """Return whether a scorer takes `sample_weight`; one of scikit-learn's says whether its metric does."""
    if hasattr(scorer, "_accept_sample_weight"):
        return scorer._accept_sample_weight()
    parameters = inspect.signature(scorer).parameters.values()
    return any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in parameters)


def _as_number(score: Any) -> float:
    """Return a score; one that is not defined for the model, NaN, is worse than any other.

    Raises
    ------
    ValueError
        If it is no number.
    """
    if hasattr(score, "item") and np.size(score) == 1:
        score = score.item()
    if not isinstance(score, Real):
        raise ValueError(f"`scoring` must give one number, the larger the better; it gave {score!r}.")
    return -math.inf if math.isnan(score) else float(score)
