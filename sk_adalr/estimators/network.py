"""Predictions and derived attributes of fitted multi-layer perceptrons."""

from functools import reduce
from operator import add
from typing import Any

from sklearn.utils.validation import check_is_fitted

from sk_adalr.backends import Array, Origin, fitted_array
from sk_adalr.objectives import members, predict_raw
from sk_adalr.validation import check_features, check_finite_model, check_finite_prediction, check_same_origin


def raw_network_prediction(estimator: Any, X: Any, method: str) -> tuple[Array, Origin]:
    """Return the raw prediction (n_samples, n_outputs), and the array library and device of `X`."""
    check_is_fitted(estimator)
    origin = check_same_origin(estimator, X, estimator.coefs_[0], method)
    X = check_features(estimator, X, reset=False)
    coefs, intercepts = (
        [fitted_array(array, X) for array in arrays] for arrays in (estimator.coefs_, estimator.intercepts_)
    )
    check_finite_model(estimator, *coefs, *intercepts)
    # The joint matrices of an ensemble are block diagonal between hidden layers: evaluate its networks one by one.
    n_networks = len(getattr(estimator, "estimators_", ())) if len(coefs) > 2 else 1
    networks = members(coefs, intercepts, max(1, n_networks))
    raw = reduce(add, (predict_raw(*network, X, estimator.activation) for network in networks))
    return check_finite_prediction(raw), origin


def best_loss(estimator: Any) -> float | None:
    """Lowest entry of ``loss_curve_``; None where rows were held out."""
    return min(estimator.loss_curve_) if estimator.validation_scores_ is None else None


def best_validation_score(estimator: Any) -> float | None:
    """Highest entry of ``validation_scores_``; None where no rows were held out."""
    return None if estimator.validation_scores_ is None else max(estimator.validation_scores_)
