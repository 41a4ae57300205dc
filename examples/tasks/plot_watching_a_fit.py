"""
Plot a fit: loss, score and learning rate
=========================================

Every estimator records its training loss, its learning rates and, with early stopping, loss and score on
validation rows. Two displays draw them, and scikit-learn's own networks can be drawn on the same axis.
"""

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from sk_adalr import AdaptiveLRMLPClassifier
from sk_adalr.plotting import LearningCurveDisplay, LearningRateDisplay

X, y = load_digits(return_X_y=True)
X = X / 16

model = AdaptiveLRMLPClassifier((64,), early_stopping=True, random_state=0).fit(X, y)
print(model.stop_reason_)
print(
    f"{model.n_iter_} epochs, best validation "
    f"accuracy {max(model.validation_scores_):.3f}"
)

# %%
# One line draws the training loss and the validation loss; another one the score.
figure, (top, bottom) = plt.subplots(2, 1, figsize=(5.4, 6.4), layout="constrained")
LearningCurveDisplay.from_estimator(model, ax=top, name="ours")
LearningCurveDisplay.from_estimator(model, ax=bottom, metric="score", name="ours")
plt.show()

# %%
# The learning rates of the same fit, one for each layer: the band reaches from the smallest to the
# largest. The automatic rule keeps them constant.
display = LearningRateDisplay.from_estimator(model, name="automatic rule")
display.ax_.set_ylabel("learning rate")
plt.show()

# %%
# Several estimators on one axis: pass ``ax``. scikit-learn's network trains with as many epochs.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    theirs = MLPClassifier((64,), max_iter=model.n_iter_, random_state=0).fit(X, y)
    ours = AdaptiveLRMLPClassifier(
        (64,), max_iter=model.n_iter_, tol=0, random_state=0
    ).fit(X, y)
display = LearningCurveDisplay.from_estimator(ours)
LearningCurveDisplay.from_estimator(theirs, ax=display.ax_, linestyle="--")
plt.show()

# %%
# ``verbose=True`` prints the same numbers, a line per epoch, while the fit runs.
model = AdaptiveLRMLPClassifier((64,), max_iter=3, tol=0, random_state=0)
model = model.set_params(verbose=True).fit(X, y)
