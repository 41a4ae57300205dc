"""
Loss on Rosenbrock's function: where the rule helps, and where not
==================================================================

The source's second test function has a curved, narrow valley. Gradient descent, momentum, Nesterov and Adam,
each with its best fixed rate, against the source's rule from the same start with the same rate.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_adalr import minimize
from sk_adalr.objectives.test_functions import rosenbrock
from sk_adalr.plotting import OptimizationPathDisplay

START = [-1.2, 1.0]
N_UPDATES = 1500
METHODS = {"gradient descent": "sgd", "momentum": "momentum", "Nesterov": "nesterov", "Adam": "adam"}
rates = np.concatenate([np.geomspace(1e-4, 1e-2, 17), np.geomspace(2e-2, 1, 8)])
alphas = np.geomspace(1e-10, 1e-4, 25)


def run(method, rate, alpha=0.0):
    """Return the result of at most `N_UPDATES` updates."""
    return minimize(
        rosenbrock,
        START,
        method=method,
        learning_rate_init=rate,
        hyper_learning_rate=alpha,
        max_iter=N_UPDATES,
        tol=0,
        callback=lambda state: state.fun > 1e6 or state.fun < 1e-15,
        return_history=True,
    )


def score(result):
    """Return what the grid search minimises: the final value, then the number of updates to it."""
    return (max(result.fun, 1e-15), result.nit) if np.isfinite(result.fun) else (np.inf, 0)


# %%
# The best of 25 fixed rates, and the best of 25 values of ``hyper_learning_rate``: from that rate, and from one
# that is 30 times too small.
results = {}
with np.errstate(all="ignore"):
    for name, method in METHODS.items():
        best = min((run(method, rate) for rate in rates), key=score)
        rate = best.history["learning_rate"][0, 0]
        for factor in (1, 1 / 30):
            fixed = best if factor == 1 else run(method, factor * rate)
            trials = [run(method, factor * rate, alpha) for alpha in alphas]
            adapted = min(trials, key=score)
            results[name, factor] = fixed, adapted
            wins = sum(score(trial) < score(fixed) for trial in trials)
            print(
                f"{name:17} rate {factor * rate:7.2g}: fixed {fixed.fun:7.1e} in {fixed.nit:4d} updates, "
                f"adapted {adapted.fun:7.1e} in {adapted.nit:4d}; {wins:2d} of {len(alphas)} α were better"
            )

# %%
# The loss curves.
figure, axes = plt.subplots(2, 2, figsize=(10, 8), sharey=True, layout="constrained")
for ax, name in zip(axes.flat, METHODS, strict=True):
    for factor, label, color in ((1, "best rate", "C0"), (1 / 30, "best rate / 30", "C1")):
        fixed, adapted = results[name, factor]
        ax.semilogy(adapted.history["fun"], color=color, linewidth=2, label=f"source's rule from the {label}")
        ax.semilogy(fixed.history["fun"], "--", color=color, linewidth=2, label=f"fixed at the {label}")
    ax.set(title=name, xlabel="update", ylabel="Rosenbrock's function", ylim=(1e-15, 1e3))
    ax.label_outer()
figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
plt.show()

# %%
# And the paths of gradient descent and Adam, from the rate that is too small.
figure, axes = plt.subplots(1, 2, figsize=(10, 4.8), sharey=True, layout="constrained")
view = {"bounds": ((-1.5, 1.5), (-0.5, 1.6)), "minimum": (1, 1)}
for ax, name in zip(axes, ("gradient descent", "Adam"), strict=True):
    for result, label, style in zip(results[name, 1 / 30], ("fixed rate", "source's rule"), ("--", "-"), strict=True):
        OptimizationPathDisplay.from_result(result, rosenbrock, ax=ax, name=label, linestyle=style, **view)
    ax.set_title(name)
    ax.label_outer()
plt.show()

# %%
# **What is true.** At the best fixed rate the rule wins nothing here: none of the values of
# ``hyper_learning_rate`` beats it. From a rate that is too small it always helps, if its step size is right.
# For gradient descent the gradient changes by orders of magnitude along the path, and so does the right step
# size, which has the unit of a learning rate per squared gradient.
