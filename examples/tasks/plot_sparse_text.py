"""
Classify text with sparse TF-IDF columns
========================================

Term counts are sparse, wide and of very unequal frequency. The estimators take CSR matrices as they are;
columns are centred without becoming dense. The documents are generated: two topics that share most of their
words, which are as unequally frequent as words are.
"""

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import train_test_split

from sk_adalr import AdaptiveLRLogisticRegression

# %%
# Zipf's law gives the n-th word a frequency of 1 / n. A tenth of the words is three times as frequent in one
# topic.
rng = np.random.default_rng(0)
n_words, n_documents = 20_000, 4000
frequency = 1 / np.arange(1, n_words + 1)
topic_words = rng.choice(n_words, n_words // 10, replace=False)
words = np.array([f"word{i}" for i in range(n_words)])


def documents(topic, n):
    """Yield `n` documents of 40 to 200 words."""
    weights = frequency.copy()
    weights[topic_words[topic::2]] *= 3
    cumulative = np.cumsum(weights / weights.sum())
    for length in rng.integers(40, 200, n):
        yield " ".join(
            words[
                np.minimum(np.searchsorted(cumulative, rng.random(length)), n_words - 1)
            ]
        )


texts = [*documents(0, n_documents // 2), *documents(1, n_documents // 2)]
y = np.repeat(["sports", "politics"], n_documents // 2)
texts_train, texts_test, y_train, y_test = train_test_split(texts, y, random_state=0)

# %%
# One vectoriser, four classifiers.
vectorizer = TfidfVectorizer()
X_train, X_test = (
    vectorizer.fit_transform(texts_train),
    vectorizer.transform(texts_test),
)
print(
    f"{X_train.shape[0]} documents, {X_train.shape[1]} words, "
    f"{X_train.nnz / X_train.shape[0]:.0f} of them in each"
)

models = {
    "SGDClassifier": SGDClassifier(loss="log_loss", random_state=0),
    "LogisticRegression": LogisticRegression(),
    "adaptive, exact": AdaptiveLRLogisticRegression(),
    "adaptive, mini-batches": AdaptiveLRLogisticRegression(
        solver="adam", random_state=0, max_iter=50
    ),
}
scores = {}
for name, model in models.items():
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    scores[name] = model.score(X_test, y_test)
    print(f"{name:24} {seconds:6.2f} s   test accuracy {scores[name]:.3f}")

# %%
# The exact fit and scikit-learn's LogisticRegression minimise the same objective. They agree about
# as closely as the looser of their default tolerances, scikit-learn's, requires:
ours, theirs = models["adaptive, exact"], models["LogisticRegression"]
difference = np.abs(ours.predict_proba(X_test) - theirs.predict_proba(X_test)).max()
print(f"predicted probabilities differ by at most {difference:.1e}")

# %%
# The words that decide:
order = np.argsort(ours.coef_[0])
chosen = np.concatenate([order[:10], order[-10:]])
names = vectorizer.get_feature_names_out()[chosen]
figure, ax = plt.subplots(figsize=(5.4, 5.4), layout="constrained")
ax.barh(names, ours.coef_[0][chosen], color=np.repeat(["C0", "C1"], 10))
ax.set(
    xlabel=f"coefficient: {ours.classes_[0]} to the left,\n"
    f"{ours.classes_[1]} to the right",
    ylabel="word",
)
plt.show()

# %%
# **Takeaway.** A CSR matrix goes in as it is. With default settings, the exact fit is nearer to the
# common optimum than scikit-learn's.
