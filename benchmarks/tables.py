"""Tables that the benchmarks of networks fit: bundled with scikit-learn, generated, or read from a folder.

`docs/benchmarks.rst` says what the files of the folder are and where they come from.
"""

import functools
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn import datasets, model_selection
from sklearn.tree import DecisionTreeRegressor


@dataclass(frozen=True)
class Table:
    """Where rows come from, and how many of them at most."""

    source: str
    rows: int = 10**6
    regression: bool = False


#: What `--part null` is about: tables of 442 to 5300 rows, of which three quarters train.
TABLES = {
    "diabetes": Table("diabetes", regression=True),
    "california 1300": Table("california_raw", 1300, regression=True),
    "california": Table("california_raw", 5300, regression=True),
    "power plant 1300": Table("powerplant_raw", 1300, regression=True),
    "power plant": Table("powerplant_raw", 5000, regression=True),
    "wine quality": Table("winequality_red_raw", regression=True),
    "friedman 1": Table("friedman", 1500, regression=True),
    "friedman 2": Table("friedman2", regression=True),
    "friedman 3": Table("friedman3", regression=True),
    "trees": Table("trees", regression=True),
    "heavy tails": Table("heavy_tails", regression=True),
    "categories": Table("categories", regression=True),
    "breast cancer": Table("breast_cancer"),
    "digits": Table("digits"),
    "moons": Table("moons", 1500),
    "classes": Table("noisy_classes"),
    "quantiles": Table("quantiles"),
    "a9a": Table("a9a_t", 4000),
    "spambase 1300": Table("spambase_raw", 1300),
    "spambase": Table("spambase_raw"),
    "letter": Table("letter", 5000),
    "shuttle": Table("shuttle_raw", 5000),
    "mnist": Table("mnist_t10k", 2500),
    "wine grades": Table("winequality_red_raw"),
    "leaves": Table("leaves"),
    "categories, 2 classes": Table("rare_categories"),
    "w8a": Table("w8a", 4000),
}
#: What `--part defaults` adds: very few rows, sparse columns, and so many rows that some of them are held out.
FURTHER_TABLES = {
    "iris": Table("iris"),
    "wine": Table("wine"),
    "sentences": Table("rtpolarity_tfidf", 3000),
    "california 16000": Table("california_raw", 16_000, regression=True),
    "letter 16000": Table("letter", 16_000),
    "a9a 16281": Table("a9a_t"),
    "shuttle 16000": Table("shuttle_raw", 16_000),
}


def trees(seed, n_classes=None):
    """Return rows whose target is the sum of ten trees, with noise; of its quantiles with `n_classes`."""
    random_state = np.random.RandomState(seed)
    X, base = random_state.randn(3000, 15), random_state.randn(400, 15)
    grown = [DecisionTreeRegressor(max_depth=4, random_state=k).fit(base, random_state.randn(400)) for k in range(10)]
    target = sum(tree.predict(X) for tree in grown)
    target = target / target.std()
    noisy = target + 0.5 * random_state.randn(len(target))
    return X, noisy if n_classes is None else np.digitize(
        noisy, np.quantile(target, np.linspace(0, 1, n_classes + 1)[1:-1])
    )


def heavy_tails():
    """Return log-normal columns and a target with tails as heavy."""
    random_state = np.random.RandomState(0)
    X = np.exp(random_state.randn(2500, 8))
    return X, X[:, 0] * np.sqrt(X[:, 1]) + X[:, 2] + 0.5 * np.exp(random_state.randn(2500))


def categories(*, labels):
    """Return five one-hot columns of eight categories beside four numbers; as labels, 30 % are positive."""
    random_state = np.random.RandomState(0)
    codes, numbers = random_state.randint(0, 8, (2500, 5)), random_state.randn(2500, 4)
    target = sum(random_state.randn(8)[column] for column in codes.T)
    target += numbers[:, 0] * random_state.randn(8)[codes[:, 0]] + np.sin(2 * numbers[:, 1]) + random_state.randn(2500)
    X = np.hstack([np.eye(8)[column] for column in codes.T] + [numbers])
    return X, (target > np.quantile(target, 0.7)).astype(int) if labels else target


GENERATED = {
    "moons": lambda: datasets.make_moons(2000, noise=0.25, random_state=1),
    "classes": lambda: datasets.make_classification(2500, 30, n_informative=10, n_classes=4, random_state=1),
    "noisy_classes": lambda: datasets.make_classification(
        2500, 30, n_informative=10, n_classes=4, flip_y=0.1, random_state=1
    ),
    "friedman": lambda: datasets.make_friedman1(2000, noise=1.0, random_state=1),
    "friedman2": lambda: datasets.make_friedman2(2000, noise=100.0, random_state=1),
    "friedman3": lambda: datasets.make_friedman3(2000, noise=0.1, random_state=1),
    "quantiles": lambda: datasets.make_gaussian_quantiles(n_samples=2500, n_features=10, n_classes=3, random_state=1),
    "trees": lambda: trees(0),
    "leaves": lambda: trees(3, n_classes=3),
    "heavy_tails": heavy_tails,
    "categories": lambda: categories(labels=False),
    "rare_categories": lambda: categories(labels=True),
}
BUNDLED = ("iris", "wine", "breast_cancer", "digits", "diabetes")


@functools.cache
def load(source, folder, rows):
    """Return X, y, at most `rows` of them, or None without the file in `folder`."""
    if source in GENERATED:
        X, y = GENERATED[source]()
        return X[:rows], y[:rows]
    if source in BUNDLED:
        return getattr(datasets, f"load_{source}")(return_X_y=True)
    if folder is None or not (folder / f"{source}.npz").exists():
        return None
    z = np.load(folder / f"{source}.npz")
    if "indptr" in z:
        X = sparse.csr_matrix((z["data"], z["indices"], z["indptr"]), shape=tuple(z["shape"]))
    else:
        X = z["X"].astype(np.float32)
    kept = np.random.default_rng(0).permutation(X.shape[0])[:rows]
    return X[kept], z["y"][kept]


def split(X, y, regression, seed):
    """Return the training and the test part, with every class in both unless it is too rare."""
    strata = None if regression or np.unique(y, return_counts=True)[1].min() < 8 else y
    return model_selection.train_test_split(X, y, random_state=seed, stratify=strata)
