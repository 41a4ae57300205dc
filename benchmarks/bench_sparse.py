"""Mini-batch epochs on sparse rows: times scikit-learn's SGDClassifier.

    python benchmarks/bench_sparse.py [--repeats 9] [--quick]

Checks the claim that an epoch of mini-batches of 64 or 200 CSR rows costs no more than an epoch of row-by-row updates
in compiled code. Timed is the `fit` of five epochs on generated float64 data, everything included: 50000 x 300 with 12
values per row, as in w8a, and 20000 x 20000 with 60, as in text, where every step of ours updates 20000 parameters and
one of SGDClassifier those 60 that the row has. With 20000 x 200000 there is only the automatic rule.

Both sides fit a binary logistic regression, ours by Adam, to the columns as they are; "automatic" standardises them
first, which is its default. "SGD" is gradient descent at a constant rate, beside SGDClassifier at the same one per
row. The loss is the log loss on the training rows after the fit. F_read is one pass over the data, per epoch. "steps
alone" are the steps of the same epochs, Adam with a rate per parameter, without any gradient: a floor of every method
that moves all parameters in every step, which one of SGDClassifier's does not.
"""

from functools import partial

import numpy as np
from harness import Table, kernel_tables, kernels, measure, parse, read_pass
from scipy import sparse
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss

from sk_adalr import AdaptiveLRLogisticRegression
from sk_adalr.directions import Adam
from sk_adalr.learning_rates import Hypergradient
from sk_adalr.optimizer import Optimizer
from sk_adalr.parameters import ParameterLayout

EPOCHS = 5
BATCH_SIZE = 64
SHAPES = {
    "50000 x 300, 4 %": (50_000, 300, 12),
    "20000 x 20000, 0.3 %": (20_000, 20_000, 60),
    "20000 x 200000, 0.03 %": (20_000, 200_000, 60),
}
RATE, SGD_RATE = 0.02, 3.0
ADAM = {"solver": "adam", "standardize": False, "learning_rate_init": RATE}
SGD = {"solver": "sgd", "standardize": False, "learning_rate_init": SGD_RATE, "learning_rate": "constant"}
MODES = {
    "constant": {"learning_rate": "constant", **ADAM},
    "constant, 200": {"learning_rate": "constant", "batch_size": 200, **ADAM},
    "SGD": SGD,
    "SGD, 200": {"batch_size": 200, **SGD},
    "hypergradient": {"learning_rate": "hypergradient", **ADAM},
    "automatic": {"solver": "adam"},
}
GOALS = {"numpy": 1.0, "numba": 0.45}
# With either column of kernels.
GOAL_OF_CONSTANT, GOAL_OF_AUTOMATIC, GOAL_OF_WIDEST = 1.0, 1.5, 4.0
WIDE = 100_000


def generate(n_rows, n_features, n_values):
    """Return CSR rows of unit length, whose columns are as unevenly filled as words are, and noisy labels."""
    rng = np.random.default_rng(0)
    columns = (n_features * rng.random((n_rows, n_values)) ** 2).astype(np.int32)
    values = rng.random((n_rows, n_values)) / np.sqrt(n_values)
    X = sparse.csr_array(
        (values.ravel(), columns.ravel(), np.arange(n_rows + 1, dtype=np.int32) * n_values), (n_rows, n_features)
    )
    X.sum_duplicates()
    scores = X @ rng.standard_normal(n_features)
    return X, (scores + 0.3 * rng.standard_normal(n_rows) > 0).astype(int)


def fit_ours(mode, X, y, kernel):
    options = {"batch_size": BATCH_SIZE, "max_iter": EPOCHS, "tol": 0, "random_state": 0} | MODES[mode]
    with kernels(kernel):
        return AdaptiveLRLogisticRegression(**options).fit(X, y)


def fit_sklearn(X, y, **rate):
    # The penalty of the other side, 1 / (C n_samples) at C = 1.
    options = {"alpha": 1 / X.shape[0], "max_iter": EPOCHS, "tol": None, "random_state": 0}
    return SGDClassifier(loss="log_loss", **options, **rate).fit(X, y)


def peer_of(mode):
    """Return the name of the side that has the same rate for a row, or the schedule of its own."""
    if not mode.startswith("SGD"):
        return "SGDClassifier"
    return f"SGDClassifier, {SGD_RATE / MODES[mode].get('batch_size', BATCH_SIZE):.2g}"


def steps_alone(n_rows, n_features, kernel):
    """Make the optimizer's steps of the epochs on one constant gradient."""
    optimizer = Optimizer(Adam(), Hypergradient(), ParameterLayout.vector(n_features + 1))
    params = np.zeros(n_features + 1)
    state = optimizer.init(params)
    state.grad[...] = 1.0
    with kernels(kernel):
        for _ in range(EPOCHS * -(-n_rows // BATCH_SIZE)):
            optimizer.step(state, params, lambda params, out: 0.0)


def main():
    options = parse(__doc__, repeats=9)
    table = Table(tolerance=0.05)
    for case, (n_rows, n_features, n_values) in SHAPES.items():
        X, y = generate(n_rows // 10 if options.quick else n_rows, n_features, n_values)
        sides = {
            "SGDClassifier": partial(fit_sklearn, X, y),
            "F_read": partial(read_pass, X.data, X.indices, n_passes=EPOCHS),
        }
        is_wide = n_features > WIDE
        modes = ["automatic"] if is_wide else list(MODES)
        for mode in (mode for mode in modes if mode.startswith("SGD")):
            rate = SGD_RATE / MODES[mode].get("batch_size", BATCH_SIZE)
            sides[peer_of(mode)] = partial(fit_sklearn, X, y, learning_rate="constant", eta0=rate)
        for kernel in kernel_tables():
            sides |= {(mode, kernel): partial(fit_ours, mode, X, y, kernel) for mode in modes}
            sides["steps alone", kernel] = partial(steps_alone, *X.shape, kernel)
        measured = measure(sides, options.repeats, lambda model, X=X, y=y: log_loss(y, model.predict_proba(X)))
        for kernel in kernel_tables():
            goals = {"hypergradient": GOALS[kernel], "automatic": GOAL_OF_WIDEST if is_wide else GOAL_OF_AUTOMATIC}
            for mode in modes:
                goal = goals.get(mode, GOAL_OF_CONSTANT)
                ours, peer = (mode, measured[mode, kernel]), peer_of(mode)
                table.row(case, ours, kernel, (peer, measured[peer]), goal=goal)
                if mode == "hypergradient":
                    table.row(case, ours, kernel, ("F_read", measured["F_read"]))
            floor = ("steps alone", measured["steps alone", kernel])
            table.row(case, floor, kernel, ("SGDClassifier", measured["SGDClassifier"]))


if __name__ == "__main__":
    main()
