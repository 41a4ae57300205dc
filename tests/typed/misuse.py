"""What a type checker must refuse: each line that ends with the word "refused"; never run."""

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
    minimize,
)

AdaptiveLRMLPClassifier(activation="relUU")  # refused
AdaptiveLRMLPClassifier(solver="lbfgs")  # refused
AdaptiveLRMLPRegressor(learning_rate="adaptive")  # refused
AdaptiveLRMLPRegressor(granularity="row")  # refused
AdaptiveLRMLPRegressor(early_stopping="yes")  # refused
AdaptiveLRMLPRegressor(scoring=["r2"])  # refused
AdaptiveLRLinearRegression(loss="huber")  # refused
AdaptiveLRLinearRegression(solver="liblinear")  # refused
AdaptiveLRLogisticRegression(backend="gpu")  # refused
AdaptiveLRLogisticRegression(C="best")  # refused
AdaptiveLRLinearRegression(penalty_units="raw")  # refused
AdaptiveLRLogisticRegression(class_weight="even")  # refused
AdaptiveLRMLPClassifier(hidden_layers=(3,))  # refused
print(AdaptiveLRLogisticRegression().predict([[0.0]]).nothing)  # refused
minimize(abs, 1.0, granularity="row")  # refused
