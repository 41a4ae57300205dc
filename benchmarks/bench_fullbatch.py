"""The price of one full-batch gradient of logistic regression: times F_read and an iteration of scikit-learn's lbfgs.

    python benchmarks/bench_fullbatch.py [--repeats 7] [--quick]

Checks the claim that the exact mode goes through the data little slower than memory can be read. Data: 20000 x 784
generated float32 values, 2 and 10 classes. F_read is one pass over their bytes.

"exact, a gradient" is a whole `fit`, validation, standardisation and the choice of the rates included, divided by
`n_gradient_evaluations_`, of which each is a pass forward and one backward. "exact, one more" is what a further
gradient costs: fits of few and of more iterations are timed, and their differences divided. An iteration of lbfgs is
the `fit` of LogisticRegression divided by `n_iter_`. "exact, fit" compares whole fits, each to its own default stop.
The loss is the objective of both, penalty included, at the end of the default fits: all rows are refused if it
differs.
"""

from dataclasses import replace
from functools import partial

import numpy as np
from harness import Table, kernel_tables, kernels, measure, parse, read_pass
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from sk_adalr import AdaptiveLRLogisticRegression

C = 1e-3
SHORT, LONG = 5, 15
# Per number of classes: {against: (with NumPy's kernels, with numba's)}.
GOALS = {2: {"F_read": (2.6, 1.4), "lbfgs, an iteration": (0.45, 0.45)}, 10: {"lbfgs, an iteration": (0.45, 0.45)}}


def generate(n_rows, n_classes, n_features=784):
    """Return X whose columns differ in their scales, and the classes of a noisy linear teacher."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features), dtype=np.float32)
    scores = X @ rng.standard_normal((n_features, n_classes), dtype=np.float32)
    scores += 20 * rng.standard_normal(scores.shape, dtype=np.float32)
    X *= np.geomspace(0.3, 3, n_features, dtype=np.float32)
    return X, scores.argmax(axis=1)


def objective(X, y, model):
    """Return the objective of both estimators, per row."""
    return log_loss(y, model.predict_proba(X)) + np.sum(model.coef_**2.0) / (2 * C * len(y))


def fit_ours(X, y, kernel, **options):
    with kernels(kernel):
        return AdaptiveLRLogisticRegression(C=C, solver="exact", **options).fit(X, y)


def fit_sklearn(X, y):
    return LogisticRegression(C=C, max_iter=1000).fit(X, y)


def main():
    options = parse(__doc__, repeats=7)
    table = Table(tolerance=1e-3)
    for n_classes, goals in GOALS.items():
        X, y = generate(2000 if options.quick else 20_000, n_classes)
        sides = {"F_read": partial(read_pass, X), "lbfgs": partial(fit_sklearn, X, y)}
        for kernel in kernel_tables():
            sides[kernel] = partial(fit_ours, X, y, kernel)
            for n_iter in (SHORT, LONG):
                sides[kernel, n_iter] = partial(fit_ours, X, y, kernel, max_iter=n_iter, tol=0)
        measured = measure(sides, options.repeats, partial(objective, X, y))
        lbfgs = measured["lbfgs"]
        iteration = ("lbfgs, an iteration", lbfgs.per(lbfgs.result.n_iter_[0]))
        for i, kernel in enumerate(kernel_tables()):
            fit, short, long = measured[kernel], measured[kernel, SHORT], measured[kernel, LONG]
            further = replace(fit, seconds=long.seconds - short.seconds)
            ours = {
                "exact, a gradient": fit.per(gradients(fit)),
                "exact, one more": further.per(gradients(long) - gradients(short)),
            }
            for name, mine in ours.items():
                for other in (("F_read", measured["F_read"]), iteration):
                    goal = goals.get(other[0], (None, None))[i]
                    table.row(f"{n_classes} classes", (name, mine), kernel, other, goal=goal)
            table.row(f"{n_classes} classes", ("exact, fit", fit), kernel, ("lbfgs, fit", lbfgs))


def gradients(measured):
    return measured.result.n_gradient_evaluations_


if __name__ == "__main__":
    main()
