"""Fits of tables of middle size beside the fastest solver that scikit-learn and SciPy have for each.

    python benchmarks/bench_midsize.py [--repeats 9] [--quick]

Whole fits with an intercept, of generated standard normal columns, validation included: ridge regression (alpha = 1)
and least squares (alpha = 0) against Ridge's direct and iterative solvers, which stop at a residual of 1e-4, or
LinearRegression and scipy.linalg.lstsq of centred columns; logistic regression (C = 1) against LogisticRegression's
lbfgs and newton-cholesky. Columns of `condition` are rotated ones whose deviations span that range. The other side of
a row is the peer whose median time is least. The loss is the objective, penalty included, recomputed in float64 from
the coefficients.
"""

from functools import partial
from types import SimpleNamespace

import numpy as np
from harness import Table, measure, parse
from scipy import linalg
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression

# Rows, columns, dtype, and the goals with a penalty and without one.
SQUARES = [
    (1000, 500, "float64", 1.2, 1.2),
    (3000, 400, "float64", 1.2, 1.2),
    (2000, 1000, "float64", 1.2, 1.2),
    (5000, 1000, "float64", 1.2, 1.2),
    (6000, 2000, "float64", 1.2, 1.2),
    (100, 5000, "float64", 1.2, None),
    (300, 1000, "float64", 1.2, None),
    (400, 2000, "float64", 1.2, None),
    (1000, 3000, "float64", 1.2, None),
    (100_000, 100, "float32", 1.1, None),
    (100_000, 100, "float64", 1.0, None),
]
# Rows, columns, and the condition number of the columns.
LOGISTIC = [
    (20_000, 250, 1),
    (10_000, 300, 1),
    (10_000, 100, 1),
    (4000, 200, 1),
    (1000, 100, 1),
    (10_000, 100, 10),
    (10_000, 250, 100),
]


def columns(n, p, condition=1, dtype="float64"):
    """Return standardised columns and the scores of a teacher."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    if condition > 1:
        X = X * np.geomspace(1, condition, p) @ linalg.qr(rng.standard_normal((p, p)))[0]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    scores = X @ rng.standard_normal(p)
    return X.astype(dtype), 2 * scores / scores.std(), rng


def least_squares(X, y):
    """Return the solution of scipy.linalg.lstsq on centred columns."""
    mean, mean_target = X.mean(axis=0), y.mean()
    coef = linalg.lstsq(X - mean, y - mean_target)[0]
    return SimpleNamespace(coef_=coef, intercept_=mean_target - mean @ coef)


def objective_of_squares(X, y, alpha, model):
    coef = np.ravel(model.coef_).astype(np.float64)
    residual = y - X.astype(np.float64) @ coef - model.intercept_
    return 0.5 * (residual @ residual + alpha * coef @ coef) / len(y)


def objective_of_classes(X, y, model):
    coef = model.coef_[0]
    margins = (2 * y - 1) * (X @ coef + model.intercept_[0])
    return np.mean(np.logaddexp(0, -margins)) + coef @ coef / (2 * len(y))


def add_rows(table, case, fits, data, repeats, loss, goal):
    """Print our side, the first one, against the fastest peer of each kind."""
    ours, *kinds = fits
    sides = {name: partial(fit, *data) for group in fits for name, fit in group.items()}
    measured = measure(sides, repeats, loss)
    for kind in kinds:
        best = min(kind, key=lambda name: np.median(measured[name].seconds))
        table.row(case, (*ours, measured[next(iter(ours))]), "numpy", (best, measured[best]), goal=goal)


def add_squares(table, case, repeats):
    n, p, dtype, *goals = case
    X, scores, rng = columns(n, p, dtype=dtype)
    y = scores + rng.standard_normal(n)
    for alpha, goal in zip((1.0, 0.0), goals, strict=True):
        kinds = [{"LinearRegression": LinearRegression().fit, "scipy lstsq": least_squares}]
        if alpha > 0:
            names = [("cholesky",), ("lsqr", "sparse_cg")]
            kinds = [{f"Ridge, {name}": Ridge(alpha, solver=name).fit for name in kind} for kind in names]
        fits = [{"auto": AdaptiveLRLinearRegression(alpha).fit}, *kinds]
        name = f"{'ridge' if alpha else 'OLS'} {n} x {p} {dtype}"
        objective = partial(objective_of_squares, X, y, alpha)
        add_rows(table, name, fits, (X, y.astype(dtype)), repeats, objective, goal)


def add_logistic(table, case, repeats):
    X, scores, rng = columns(*case)
    y = (scores + rng.logistic(size=len(X)) > 0).astype(int)
    peers = {name: LogisticRegression(solver=name, max_iter=1000).fit for name in ("lbfgs", "newton-cholesky")}
    n, p, condition = case
    name = f"logistic {n} x {p}" + (f", cond. {condition}" if condition > 1 else "")
    fits = [{"auto": AdaptiveLRLogisticRegression().fit}, peers]
    add_rows(table, name, fits, (X, y), repeats, partial(objective_of_classes, X, y), 1.0)


def main():
    options = parse(__doc__, repeats=9)
    table = Table(tolerance=1e-6, margin=1e-9, loss="objective")
    for case in SQUARES[:1] if options.quick else SQUARES:
        add_squares(table, case, options.repeats)
    for case in LOGISTIC[-3:-2] if options.quick else LOGISTIC:
        add_logistic(table, case, options.repeats)


if __name__ == "__main__":
    main()
