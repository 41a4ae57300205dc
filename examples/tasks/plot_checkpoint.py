"""
A long fit that survives a crash
================================

:class:`~sk_adalr.checkpoint.Checkpoint` is a callback that saves a fit every few epochs. After a
crash, run the same script again: ``fit`` finds the file, continues from it, and ends with bitwise
the same model as a fit that was never interrupted.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sk_adalr import AdaptiveLRMLPClassifier
from sk_adalr.checkpoint import Checkpoint
from sk_adalr.plotting import LearningCurveDisplay

X, y = load_digits(return_X_y=True)
path = Path(tempfile.mkdtemp()) / "digits.checkpoint"


def network():
    """Return the network, not fitted."""
    return AdaptiveLRMLPClassifier((64,), max_iter=40, tol=0, random_state=0)


# %%
# A second callback simulates the crash, in epoch 27.
class Crash:
    """Raise an error at the end of an epoch."""

    def setup(self, estimator, context):
        """Do nothing before the fit."""

    def teardown(self, estimator, context):
        """Do nothing after the fit."""

    def on_fit_task_begin(self, estimator, context, **data):
        """Do nothing before an epoch."""

    def on_fit_task_end(self, estimator, context, **data):
        """Raise in epoch 27."""
        if context.task_name == "epoch" and context.task_id + 1 == 27:
            raise RuntimeError("the power is gone")


try:
    network().set_callbacks(Checkpoint(path, every=10), Crash()).fit(X, y)
except RuntimeError as error:
    print(f"epoch 27: {error}; {path.name} has {path.stat().st_size / 1e3:.0f} kB")

# %%
# The same script again, without the crash. The file has 20 epochs; 20 are left.
resumed = network().set_callbacks(Checkpoint(path, every=10)).fit(X, y)
whole = network().fit(X, y)
same = all(
    np.array_equal(a, b) for a, b in zip(resumed.coefs_, whole.coefs_, strict=True)
)
print(f"{resumed.n_iter_} epochs; bitwise equal to an uninterrupted fit: {same}")

# %%
# You can also load the model so far, even while the fit is still running.
model = Checkpoint(path).restore(network())
print(f"{model.n_iter_} epochs, accuracy on the training rows {model.score(X, y):.3f}")

# %%
# The histories agree: the thin line of the resumed fit lies on the wide one of the whole fit.
display = LearningCurveDisplay.from_estimator(
    whole, name="whole fit", linewidth=7, alpha=0.35
)
LearningCurveDisplay.from_estimator(resumed, ax=display.ax_, name="resumed fit")
display.ax_.axvline(20, color="0.5", linewidth=1)
display.ax_.text(20.5, display.ax_.get_ylim()[1] * 0.5, "continued from here", va="top")
display.ax_.set_yscale("log")
plt.show()
