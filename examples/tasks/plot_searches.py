"""
Search over network size and penalty
====================================

With no learning rate to search for, a search is about the model: the size of the network and its
penalty. :class:`~sklearn.model_selection.GridSearchCV` trains every candidate to the end;
:class:`~sklearn.model_selection.HalvingGridSearchCV` gives few epochs to all and many to the best.
"""

import time
import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, train_test_split

from sk_adalr import AdaptiveLRMLPClassifier

# Few epochs are the point of halving.
warnings.simplefilter("ignore", ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
grid = {
    "hidden_layer_sizes": [(8,), (32,), (64,), (32, 32)],
    "alpha": [1e-4, 1e-2, 1.0],
}
model = AdaptiveLRMLPClassifier(random_state=0, tol=0, max_iter=27)

# %%
# The resource of the halving search is ``max_iter``, the number of epochs. With ``tol=0`` no folds count epochs and
# the rate stays, so a fit of 3 epochs is the beginning of a fit of 27.
searches = {
    "GridSearchCV": GridSearchCV(model, grid, cv=3),
    "HalvingGridSearchCV": HalvingGridSearchCV(
        model,
        grid,
        cv=3,
        resource="max_iter",
        min_resources=3,
        max_resources=27,
        factor=3,
        random_state=0,
    ),
}
for name, search in searches.items():
    start = time.perf_counter()
    search.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    print(
        f"{name:20} {seconds:5.2f} s   test accuracy "
        f"{search.score(X_test, y_test):.3f}   {search.best_params_}"
    )

# %%
# The candidates of the halving search, round by round. Each line is one candidate; most end after a few epochs.
results = searches["HalvingGridSearchCV"].cv_results_
curves = {}
for params, epochs, score in zip(
    results["params"], results["n_resources"], results["mean_test_score"], strict=True
):
    label = f"{params['hidden_layer_sizes']}, alpha {params['alpha']:g}"
    curves.setdefault(label, []).append((epochs, score))
figure, ax = plt.subplots(layout="constrained")
for label, points in curves.items():
    kept = len(points) == max(map(len, curves.values()))
    ax.plot(
        *zip(*points, strict=True),
        "o-",
        color=None if kept else "0.7",
        label=label if kept else None,
        zorder=2 + kept,
    )
ax.set(xscale="log", xlabel="epochs", ylabel="accuracy in cross-validation")
ax.set_xticks([3, 9, 27], ["3", "9", "27"])
ax.minorticks_off()
ax.legend(title="last round")
plt.show()

# %%
# **Takeaway.** Halving finds as good a network here, with less than half of the epochs.
