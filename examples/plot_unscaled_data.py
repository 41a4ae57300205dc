"""
Unscaled columns: where gradient descent goes to 1e25 without a word
====================================================================

Columns of different scale are the most common reason why gradient descent fails.
:class:`~sklearn.linear_model.SGDRegressor` diverges on them and does not say so. The estimators here
standardise inside ``fit``, fold the scales into the coefficients, and raise an error if a loss ever becomes
non-finite.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression, SGDRegressor
from sklearn.model_selection import train_test_split

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRMLPRegressor

# %%
# Measurements in their units: some columns vary by one, some by a thousand.
X, y = load_diabetes(return_X_y=True, scaled=False)
X = X * np.geomspace(1, 1000, X.shape[1]) / X.std(axis=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

models = {
    "SGDRegressor": SGDRegressor(random_state=0),
    "LinearRegression": LinearRegression(),
    "AdaptiveLRLinearRegression": AdaptiveLRLinearRegression(),
    "the same, by mini-batches": AdaptiveLRLinearRegression(solver="adam", random_state=0),
    "AdaptiveLRMLPRegressor": AdaptiveLRMLPRegressor(early_stopping=True, random_state=0),
}
for name, model in models.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        score = model.fit(X_train, y_train).score(X_test, y_test)
    print(f"{name:28} R² on test rows {score:9.3g}   warnings: {len(caught)}")

# %%
# How much spread do they bear? The ratio of the largest to the smallest scale, from 1 to a million:
spreads = np.logspace(0, 6, 7)
scores = {"SGDRegressor": [], "AdaptiveLRLinearRegression, adam": []}
for spread in spreads:
    units = np.geomspace(1, spread, X.shape[1]) / X_train.std(axis=0)
    for name, model in (
        ("SGDRegressor", SGDRegressor(random_state=0)),
        ("AdaptiveLRLinearRegression, adam", AdaptiveLRLinearRegression(solver="adam", random_state=0)),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores[name].append(model.fit(X_train * units, y_train).score(X_test * units, y_test))

figure, ax = plt.subplots(layout="constrained")
for (name, values), style in zip(scores.items(), ("s--", "o-"), strict=True):
    ax.plot(spreads, 1 - np.array(values), style, linewidth=2, label=name)
ax.axhline(1, color="0.5", linewidth=1)
ax.text(spreads[-1], 1.5, "as bad as the mean", ha="right")
ax.set(
    xscale="log", yscale="log", xlabel="largest scale / smallest scale", ylabel="1 − R² on test rows (0 is perfect)"
)
ax.legend()
plt.show()
