"""Small calls: chunks of a stream, the prediction of one row, and updates of `minimize`.

    python benchmarks/bench_streams.py [--repeats 9] [--quick]

Checks the claims that a call of `partial_fit` costs no more than 1.2 times, and the prediction of one row no more than
that of scikit-learn's counterpart, and that `minimize` adds little to the arithmetic of its updates. Such calls are
mostly what is made of the arguments before anything is computed.

A stream is one pass over generated rows of 20 columns, chunk by chunk, beside SGDClassifier or SGDRegressor, which
make one pass of gradient descent; the loss is that of all rows after it. Predictions are those of default fits to 300
rows, networks of 50 epochs; the loss is theirs on these rows. `minimize` is compared with a loop of the same
equations, Adam with a rate per parameter, which looks at nothing, on a function that computes next to nothing; the
loss is what it ends with. The lines below the table are its overhead and its memory, without the gradient, which is
the function's own.
"""

import time
import tracemalloc
import warnings
from functools import partial

import numpy as np
from harness import Table, measure, parse
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier, SGDRegressor
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
    minimize,
)

N_COLUMNS, CHUNKS, N_PREDICTIONS, N_UPDATES = 20, (1, 10, 100, 1000, 2000), 200, 1000
GOALS = {"stream": 1.2, "predict": 1.0}
PREDICTIONS = {
    "linear": (AdaptiveLRLinearRegression, LinearRegression, "predict"),
    "logistic": (AdaptiveLRLogisticRegression, LogisticRegression, "predict_proba"),
    "network regressor": (AdaptiveLRMLPRegressor, MLPRegressor, "predict"),
    "network classifier": (AdaptiveLRMLPClassifier, MLPClassifier, "predict_proba"),
}


def generate(n_rows, classifies):
    """Return independent columns, and noisy sums of them or their signs."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, N_COLUMNS))
    y = X @ rng.standard_normal(N_COLUMNS) + rng.standard_normal(n_rows)
    return X, (y > 0).astype(int) if classifies else y


def loss_of(X, y, model):
    if hasattr(model, "classes_"):
        return log_loss(y, model.predict_proba(X))
    return mean_squared_error(y, model.predict(X))


def stream(make, X, y, chunk, first):
    model = make()
    for start in range(0, len(X), chunk):
        model.partial_fit(X[start : start + chunk], y[start : start + chunk], **first)
    return model


def compare_streams(options, table):
    sides = {
        "logistic": (AdaptiveLRLogisticRegression, partial(SGDClassifier, loss="log_loss", random_state=0)),
        "linear": (AdaptiveLRLinearRegression, partial(SGDRegressor, random_state=0)),
    }
    for name, makers in sides.items():
        first = {"classes": [0, 1]} if name == "logistic" else {}
        for chunk in CHUNKS:
            n_rows = 500 if chunk < 100 else (2 if options.quick else 20) * chunk
            X, y = generate(n_rows, name == "logistic")
            runs = {type(make()).__name__: partial(stream, make, X, y, chunk, first) for make in makers}
            mine, theirs = measure(runs, options.repeats, partial(loss_of, X, y)).items()
            ours = ("partial_fit", mine[1])
            table.row(f"{name}, chunks of {chunk}", ours, "numpy", theirs, goal=GOALS["stream"])


def predict_rows(model, method, row):
    for _ in range(N_PREDICTIONS):
        getattr(model, method)(row)
    return model


def compare_predictions(options, table):
    for name, (ours, theirs, method) in PREDICTIONS.items():
        X, y = generate(300, method == "predict_proba")
        epochs = {"max_iter": 50, "random_state": 0} if name.startswith("network") else {}
        models = {"ours": ours(**epochs), "theirs": theirs(**epochs)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # so few epochs are too few for them
            runs = {side: partial(predict_rows, model.fit(X, y), method, X[:1]) for side, model in models.items()}
        measured = measure(runs, options.repeats, partial(loss_of, X, y))
        peer = (theirs.__name__, measured["theirs"])
        table.row(f"{name}, one row", (method, measured["ours"]), "numpy", peer, goal=GOALS["predict"])


def parabola(x):
    return float(x @ x), x


def loop(n, n_updates):
    """Minimise by the same equations without a look at anything."""
    x, direction, m, v, rates = np.ones(n), np.zeros(n), np.zeros(n), np.zeros(n), np.full(n, 1e-3)
    for t in range(1, n_updates + 1):
        _, grad = parabola(x.copy())
        rates += 1e-4 * grad * direction
        m *= 0.9
        m += 0.1 * grad
        v *= 0.999
        v += 0.001 * grad**2
        direction = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        x -= rates * direction
    return x


def run_minimize(n, n_updates):
    return minimize(parabola, np.ones(n), max_iter=n_updates, tol=0).x


def compare_minimize(options, table):
    n_updates = 20 if options.quick else N_UPDATES
    lines = []
    for n in (2, 100):
        runs = {"minimize": partial(run_minimize, n, n_updates), "loop": partial(loop, n, n_updates)}
        measured = measure(runs, options.repeats, lambda x: x @ x)
        table.row(f"{n} numbers", ("minimize", measured["minimize"]), "numpy", ("loop", measured["loop"]))
        lines.append((n, np.median(measured["minimize"].seconds) / n_updates - seconds_of_function(n, n_updates)))
    print()
    for n, seconds in lines:
        print(f"minimize, {n} numbers: {1e6 * seconds:.0f} us per evaluation beside the function's own; goal 25")
    print(f"minimize, a million numbers: {vectors(10**6):.1f} vectors at most; goal 6")


def seconds_of_function(n, n_updates):
    x, start = np.ones(n), time.process_time()
    for _ in range(n_updates):
        parabola(x)
    return (time.process_time() - start) / n_updates


def vectors(n):
    """Return the memory of a run in vectors of the parameters."""
    x0, buffer = np.ones(n), np.empty(n)

    def function(x):
        buffer[...] = x
        return 0.0, buffer

    tracemalloc.start()
    minimize(function, x0, max_iter=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / (8 * n)


def main():
    options = parse(__doc__, repeats=9)
    table = Table(tolerance=0.05)
    compare_streams(options, table)
    compare_predictions(options, table)
    compare_minimize(options, table)


if __name__ == "__main__":
    main()
