"""
Loss on Beale's function: from a good and from a bad rate
=========================================================

The source's loss curves on Beale's function, for the same four methods: the best fixed rate against the
source's rule from the same rate. The second figure asks what the rule is really for: both start from a rate
that is 30 times too small.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_adalr import minimize
from sk_adalr.objectives.test_functions import beale

START = [1.0, 1.0]
N_UPDATES = 250
METHODS = {"gradient descent": "sgd", "momentum": "momentum", "Nesterov": "nesterov", "Adam": "adam"}
rates = np.geomspace(1e-4, 1, 25)
alphas = np.geomspace(1e-7, 1e-1, 19)


def values(method, rate, alpha=0.0):
    """Return the value of Beale's function after each update; infinite from where it diverged."""
    history = minimize(
        beale,
        START,
        method=method,
        learning_rate_init=rate,
        hyper_learning_rate=alpha,
        max_iter=N_UPDATES,
        tol=0,
        callback=lambda state: state.fun > 1e6,
        return_history=True,
    ).history["fun"]
    history = np.where(np.isfinite(history) & (history < 1e6), history, np.inf)
    return np.append(history, np.full(N_UPDATES + 1 - len(history), np.inf))


def score(curve):
    """Return what the grid search minimises: the mean logarithm of the value over the run."""
    return np.log10(np.maximum(curve, 1e-16)).mean()


# %%
# Every curve is the best of a grid: 25 fixed rates, 19 values of ``hyper_learning_rate``.
curves = {}
with np.errstate(all="ignore"):
    for name, method in METHODS.items():
        best = min(rates, key=lambda rate: score(values(method, rate)))
        for factor in (1, 1 / 30):
            fixed = values(method, factor * best)
            adapted = min((values(method, factor * best, alpha) for alpha in alphas), key=score)
            curves[name, factor] = fixed, adapted
            kind = "best rate" if factor == 1 else "rate / 30"
            print(
                f"{name:18}{kind}  value after {N_UPDATES} updates: fixed {fixed[-1]:8.1e}, adapted {adapted[-1]:8.1e}"
            )


def draw(factor, title):
    """Draw the curves of all methods that started from `factor` times the best rate."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 7.5), sharex=True, sharey=True, layout="constrained")
    for ax, name in zip(axes.flat, METHODS, strict=True):
        fixed, adapted = curves[name, factor]
        ax.semilogy(adapted, linewidth=2, label="source's rule")
        ax.semilogy(fixed, "--", linewidth=2, label="fixed rate")
        ax.set(title=name, xlabel="update", ylabel="Beale's function", ylim=(1e-16, 1e2))
        ax.label_outer()
    axes[0, 0].legend()
    figure.suptitle(title)
    plt.show()


# %%
# From the best fixed rate:
draw(1, "From the best fixed rate")

# %%
# From a rate that is 30 times too small:
draw(1 / 30, "From a rate 30 times too small")

# %%
# **What is true.** At a tuned rate there is little left to win, except for plain gradient descent. From a rate
# that is too small the rule helps most, provided that its own step size suits the function.
