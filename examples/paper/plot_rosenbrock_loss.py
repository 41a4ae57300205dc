"""
Loss on Rosenbrock's function: where the rule helps, and where not
==================================================================

From the best fixed rate the paper's rule gains next to nothing on Rosenbrock's function.
From a rate that is 30 times too small it helps every method, and Nesterov's method then ends
below its best fixed rate. These are the paper's loss curves on its second test function, a
curved and narrow valley (figure ``loss_rosenbrock``).
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_adalr import minimize
from sk_adalr.objectives.test_functions import rosenbrock

START = [-1.2, 1.0]
N_UPDATES = 1000
WINDOW = 25
METHODS = {
    "gradient descent": "sgd",
    "momentum": "momentum",
    "Nesterov": "nesterov",
    "Adam": "adam",
}
rates = np.geomspace(1e-4, 1, 33)
alphas = np.geomspace(1e-14, 1, 57)


def values(method, rate, alpha=0.0):
    """Return the function after each update, infinite from where it diverged."""
    history = minimize(
        rosenbrock,
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


def score(curve):
    """Return what the grid searches minimise: the largest of the last 25 values."""
    return curve[-WINDOW:].max()


# %%
# The best of 33 fixed rates, and of 57 values of the rule's own step size α
# (``hyper_learning_rate``): from that rate, and from one that is 30 times too small. As methods
# with momentum oscillate, each number is the largest value of the last 25 updates.
results = {}
with np.errstate(all="ignore"):  # the largest rates and α diverge
    for name, method in METHODS.items():
        best = min(rates, key=lambda rate: score(values(method, rate)))
        for factor in (1, 1 / 30):
            fixed = values(method, factor * best)
            trials = [values(method, factor * best, alpha) for alpha in alphas]
            scores = np.array([score(trial) for trial in trials])
            results[name, factor] = {
                "rate": factor * best,
                "fixed": fixed,
                "adapted": trials[int(np.argmin(scores))],
                "scores": scores,
            }
            print(
                f"{name:17} {'best rate' if factor == 1 else 'rate / 30'} "
                f"{factor * best:7.2g}: "
                f"fixed {score(fixed):7.1e}, adapted {scores.min():7.1e} "
                f"at α = {alphas[np.argmin(scores)]:7.1e}; "
                f"{(scores < score(fixed)).sum():2d} of {len(alphas)} α are better"
            )

# %%
# What α does. Horizontal lines are fixed rates, curves are the rule from the same rate. The rule
# from the best rate (orange) follows its line while α is too small to matter, and then rises.
# From the rate that is too small (blue) it first falls below its line, for α of the right size.
# Where a curve ends, larger α diverge.
figure, axes = plt.subplots(
    4, 1, figsize=(5.4, 11.5), sharex=True, sharey=True, layout="constrained"
)
LABELS = {1: ("best rate", "C1"), 1 / 30: ("best rate / 30", "C0")}
for ax, name in zip(axes, METHODS, strict=True):
    for factor, (label, color) in LABELS.items():
        result = results[name, factor]
        ax.axhline(
            score(result["fixed"]),
            color=color,
            linewidth=6,
            alpha=0.35,
            label=f"fixed at the {label}",
        )
        ax.loglog(
            alphas,
            result["scores"],
            color=color,
            linewidth=2,
            label=f"the paper's rule from the {label}",
        )
    ax.set(title=name, xlabel="α")
    ax.label_outer()
figure.supylabel("largest of the last 25 values")
figure.legend(
    *axes[0].get_legend_handles_labels(), loc="outside lower center", frameon=False
)
plt.show()

# %%
# The loss curves from the rate that is too small, each at its best α, beside the best fixed rate.
figure, axes = plt.subplots(
    4, 1, figsize=(5.4, 11.5), sharex=True, sharey=True, layout="constrained"
)
for ax, name in zip(axes, METHODS, strict=True):
    ax.semilogy(
        results[name, 1]["fixed"], color="0.75", linewidth=5, label="best fixed rate"
    )
    ax.semilogy(
        results[name, 1 / 30]["fixed"],
        "--",
        color="C0",
        linewidth=2,
        label="fixed at the best rate / 30",
    )
    ax.semilogy(
        results[name, 1 / 30]["adapted"],
        color="C0",
        linewidth=2,
        label="the paper's rule from there",
    )
    ax.set(title=name, xlabel="update", ylim=(1e-16, 1e3))
    ax.label_outer()
figure.supylabel("Rosenbrock's function")
figure.legend(
    *axes[0].get_legend_handles_labels(), loc="outside lower center", frameon=False
)
plt.show()

# %%
# **Takeaway.** Where the best fixed rate is known, leave it alone: no α lowers the last values of
# gradient descent, Nesterov or Adam, and those of momentum only by a fraction.
#
# Where the rate is too small, the rule helps if α has the right size, which differs between the
# methods by a factor of more than 10,000. The reason is its unit, a learning rate per squared
# gradient: Adam's direction does not grow with the gradient. Ten times that α, and the run
# diverges.
