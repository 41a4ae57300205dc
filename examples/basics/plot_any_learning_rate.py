"""
The score does not depend on the initial learning rate
======================================================

The same network is trained from eight initial learning rates, over seven powers of ten.
scikit-learn's :class:`~sklearn.neural_network.MLPClassifier` needs a rate of the right size: from
0.001 to 1 with plain SGD, 0.001 or more with Adam. :class:`~sk_adalr.AdaptiveLRMLPClassifier` measures
its rates on the data, so this number has no effect on it.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRMLPClassifier

warnings.simplefilter("ignore", ConvergenceWarning)  # of rates that are too small

RATES = np.logspace(-6, 1, 8)
SEEDS = range(3)
MODELS = {
    "MLPClassifier, SGD": lambda **options: MLPClassifier(
        (32,), solver="sgd", max_iter=100, **options
    ),
    "MLPClassifier, Adam": lambda **options: MLPClassifier(
        (32,), max_iter=100, **options
    ),
    "AdaptiveLRMLPClassifier": lambda **options: AdaptiveLRMLPClassifier(
        (32,), max_iter=100, **options
    ),
}

# %%
# All three get standardised columns, the same number of epochs at most (100) and the same seeds, which also
# start them from the same weights. The score is the accuracy on a quarter of the rows that no fit sees,
# averaged over three seeds.


def test_scores(make, X, y):
    """Return the test accuracy (n_seeds, n_rates) of the model at each rate."""
    scores = np.zeros((len(SEEDS), len(RATES)))
    for i, seed in enumerate(SEEDS):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, stratify=y, random_state=seed
        )
        for j, rate in enumerate(RATES):
            model = make_pipeline(
                StandardScaler(), make(learning_rate_init=rate, random_state=seed)
            )
            scores[i, j] = model.fit(X_train, y_train).score(X_test, y_test)
    return scores


results = {
    title: {
        name: test_scores(make, *load(return_X_y=True)) for name, make in MODELS.items()
    }
    for title, load in {
        "handwritten digits": load_digits,
        "breast cancer": load_breast_cancer,
    }.items()
}
for title, scores_of in results.items():
    for name, scores in scores_of.items():
        mean = scores.mean(axis=0)
        print(f"{title:18}  {name:24} worst {mean.min():.3f}, best {mean.max():.3f}")

# %%
# The pictures: mean over the seeds, with a band from the worst to the best of them.
STYLES = {
    "MLPClassifier, SGD": ("tab:gray", ":"),
    "MLPClassifier, Adam": ("#D55E00", "--"),
    "AdaptiveLRMLPClassifier": ("#0072B2", "-"),
}
for title, scores_of in results.items():
    figure, ax = plt.subplots(figsize=(5.4, 4.6), layout="constrained")
    for name, scores in scores_of.items():
        color, style = STYLES[name]
        ax.plot(
            RATES,
            scores.mean(axis=0),
            style,
            color=color,
            marker="o",
            markersize=5,
            linewidth=2.5,
            label=name,
        )
        ax.fill_between(
            RATES,
            scores.min(axis=0),
            scores.max(axis=0),
            color=color,
            alpha=0.15,
            linewidth=0,
        )
    ax.set(title=title, xscale="log", xlabel="initial learning rate")
    ax.set(ylabel="test accuracy", ylim=(0, 1.02))
    figure.legend(loc="outside lower center", frameon=False)
plt.show()

# %%
# **Takeaway.** The automatic rule saves the search for a rate, not accuracy: at its best rate,
# scikit-learn's Adam does as well, and from 0.001 on it loses a few hundredths at most.
# :ref:`sphx_glr_auto_examples_basics_plot_no_grid.py` measures the search in seconds.
