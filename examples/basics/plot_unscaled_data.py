"""
Unscaled columns make gradient descent diverge silently
=======================================================

Columns of different scale are the most common reason why gradient descent fails.
:class:`~sklearn.linear_model.SGDRegressor` diverges on them and does not say so, unless a scaler
stands in front of it. The estimators here standardise inside ``fit``, fold the scales into the
coefficients, and raise an error if a loss ever becomes non-finite.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression, SGDRegressor
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRMLPRegressor

# %%
# Measurements in their units: some columns vary by one, some by a thousand.
X, y = load_diabetes(return_X_y=True, scaled=False)
X = X * np.geomspace(1, 1000, X.shape[1]) / X.std(axis=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

models = {
    "SGDRegressor": SGDRegressor(random_state=0),
    "SGDRegressor behind a scaler": make_pipeline(
        StandardScaler(), SGDRegressor(random_state=0)
    ),
    "LinearRegression": LinearRegression(),
    "AdaptiveLRLinearRegression": AdaptiveLRLinearRegression(),
    "the same, by mini-batches": AdaptiveLRLinearRegression(
        solver="adam", random_state=0
    ),
    "AdaptiveLRMLPRegressor": AdaptiveLRMLPRegressor(random_state=0),
}
for name, model in models.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        score = model.fit(X_train, y_train).score(X_test, y_test)
    print(f"{name:28} R² on test rows {score:9.3g}   warnings: {len(caught)}")

# %%
# An R² of 0 is a model as good as the mean of the target. The first one has diverged, and nothing
# warned. A scaler mends that; the others do without.

# %%
# How different may the scales be? The ratio of the largest to the smallest goes from 1 to a million:
spreads = np.logspace(0, 6, 7)
makers = {
    "SGDRegressor": lambda: SGDRegressor(random_state=0),
    "SGDRegressor behind a scaler": lambda: make_pipeline(
        StandardScaler(), SGDRegressor(random_state=0)
    ),
    "AdaptiveLRLinearRegression, adam": lambda: AdaptiveLRLinearRegression(
        solver="adam", random_state=0
    ),
}
scores = {name: [] for name in makers}
for spread in spreads:
    units = np.geomspace(1, spread, X.shape[1]) / X_train.std(axis=0)
    for name, make in makers.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make().fit(X_train * units, y_train)
        scores[name].append(model.score(X_test * units, y_test))

figure, ax = plt.subplots(layout="constrained")
styles = (
    {"marker": "s", "linestyle": ":"},
    {"linewidth": 7, "alpha": 0.35},
    {"marker": "o"},
)
for (name, values), style in zip(scores.items(), styles, strict=True):
    ax.plot(spreads, 1 - np.array(values), label=name, **style)
ax.axhline(1, color="0.5", linewidth=1)
ax.text(spreads[-1], 1e2, "as bad as the mean", ha="right")
ax.set(
    xscale="log",
    yscale="log",
    xlabel="largest scale / smallest scale",
    ylabel="1 − R² on test rows (0 is perfect)",
)
ax.legend()
plt.show()

# %%
# **Takeaway.** Behind a scaler, SGD is as good as any of these. Without one, it depends on the units.
# The estimators here standardise inside ``fit``, so you cannot forget it.
