"""Gradient-trained scikit-learn estimators that need no learning-rate tuning."""

from sk_adalr.estimators import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)
from sk_adalr.minimize import minimize

__version__ = "0.1.0"

__all__ = [
    "AdaptiveLRLinearRegression",
    "AdaptiveLRLogisticRegression",
    "AdaptiveLRMLPClassifier",
    "AdaptiveLRMLPRegressor",
    "__version__",
    "minimize",
]
