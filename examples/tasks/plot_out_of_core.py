"""
Train a network on chunks with ``partial_fit``
==============================================

``partial_fit`` makes one pass over the rows it is given and continues training from where it
was, the state of the optimizer included. Here the chunks are generated; they could as well be
read from files. Two things decide how well that works: the scale of the columns, and the order of
the rows.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRMLPClassifier

N_CHUNKS = 40
LABELS = ["inside", "outside"]


def chunk(seed, n_rows=2000):
    """Return ten columns of very different scale, and if rows are inside a shell."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 10))
    y = np.where((X[:, :5] ** 2).sum(axis=1) < 4.35, "inside", "outside")
    return X * np.geomspace(1e-3, 1e3, 10), y


def no_scaling(X):
    """Return the columns as they come."""
    return X


def scores_after_each_chunk(model, chunks, scale=no_scaling):
    """Return the accuracy on test rows after each chunk."""
    scores = []
    for X, y in chunks:
        model.partial_fit(scale(X), y, classes=LABELS)
        scores.append(model.score(scale(X_test), y_test))
    return scores


chunks = [chunk(seed) for seed in range(N_CHUNKS)]
X_test, y_test = chunk(seed=10_000)

# %%
# **Scale.** All labels that may ever occur go into the first call. The columns come as they are:
# the first chunk decides how they are standardised. scikit-learn's network needs a scaler in front
# of it, which can be fitted to the first chunk in one line. It also gets the best of six learning
# rates, chosen on the test rows, which no user could do.
scaler = StandardScaler().fit(chunks[0][0])
rates = np.array([1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1])
tuned = {
    rate: scores_after_each_chunk(
        MLPClassifier((32,), learning_rate_init=rate, random_state=0),
        chunks,
        scaler.transform,
    )
    for rate in rates
}
best_rate = max(tuned, key=lambda rate: tuned[rate][-1])
curves = {
    "AdaptiveLRMLPClassifier, raw columns": scores_after_each_chunk(
        AdaptiveLRMLPClassifier((32,), random_state=0), chunks
    ),
    f"MLPClassifier, scaled, best rate {best_rate:g}": tuned[best_rate],
    "MLPClassifier, scaled, default rate": tuned[1e-3],
    "MLPClassifier, raw columns": scores_after_each_chunk(
        MLPClassifier((32,), random_state=0), chunks
    ),
}
for name, scores in curves.items():
    print(f"{name:40} test accuracy after {N_CHUNKS} chunks: {scores[-1]:.3f}")

figure, ax = plt.subplots(figsize=(5.4, 5), layout="constrained")
for (name, scores), style in zip(
    curves.items(), ("o-", "^-", "d--", "s:"), strict=True
):
    ax.plot(range(1, N_CHUNKS + 1), scores, style, markersize=4, label=name)
ax.set(xlabel="chunks of 2000 rows", ylabel="test accuracy", ylim=(0.45, 1))
figure.legend(loc="outside lower center", frameon=False)
plt.show()

# %%
# On raw columns, scikit-learn's network sees only the largest of them, and guesses. A scaler mends
# that, and a learning rate that suits a single pass does most of the rest. The adaptive network is
# given neither.

# %%
# **Order: shuffle.** A chunk should look like the whole. The same rows in the order of their
# labels teach the network first one label and then the other, which makes it forget the first.
X_all = np.concatenate([X for X, _ in chunks])
y_all = np.concatenate([y for _, y in chunks])
by_label = np.argsort(y_all, kind="stable")
sorted_chunks = [(X_all[rows], y_all[rows]) for rows in np.split(by_label, N_CHUNKS)]
model = AdaptiveLRMLPClassifier((32,), random_state=0)
sorted_scores = scores_after_each_chunk(model, sorted_chunks)
shuffled = curves["AdaptiveLRMLPClassifier, raw columns"][-1]
print(f"rows in random order:    test accuracy {shuffled:.3f}")
print(f"rows sorted by label:    test accuracy {sorted_scores[-1]:.3f}")

# %%
# **Continuing.** Training that is continued is bitwise the same as training that never stopped.
# With the chunk as the whole data set, each call is one epoch. ``partial_fit`` trains on every row
# it gets; so that ``fit`` does, too, switch early stopping off:
X, y = chunks[0]
together = AdaptiveLRMLPClassifier(
    (32,), max_iter=3, tol=0, early_stopping=False, random_state=0
).fit(X, y)
one_by_one = AdaptiveLRMLPClassifier((32,), random_state=0)
for _ in range(3):
    one_by_one.partial_fit(X, y, classes=LABELS)
pairs = zip(together.coefs_, one_by_one.coefs_, strict=True)
print("equal coefficients:", all(np.array_equal(a, b) for a, b in pairs))
