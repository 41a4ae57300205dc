"""Validation data passed by the user."""

from typing import Any

import numpy as np
from sklearn.base import is_regressor

from sk_adalr.backends import beside
from sk_adalr.dataset import Dataset, scale_weights
from sk_adalr.options import Options
from sk_adalr.targets import Target
from sk_adalr.validation import as_dtype, check_features_and_target, check_weights


def validation_rows(
    estimator: Any, options: Options, target: Target, X: Any, *, X_val: Any, y_val: Any, sample_weight_val: Any
) -> Dataset:
    """Check validation data, and return them on the device of the training rows `X`, encoded as `target`.

    Raises
    ------
    ValueError, TypeError
        If they are invalid, or if `X_val` or `y_val` is missing.
    """
    if X_val is None and y_val is None:
        raise ValueError("`sample_weight_val` has the weights of validation rows; pass `X_val` and `y_val`, too.")
    if X_val is None or y_val is None:
        raise ValueError("`X_val` and `y_val` must be passed together; one of them is missing.")
    if not options.early_stopping:
        raise ValueError("`X_val` and `y_val` are for early stopping; set `early_stopping=True` to use them.")
    X_val, y_val = check_features_and_target(estimator, X_val, y_val, numeric=is_regressor(estimator), reset=False)
    encoded = estimator._encode(options, y_val, X.dtype, None, target.attributes.get("classes_"))
    X_val = as_dtype(X_val, X.dtype)
    weight = check_weights(sample_weight_val, X_val.shape[0], name="sample_weight_val")
    if encoded.n_outputs != target.n_outputs:
        raise ValueError(f"`y_val` must have {target.n_outputs} outputs as `y` has; got {encoded.n_outputs}.")
    rows = np.ones(X_val.shape[0], dtype=bool)
    for factor in (weight, encoded.class_weight):
        if factor is not None:
            rows &= factor > 0
    if not rows.any():
        raise ValueError("Each row of `X_val` or its class has the weight 0, so that there is nothing to validate on.")
    if not rows.all():  # rows of weight 0 do not count
        X_val, encoded = X_val[beside(rows, X_val)], encoded.of_rows(rows)
        weight = None if weight is None else weight[rows]
    weight, weight_scale = scale_weights(weight, X.dtype)
    return Dataset(X_val, encoded.values, weight, weight_scale).moved(lambda array: beside(array, X))
