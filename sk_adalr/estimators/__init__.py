"""The scikit-learn surface."""

from sk_adalr.estimators.linear_regression import AdaptiveLRLinearRegression
from sk_adalr.estimators.logistic_regression import AdaptiveLRLogisticRegression
from sk_adalr.estimators.mlp_classifier import AdaptiveLRMLPClassifier
from sk_adalr.estimators.mlp_regressor import AdaptiveLRMLPRegressor

__all__ = [
    "AdaptiveLRLinearRegression",
    "AdaptiveLRLogisticRegression",
    "AdaptiveLRMLPClassifier",
    "AdaptiveLRMLPRegressor",
]
