"""Sparse coefficients of a fitted classifier, as scikit-learn has them."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from sk_adalr.backends import is_sparse


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
