"""
Learn the penalty instead of searching for it
=============================================

After the learning rate, the strength of the penalty is what people search for. ``C="auto"`` and
``alpha="auto"`` find it by following the derivative of the cross-validated loss. This page compares
them with scikit-learn's searches: seconds of a fit, and loss on test data.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression
from sk_adalr.plotting import PenaltyDisplay

Cs, alphas = np.logspace(-4, 4, 10), np.logspace(-4, 4, 17)


def compare(models, X, y, loss):
    """Return seconds and test losses, (n_splits,) each, of each model."""
    results = {name: [] for name in models}
    for seed in range(5):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=0.5, random_state=seed
        )
        for name, model in models.items():
            start = time.perf_counter()
            model.fit(X_train, y_train)
            results[name].append(
                (time.perf_counter() - start, loss(model, X_test, y_test))
            )
    for name, rows in results.items():
        seconds, losses = np.mean(rows, axis=0)
        print(f"{name:28} {1000 * seconds:7.1f} ms   test loss {losses:.4f}")
    return {name: np.transpose(rows) for name, rows in results.items()}


# %%
# **Classification.** All models see standardised columns. ``penalty_units="standardized"`` does that
# without a scaler.
logistic = AdaptiveLRLogisticRegression(penalty_units="standardized")
X, y = load_breast_cancer(return_X_y=True)
of_labels = compare(
    {
        'C="auto"': AdaptiveLRLogisticRegression(
            C="auto", penalty_units="standardized"
        ),
        "LogisticRegressionCV": make_pipeline(
            StandardScaler(),
            LogisticRegressionCV(
                Cs=Cs,
                cv=5,
                scoring="neg_log_loss",
                l1_ratios=(0,),
                use_legacy_attributes=False,
                max_iter=1000,
            ),
        ),
        "GridSearchCV over ours": GridSearchCV(
            logistic, {"C": Cs}, scoring="neg_log_loss"
        ),
        "C=1, no search": logistic,
    },
    X,
    y,
    lambda model, X, y: log_loss(y, model.predict_proba(X)),
)

# %%
# The points that one such search evaluates, each with its slope. The gray curve is the loss on the
# test rows, over a fine grid. Its minimum is elsewhere, as it would be on any other sample.
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
learned = AdaptiveLRLogisticRegression(C="auto", penalty_units="standardized").fit(
    X_train, y_train
)
print(learned.stop_reason_)
display = PenaltyDisplay.from_estimator(learned, name="folds of the training rows")
grid = np.logspace(-3, 2, 40)
tests = [
    log_loss(
        y_test, logistic.set_params(C=C).fit(X_train, y_train).predict_proba(X_test)
    )
    for C in grid
]
display.ax_.plot(grid, tests, color="0.6", label="test rows")
display.ax_.legend()
plt.show()

# %%
# **Regression.** For squared errors, exact leave-one-out takes a single eigendecomposition.
ridge = AdaptiveLRLinearRegression(1.0, penalty_units="standardized")
of_numbers = compare(
    {
        'alpha="auto"': AdaptiveLRLinearRegression(
            "auto", penalty_units="standardized"
        ),
        "RidgeCV": make_pipeline(StandardScaler(), RidgeCV(alphas)),
        "GridSearchCV over ours": GridSearchCV(
            ridge, {"alpha": alphas}, scoring="neg_mean_squared_error"
        ),
        "alpha=1, no search": ridge,
    },
    *load_diabetes(return_X_y=True),
    lambda model, X, y: mean_squared_error(y, model.predict(X)),
)

# %%
# **Takeaway.** The learned penalty predicts new rows as well as a searched one, and saves most of
# the time of a search over folds. :class:`~sklearn.linear_model.RidgeCV` uses the same criterion, so
# little is left to save: with a few hundred rows both take milliseconds. And a good guess needs no
# search: ``C=1`` on standardised columns happens to suit these labels.
