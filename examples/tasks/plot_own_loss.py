"""
Write a loss of your own: Huber, against outliers
=================================================

A few wrong measurements can bend a least-squares fit. The Huber loss counts small errors as squares
and large ones by their size only. It is not built in, but takes fifteen lines: three functions of raw
prediction and target, entry by entry. The linear model and the network then take it as ``loss``, and
a grid search can choose its width ``delta``.
"""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import HuberRegressor
from sklearn.model_selection import GridSearchCV

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRMLPRegressor
from sk_adalr.objectives import ElementwiseLoss

# %%
# The loss
# --------
#
# ``losses`` is what is minimised, and must be convex in ``raw`` and at least 0. ``gradient`` and
# ``hessian`` are its first and second derivative by ``raw``. As a dataclass it has a parameter.


@dataclass(frozen=True)
class Huber(ElementwiseLoss):
    """Half the squared error up to `delta`, and linear beyond."""

    delta: float = 1.0

    def losses(self, raw, target):
        error = abs(raw - target)
        near = error.clip(max=self.delta)
        return near * (error - near / 2)

    def gradient(self, raw, target):
        return (raw - target).clip(-self.delta, self.delta)

    def hessian(self, raw, target):
        return (abs(raw - target) <= self.delta).astype(raw.dtype)


# %%
# Are the derivatives right? Central differences tell:
raw, target, step = np.linspace(-3, 3, 13)[:, None] + 0.1, np.zeros((13, 1)), 1e-6
slope = (Huber().losses(raw + step, target) - Huber().losses(raw - step, target)) / (
    2 * step
)
curvature = (
    Huber().gradient(raw + step, target) - Huber().gradient(raw - step, target)
) / (2 * step)
print(f"gradient off by {np.abs(slope - Huber().gradient(raw, target)).max():.0e}")
print(f"hessian off by {np.abs(curvature - Huber().hessian(raw, target)).max():.0e}")

# %%
# A line
# ------
#
# Noise has a standard deviation of 1. Some points are far above it, more of them on the right:
rng = np.random.default_rng(0)
x = rng.uniform(0, 10, 160)
y = 2 + 0.5 * x + rng.normal(size=x.size)
far = rng.random(x.size) < 0.025 * x
y[far] += rng.exponential(12, far.sum())
X = x[:, None]

squared = AdaptiveLRLinearRegression().fit(X, y)
huber = AdaptiveLRLinearRegression(loss=Huber(1.0), tol=1e-8).fit(X, y)
theirs = HuberRegressor(alpha=0, tol=1e-8).fit(X, y)
lines = {
    "squared error": squared,
    "Huber": huber,
    "scikit-learn's HuberRegressor": theirs,
}
print(f"{far.sum()} of {x.size} points are outliers")
print(f"{'truth':30} slope 0.500, intercept 2.000")
for name, model in lines.items():
    print(f"{name:30} slope {model.coef_[0]:.3f}, intercept {model.intercept_:.3f}")

# %%
# Is ours the optimum? SciPy minimises the same objective, and the gradient should be zero:


def objective(params):
    """Return the mean Huber loss of a line."""
    return Huber(1.0).losses(X @ params[:1] + params[1], y).mean()


found = np.append(huber.coef_, huber.intercept_)
options = {"xatol": 1e-9, "fatol": 1e-14}
scipy_found = minimize(objective, [0, 0], method="Nelder-Mead", options=options).x
residual_gradient = Huber(1.0).gradient(huber.predict(X), y)
gradient = np.append(X.T @ residual_gradient, residual_gradient.sum()) / x.size
print(f"distance from SciPy's minimum: {np.abs(found - scipy_found).max():.0e}")
print(f"largest entry of the gradient: {np.abs(gradient).max():.0e}")

# %%
# :class:`~sklearn.linear_model.HuberRegressor` estimates a scale of the noise, too, so its ``epsilon``
# is in units of that. With ``delta`` the product of both, the objectives have the same minimum:
same = Huber(theirs.epsilon * theirs.scale_)
matched = AdaptiveLRLinearRegression(loss=same, tol=1e-8).fit(X, y)
print(
    f"ours            slope {matched.coef_[0]:.6f}, intercept {matched.intercept_:.6f}"
)
print(f"HuberRegressor  slope {theirs.coef_[0]:.6f}, intercept {theirs.intercept_:.6f}")

# %%
# A curve
# -------
#
# A network takes the same object. One point in eight is an outlier, 12 too high on average: that lifts
# the mean, which least squares estimates, by 1.5.
x_curve = np.sort(rng.uniform(0, 10, 1500))
truth = 4 + 3 * np.sin(x_curve)
y_curve = truth + rng.normal(size=x_curve.size)
far_curve = rng.random(x_curve.size) < 0.125
y_curve[far_curve] += rng.exponential(12, far_curve.sum())
X_curve = x_curve[:, None]
networks = {
    "squared error": AdaptiveLRMLPRegressor(random_state=0),
    "Huber": AdaptiveLRMLPRegressor(loss=Huber(1.0), random_state=0),
}
for name, model in networks.items():
    off = model.fit(X_curve, y_curve).predict(X_curve) - truth
    print(
        f"{name:14} {np.sqrt(np.mean(off**2)):.2f} "
        "from the true curve, root mean square"
    )

figure, (top, bottom) = plt.subplots(2, 1, figsize=(5.4, 7), layout="constrained")
for ax, points, outliers in (
    (top, (x, y), far),
    (bottom, (x_curve, y_curve), far_curve),
):
    ax.plot(
        points[0][~outliers], points[1][~outliers], ".", color="0.6", label="points"
    )
    ax.plot(
        points[0][outliers], points[1][outliers], "x", color="0.6", label="outliers"
    )
    ax.set(xlabel="x", ylabel="y", ylim=(-2, 20))
ends = np.array([0.0, 10.0])
top.plot(ends, 2 + 0.5 * ends, color="k", linewidth=1, label="truth")
bottom.plot(x_curve, truth, color="k", linewidth=1, label="truth")
for (name, model), style in zip(lines.items(), ("--", "-", ":"), strict=True):
    top.plot(ends, model.predict(ends[:, None]), style, linewidth=3, label=name)
for (name, model), style in zip(networks.items(), ("--", "-"), strict=True):
    bottom.plot(x_curve, model.predict(X_curve), style, linewidth=3, label=name)
top.legend(loc="upper left", ncols=2)
bottom.legend(loc="upper left", ncols=2)
plt.show()

# %%
# Choosing ``delta``
# ------------------
#
# The fields of the object are parameters: ``loss__delta``. ``score`` is relative to the model's own
# loss, which changes with ``delta``, so a search needs one scorer for all. Here it is the mean absolute
# error. As the truth is known, we also print how far each line is from it.
deltas = np.logspace(-2, 2, 9)
search = GridSearchCV(
    AdaptiveLRLinearRegression(loss=Huber()),
    {"loss__delta": deltas},
    scoring="neg_mean_absolute_error",
    cv=10,
).fit(X, y)
distances = []
for delta, score in zip(deltas, search.cv_results_["mean_test_score"], strict=True):
    line = AdaptiveLRLinearRegression(loss=Huber(delta)).fit(X, y)
    distances.append(np.sqrt(np.mean((line.predict(X) - 2 - 0.5 * x) ** 2)))
    print(
        f"delta {delta:6.2f}: mean absolute error "
        f"{-score:.3f}, off by {distances[-1]:.2f}"
    )
print(f"chosen: {search.best_params_['loss__delta']:g}")

# %%
# A ``delta`` up to the size of the noise makes little difference. With a large one all errors are
# squared, and the line is that of least squares.
#
# **Takeaway.** A loss is three lines of mathematics. Solvers, early stopping, penalties, weights and
# searches work with it as with those built in. A link belongs to ``predict``: :doc:`/extending`.
