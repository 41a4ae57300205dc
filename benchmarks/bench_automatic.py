"""The automatic rule against tuned rates, scikit-learn's MLP and published zero-tuning optimizers.

    python benchmarks/bench_automatic.py [--part rates|defaults] [--data DIR] [--budget-minutes 30] [--cache FILE]
        [--seeds 5] [--solvers adam sgd momentum nesterov] [--only TEXT ...]

Every fit is one cached row, so that an interrupted run goes on where it was; rows that are missing show in the
coverage. Losses are log loss, or squared error over variance, of the whole training part without penalty, plus 3e-4:
below that a set is fitted, and rates that let weights grow without bound would win by digits nobody needs. Scores are
accuracy or R2 of the quarter of the rows that no fit sees. Fits make all epochs and end with the last one's model;
only the row that names the default early stopping ends where it says, in that many epochs at most. The tuned rate is
the best of 14 by the score on a quarter of the training part (test scores) or by the final training loss (losses).
Prodigy (with linear decay), DoG and schedule-free run where their packages are installed. These rivals get
standardised inputs.

The part "defaults" compares ``AdaptiveLRMLPClassifier()`` on raw columns, as it comes, with scikit-learn's
``MLPClassifier`` on scaled ones, its rate the best of 5 in 3-fold cross-validation: accuracy on a quarter of the rows.
"""

import argparse
import functools
import importlib.util
import itertools
import json
import pathlib
import platform
import time
import warnings
from dataclasses import dataclass

import numpy as np
import sklearn
from scipy import sparse
from sklearn import compose, datasets, model_selection, neural_network, pipeline, preprocessing

from sk_adalr import AdaptiveLRMLPClassifier, AdaptiveLRMLPRegressor
from sk_adalr.learning_rates import Constant

#: Where finished fits are kept.
CACHE = pathlib.Path(__file__).parent / "results" / "bench_automatic.jsonl"
#: Grid of rates: 14 of each optimizer. Hints of the automatic rule. Steps it makes beyond one gradient each.
GRIDS = {
    "adam": np.logspace(-4.5, 0, 14),
    "sgd": np.logspace(-3.5, 1, 14),
    "momentum": np.logspace(-4.5, 0, 14),
    "nesterov": np.logspace(-4.5, 0, 14),
}
HINTS = (1e-6, 1e-4, 1e-2, 1.0, 10.0)
EXTRA_EVALUATIONS = 28  # 6 gradients, and forward passes at a third of one
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

#: Sets of the part "defaults" and how many rows of them at most: the grid is what takes time.
DEFAULTS = {
    "iris": 10**6,
    "wine": 10**6,
    "breast_cancer": 10**6,
    "digits": 10**6,
    "spambase_raw": 10**6,
    "letter": 10_000,
    "a9a_t": 10**6,
    "shuttle_raw": 12_000,
    "w8a": 12_000,
    "mnist_t10k": 5_000,
    "rtpolarity_tfidf": 3_000,
}
SKLEARN_RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
#: What accuracy may be lower by.
TOLERANCE = 0.005


@dataclass(frozen=True)
class LinearDecay(Constant):
    """A rate that falls linearly to zero over a horizon, which it must know."""

    n_steps: int = 1

    def update(self, state, grad, previous_direction, step, layout, *, scratch):
        """Set the rate of step 1, 2, ..."""
        state["rates"][...] = self.learning_rate_init * max(0.0, 1 - (step - 1) / self.n_steps)


# -- data


@functools.cache
def load(source, data, rows):
    """Return X, y, at most `rows` of them, or None without the file."""
    synthetic = {
        "moons": lambda: datasets.make_moons(2000, noise=0.25, random_state=1),
        "classes": lambda: datasets.make_classification(2500, 30, n_informative=10, n_classes=4, random_state=1),
        "friedman": lambda: datasets.make_friedman1(2000, noise=1.0, random_state=1),
        "quantiles": lambda: datasets.make_gaussian_quantiles(
            n_samples=2500, n_features=10, n_classes=3, random_state=1
        ),
    }
    if source in synthetic:
        return synthetic[source]()
    if source in ("iris", "wine", "breast_cancer", "digits", "diabetes"):
        return getattr(datasets, f"load_{source}")(return_X_y=True)
    if data is None or not (data / f"{source}.npz").exists():
        return None
    z = np.load(data / f"{source}.npz")
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


# -- fits


def fit(task, data, kind, solver, rate, seed):
    """Return loss, score and seconds of one fit."""
    X, y = load(task.source, data, task.rows)
    X, X_test, y, y_test = split(X, y, task.regression, seed)
    if kind == "select":
        X, X_test, y, y_test = split(X, y, task.regression, seed)
    n_steps = task.epochs * -(-X.shape[0] // task.batch)
    model = make_model(task, kind, solver, rate, seed, n_steps)
    start = time.process_time()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            model.fit(X, y)
            row = {"loss": loss(model, X, y, task.regression), "score": model.score(X_test, y_test)}
        except ValueError:  # a rate of the grid at which training diverges
            row = {"loss": np.inf, "score": -1.0}
    row["seconds"] = time.process_time() - start
    return {name: float(np.nan_to_num(value, nan=1e30, posinf=1e30, neginf=-1e30)) for name, value in row.items()} | {
        "steps": n_steps
    }


def scaler_of(source):
    """Return what users put before scikit-learn's MLP: it centres dense columns and leaves sparse ones sparse."""
    is_sparse = source in ("a9a_t", "w8a", "rtpolarity_tfidf")
    return preprocessing.MaxAbsScaler() if is_sparse else preprocessing.StandardScaler()


def make_model(task, kind, solver, rate, seed, n_steps):
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
        return pipeline.make_pipeline(scaler_of(task.source), model)
    if kind in PEERS:
        return TorchPeer(task, kind, rate, seed, n_steps)
    rule, epochs = "constant", task.epochs
    if kind.startswith("auto"):
        rule = "auto"
    elif kind == "linear":
        rule = LinearDecay(rate, n_steps)
    if kind == "auto-equal":
        epochs = max(1, round(epochs * n_steps / (n_steps + EXTRA_EVALUATIONS)))
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
        max_iter=epochs,
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
        self.scaler_ = scaler_of(self.task.source).fit(X)
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
    """Yield what is fitted with a solver, with which rate or hint: every third rate of the grid comes first."""
    grid = GRIDS[solver].tolist()
    for hint in (None, *(HINTS if solver == "adam" else ())):
        yield "auto", hint
    yield "auto-equal", None
    yield "auto-early", None
    for rates in (grid[1::3], grid[2::3] + grid[::3]):
        yield from itertools.product(("constant", "select", "linear"), rates)
        if solver == "adam" and rates[0] == grid[1]:
            yield from itertools.product(("sklearn",), (None, *grid[3::2]))
            for kind in PEERS:
                if importlib.util.find_spec(PEERS[kind]):
                    yield from itertools.product((kind,), SCHEDULE_FREE_RATES if kind == "schedule-free" else (None,))


def fit_default(source, data, kind, seed):
    """Return accuracy and seconds of one row of the part "defaults"."""
    X, y = load(source, data, DEFAULTS[source])
    X, X_test, y, y_test = model_selection.train_test_split(X, y, random_state=seed)
    if kind == "auto":
        model = AdaptiveLRMLPClassifier(random_state=seed)
    else:
        mlp = pipeline.make_pipeline(scaler_of(source), neural_network.MLPClassifier(random_state=seed))
        model = model_selection.GridSearchCV(mlp, {"mlpclassifier__learning_rate_init": SKLEARN_RATES}, cv=3)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    return {"score": float(model.score(X_test, y_test)), "seconds": time.process_time() - start}


def report_defaults(rows, sources, n_seeds):
    """Print the accuracy of both sides for each set."""
    print("\n| set | rows | automatic | grid of 5 rates | difference | seconds | grid's seconds | seeds | |")
    print("|---|---|---|---|---|---|---|---|---|")
    for source, n_rows in sources.items():
        pairs = [
            (rows[source, "auto", "default", None, seed], rows[source, "sklearn grid", "default", None, seed])
            for seed in range(n_seeds)
            if all((source, kind, "default", None, seed) in rows for kind in ("auto", "sklearn grid"))
        ]
        if pairs:
            ours, theirs = (np.mean([pair[i]["score"] for pair in pairs]) for i in (0, 1))
            seconds = [np.mean([pair[i]["seconds"] for pair in pairs]) for i in (0, 1)]
            verdict = "" if ours >= theirs - TOLERANCE else "missed"
            print(
                f"| {source} | {n_rows} | {ours:.4f} | {theirs:.4f} | {ours - theirs:+.4f} | {seconds[0]:.1f} "
                f"| {seconds[1]:.1f} | {len(pairs)} | {verdict} |"
            )


def read_cache(path):
    """Return the rows so far; a line cut off by an interrupt is skipped."""
    rows = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            key, row = json.loads(line)
        except ValueError:
            continue
        rows[tuple(key)] = row
    return rows


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

    def compare_scores(self, title, hint, kind, rates, ours="auto"):
        """Print the difference of test scores, means over seeds and tasks."""
        differences = {}
        for name in self.tasks:
            theirs = self.tuned(name, kind, "score", rates) if len(rates) > 1 else None
            theirs = self.values(name, kind, rates[0], "score") if theirs is None else theirs
            difference = self.values(name, ours, hint, "score") - theirs
            if np.isfinite(difference).any():
                differences[name] = np.nanmean(difference)
        if differences:
            worst = min(differences, key=differences.get)
            mean = np.mean(list(differences.values()))
            print(
                f"| {self.solver} | {title} | {'none' if hint is None else hint} | {mean:+.4f} "
                f"| {differences[worst]:+.3f} ({worst}) | {len(differences)} |"
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
        table.compare_losses("the same at equal gradient evaluations", "auto-equal", "constant", rates)
        table.compare_losses("best of 14 with linear decay", "auto", "linear", rates)
        table.compare_losses("the same at equal gradient evaluations", "auto-equal", "linear", rates)
        table.compare_losses("scikit-learn's MLP, default rate", "auto", "sklearn", [None])
        table.compare_losses("scikit-learn's MLP, best of 6", "auto", "sklearn", GRIDS["adam"][3::2].tolist())
        for kind in PEERS:
            peers = SCHEDULE_FREE_RATES if kind == "schedule-free" else [None]
            table.compare_losses(kind, "auto", kind, peers)
    print("\n| solver | test score minus that of | hint | mean | worst task | tasks |\n|---|---|---|---|---|---|")
    for table in tables:
        rates = GRIDS[table.solver].tolist()
        for hint in (None, *(HINTS if table.solver == "adam" else ())):
            table.compare_scores("best constant rate by held-out score", hint, "constant", rates)
        table.compare_scores("the same, ours with early_stopping='auto'", None, "constant", rates, "auto-early")
        table.compare_scores("best linear decay by held-out score of constant", None, "linear", rates)
        table.compare_scores("scikit-learn's MLP, default rate", None, "sklearn", [None])
    print("\n| solver | seconds of one fit in plain fits | worst | tasks of 500 steps or more |\n|---|---|---|---|")
    for table in tables:
        table.print_cost(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", default="rates", choices=["rates", "defaults"])
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--cache", type=pathlib.Path, default=CACHE)
    parser.add_argument("--budget-minutes", type=float, default=30.0)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--solvers", nargs="+", default=list(GRIDS), choices=list(GRIDS))
    parser.add_argument("--only", nargs="+", default=[""], help="run the tasks whose names contain one of these")
    options = parser.parse_args()
    sources = {name: task.source for name, task in TASKS.items()}
    row_limits = {name: task.rows for name, task in TASKS.items()}
    if options.part == "defaults":
        sources, row_limits = {name: name for name in DEFAULTS}, DEFAULTS
    tasks = [
        name
        for name, source in sources.items()
        if any(text in name for text in options.only) and load(source, options.data, row_limits[name]) is not None
    ]
    print(f"# {platform.machine()}, Python {platform.python_version()}, numpy {np.__version__},", end=" ")
    print(f"scikit-learn {sklearn.__version__}, {len(tasks)} tasks, {options.seeds} seeds")
    rows = read_cache(options.cache)
    if options.part == "rates":
        wanted = list(plan(tasks, options.solvers, options.seeds))
    else:
        kinds = ("auto", "sklearn grid")
        wanted = [
            (name, kind, "default", None, seed)
            for seed, name, kind in itertools.product(range(options.seeds), tasks, kinds)
        ]
    options.cache.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + 60 * options.budget_minutes
    with options.cache.open("a") as cache:
        for key in wanted:
            if key in rows or time.monotonic() > deadline:
                continue
            name, kind, solver, rate, seed = key
            if options.part == "rates":
                rows[key] = fit(TASKS[name], options.data, kind, solver, rate, seed)
            else:
                rows[key] = fit_default(name, options.data, kind, seed)
            cache.write(json.dumps([key, rows[key]]) + "\n")
            cache.flush()
    done = sum(key in rows for key in wanted)
    print(f"# coverage: {done} of {len(wanted)} fits ({done / len(wanted):.0%})")
    if options.part == "rates":
        report(rows, tasks, options.solvers, options.seeds, options.data)
    else:
        n_rows = {name: load(name, options.data, DEFAULTS[name])[0].shape[0] for name in tasks}
        report_defaults(rows, n_rows, options.seeds)


if __name__ == "__main__":
    main()
