"""
A direction and a learning rate of your own
===========================================

An update has two parts. A *direction* says where to go, a *learning rate* how far. Each is a small
class with two or three methods, and any direction works with any rate, in all estimators and in
:func:`~sk_adalr.minimize`.
"""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sk_adalr import AdaptiveLRMLPClassifier, minimize
from sk_adalr.objectives.test_functions import beale
from sk_adalr.plotting import LearningCurveDisplay, LearningRateDisplay

# %%
# **A direction.** Lion follows the sign of a smoothed gradient (Chen et al., "Symbolic discovery
# of optimization algorithms"). Hyperparameters are fields. What changes is in the state, a dict of
# arrays. The direction fills ``out``, and never contains the learning rate.


@dataclass(frozen=True)
class Lion:
    """The sign of an average of gradients."""

    beta_1: float = 0.9
    beta_2: float = 0.99

    def init(self, params):
        """Return the state before the first step."""
        return {"average": np.zeros_like(params)}

    def update(self, state, grad, step, *, out):
        """Fill `out` with the direction, and advance the average."""
        average = state["average"]
        np.sign(self.beta_1 * average + (1 - self.beta_1) * grad, out=out)
        average *= self.beta_2
        average += (1 - self.beta_2) * grad


# %%
# **A learning rate.** One rate for all parameters grows where the gradient agrees with the last
# direction, and shrinks where it does not. It is the paper's rule on a log scale, normalised so
# that its step size has no unit.


@dataclass(frozen=True)
class Cosine:
    """One rate, moved by the cosine between the gradient and the last direction."""

    learning_rate_init: float = 1e-3
    speed: float = 0.1

    def init(self, params, layout):
        """Return the state before the first step."""
        return {"rates": np.full(1, self.learning_rate_init, dtype=params.dtype)}

    def update(self, state, grad, previous_direction, step, layout, *, scratch):
        """Turn the rate into that of this step."""
        norms = np.linalg.norm(grad) * np.linalg.norm(previous_direction)
        if norms > 0:
            state["rates"] *= np.exp(self.speed * (grad @ previous_direction) / norms)

    def expand(self, state, layout, *, scratch):
        """Return the rate, which broadcasts."""
        return state["rates"]


# %%
# Both work at once in an estimator, alone and together:
X, y = load_digits(return_X_y=True)
common = {"max_iter": 30, "tol": 0, "random_state": 0}
models = {
    "Adam, constant": AdaptiveLRMLPClassifier(
        learning_rate="constant", learning_rate_init=1e-3, **common
    ),
    "Lion, constant": AdaptiveLRMLPClassifier(
        solver=Lion(), learning_rate="constant", learning_rate_init=1e-4, **common
    ),
    "Adam, Cosine": AdaptiveLRMLPClassifier(
        solver="adam", learning_rate=Cosine(1e-4), **common
    ),
    "Lion, Cosine": AdaptiveLRMLPClassifier(
        solver=Lion(), learning_rate=Cosine(1e-5), **common
    ),
}
for name, model in models.items():
    model.fit(X, y)
    print(
        f"{name:15} training loss {model.loss_:.2e}, final "
        f"rate {model.learning_rate_curve_[-1, 1]:.2g}"
    )

figure, (top, bottom) = plt.subplots(2, 1, figsize=(5.4, 6.4), layout="constrained")
for name, model in models.items():
    LearningCurveDisplay.from_estimator(model, ax=top, name=name)
    LearningRateDisplay.from_estimator(model, ax=bottom, name=name)
bottom.get_legend().remove()
bottom.set_ylabel("learning rate")
plt.show()

# %%
# And in :func:`~sk_adalr.minimize`:
for method in ("momentum", "adam", Lion()):
    result = minimize(
        beale, [1.0, 1.0], method=method, learning_rate=Cosine(1e-3), max_iter=1000
    )
    print(f"{method!s:30} {result.nit:4d} updates, Beale's function {result.fun:.1e}")

# %%
# To make a direction or a rule part of the package, see :doc:`/extending`: one file, and one line
# in a table of names; the contract tests then test it.
