"""Predictions of fitted linear estimators, and sparse coefficients of the classifier."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from sk_adalr.backends import Array, Origin, fitted_array, is_sparse, namespace
from sk_adalr.rows import predictions
from sk_adalr.validation import check_features, check_finite_model, check_finite_prediction, check_same_origin


def raw_linear_prediction(estimator: Any, X: Any, method: str) -> tuple[Array, Origin]:
    """Return the raw prediction (n_samples, n_outputs), and the array library and device of `X`."""
    check_is_fitted(estimator)
    fitted_coef = estimator.coef_
    origin = check_same_origin(estimator, X, fitted_coef, method)
    X = check_features(estimator, X, reset=False)
    xp, is_sparsified = namespace(X), is_sparse(fitted_coef)
    coef = fitted_coef if is_sparsified else xp.atleast_2d(fitted_array(fitted_coef, X))
    intercept = fitted_array(estimator.intercept_, X)
    check_finite_model(estimator, coef.data if is_sparsified else coef, intercept)
    raw = predictions(X, coef.T) + xp.atleast_1d(intercept)
    return check_finite_prediction(raw), origin


def sparsify(self: Any) -> Any:
    """Convert ``coef_`` to a sparse matrix, which pays where more than half of it is zero.

    Returns
    -------
    self : estimator
        The fitted estimator. It predicts, and training continues, as before.
    """
    check_is_fitted(self)
    if not isinstance(self.coef_, np.ndarray) and not is_sparse(self.coef_):
        raise TypeError("Only coefficients in NumPy arrays can become sparse. Fit to NumPy arrays instead.")
    self.coef_ = sparse.csr_array(self.coef_)
    return self


def densify(self: Any) -> Any:
    """Convert ``coef_`` back to an array; does nothing where it is one.

    Returns
    -------
    self : estimator
        The fitted estimator.
    """
    check_is_fitted(self)
    if is_sparse(self.coef_):
        self.coef_ = self.coef_.toarray()
    return self
