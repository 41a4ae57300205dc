"""
Predict counts and amounts: insurance claims
============================================

How many claims will a policy have, and what will one cost? Counts and amounts are never negative,
and their noise grows with their mean, so squared errors fit them badly. ``loss="poisson"`` is for
counts and frequencies, ``loss="gamma"`` for positive amounts. Both predict a mean that is the
exponential of the raw prediction, for a linear model and for a network alike.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import GammaRegressor, PoissonRegressor
from sklearn.metrics import d2_tweedie_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRMLPRegressor

# %%
# Policies in the units in which they come, each observed for a part of a year, its *exposure*. The
# data are generated, so that the true frequency is known. It is lowest at the age of 50, rises with
# the power of the car, for young drivers most of all, and with the logarithm of the density.


def policies(n_rows, seed):
    """Return features, exposure, numbers and mean amounts, true frequency."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age, years": rng.uniform(18, 85, n_rows),
            "power, kW": rng.gamma(8, 11, n_rows),
            "value, euros": 1e4 * rng.lognormal(0.3, 0.5, n_rows),
            "density, per km²": 10 ** rng.uniform(0.5, 4.3, n_rows),
        }
    )
    age, power, value, density = X.to_numpy().T
    youth = np.clip((35 - age) / 17, 0, None)
    valley = 1.3 * ((age - 50) / 32) ** 2
    frequency = np.exp(
        -3.4 + valley + 0.2 * np.log10(density) + (0.004 + 0.012 * youth) * power,
    )
    exposure = rng.uniform(0.05, 1, n_rows)
    claims = rng.poisson(frequency * exposure)
    mean_amount = np.exp(6.2 + 0.00002 * value + 0.004 * power)
    amount = (
        mean_amount * rng.gamma(2 * np.maximum(claims, 1)) / (2 * np.maximum(claims, 1))
    )
    return X, exposure, claims, amount, frequency


X, exposure, claims, amount, _ = policies(20_000, seed=0)
X_test, exposure_test, claims_test, _, truth_test = policies(20_000, seed=1)
print(X.assign(exposure=exposure, claims=claims).head().round(2).to_string())

# %%
# **Exposure is a weight.** The target is the frequency, claims per year, and a policy counts as much
# as the time for which it was seen. That is the same likelihood as that of the counts with the
# logarithm of the exposure as an offset.
frequency, frequency_test = claims / exposure, claims_test / exposure_test
print(
    f"{claims.sum()} claims in {exposure.sum():.0f} "
    f"years: {claims.sum() / exposure.sum():.3f} per year"
)
print(f"policies without a claim: {np.mean(claims == 0):.0%}")

# %%
# Linear models
# -------------
#
# The objective is that of :class:`~sklearn.linear_model.PoissonRegressor`, which divides its loss by
# the sum of the weights, but not its penalty. So multiply its ``alpha`` by that sum. Here with a
# penalty, behind a scaler:
alpha = 1e-2
theirs = make_pipeline(
    StandardScaler(), PoissonRegressor(alpha=alpha, tol=1e-8, max_iter=1000)
)
theirs.fit(X, frequency, poissonregressor__sample_weight=exposure)
ours = make_pipeline(
    StandardScaler(),
    AdaptiveLRLinearRegression(alpha * exposure.sum(), loss="poisson", tol=1e-8),
)
ours.fit(X, frequency, adaptivelrlinearregression__sample_weight=exposure)
for name, coef, other in zip(X.columns, ours[-1].coef_, theirs[-1].coef_, strict=True):
    print(f"{name:18} ours {coef:9.6f}   PoissonRegressor {other:9.6f}")

# %%
# The same on raw columns, without a penalty, where a scaler does not change the optimum. How far are
# the fitted frequencies from that optimum?
newton = PoissonRegressor(alpha=0, solver="newton-cholesky", tol=1e-10)
optimum = make_pipeline(StandardScaler(), newton)
optimum.fit(X, frequency, poissonregressor__sample_weight=exposure)
raw_models = {
    "AdaptiveLRLinearRegression": AdaptiveLRLinearRegression(loss="poisson"),
    "PoissonRegressor, lbfgs (the default)": PoissonRegressor(alpha=0),
    "PoissonRegressor, newton-cholesky": PoissonRegressor(
        alpha=0, solver="newton-cholesky"
    ),
}
distances, n_warnings = {}, {}
for name, model in raw_models.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, frequency, sample_weight=exposure)
    distances[name] = np.abs(model.predict(X) / optimum.predict(X) - 1).max()
    n_warnings[name] = len(caught)
    print(
        f"{name:38} at most {distances[name]:8.3%} away, warnings: {n_warnings[name]}"
    )

# %%
# Newton's method, in both packages, does not depend on units. scikit-learn's default solver does, and
# ends far from the optimum without a warning: it needs its scaler.

# %%
# Networks
# --------
#
# The true frequency is not log-linear: the age has its valley, and power counts more for the young.
# Networks find that, and so does boosting. The score is D², the share of the deviance that a model
# explains: 0 is the mean frequency, 1 would be to know every claim in advance. Claims are mostly
# chance, so even the true frequency is far from 1, and each score is also shown as a share of its.
models = {
    "AdaptiveLRLinearRegression": AdaptiveLRLinearRegression(loss="poisson"),
    "AdaptiveLRMLPRegressor": AdaptiveLRMLPRegressor(loss="poisson", random_state=0),
    "MLPRegressor, scaled": make_pipeline(
        StandardScaler(),
        MLPRegressor(loss="poisson", random_state=0),
    ),
    "HistGradientBoosting": HistGradientBoostingRegressor(
        loss="poisson", random_state=0
    ),
}
predictions = {}
for name, model in models.items():
    last = (
        f"{model.steps[-1][0]}__sample_weight"
        if hasattr(model, "steps")
        else "sample_weight"
    )
    predictions[name] = model.fit(X, frequency, **{last: exposure}).predict(X_test)
predictions["the true frequency"] = truth_test


def d2(prediction):
    """Return the explained share of the Poisson deviance of the test rows."""
    return d2_tweedie_score(
        frequency_test, prediction, sample_weight=exposure_test, power=1
    )


scores = {name: d2(prediction) for name, prediction in predictions.items()}
for name, score in scores.items():
    print(
        f"{name:28} D² {score:.3f}, "
        f"{score / scores['the true frequency']:4.0%} of the truth's"
    )
own_score = models["AdaptiveLRMLPRegressor"].score(
    X_test, frequency_test, exposure_test
)
print(f"the same, by `score` of AdaptiveLRMLPRegressor: {own_score:.3f}")

# %%
# The two networks are equally good; scikit-learn's needs the scaler. The truth is smooth here, which
# suits networks better than trees with default settings. That need not be so of your data.
#
# Are the frequencies right for good and for bad risks? Each point is a tenth of the test rows, by
# what a model predicts. Bars are two standard errors of the observed frequency. Below, the same rows
# by age.


def by_group(values, prediction, n_groups=10):
    """Return mean value, predicted and observed frequency, standard error."""
    groups = np.array_split(np.argsort(values), n_groups)
    years = np.array([exposure_test[rows].sum() for rows in groups])
    counts = np.array([claims_test[rows].sum() for rows in groups])
    expected = np.array([prediction[rows] @ exposure_test[rows] for rows in groups])
    means = np.array([values[rows].mean() for rows in groups])
    return means, expected / years, counts / years, np.sqrt(counts) / years


age_test = X_test["age, years"].to_numpy()
figure, (top, bottom) = plt.subplots(2, 1, figsize=(5.4, 7), layout="constrained")
shown = {"AdaptiveLRLinearRegression": "s", "AdaptiveLRMLPRegressor": "o"}
for (name, marker), shift in zip(shown.items(), (0.99, 1.01), strict=True):
    _, predicted, observed, error = by_group(predictions[name], predictions[name])
    top.errorbar(
        shift * predicted, observed, 2 * error, marker=marker, linestyle="", label=name
    )
    means, predicted, observed, error = by_group(age_test, predictions[name])
    bottom.plot(means, predicted, marker=marker, label=name)
top.axline((0.1, 0.1), (1, 1), color="0.5", linewidth=1)
top.set(
    xscale="log",
    yscale="log",
    xlabel="mean predicted frequency, per year",
    ylabel="observed frequency, per year",
)
top.legend()
bottom.errorbar(
    means, observed, 2 * error, color="0.3", marker=".", linestyle=":", label="observed"
)
bottom.set(xlabel="age, years", ylabel="frequency, per year")
bottom.legend()
plt.show()

# %%
# The linear model has the right total, but not by age: an intercept without a penalty makes the
# predicted claims of the training rows sum to the observed ones. The network follows the ages, too.
linear, network = (models[name] for name in shown)
for name in shown:
    total = models[name].predict(X) @ exposure
    print(
        f"{name:28} predicts {total:.1f} claims of "
        f"the training rows; observed {claims.sum()}"
    )

# %%
# Amounts
# -------
#
# ``loss="gamma"`` is for what a claim costs, on the policies that had one. The target is the mean
# amount, and its weight the number of claims. :class:`~sklearn.linear_model.GammaRegressor` has the
# same optimum. Targets must be above zero; ``loss="poisson"`` takes zeros.
had = claims > 0
severity = AdaptiveLRLinearRegression(loss="gamma", tol=1e-8)
severity.fit(X[had], amount[had], sample_weight=claims[had])
newton = GammaRegressor(alpha=0, solver="newton-cholesky", tol=1e-10)
gamma = make_pipeline(StandardScaler(), newton)
gamma.fit(X[had], amount[had], gammaregressor__sample_weight=claims[had])
difference = np.abs(severity.predict(X) / gamma.predict(X) - 1).max()
print(f"largest relative difference of the predicted amounts: {difference:.0e}")
for name, coef, true in zip(X.columns, severity.coef_, (0, 4e-3, 2e-5, 0), strict=True):
    print(f"{name:18} coefficient {coef:9.2e}, in the truth {true:g}")

# %%
# Frequency times amount is the premium, without costs and profit:
premium = network.predict(X_test) * severity.predict(X_test)
low, median, high = np.quantile(premium, [0.1, 0.5, 0.9])
print(
    f"euros per year: median {median:.0f}, from "
    f"{low:.0f} to {high:.0f} for 8 policies in 10"
)

# %%
# **Takeaway.** The objectives, weights and scores are those of scikit-learn's generalised linear
# models. Without a penalty you need no scaler, and the same parameter works for a network.
