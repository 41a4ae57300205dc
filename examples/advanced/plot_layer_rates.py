"""
How the learning rate of each layer changes during training
===========================================================

Do the layers of a network want the same learning rate? A custom rule can record the rates of every
update. Here it wraps the paper's rule, which adapts one rate for each of three layers.
"""

from dataclasses import dataclass, field

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sk_adalr import AdaptiveLRMLPClassifier
from sk_adalr.learning_rates import Hypergradient, LearningRate, PerLayer
from sk_adalr.plotting import LearningRateDisplay


@dataclass(frozen=True)
class Recorded:
    """A learning rate that keeps a record of its rates."""

    rule: LearningRate
    history: list = field(default_factory=list, repr=False)

    def init(self, params, layout):
        """Return the state of the rule."""
        return self.rule.init(params, layout)

    def update(self, state, grad, previous_direction, step, layout, *, scratch):
        """Let the rule adapt its rates, and note them."""
        self.rule.update(state, grad, previous_direction, step, layout, scratch=scratch)
        self.history.append(state["rates"].copy())

    def expand(self, state, layout, *, scratch):
        """Return the rule's rates."""
        return self.rule.expand(state, layout, scratch=scratch)


# %%
# All layers start from the same rate, with two optimizers.
X, y = load_digits(return_X_y=True)
EPOCHS = 30
LAYERS = ("input layer", "hidden layer", "output layer")
rules = {
    "sgd": Recorded(
        Hypergradient(0.01, hyper_learning_rate=1.0, granularity=PerLayer())
    ),
    "adam": Recorded(
        Hypergradient(0.001, hyper_learning_rate=1e-3, granularity=PerLayer())
    ),
}
for solver, rule in rules.items():
    model = AdaptiveLRMLPClassifier(
        (64, 32),
        solver=solver,
        learning_rate=rule,
        max_iter=EPOCHS,
        tol=0,
        batch_size=100,
        random_state=0,
    ).fit(X, y)
    last = ", ".join(
        f"{layer} {rate:.3g}"
        for layer, rate in zip(LAYERS, rule.history[-1], strict=True)
    )
    print(f"{solver:5} loss {model.loss_:.2e}; final rates: {last}")

# %%
# The rates within each epoch: smallest, median and largest over its updates.
# :class:`~sk_adalr.plotting.LearningRateDisplay` draws any array of that kind.
figure, axes = plt.subplots(2, 1, figsize=(5.4, 6.4), layout="constrained")
for ax, (solver, rule) in zip(axes, rules.items(), strict=True):
    by_epoch = np.array(rule.history).reshape(EPOCHS, -1, len(LAYERS))
    for layer, name in enumerate(LAYERS):
        band = np.quantile(by_epoch[:, :, layer], (0, 0.5, 1), axis=1).T
        LearningRateDisplay(band, estimator_name=name).plot(ax)
    ax.set(title=solver, ylabel="learning rate")
axes[1].get_legend().remove()
plt.show()

# %%
# **Takeaway.** Layers want different rates: from the same start, the output layer gets the largest one
# with both optimizers.
