"""Generated fits of rows in blocks: a case is a seed."""

from typing import NamedTuple

import numpy as np

from sk_adalr import AdaptiveLRLinearRegression as Linear
from sk_adalr import AdaptiveLRLogisticRegression as Logistic

KINDS = ("one", "several", "binary", "classes", "words", "counts", "amounts", "several counts")


class Case(NamedTuple):
    model: object
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    lengths: tuple

    @property
    def tolerance(self):
        return 1e-9 if self.X.dtype == np.float64 else 3e-6

    def parts(self):
        """Return the rows of each block: X, y and, if there are any, weights."""
        ends = np.cumsum(self.lengths)
        rows = [slice(end - length, end) for end, length in zip(ends, self.lengths, strict=True)]
        arrays = (self.X, self.y) if self.weight is None else (self.X, self.y, self.weight)
        return [tuple(array[part] for array in arrays) for part in rows]


def case(seed):
    """Return a fit: units, offsets and a constant column, all kinds of targets, empty and sorted blocks, weights."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    n, p = int(rng.integers(60, 1500)), int(rng.integers(1, 15))
    Z = rng.normal(size=(n, p))
    dtype = rng.choice([np.float64, np.float32])
    unit = 10.0 ** rng.uniform(-3, 3, p)
    offset = unit * rng.choice([0.0, 1.0, 1e4 if dtype == np.float64 else 30.0], p)
    X = (Z * unit + offset).astype(dtype)
    if p > 3 and rng.random() < 0.3:
        X[:, 1] = 7
    u = 2 * Z @ rng.normal(size=p) / np.sqrt(p)
    y = _target(kind, u, rng)
    options = {"fit_intercept": bool(rng.random() < 0.8), "max_iter": 5000}
    if "counts" in kind or kind == "amounts":
        options["loss"] = "gamma" if kind == "amounts" else "poisson"
    if isinstance(y.flat[0], str | np.str_) or kind in ("binary", "classes"):
        model = Logistic(C=rng.choice([1.0, 0.1]), class_weight=rng.choice(["balanced", None]), **options)
    else:
        model = Linear(alpha=rng.choice([1.0, 10.0]), **options)
    if not options["fit_intercept"]:  # offsets would do the work of an intercept
        X = (X - offset).astype(dtype)
    weight = rng.choice([0.0, 0.5, 1.0, 3.0], n) if rng.random() < 0.5 else None
    if rng.random() < 0.5:
        order = np.argsort(u if y.ndim > 1 else y, kind="stable")
        X, y = X[order], y[order]
    cuts = np.sort(rng.integers(0, n, rng.integers(0, 6)))
    cuts = np.concatenate([[0], cuts, cuts[:1], [n]])  # one block is empty
    return Case(model, X, y, weight, tuple(np.diff(np.sort(cuts)).tolist()))


def _target(kind, u, rng):
    noise = rng.normal(size=len(u))
    if kind == "one":
        return u + noise
    if kind == "several":
        return np.column_stack([u + noise, noise - u])
    if kind == "binary":
        return (u + noise > 0).astype(int)
    if kind in ("classes", "words"):
        index = np.digitize(u + noise, [-1, 1])
        return index if kind == "classes" else np.array(["low", "middle", "high"])[index]
    if kind == "amounts":
        return rng.gamma(2, np.exp(u / 3)) + 1e-3
    counts = [rng.poisson(np.exp(sign * u / 3)).astype(float) for sign in (1, -1)]
    return counts[0] if kind == "counts" else np.column_stack(counts)


def difference(model, other, X):
    """Return the largest difference between the scores that two models give rows, as a share of the largest score."""
    scores, others = (
        X.astype(np.float64) @ np.atleast_2d(one.coef_).T.astype(np.float64) + one.intercept_ for one in (model, other)
    )
    return np.abs(scores - others).max() / np.abs(others).max()
