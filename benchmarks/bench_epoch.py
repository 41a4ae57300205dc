"""Epochs of an MLP and of softmax regression: times F_gemm, scikit-learn, torch eager and skorch.

    python benchmarks/bench_epoch.py [--repeats 5] [--quick]

Checks the claims that an epoch with a learning rate per parameter costs little more than its matrix products, less
than an epoch of the peers with plain Adam, and hardly more than our own with a constant rate. Timed is the `fit` of
two epochs on 20000 x 784 generated float32 values with 10 classes, everything included. F_gemm makes only the matrix
products of the same steps, into preallocated arrays, on rows in their stored order.

"constant" and "hypergradient" train on the rows as they are, as the peers do; "automatic" standardises them first,
which is its default. All sides start from the same initial weights (our softmax regression from zeros) and shuffle
the rows, each in its own order; torch and skorch leave out the L2 penalty, 1e-4 / batch. The loss is the log loss on
the training rows after the fit.
"""

from functools import partial
from itertools import pairwise

import numpy as np
from harness import Table, installed, kernel_tables, kernels, measure, parse
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from sk_adalr import AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier

EPOCHS = 2
N_CLASSES = 10
RATE = 1e-3
MODES = {
    "constant": {"learning_rate": "constant", "learning_rate_init": RATE, "standardize": False},
    "hypergradient": {"learning_rate": "hypergradient", "learning_rate_init": RATE, "standardize": False},
    "automatic": {},
}
OTHERS = {
    "constant": ("F_gemm", "scikit-learn"),
    "hypergradient": ("F_gemm", "scikit-learn", "torch", "skorch"),
    "automatic": ("scikit-learn",),
}
# Of the hypergradient, (hidden sizes, batch size): {against: (with NumPy's kernels, with numba's)}.
GOALS = {
    ((100,), 200): {"F_gemm": (1.4, 1.1), "scikit-learn": (0.7, 0.5), "torch": (0.65, 0.5), "constant": (1.1, 1.05)},
    ((100,), 32): {"F_gemm": (2.2, 1.3), "scikit-learn": (0.5, 0.25), "torch": (0.45, 0.25)},
    ((256, 256), 200): {
        "F_gemm": (1.4, 1.1),
        "scikit-learn": (0.7, 0.5),
        "torch": (0.8, 0.6),
        "constant": (1.1, 1.05),
    },
    ((256, 256), 32): {"F_gemm": (2.2, 1.3), "scikit-learn": (0.5, 0.25), "torch": (0.7, 0.35)},
    ((), 256): {},
    ((), 32): {"F_gemm": (None, 1.6), "scikit-learn": (0.4, 0.15)},
}


def generate(n_rows, n_features=784):
    """Return standard normal X and the classes of a noisy linear teacher."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features), dtype=np.float32)
    teacher = rng.standard_normal((n_features, N_CLASSES), dtype=np.float32)
    scores = X @ teacher + 10 * rng.standard_normal((n_rows, N_CLASSES), dtype=np.float32)
    return X, scores.argmax(axis=1)


def fit_ours(mode, hidden, batch_size, X, y, name):
    common = {"solver": "adam", "batch_size": batch_size, "max_iter": EPOCHS, "tol": 0, "random_state": 0}
    common["early_stopping"] = False
    with kernels(name):
        if hidden:
            return AdaptiveLRMLPClassifier(hidden, **common, **MODES[mode]).fit(X, y)
        return AdaptiveLRLogisticRegression(**common, **MODES[mode], C=np.inf).fit(X, y)


def fit_sklearn(hidden, batch_size, X, y):
    options = {"alpha": 1e-4 if hidden else 0.0, "max_iter": EPOCHS, "tol": 0, "n_iter_no_change": EPOCHS + 1}
    return MLPClassifier(hidden, batch_size=batch_size, learning_rate_init=RATE, random_state=0, **options).fit(X, y)


def torch_network(hidden, n_features):
    """Return an ``nn.Sequential`` with the initial weights that scikit-learn's MLP has for the seed 0."""
    import torch

    random_state = np.random.RandomState(0)
    sizes = [n_features, *hidden, N_CLASSES]
    layers = []
    for n_in, n_out in pairwise(sizes):
        layer = torch.nn.Linear(n_in, n_out)
        bound = (6 / (n_in + n_out)) ** 0.5
        layer.weight.data = torch.tensor(
            random_state.uniform(-bound, bound, (n_in, n_out)).T.astype(np.float32).copy()
        )
        layer.bias.data = torch.tensor(random_state.uniform(-bound, bound, n_out).astype(np.float32))
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


class TorchFit:
    """The loop that the tutorials write: eager, batches gathered by a shuffled index."""

    def __init__(self, hidden, batch_size, X, y):
        import torch

        torch.manual_seed(0)
        self.network = torch_network(hidden, X.shape[1])
        optimizer = torch.optim.Adam(self.network.parameters(), lr=RATE)
        X, y = torch.from_numpy(X), torch.from_numpy(y)
        for _ in range(EPOCHS):
            for rows in torch.randperm(len(X)).split(batch_size):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(self.network(X[rows]), y[rows]).backward()
                optimizer.step()

    def predict_proba(self, X):
        """Return the probability of each class, (n_rows, n_classes)."""
        import torch

        with torch.no_grad():
            return self.network(torch.from_numpy(X)).softmax(dim=1).numpy()


def fit_skorch(hidden, batch_size, X, y):
    import torch
    from skorch import NeuralNetClassifier

    torch.manual_seed(0)
    net = NeuralNetClassifier(
        torch_network(hidden, X.shape[1]),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=RATE,
        batch_size=batch_size,
        max_epochs=EPOCHS,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    return net.fit(X, y)


def gemm_floor(hidden, batch_size, X):
    """Return a function that makes the matrix products of the epochs and nothing else."""
    rng = np.random.default_rng(0)
    sizes = [X.shape[1], *hidden, N_CLASSES]
    weights = [rng.standard_normal(shape, dtype=np.float32) for shape in pairwise(sizes)]
    grads = [np.empty_like(weight) for weight in weights]
    outputs = [rng.standard_normal((batch_size, width), dtype=np.float32) for width in sizes[1:]]
    deltas = [rng.standard_normal((batch_size, width), dtype=np.float32) for width in sizes[1:]]

    def run():
        for start in list(range(0, len(X), batch_size)) * EPOCHS:
            rows = X[start : start + batch_size]
            inputs = [rows, *(output[: len(rows)] for output in outputs)]
            residuals = [delta[: len(rows)] for delta in deltas]
            for i, weight in enumerate(weights):
                np.matmul(inputs[i], weight, out=inputs[i + 1])
            for i in reversed(range(len(weights))):
                np.matmul(inputs[i].T, residuals[i], out=grads[i])
                if i:
                    np.matmul(residuals[i], weights[i].T, out=residuals[i - 1])

    return run


def main():
    options = parse(__doc__, repeats=5)
    X, y = generate(2000 if options.quick else 20_000)
    peers = {"scikit-learn": fit_sklearn}
    peers |= {"torch": TorchFit} if installed("torch") else {}
    peers |= {"skorch": fit_skorch} if installed("torch") and installed("skorch") else {}
    table = Table(tolerance=0.05)
    for (hidden, batch_size), goals in GOALS.items():
        sides = {"F_gemm": gemm_floor(hidden, batch_size, X)}
        sides |= {name: partial(fit, hidden, batch_size, X, y) for name, fit in peers.items()}
        for kernel in kernel_tables():
            sides |= {(mode, kernel): partial(fit_ours, mode, hidden, batch_size, X, y, kernel) for mode in MODES}
        measured = measure(sides, options.repeats, lambda model: log_loss(y, model.predict_proba(X)))
        case = f"{hidden or 'softmax'} / {batch_size}"
        for i, kernel in enumerate(kernel_tables()):
            for mode in MODES:
                against = {name: measured[name] for name in OTHERS[mode] if name in measured}
                if mode != "constant":
                    against["constant"] = measured["constant", kernel]
                for name, other in against.items():
                    goal = goals.get(name, (None, None))[i] if mode == "hypergradient" else None
                    table.row(case, (mode, measured[mode, kernel]), kernel, (name, other), goal=goal)


if __name__ == "__main__":
    main()
