"""Each estimator beside scikit-learn's counterpart: final loss, test score and time.

    python benchmarks/bench_estimators.py [--data FOLDER] [--repeats 3]

Prints one row per data set and model. FOLDER may hold further sets as ``.npz`` files: dense ``X`` and ``y``, or a CSR
matrix as ``data``, ``indices``, ``indptr`` and ``shape``. Both sides see standardised columns (scaled only, where
sparse) and the same split; times are medians over interleaved repeats.
"""

import argparse
import platform
import time
import warnings
from pathlib import Path

import numpy as np
import sklearn
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

import sk_adalr
from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier

MODELS = {
    "regression": [(AdaptiveLRLinearRegression, {}, LinearRegression, {})],
    "classification": [
        (AdaptiveLRLogisticRegression, {}, LogisticRegression, {"max_iter": 1000}),
        (AdaptiveLRMLPClassifier, {"random_state": 0}, MLPClassifier, {"random_state": 0}),
    ],
}


def load_folder(folder):
    """Yield (name, X, y) of each ``.npz`` file in `folder`."""
    for path in sorted(Path(folder).glob("*.npz")):
        arrays = np.load(path)
        if "indptr" in arrays:
            parts = (arrays["data"], arrays["indices"], arrays["indptr"])
            X = sparse.csr_array(parts, shape=tuple(arrays["shape"]))
        else:
            X = arrays["X"].astype(np.float32)
        yield path.stem, X, arrays["y"]


def bundled():
    """Yield (name, X, y) of scikit-learn's sets."""
    for load in (load_diabetes, load_breast_cancer, load_digits):
        yield load.__name__.removeprefix("load_"), *load(return_X_y=True)


def training_loss(model, X, y):
    """Return the mean loss without penalty on the training rows."""
    if hasattr(model, "predict_proba"):
        return log_loss(y, model.predict_proba(X))
    return mean_squared_error(y, model.predict(X)) / 2


def fit(make, X, y):
    """Return a fitted model and the seconds it took."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make().fit(X, y)
    return model, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of further .npz data sets")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()

    versions = f"sk_adalr {sk_adalr.__version__}, scikit-learn {sklearn.__version__}, numpy {np.__version__}"
    print(f"{versions}, {platform.processor() or platform.machine()}")
    print(f"{'data':22} {'model':30} {'loss':>10} {'(sklearn)':>10} {'score':>7} {'(skl.)':>7} {'s':>8} {'(skl.)':>8}")
    for name, X, y in [*bundled(), *(load_folder(args.data) if args.data else [])]:
        kind = "regression" if np.issubdtype(y.dtype, np.floating) or len(np.unique(y)) > 100 else "classification"
        if "winequality" in name:
            kind = "regression"
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
        scaler = MaxAbsScaler() if sparse.issparse(X) else StandardScaler()
        X_train, X_test = scaler.fit_transform(X_train), scaler.transform(X_test)
        for ours, our_params, theirs, their_params in MODELS[kind]:
            makers = [lambda c=ours, p=our_params: c(**p), lambda c=theirs, p=their_params: c(**p)]
            times = [[], []]
            models = [None, None]
            for _ in range(args.repeats):
                for side in (0, 1):
                    models[side], seconds = fit(makers[side], X_train, y_train)
                    times[side].append(seconds)
            losses = [training_loss(model, X_train, y_train) for model in models]
            scores = [model.score(X_test, y_test) for model in models]
            seconds = [float(np.median(side)) for side in times]
            print(
                f"{name:22} {ours.__name__:30} {losses[0]:10.4g} {losses[1]:10.4g} {scores[0]:7.4f} {scores[1]:7.4f} "
                f"{seconds[0]:8.3f} {seconds[1]:8.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
