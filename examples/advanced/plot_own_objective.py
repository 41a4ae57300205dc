"""
Your own objective with ``minimize``
====================================

:func:`~sk_adalr.minimize` takes any function that returns a value and a gradient, with the habits of
:func:`scipy.optimize.minimize`. Here it fits a decaying oscillation to noisy points, by a loss that outliers
cannot dominate.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_adalr import minimize

rng = np.random.default_rng(0)
t = np.linspace(0, 10, 120)
truth = np.array(
    [2.0, 0.25, 2.5, 0.4]
)  # amplitude, decay per second, angular frequency, phase
signal = truth[0] * np.exp(-truth[1] * t) * np.cos(truth[2] * t + truth[3])
observed = signal + 0.1 * rng.normal(size=t.size)
observed[rng.choice(t.size, 12, replace=False)] += rng.normal(scale=3, size=12)

# %%
# The value and its gradient. The pseudo-Huber loss grows like a square near zero and linearly far from it.


def robust_loss(params, t, observed, width=0.2):
    """Return the mean pseudo-Huber loss and its gradient."""
    amplitude, decay, frequency, phase = params
    envelope, angle = np.exp(-decay * t), frequency * t + phase
    model = amplitude * envelope * np.cos(angle)
    residual = (model - observed) / width
    root = np.sqrt(1 + residual**2)
    slope = residual / (root * width * t.size)
    sine = amplitude * envelope * np.sin(angle)
    grad = np.array(
        [
            slope @ (envelope * np.cos(angle)),
            -slope @ (t * model),
            -slope @ (t * sine),
            -slope @ sine,
        ]
    )
    return np.mean(root - 1), grad


# %%
# Adam with a fixed rate, and with the paper's rule from the same rate, both from the same rough guess.
start = [1.0, 0.1, 2.2, 0.0]
options = {
    "args": (t, observed),
    "method": "adam",
    "learning_rate_init": 0.01,
    "max_iter": 2000,
    "tol": 1e-6,
}
results = {
    "fixed rate": minimize(
        robust_loss, start, learning_rate="constant", return_history=True, **options
    ),
    "the paper's rule": minimize(
        robust_loss, start, hyper_learning_rate=1e-3, return_history=True, **options
    ),
}
for name, result in results.items():
    print(
        f"{name:16} {result.nit:4d} updates, loss "
        f"{result.fun:.5f}, parameters {result.x.round(3)}"
    )
print(f"{'truth':16} {'':26}  parameters {truth}")

# %%
# The fit and the loss.
figure, (top, bottom) = plt.subplots(2, 1, figsize=(5.4, 6.4), layout="constrained")
top.plot(t, observed, ".", color="0.5", label="observed")
amplitude, decay, frequency, phase = results["the paper's rule"].x
top.plot(
    t,
    amplitude * np.exp(-decay * t) * np.cos(frequency * t + phase),
    linewidth=2,
    label="fitted",
)
top.set(xlabel="time in seconds", ylabel="signal")
top.legend(loc="lower right")
for (name, result), style in zip(results.items(), ("--", "-"), strict=True):
    bottom.semilogy(result.history["fun"], style, linewidth=2, label=name)
bottom.set(xlabel="update", ylabel="pseudo-Huber loss")
bottom.legend()
plt.show()

# %%
# **Takeaway.** Both end at the same minimum; the paper's rule needs fewer updates. Its step size
# ``hyper_learning_rate`` has to be chosen, as the fixed rate has.
