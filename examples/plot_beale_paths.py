"""
Paths on Beale's function: fixed against adapted rates
======================================================

The first experiment of the source: gradient descent, momentum and Adam on Beale's function, and Nesterov's
method, which the source leaves out. Dashed is a fixed rate, solid is the source's rule,
``learning_rate="hypergradient"`` with a rate for each parameter. Both start from the same point, with the same
rate.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_adalr import minimize
from sk_adalr.objectives.test_functions import beale
from sk_adalr.plotting import OptimizationPathDisplay

START = [1.0, 1.0]
TARGET = 1e-6
METHODS = {"gradient descent": "sgd", "momentum": "momentum", "Nesterov": "nesterov", "Adam": "adam"}


def run(method, rate, alpha=0.0, max_iter=1000):
    """Return the result of `method`, stopped at the target value; `alpha` = 0 keeps the rate fixed."""
    return minimize(
        beale,
        START,
        method=method,
        learning_rate_init=rate,
        hyper_learning_rate=alpha,
        max_iter=max_iter,
        tol=0,
        callback=lambda state: state.fun < TARGET or state.fun > 1e6,
        return_history=True,
    )


def steps_to_target(result):
    """Return the number of updates until the value fell below the target, infinite if it never did."""
    return result.nit if result.fun < TARGET else np.inf


# %%
# **The baseline is tuned**, as the source demands: the best of 25 fixed rates. The rule then starts from that
# very rate, with the best of 19 values of its own step size ``hyper_learning_rate``, so both sides have had a
# grid search.
rates = np.geomspace(1e-4, 1, 25)
alphas = np.geomspace(1e-7, 1e-1, 19)
results = {}
print(f"{'':18}{'best fixed rate':>16}{'updates':>9}{'best α':>10}{'updates':>9}{'α that beat the fixed rate':>29}")
for name, method in METHODS.items():
    with np.errstate(all="ignore"):  # the largest rates and α diverge
        fixed = min((run(method, rate) for rate in rates), key=steps_to_target)
        rate = fixed.history["learning_rate"][0, 0]
        trials = [run(method, rate, alpha) for alpha in alphas]
    steps = [steps_to_target(trial) for trial in trials]
    adapted = trials[int(np.argmin(steps))]
    results[name] = fixed, adapted
    wins = sum(np.array(steps) < steps_to_target(fixed))
    print(
        f"{name:18}{rate:16.3g}{steps_to_target(fixed):9.0f}{alphas[int(np.argmin(steps))]:10.2g}{min(steps):9.0f}"
        f"{wins:20d} of {len(alphas)}"
    )

# %%
# The paths. A circle marks the start, a cross the end, a star the minimum at (3, 0.5).
figure, axes = plt.subplots(2, 2, figsize=(10, 8.5), sharex=True, sharey=True, layout="constrained")
view = {"bounds": ((0.5, 4.3), (-1.4, 1.3)), "minimum": (3, 0.5)}
for ax, (name, (fixed, adapted)) in zip(axes.flat, results.items(), strict=True):
    OptimizationPathDisplay.from_result(adapted, beale, ax=ax, name=f"adapted, {adapted.nit} updates", **view)
    OptimizationPathDisplay.from_result(
        fixed, beale, ax=ax, name=f"fixed, {fixed.nit} updates", linestyle="--", linewidth=1, **view
    )
    ax.set_title(name)
    ax.legend(loc="lower right")
    ax.label_outer()
plt.show()

# %%
# The rates themselves. Both parameters start with the same one; the rule tells them apart. With gradient
# descent the second rate turns negative for a moment: nothing in the source's rule forbids it.
figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
for ax, (name, (_, adapted)) in zip(axes.flat, results.items(), strict=True):
    ax.plot(adapted.history["learning_rate"], linewidth=2, label=["first parameter", "second parameter"])
    ax.set(title=name, xlabel="update", ylabel="learning rate")
axes[0, 0].legend()
plt.show()

# %%
# **What is true.** On this function the rule reaches the minimum in fewer updates than the best fixed rate with
# all four methods, most clearly with plain gradient descent. But it needs a good ``hyper_learning_rate``: the
# last column of the table says how many of the values tried helped at all, and the largest ones diverge. The
# rule trades one number to be tuned for another. The automatic rule of the estimators does away with both:
# :ref:`sphx_glr_auto_examples_plot_any_learning_rate.py`.
