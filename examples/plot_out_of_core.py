"""
Data that do not fit in memory
==============================

``partial_fit`` makes one pass over the rows it is given and goes on from where training was, the state of the
optimizer included. Here the chunks are generated; they could as well be read from files.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.neural_network import MLPClassifier

from sk_adalr import AdaptiveLRMLPClassifier

N_CHUNKS = 40


def chunk(seed, n_rows=2000):
    """Return rows of ten columns of very different scale, and whether they lie inside a shell."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 10))
    y = np.where((X[:, :5] ** 2).sum(axis=1) < 4.35, "inside", "outside")
    return X * np.geomspace(1e-3, 1e3, 10), y


X_test, y_test = chunk(seed=10_000)

# %%
# All labels that may ever occur go into the first call. The columns come as they are: the first chunk decides
# how they are standardised.
models = {
    "AdaptiveLRMLPClassifier": AdaptiveLRMLPClassifier((32,), random_state=0),
    "MLPClassifier": MLPClassifier((32,), random_state=0),
}
scores = {name: [] for name in models}
for i in range(N_CHUNKS):
    X, y = chunk(seed=i)
    for name, model in models.items():
        model.partial_fit(X, y, classes=["inside", "outside"])
        scores[name].append(model.score(X_test, y_test))
for name, values in scores.items():
    print(f"{name:24} test accuracy after {N_CHUNKS} chunks: {values[-1]:.3f}")

figure, ax = plt.subplots(layout="constrained")
for (name, values), style in zip(scores.items(), ("o-", "s--"), strict=True):
    ax.plot(range(1, N_CHUNKS + 1), values, style, markersize=4, label=name)
ax.set(xlabel="chunks of 2000 rows", ylabel="test accuracy", ylim=(0.4, 1))
ax.legend()
plt.show()

# %%
# The same network without standardised columns hears only the largest of them. With data that come in chunks
# there is no simple way to put a scaler in front of it.
#
# A fit that goes on is the same as one that never stopped. With the chunk as the whole data set, each call is
# one epoch. ``partial_fit`` trains on every row it gets; so that ``fit`` does, too, it is told to hold none out:
X, y = chunk(seed=0)
together = AdaptiveLRMLPClassifier((32,), max_iter=3, tol=0, early_stopping=False, random_state=0).fit(X, y)
one_by_one = AdaptiveLRMLPClassifier((32,), random_state=0)
for _ in range(3):
    one_by_one.partial_fit(X, y, classes=["inside", "outside"])
print(
    "equal coefficients:", all(np.array_equal(a, b) for a, b in zip(together.coefs_, one_by_one.coefs_, strict=True))
)
