"""A learned penalty against the searches for one: loss, score and time on test rows, with standard errors.

    python benchmarks/bench_penalty.py [--data FOLDER] [--splits 3] [--quick]

`C="auto"` and `alpha="auto"` on standardised columns, against LogisticRegressionCV (10 Cs, 5 folds) and RidgeCV (17
alphas) behind a StandardScaler, GridSearchCV over the same candidates of our estimators, and a penalty of 1 on columns
as they are and standardised. The loss is the log loss, or the root mean squared error in deviations of the target. A
split takes half of the rows to train, at most 2000. Times are CPU times of one fit with one thread. FOLDER may hold
further sets as ``.npz``: `X` and `y`, or a CSR matrix as `data`, `indices`, `indptr` and `shape`.
"""

import argparse
import os
import platform
import time
import warnings
from functools import partial
from importlib import metadata
from pathlib import Path

import numpy as np
from harness import processor
from scipy import sparse
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_linnerud,
    load_wine,
    make_classification,
    make_friedman1,
    make_regression,
)
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from threadpoolctl import threadpool_limits

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression

MOST_ROWS = 2000
CS, ALPHAS = np.logspace(-4, 4, 10), np.logspace(-4, 4, 17)


def correlated(n, p, random_state):
    """Return a regression whose columns share a few factors."""
    rng = np.random.RandomState(random_state)
    X = rng.standard_normal((n, 5)) @ rng.standard_normal((5, p)) + 0.5 * rng.standard_normal((n, p))
    return X, X @ (rng.standard_normal(p) / np.sqrt(p)) + 2 * rng.standard_normal(n)


def words(n, p, random_state):
    """Return counts of words of two classes, CSR."""
    rng = np.random.RandomState(random_state)
    y = rng.randint(0, 2, n)
    rates = rng.gamma(0.3, 0.1, p)
    rates = rates * np.exp(0.3 * rng.standard_normal((2, p)))
    return sparse.csr_array(rng.poisson(rates[y]).astype(float)), y


def bundled():
    """Yield (name, kind, X, y)."""
    binary = partial(make_classification, flip_y=0.1, random_state=0)
    yield "breast cancer", "binary", *load_breast_cancer(return_X_y=True)
    yield "400 x 10", "binary", *binary(400, 10)
    yield "400 x 100", "binary", *binary(400, 100, n_informative=10)
    yield "4000 x 50", "binary", *binary(4000, 50, n_informative=20)
    yield "4000 x 200", "binary", *binary(4000, 200, n_informative=20)
    yield "2000 x 20, one in ten", "binary", *binary(2000, 20, weights=[0.9])
    X, y = load_digits(return_X_y=True)
    yield "digits, odd or even", "binary", X, y % 2
    yield "200 x 20, separable", "binary", *make_classification(200, 20, class_sep=3, flip_y=0, random_state=0)
    yield "iris", "classes", *load_iris(return_X_y=True)
    yield "wine", "classes", *load_wine(return_X_y=True)
    yield "digits", "classes", X, y
    yield "words 2000 x 2000", "sparse", *words(2000, 2000, 0)
    yield "diabetes", "regression", *load_diabetes(return_X_y=True)
    X, y = load_linnerud(return_X_y=True)
    yield "linnerud", "regression", X, y[:, 0]
    yield "friedman 400 x 50", "regression", *make_friedman1(400, 50, noise=2, random_state=0)
    yield "4000 x 300", "regression", *make_regression(4000, 300, n_informative=50, noise=200, random_state=0)
    yield "correlated 400 x 100", "regression", *correlated(400, 100, 0)
    yield "correlated 300 x 1000", "regression", *correlated(300, 1000, 0)


def load_folder(folder):
    """Yield (name, kind, X, y) of each ``.npz`` file in `folder`."""
    for path in sorted(Path(folder).glob("*.npz")):
        z = np.load(path)
        X = sparse.csr_array((z["data"], z["indices"], z["indptr"]), z["shape"]) if "indptr" in z else z["X"]
        X, y = X.astype(np.float64), z["y"]
        kind = "regression" if y.dtype.kind == "f" else "classes" if len(np.unique(y)) > 2 else "binary"
        yield path.stem, "sparse" if sparse.issparse(X) else kind, X, y


def sides(kind):
    """Return what is compared, ours first."""
    scaler = MaxAbsScaler() if kind == "sparse" else StandardScaler()
    units = "features" if kind == "sparse" else "standardized"
    if kind == "regression":
        ours = AdaptiveLRLinearRegression("auto", penalty_units=units)
        search = {"RidgeCV": RidgeCV(ALPHAS)}
        given, grid = AdaptiveLRLinearRegression(1.0, penalty_units=units), {"alpha": ALPHAS}
        raw = AdaptiveLRLinearRegression(1.0)
    else:
        ours = AdaptiveLRLogisticRegression(C="auto", penalty_units=units)
        options = {"max_iter": 1000, "l1_ratios": (0.0,), "use_legacy_attributes": False}
        search = {"LogisticRegressionCV": LogisticRegressionCV(Cs=CS, cv=5, scoring="neg_log_loss", **options)}
        given, grid = AdaptiveLRLogisticRegression(penalty_units=units), {"C": CS}
        raw = AdaptiveLRLogisticRegression()
    scoring = "neg_root_mean_squared_error" if kind == "regression" else "neg_log_loss"
    before = [scaler] if kind == "sparse" else []
    return {
        "auto": make_pipeline(*before, ours),
        **{name: make_pipeline(scaler, model) for name, model in search.items()},
        "grid over ours": GridSearchCV(make_pipeline(*before, given), _named(grid, given), scoring=scoring),
        "1, standardised": make_pipeline(*before, given),
        "1, raw": make_pipeline(raw),
    }


def _named(grid, model):
    return {f"{type(model).__name__.lower()}__{name}": values for name, values in grid.items()}


def measured(model, rows):
    """Return loss, score and seconds of a fit, and the leave-one-out loss of its penalty, NaN where there is none."""
    X, X_test, y, y_test = rows
    start = time.process_time()
    model.fit(X, y)
    seconds = time.process_time() - start
    if hasattr(model, "classes_"):
        loss = log_loss(y_test, model.predict_proba(X_test), labels=model.classes_)
        return loss, accuracy_score(y_test, model.predict(X_test)), seconds, np.nan
    error = np.sqrt(np.mean((model.predict(X_test) - y_test) ** 2)) / np.std(y_test)
    return error, 1 - error**2, seconds, left_out_loss(model)


def left_out_loss(model):
    """Return half the mean squared error of left-out rows that a penalty was chosen by."""
    last = model[-1] if hasattr(model, "steps") else model
    loss = -0.5 * last.best_score_ if isinstance(last, RidgeCV) else getattr(last, "cv_loss_", None)
    return np.nan if loss is None else loss


def split(X, y, kind, seed):
    """Return training and test rows, at most as many."""
    size = min(MOST_ROWS, X.shape[0] // 2)
    stratify = None if kind == "regression" else y
    return train_test_split(X, y, train_size=size, test_size=size, stratify=stratify, random_state=seed)


def line(name, kind, side, loss, difference, score, ratio):
    print(f"{name:24} {kind:11} {side:22} {loss:>8} {difference:>18} {score:>7} {ratio:>9}", flush=True)


def plus_minus(values):
    """Return mean and standard error as text."""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return f"{np.mean(values):+.4f} ({error:.4f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of further .npz data sets")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one split of two small sets: does the script work?")
    options = parser.parse_args()
    names = ("sk_adalr", "numpy", "scipy", "scikit-learn")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    print(f"{processor()}, {os.cpu_count()} CPUs, 1 thread; Python {platform.python_version()}, {versions}")
    print(f"CPU time of single fits, {options.splits} splits; seeds 0 to {options.splits - 1}.")
    sets = [*bundled(), *(load_folder(options.data) if options.data else [])]
    if options.quick:
        sets, options.splits = [sets[1], sets[12]], 1
    print("Test loss and score; ours less theirs (standard error over splits); share of their time that ours takes.\n")
    line("data", "kind", "side", "loss", "ours - theirs", "score", "time")
    summary, left_out = {}, {}
    for name, kind, X, y in sets:
        compared = sides(kind)
        results = np.array(
            [
                [measured(model, split(X, y, kind, seed)) for model in compared.values()]
                for seed in range(options.splits)
            ]
        )
        for k, side in enumerate(compared):
            losses, scores, seconds, _ = results[:, k].T
            differences, ratios = results[:, 0, 0] - losses, results[:, 0, 2] / seconds
            ratio = float(np.exp(np.log(ratios).mean()))
            shown = ("", "") if k == 0 else (plus_minus(differences), f"{ratio:.3f}")
            line(name, kind, side, f"{losses.mean():.4f}", shown[0], f"{scores.mean():.4f}", shown[1])
            if side == "RidgeCV":
                left_out[name] = results[:, 0, 3] / results[:, k, 3]
            if k:
                summary.setdefault((kind, side), []).append((differences.mean(), ratio))
    print("\nOver the sets of a kind: mean difference (standard error), largest, geometric mean of times, largest.\n")
    for (kind, side), rows in summary.items():
        differences, ratios = np.array(rows).T
        times = f"{np.exp(np.log(ratios).mean()):.3f} {ratios.max():.3f}"
        print(f"{kind:11} {side:22} {plus_minus(differences)} {differences.max():+.4f}  {times}")
    if left_out:
        print("\nLeave-one-out loss by which alpha was chosen, ours over RidgeCV's: least and most of the splits.\n")
    for name, ratios in left_out.items():
        print(f"{name:24} {ratios.min():.6f} {ratios.max():.6f}")


if __name__ == "__main__":
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
