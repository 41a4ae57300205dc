"""
Ten lines: a pipeline, a score, a picture
=========================================

A pipeline on the handwritten digits that come with scikit-learn: fit it, score it beside scikit-learn's own
estimator, and save a picture of the loss and of the learning rates that found it.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRMLPClassifier

# %%
# The data, and one pipeline each. Only the class name differs; the scaler is for scikit-learn's network, the adaptive
# one does without.
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

adaptive = make_pipeline(StandardScaler(), AdaptiveLRMLPClassifier(random_state=0)).fit(X_train, y_train)
fixed = make_pipeline(StandardScaler(), MLPClassifier(random_state=0)).fit(X_train, y_train)

print(f"AdaptiveLRMLPClassifier: test accuracy {adaptive.score(X_test, y_test):.3f}, {adaptive[-1].n_iter_} epochs")
print(f"MLPClassifier:           test accuracy {fixed.score(X_test, y_test):.3f}, {fixed[-1].n_iter_} epochs")
print(f"Stopped because: {adaptive[-1].stop_reason_}")

# %%
# The training loss, and the band of learning rates: smallest, median and largest.
figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(7, 5), layout="constrained")
top.semilogy(adaptive[-1].loss_curve_, label="AdaptiveLRMLPClassifier")
top.semilogy(fixed[-1].loss_curve_, "--", label="MLPClassifier, constant rate")
top.set_ylabel("training loss")
top.legend()
smallest, median, largest = adaptive[-1].learning_rate_curve_.T
bottom.fill_between(range(len(median)), smallest, largest, alpha=0.3, label="smallest to largest")
bottom.plot(median, label="median")
bottom.set(xlabel="epoch", ylabel="learning rate", yscale="log")
bottom.legend()
figure.savefig("quickstart.png", dpi=120)
print("Saved quickstart.png")
