"""
Quickstart: a pipeline, a score, a picture
==========================================

A pipeline on the handwritten digits that come with scikit-learn: fit it, compare its score and its cost with
scikit-learn's own network, and save a picture of the loss and of the learning rates that found it.
"""

import time

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.feature_selection import VarianceThreshold
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRMLPClassifier

# %%
# The data, and one pipeline each; the first step drops pixels that are always empty. scikit-learn's network needs a
# scaler in front. The adaptive one standardises its columns itself.
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
pipelines = {
    "AdaptiveLRMLPClassifier": make_pipeline(
        VarianceThreshold(), AdaptiveLRMLPClassifier(random_state=0)
    ),
    "MLPClassifier": make_pipeline(
        VarianceThreshold(), StandardScaler(), MLPClassifier(random_state=0)
    ),
}

# %%
# The cost is the processor time of the whole fit. For the adaptive network that includes four
# cross-validation fits, which find the best number of epochs. So counting the epochs of the last fit
# alone would not be fair.
for name, pipeline in pipelines.items():
    start = time.process_time()
    pipeline.fit(X_train, y_train)
    seconds = time.process_time() - start
    print(
        f"{name:24} test accuracy {pipeline.score(X_test, y_test):.3f}   "
        f"processor time {seconds:.2f} s"
    )
adaptive, fixed = (pipeline[-1] for pipeline in pipelines.values())
print(f"Stopped because: {adaptive.stop_reason_}")

# %%
# The training loss, and the learning rates, one for each layer: smallest, median and largest.
figure, (top, bottom) = plt.subplots(
    2, 1, sharex=True, figsize=(7, 5), layout="constrained"
)
top.semilogy(adaptive.loss_curve_, label="AdaptiveLRMLPClassifier")
top.semilogy(fixed.loss_curve_, "--", label="MLPClassifier, constant rate")
top.set_ylabel("training loss")
top.legend()
smallest, median, largest = adaptive.learning_rate_curve_.T
bottom.fill_between(
    range(len(median)), smallest, largest, alpha=0.3, label="smallest to largest"
)
bottom.plot(median, label="median")
bottom.set(xlabel="epoch", ylabel="learning rate", yscale="log")
bottom.legend()
figure.savefig("quickstart.png", dpi=120)
print("Saved quickstart.png")
