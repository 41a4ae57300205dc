"""The four scikit-learn estimators, and how they are fitted.

========================  ==========================================================================================
public classes            `logistic_regression`, `linear_regression`, `mlp_classifier`, `mlp_regressor`
base classes              `base`, the template of a fit; `classification`, `regression`, `linear`, `network`
parameters                `parameter_types`, `nested_parameters`, `name_hints`
inputs and reports        `job`, one call with its data; `model`, sizes and penalty; `progress`, lines and callbacks
linear, on all rows       `fullbatch`, `penalties`, `classes_without_rows`; chunk by chunk: `stream`, `label_order`
on mini-batches           `minibatch`, `ensemble`, `validation_rows`, `scoring`
on rows in blocks         `first_pass`, then `blocks` or `network_blocks`; `dask_predictions`
========================  ==========================================================================================
"""

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
