"""The estimators of scikit-learn's kind: four public classes, and how each of them is fitted.

========================  ==========================================================================================
the classes               `logistic_regression`, `linear_regression`, `mlp_classifier`, `mlp_regressor`
what they share           `base`, a fit line by line; `classification`, `regression`, `linear`, `network`
their parameters          `parameter_types`, `nested_parameters`, `name_hints`
what is fitted            `job`, a call with its data; `model`, what is to be learned; `progress`, what the user hears
linear, on all rows       `fullbatch`, `penalties`, `classes_without_rows`; chunk by chunk `stream`
on mini-batches           `minibatch`, `ensemble`, `validation_rows`, `scoring`
of rows in blocks         `first_pass`, then `blocks` or `network_blocks`; `dask_predictions`
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
