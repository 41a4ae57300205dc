"""The automatic rule against tuned rates, scikit-learn's MLP and published zero-tuning optimizers.

    python benchmarks/bench_automatic.py [--part rates|null|ablation|defaults] [--data DIR] [--budget-minutes 30]
        [--cache FILE] [--seeds 5] [--solvers adam sgd momentum nesterov] [--only TEXT ...] [--quick]

Every fit is one cached row, so that an interrupted run goes on where it was; rows that are missing show in the
coverage. Losses are log loss, or squared error over variance, of the whole training part without penalty, plus 3e-4:
below that a set is fitted, and rates that let weights grow without bound would win by digits nobody needs. Scores are
accuracy or R2 of the quarter of the rows that no fit sees. Fits make all epochs and end with the last one's model;
only the row that names the default early stopping ends where it says, in that many epochs at most. The tuned rate is
the best of 14 by the score on a quarter of the training part (test scores) or by the final training loss (losses).
Prodigy (with linear decay), DoG and schedule-free run where their packages are installed. These rivals get
standardised inputs.

The parts "null", "ablation" and "defaults" are those of default fits: see `bench_networks.py`.
"""

import argparse
import importlib.util
import itertools
import pathlib
import platform
import time
import warnings
from dataclasses import dataclass

import bench_networks
import numpy as np
import sklearn
from fits import LinearDecay, fill_cache
from peers import scaler_of
from scipy import sparse
from sklearn import compose, neural_network, pipeline, preprocessing
from tables import load, split

from sk_adalr import AdaptiveLRMLPClassifier, AdaptiveLRMLPRegressor

#: Where finished fits are kept.
RESULTS = pathlib.Path(__file__).parent / "results"
QUICK_TASKS = ("iris mlp", "diabetes linear")
#: Grid of rates: 14 of each optimizer.
GRIDS = {
    "adam": np.logspace(-4.5, 0, 14),
    "sgd": np.logspace(-3.5, 1, 14),
    "momentum": np.logspace(-4.5, 0, 14),
    "nesterov": np.logspace(-4.5, 0, 14),
}
FITTED = 3e-4
COST_ROUNDS = 5
SCHEDULE_FREE_RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)


@dataclass(frozen=True)
class Task:
    """A data set, a network and how long it trains."""

    source: str
    hidden: tuple
    epochs: int
    batch: int = 100
    activation: str = "relu"
    regression: bool = False
    rows: int = 6000


TASKS = {
    "iris mlp": Task("iris", (32,), 150, 32),
    "wine mlp": Task("wine", (32,), 100, 32),
    "wine logistic": Task("wine", (), 100, 32),
    "breast cancer mlp": Task("breast_cancer", (32,), 80, 64),
    "breast cancer logistic": Task("breast_cancer", (), 80, 64),
    "digits mlp": Task("digits", (50,), 50),
    "digits logistic": Task("digits", (), 50),
    "diabetes mlp": Task("diabetes", (32,), 80, 64, regression=True),
    "diabetes linear": Task("diabetes", (), 80, 64, regression=True),
    "moons": Task("moons", (24, 24), 50, 64, "tanh"),
    "classes": Task("classes", (50,), 50),
    "friedman": Task("friedman", (32, 32), 50, 64, regression=True),
    "quantiles": Task("quantiles", (32, 16), 50, 100, "tanh"),
    "a9a logistic": Task("a9a_t", (), 30),
    "a9a mlp": Task("a9a_t", (24,), 15),
    "w8a logistic": Task("w8a", (), 20),
    "spambase mlp": Task("spambase_raw", (50,), 40),
    "spambase logistic": Task("spambase_raw", (), 40),
    "sentences logistic": Task("rtpolarity_tfidf", (), 20),
    "letter mlp": Task("letter", (50,), 25),
    "shuttle mlp": Task("shuttle_raw", (24,), 25),
    "mnist mlp": Task("mnist_t10k", (50,), 25, rows=4000),
    "california mlp": Task("california_raw", (50,), 30, regression=True),
    "power plant mlp": Task("powerplant_raw", (50,), 30, regression=True),
    "wine quality mlp": Task("winequality_red_raw", (32,), 50, 64, regression=True),
}

# -- fits


def fit(task, data, kind, solver, rate, seed):
    """Return loss, score and seconds of one fit."""
    X, y = load(task.source, data, task.rows)
    X, X_test, y, y_test = split(X, y, task.regression, seed)
    if kind == "select":
        X, X_test, y, y_test = split(X, y, task.regression, seed)
    n_steps = task.epochs * -(-X.shape[0] // task.batch)
    model = make_model(task, kind, solver, rate, seed, n_steps, X)
    start = time.process_time()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            model.fit(X, y)
            row = {"loss": loss(model, X, y, task.regression), "score": model.score(X_test, y_test)}
        except ValueError:  # a rate of the grid at which training diverges
            if rate is None:
                raise
            row = {"loss": np.inf, "score": -1.0}
    row["seconds"] = time.process_time() - start
    return {name: float(np.nan_to_num(value, nan=1e30, posinf=1e30, neginf=-1e30)) for name, value in row.items()} | {
        "steps": n_steps
    }


def make_model(task, kind, solver, rate, seed, n_steps, X):
    """Return the unfitted model of a row."""
    common = {
        "hidden_layer_sizes": task.hidden,
        "activation": task.activation,
        "batch_size": task.batch,
        "tol": 0,
        "random_state": seed,
    }
    if kind == "sklearn":
        theirs = neural_network.MLPRegressor if task.regression else neural_network.MLPClassifier
        model = theirs(**common, max_iter=task.epochs, n_iter_no_change=10**6, learning_rate_init=rate or 1e-3)
        if task.regression:
            model = compose.TransformedTargetRegressor(model, transformer=preprocessing.StandardScaler())
        return pipeline.make_pipeline(scaler_of(X), model)
    if kind in PEERS:
        return TorchPeer(task, kind, rate, seed, n_steps)
    rule = "constant"
    if kind.startswith("auto"):
        rule = "auto"
    elif kind == "linear":
        rule = LinearDecay(rate, n_steps)
    ours = AdaptiveLRMLPRegressor if task.regression else AdaptiveLRMLPClassifier
    rate = "auto" if rate is None else rate
    early_stopping = False
    if kind == "auto-early":
        early_stopping, common["tol"] = "auto", 1e-4
    return ours(
        **common,
        solver=solver,
        learning_rate=rule,
        learning_rate_init=rate,
        max_iter=task.epochs,
        early_stopping=early_stopping,
    )


def loss(model, X, y, regression):
    """Return the mean training loss: squared error over variance, or log loss."""
    if regression:
        return np.mean((model.predict(X) - y) ** 2) / np.var(y)
    chosen = model.predict_proba(X)[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    return -np.mean(np.log(np.maximum(chosen, 1e-16)))


PEERS = {"prodigy": "prodigyopt", "dog": "dog", "schedule-free": "schedulefree"}


class TorchPeer:
    """A torch network on standardised data, trained by the optimizer of another package."""

    def __init__(self, task, kind, rate, seed, n_steps):
        self.task, self.kind, self.rate, self.seed, self.n_steps = task, kind, rate, seed, n_steps

    def fit(self, X, y):
        """Train the network."""
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(self.seed)
        self.scaler_ = scaler_of(X).fit(X)
        if self.task.regression:
            self.shift_, self.scale_ = np.mean(y), np.std(y)
            target = torch.tensor((y - self.shift_) / self.scale_, dtype=torch.float32)[:, None]
        else:
            self.classes_, target = np.unique(y, return_inverse=True)
            target = torch.tensor(target)
        inputs = self._inputs(X)
        self.net_ = self._net(inputs.shape[1], 1 if self.task.regression else len(self.classes_))
        optimizer, after_step = self._optimizer()
        criterion = torch.nn.MSELoss() if self.task.regression else torch.nn.CrossEntropyLoss()
        for _ in range(self.task.epochs):
            for rows in torch.randperm(len(target)).split(self.task.batch):
                optimizer.zero_grad()
                criterion(self.net_(inputs[rows]), target[rows]).backward()
                optimizer.step()
                after_step()
        if self.kind == "schedule-free":
            optimizer.eval()
        if self.kind == "dog":
            self.net_ = self.averager_.averaged_model
        return self

    def _inputs(self, X):
        import torch

        X = self.scaler_.transform(X)
        return torch.tensor(X.toarray() if sparse.issparse(X) else X, dtype=torch.float32)

    def _net(self, n_inputs, n_outputs):
        from torch import nn

        sizes = (n_inputs, *self.task.hidden, n_outputs)
        activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[self.task.activation]
        layers = []
        for n_in, n_out in itertools.pairwise(sizes):
            layer = nn.Linear(n_in, n_out)
            nn.init.xavier_uniform_(layer.weight)
            layers += [layer, activation()]
        return nn.Sequential(*layers[:-1])

    def _optimizer(self):
        """Return the optimizer and what to call after each of its steps."""
        import torch

        params = self.net_.parameters()
        if self.kind == "schedule-free":
            import schedulefree

            optimizer = schedulefree.AdamWScheduleFree(params, lr=self.rate)
            optimizer.train()
            return optimizer, lambda: None
        if self.kind == "dog":
            import dog

            self.averager_ = dog.PolynomialDecayAverager(self.net_)  # its authors' advice: return this average
            return dog.LDoG(params), self.averager_.step
        import prodigyopt

        optimizer = prodigyopt.Prodigy(params)
        decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / self.n_steps))
        return optimizer, decay.step

    def _raw(self, X):
        import torch

        with torch.no_grad():
            return self.net_(self._inputs(X)).numpy()

    def predict(self, X):
        """Return labels, or the target in its own unit."""
        raw = self._raw(X)
        return raw[:, 0] * self.scale_ + self.shift_ if self.task.regression else self.classes_[raw.argmax(axis=1)]

    def predict_proba(self, X):
        """Return the probabilities of the classes."""
        raw = self._raw(X).astype(np.float64)
        raw = np.exp(raw - raw.max(axis=1, keepdims=True))
        return raw / raw.sum(axis=1, keepdims=True)

    def score(self, X, y):
        """Return accuracy or R2."""
        predicted = self.predict(X)
        return 1 - np.mean((y - predicted) ** 2) / np.var(y) if self.task.regression else np.mean(y == predicted)


# -- plan, cache and tables


def plan(tasks, solvers, n_seeds):
    """Yield all rows, so that an early end covers all tasks with few rates, rivals and seeds."""
    for seed, solver in itertools.product(range(n_seeds), solvers):
        for (kind, rate), name in itertools.product(kinds_and_rates(solver), tasks):
            yield name, kind, solver, rate, seed


def kinds_and_rates(solver):
    """Yield what is fitted with a solver, with which rate: every third rate of the grid comes first."""
    grid = GRIDS[solver].tolist()
    yield "auto", None
    yield "auto-early", None
    for rates in (grid[1::3], grid[2::3] + grid[::3]):
        yield from itertools.product(("constant", "select", "linear"), rates)
        if solver == "adam" and rates[0] == grid[1]:
            yield from itertools.product(("sklearn",), (None, *grid[3::2]))
            for kind in PEERS:
                if importlib.util.find_spec(PEERS[kind]):
                    yield from itertools.product((kind,), SCHEDULE_FREE_RATES if kind == "schedule-free" else (None,))


class Table:
    """The cached rows by task, with one number per seed."""

    def __init__(self, rows, tasks, solver, n_seeds):
        self.rows, self.tasks, self.solver, self.n_seeds = rows, tasks, solver, n_seeds

    def values(self, name, kind, rate, column):
        """Return one number per seed, NaN where the row is missing."""
        keys = [(name, kind, self.solver, rate, seed) for seed in range(self.n_seeds)]
        return np.array([self.rows[key][column] if key in self.rows else np.nan for key in keys])

    def tuned(self, name, kind, column, rates):
        """Return `column` of the rate whose mean log loss is lowest (or score on held-out rows highest)."""
        if column == "loss":
            goodness = [-np.nanmean(np.log(self.values(name, kind, rate, "loss") + FITTED)) for rate in rates]
        else:
            goodness = [np.nanmean(self.values(name, "select", rate, "score")) for rate in rates]
        if np.isnan(goodness).all():
            return np.full(self.n_seeds, np.nan)
        return self.values(name, kind, rates[int(np.nanargmax(goodness))], column)

    def best_for_all(self, kind, column, rates):
        """Return the rate with which the mean of `column` over all tasks is best, of log losses or scores."""

        def badness(rate):
            values = [np.nanmean(self.values(name, kind, rate, column)) for name in self.tasks]
            return np.nanmean(np.log(np.add(values, FITTED))) if column == "loss" else -np.nanmean(values)

        known = [rate for rate in rates if np.isfinite(badness(rate))]
        return min(known or rates[:1], key=badness)

    def compare_losses(self, title, auto, kind, rates):
        """Print the ratio of losses, geometric means over seeds and tasks."""
        ratios = {}
        for name in self.tasks:
            ours = np.log(self.values(name, auto, None, "loss") + FITTED)
            theirs = np.log(self.tuned(name, kind, "loss", rates) + FITTED)
            if np.isfinite(ours - theirs).any():
                ratios[name] = np.exp(np.nanmean(ours - theirs)), np.exp(np.nanmax(ours - theirs))
        if ratios:
            means = np.array([mean for mean, _ in ratios.values()])
            worst = max(ratios, key=lambda name: ratios[name][0])
            print(
                f"| {self.solver} | {title} | {np.exp(np.log(means).mean()):.3f} | {means.max():.2f} ({worst}) "
                f"| {max(single for _, single in ratios.values()):.2f} | {len(ratios)} |"
            )

    def compare_scores(self, title, kind, rates, ours="auto"):
        """Print the difference of test scores, means over seeds and tasks."""
        differences = {}
        for name in self.tasks:
            theirs = self.tuned(name, kind, "score", rates) if len(rates) > 1 else None
            theirs = self.values(name, kind, rates[0], "score") if theirs is None else theirs
            difference = self.values(name, ours, None, "score") - theirs
            if np.isfinite(difference).any():
                differences[name] = np.nanmean(difference)
        if differences:
            worst = min(differences, key=differences.get)
            mean = np.mean(list(differences.values()))
            print(
                f"| {self.solver} | {title} | {mean:+.4f} | {differences[worst]:+.3f} ({worst}) | {len(differences)} |"
            )

    def print_cost(self, data):
        """Print the CPU time of an automatic fit relative to one of a constant rate.

        The two are fitted here and in turn: the machine may have run at another speed when the cached rows were made.
        """
        kinds = (("auto", None), ("constant", GRIDS[self.solver].tolist()[len(GRIDS[self.solver]) // 2]))
        ratios = []
        for name in self.tasks:
            rounds = [
                [fit(TASKS[name], data, kind, self.solver, rate, 0) for kind, rate in kinds]
                for _ in range(COST_ROUNDS)
            ]
            if rounds[0][0]["steps"] >= 500:
                ratios.append(np.median([ours["seconds"] / theirs["seconds"] for ours, theirs in rounds]))
        if ratios:
            print(f"| {self.solver} | {np.exp(np.mean(np.log(ratios))):.2f} | {max(ratios):.2f} | {len(ratios)} |")


def report(rows, tasks, solvers, n_seeds, data):
    """Print the tables."""
    warnings.filterwarnings("ignore", "(Mean of empty slice|All-NaN)", RuntimeWarning)  # rows to come
    tables = [Table(rows, tasks, solver, n_seeds) for solver in solvers]
    print("\n| solver | final training loss relative to | geometric mean | worst task | worst fit | tasks |")
    print("|---|---|---|---|---|---|")
    for table in tables:
        rates = GRIDS[table.solver].tolist()
        table.compare_losses("best constant rate of 14", "auto", "constant", rates)
        table.compare_losses("best of 14 with linear decay", "auto", "linear", rates)
        single = table.best_for_all("linear", "loss", rates)
        table.compare_losses("best single rate of 14 for all tasks with linear decay", "auto", "linear", [single])
        table.compare_losses("scikit-learn's MLP, default rate", "auto", "sklearn", [None])
        table.compare_losses("scikit-learn's MLP, best of 6", "auto", "sklearn", GRIDS["adam"][3::2].tolist())
        for kind in PEERS:
            peers = SCHEDULE_FREE_RATES if kind == "schedule-free" else [None]
            table.compare_losses(kind, "auto", kind, peers)
    print("\n| solver | test score minus that of | mean | worst task | tasks |\n|---|---|---|---|---|")
    for table in tables:
        rates = GRIDS[table.solver].tolist()
        table.compare_scores("best constant rate by held-out score", "constant", rates)
        table.compare_scores("the same, ours with early_stopping='auto'", "constant", rates, "auto-early")
        table.compare_scores("best linear decay by held-out score of constant", "linear", rates)
        single = table.best_for_all("linear", "score", rates)
        for ours, title in (("auto", ""), ("auto-early", ", ours with early_stopping='auto'")):
            title = f"best single rate for all tasks with linear decay{title}"
            table.compare_scores(title, "linear", [single], ours)
        table.compare_scores("scikit-learn's MLP, default rate", "sklearn", [None])
    print("\n| solver | seconds of one fit in plain fits | worst | tasks of 500 steps or more |\n|---|---|---|---|")
    for table in tables:
        table.print_cost(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", default="rates", choices=["rates", "null", "ablation", "defaults"])
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--cache", type=pathlib.Path)
    parser.add_argument("--budget-minutes", type=float, default=30.0)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--solvers", nargs="+", default=list(GRIDS), choices=list(GRIDS), help="of the part 'rates'")
    parser.add_argument("--configurations", nargs="+", help="of the parts 'null' and 'ablation'")
    parser.add_argument("--only", nargs="+", default=[""], help="run the tasks whose names contain one of these")
    parser.add_argument("--quick", action="store_true", help="show that it works, with two tasks and one seed")
    options = parser.parse_args()
    is_rates = options.part == "rates"
    options.cache = options.cache or RESULTS / ("bench_automatic.jsonl" if is_rates else "bench_networks.jsonl")
    options.seeds = options.seeds or (5 if is_rates else 3)
    if is_rates:
        compare_rates(options)
    else:
        bench_networks.main(options)


def compare_rates(options):
    """Fill the cache and print the tables of the part "rates"."""
    tasks = [
        name
        for name, task in TASKS.items()
        if any(text in name for text in options.only) and load(task.source, options.data, task.rows) is not None
    ]
    n_seeds = options.seeds
    if options.quick:
        tasks, n_seeds = [name for name in tasks if name in QUICK_TASKS], 1
    print(f"# {platform.machine()}, Python {platform.python_version()}, numpy {np.__version__},", end=" ")
    print(f"scikit-learn {sklearn.__version__}, {len(tasks)} tasks, {n_seeds} seeds")
    wanted = list(plan(tasks, options.solvers, n_seeds))

    def fit_row(name, kind, solver, rate, seed):
        return fit(TASKS[name], options.data, kind, solver, rate, seed)

    rows = fill_cache(options.cache, wanted, fit_row, options.budget_minutes)
    report(rows, tasks, options.solvers, n_seeds, options.data)


if __name__ == "__main__":
    main()
