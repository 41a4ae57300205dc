"""
Loss on Beale's function: from a good and from a bad rate
=========================================================

From the best fixed rate the paper's rule helps plain gradient descent only. From a rate that is 30
times too small it helps every method. These are the paper's loss curves on Beale's function (its
figure ``loss_beale``), with the same grid search for both sides, and once more from the rate that
is too small.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_adalr import minimize
from sk_adalr.objectives.test_functions import beale

START = [1.0, 1.0]
N_UPDATES = 250
WINDOW = 25
METHODS = {
    "gradient descent": "sgd",
    "momentum": "momentum",
    "Nesterov": "nesterov",
    "Adam": "adam",
}
rates = np.geomspace(1e-4, 10, 31)
alphas = np.geomspace(1e-8, 10, 28)


def values(method, rate, alpha=0.0):
    """Return Beale's function after each update, infinite from where it diverged."""
    history = minimize(
        beale,
        START,
        method=method,
        learning_rate_init=rate,
        hyper_learning_rate=alpha,
        max_iter=N_UPDATES,
        tol=0,
        callback=lambda state: not state.fun < 1e6,
        return_history=True,
    ).history["fun"]
    history = np.where(np.isfinite(history) & (history < 1e6), history, np.inf)
    return np.append(history, np.full(N_UPDATES + 1 - len(history), np.inf))


def envelope(curve):
    """Return, after each update, the largest of the last `WINDOW` values."""
    return np.array(
        [curve[max(0, i + 1 - WINDOW) : i + 1].max() for i in range(len(curve))]
    )


def score(curve):
    """Return what the searches minimise: the largest of the last 25 values."""
    return curve[-WINDOW:].max()


# %%
# Methods with momentum oscillate around the minimum, so a single value says little: it may be
# 100 times smaller than the one a few updates later. Every number here is the largest value of
# the last 25 updates. Every curve is the best of a grid by that number: 31 fixed rates, and 28
# values of the rule's own step size α (``hyper_learning_rate``).
curves = {}
with np.errstate(all="ignore"):  # the largest rates and α diverge
    for name, method in METHODS.items():
        best = min(rates, key=lambda rate: score(values(method, rate)))
        for factor in (1, 1 / 30):
            fixed = values(method, factor * best)
            alpha = min(
                alphas, key=lambda alpha: score(values(method, factor * best, alpha))
            )
            adapted = values(method, factor * best, alpha)
            curves[name, factor] = {
                "rate": factor * best,
                "alpha": alpha,
                "fixed": fixed,
                "adapted": adapted,
            }
            print(
                f"{name:17} {'best rate' if factor == 1 else 'rate / 30'} "
                f"{factor * best:8.2g}: "
                f"fixed {score(fixed):7.1e}, adapted "
                f"{score(adapted):7.1e} at α = {alpha:.1e}"
            )


def draw(factor, title):
    """Draw all methods, started from `factor` times the best rate."""
    figure, axes = plt.subplots(
        4, 1, figsize=(5.4, 11.5), sharex=True, sharey=True, layout="constrained"
    )
    for ax, name in zip(axes, METHODS, strict=True):
        run = curves[name, factor]
        ax.semilogy(
            envelope(run["fixed"]),
            color="C1",
            linewidth=7,
            alpha=0.35,
            label="fixed rate",
        )
        ax.semilogy(
            envelope(run["adapted"]), color="C0", linewidth=2, label="the paper's rule"
        )
        ax.semilogy(
            run["adapted"],
            color="C0",
            linewidth=0.6,
            alpha=0.6,
            label="the same, every update",
        )
        ax.set(title=name, xlabel="update", ylim=(1e-14, 1e2))
        ax.label_outer()
    figure.supylabel("largest of 25 values")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", frameon=False
    )
    figure.suptitle(title)
    plt.show()


# %%
# From the best fixed rate:
draw(1, "From the best fixed rate")

# %%
# From a rate that is 30 times too small:
draw(1 / 30, "From a rate 30 times too small")

# %%
# **Takeaway.** At a tuned rate there is little left to win, except for plain gradient descent,
# which ends more than a thousand times lower. From a rate that is too small the rule ends at least
# 100 times lower than that rate with every method, and still above the tuned rate. It makes up for
# a part of a bad rate, and its own step size has to suit the function.
