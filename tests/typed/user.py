"""What a user writes who runs a strict type checker; read by mypy and pyright, and run."""

from typing import assert_type

import numpy as np

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
    minimize,
)
from sk_adalr.checkpoint import Checkpoint
from sk_adalr.directions import Adam, Momentum
from sk_adalr.learning_rates import Constant, Hypergradient
from sk_adalr.objectives import HalfPoissonDeviance

X = np.random.default_rng(0).normal(size=(60, 3))
labels = (X[:, 0] > 0).astype(int)
amounts = np.exp(X[:, 1])

classifier = AdaptiveLRMLPClassifier((8,), activation="tanh", max_iter=20, random_state=0)
assert_type(classifier.fit(X, labels), AdaptiveLRMLPClassifier)
assert_type(classifier.partial_fit(X, labels, classes=[0, 1]), AdaptiveLRMLPClassifier)
assert_type(AdaptiveLRMLPClassifier(max_iter=3).fit(X, labels).predict(X), np.ndarray)
assert_type(classifier.predict_proba(X), np.ndarray)
assert_type(classifier.decision_function(X), np.ndarray)
assert_type(classifier.score(X, labels), float)
assert_type(classifier.classes_, np.ndarray)
assert_type(classifier.coefs_, list[np.ndarray])
assert_type(classifier.intercepts_, list[np.ndarray])
assert_type(classifier.n_iter_, int)
assert_type(classifier.n_features_in_, int)
assert_type(classifier.loss_curve_, list[float])
assert_type(classifier.best_loss_, float | None)
assert_type(classifier.validation_scores_, list[float] | None)
assert_type(classifier.best_epoch_, int | None)
assert_type(classifier.learning_rate_curve_, np.ndarray)
assert_type(classifier.stop_reason_, str)
assert_type(classifier.set_params(alpha=0.1), AdaptiveLRMLPClassifier)
assert_type(classifier.set_callbacks(), AdaptiveLRMLPClassifier)

logistic = AdaptiveLRLogisticRegression(C=np.inf, solver="lbfgs", class_weight={0: 1.0, 1: 2.0}).fit(X, labels)
assert_type(logistic, AdaptiveLRLogisticRegression)
assert_type(logistic.coef_, np.ndarray)
assert_type(logistic.intercept_, np.ndarray)
assert_type(logistic.n_iter_, np.ndarray)
assert_type(logistic.predict_log_proba(X), np.ndarray)

linear = AdaptiveLRLinearRegression(loss=HalfPoissonDeviance(), solver="newton-cholesky").fit(X, amounts)
assert_type(linear.coef_, np.ndarray)
assert_type(linear.score(X, amounts), float)
assert_type(linear.fit_chunks(lambda: iter([(X, amounts)])), AdaptiveLRLinearRegression)
AdaptiveLRLinearRegression(solver=Adam(), learning_rate=Hypergradient(1e-3), n_iter_no_change=np.inf, half_life=None)

network = AdaptiveLRMLPRegressor(16, solver=Momentum(0.8), learning_rate=Constant(0.01), early_stopping="auto")
assert_type(network.fit(X, amounts).predict(X), np.ndarray)
assert_type(network.out_activation_, str)
judged = AdaptiveLRMLPRegressor(early_stopping=True, scoring="neg_mean_absolute_error", max_iter=3)
assert_type(judged.fit(X, amounts, X_val=X, y_val=amounts, sample_weight_val=amounts), AdaptiveLRMLPRegressor)
AdaptiveLRLogisticRegression(early_stopping=True, scoring=lambda model, X, y: 0.5)

learned = AdaptiveLRLogisticRegression(C="auto", cv=5, penalty_units="standardized").fit(X, labels)
assert_type(learned.C_, float)
AdaptiveLRLinearRegression([0.1, 1.0], penalty_units="features")
AdaptiveLRLinearRegression("auto", alpha_per_target=True, cv=[([0, 1], [2, 3])])

Checkpoint("fit.checkpoint", every=10)


def square(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Return a value and its gradient."""
    return float(x @ x), 2 * x


minimize(square, [3.0, -2.0], method="sgd", granularity="global")
