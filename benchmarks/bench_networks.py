"""Default networks against fixed schedules, without the parts of their rule, and against tuned peers.

    python benchmarks/bench_automatic.py --part null|ablation|defaults [--data DIR] [--budget-minutes 30]
        [--cache FILE] [--seeds 3] [--configurations NAME ...] [--quick]

Losses are log loss, or root mean squared error in that of the mean of the training part; scores are accuracy or R2;
all on the quarter of the rows that no fit sees. A ratio of losses is a geometric mean: over seeds for each table, then
over tables, whose standard error follows in parentheses. Losses below .001 count as that. A table is won below .98 and
lost above 1.02. Rows are cached; a table counts with those of its seeds for which all rows are there.

"null": `AdaptiveLRMLPClassifier()` and `AdaptiveLRMLPRegressor()` on raw columns, with nothing but what the
configuration says, against schedules that nobody tunes: Adam, or gradient descent with and without momentum, at a rate
with linear decay to zero over a number of epochs. The rival of a row is the best *single* schedule of all its tables,
chosen with hindsight by the loss on the very rows that are compared; it trains on columns that are standardised.

"ablation": the same fits while a part of the rule is missing. A ratio above 1 says what the part is worth.

"defaults": the same against scikit-learn's networks on standardised columns and target, their rate the best of five in
3-fold cross-validation; the best single fixed schedule; gradient boosting; and RealMLP where pytabkit is installed.
"""

import functools
import itertools
import platform

import numpy as np
import sklearn
from ablation import ABLATIONS, without
from fits import LinearDecay, fill_cache, outcome
from peers import PEERS, can_fit
from tables import FURTHER_TABLES, TABLES, load, split

from sk_adalr import AdaptiveLRMLPClassifier, AdaptiveLRMLPRegressor

#: What users set beside the defaults.
CONFIGURATIONS = {
    "default": {},
    "(10,)": {"hidden_layer_sizes": (10,)},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "3 epochs": {"max_iter": 3},
    "batch 1000": {"batch_size": 1000},
    "sgd": {"solver": "sgd"},
    "batch 32": {"batch_size": 32},
    "(50, 50, 50) tanh": {"hidden_layer_sizes": (50, 50, 50), "activation": "tanh"},
    "(256, 256)": {"hidden_layer_sizes": (256, 256)},
}
#: What only `--configurations` asks for.
FURTHER_CONFIGURATIONS = {"batch 8": {"batch_size": 8}, "150 rows": {}}
#: Training rows at most.
MOST_ROWS = {"150 rows": 150}
FITTED = 1e-3
EPOCHS = (10, 30, 100)
RATES = {"adam": (0.003, 0.01, 0.03, 0.1), "sgd": (0.03, 0.1, 0.3, 1.0), "momentum": (0.003, 0.01, 0.03, 0.1)}
KINDS = ("regression", "classification")


OURS, WITHOUT, SCHEDULE, PEER = "default", "without", "schedule", "peer"
#: `--quick` shows that a part works.
QUICK = {"tables": ("diabetes", "breast cancer"), "configurations": ("default", "sgd")}


def settings_of(configuration):
    """Return what users set in a configuration."""
    return (CONFIGURATIONS | FURTHER_CONFIGURATIONS)[configuration]


def schedules(configuration):
    """Return (solver, rate, epochs) of the rivals of a configuration."""
    settings = settings_of(configuration)
    solvers = ("sgd", "momentum") if settings.get("solver") == "sgd" else ("adam",)
    epochs = (settings["max_iter"],) if "max_iter" in settings else EPOCHS
    return [(solver, rate, n) for solver in solvers for rate in RATES[solver] for n in epochs]


def sides(part, name, configuration, folder):
    """Return (what, *details) of all fits of a part on one split of a table: ours comes first."""
    rivals = [(SCHEDULE, *schedule) for schedule in schedules(configuration)]
    if part == "null":
        return [(OURS,), *rivals]
    if part == "ablation":
        return [(OURS,), *((WITHOUT, missing) for missing in ABLATIONS)]
    X, _ = load_table(name, folder)
    return [(OURS,), *((PEER, peer) for peer in PEERS if can_fit(peer, X)), *rivals]


def load_table(name, folder):
    """Return X, y of a table, or None without its file."""
    table = (TABLES | FURTHER_TABLES)[name]
    return load(table.source, folder, table.rows)


def is_regression(name):
    """Return whether the target of a table is a number."""
    return (TABLES | FURTHER_TABLES)[name].regression


# -- fits


def fit(name, configuration, seed, what, *details, folder):
    """Return the outcome of our default, of the rule without a part, of a schedule or of a peer."""
    regression = is_regression(name)
    X, X_test, y, y_test = split(*load_table(name, folder), regression, seed)
    X, y = X[: MOST_ROWS.get(configuration)], y[: MOST_ROWS.get(configuration)]
    if what == PEER:
        model = PEERS[details[0]](regression, X, seed)
    else:
        ours = AdaptiveLRMLPRegressor if regression else AdaptiveLRMLPClassifier
        model = ours(**settings_of(configuration), random_state=seed)
    if what == SCHEDULE:
        follow_schedule(model, *details, n_rows=len(y))
    with without(details[0] if what == WITHOUT else None):
        return outcome(model, (X, y), (X_test, y_test), regression=regression)


def follow_schedule(model, solver, rate, epochs, *, n_rows):
    """Let a model train by a schedule that nobody judges."""
    batch_size = 200 if model.batch_size == "auto" else model.batch_size
    decay = LinearDecay(rate, n_steps=epochs * -(-n_rows // batch_size))
    model.set_params(solver=solver, learning_rate=decay, max_iter=epochs, early_stopping=False, tol=0)


# -- tables


class Comparison:
    """Our fits and another side's by table: logarithms of loss ratios, differences of scores, and CPU times.

    Parameters
    ----------
    ours, theirs : dict
        ``{(table, seed): row}`` with the same keys.
    """

    def __init__(self, ours, theirs):
        names = dict.fromkeys(name for name, _ in ours)
        pairs = {name: [(ours[key], theirs[key]) for key in ours if key[0] == name] for name in names}
        self.log_ratios = self._means(pairs, lambda a, b: log_of_loss(a) - log_of_loss(b))
        self.differences = self._means(pairs, lambda a, b: a["score"] - b["score"])
        self.cpu_ratio = np.exp(self._means(pairs, lambda a, b: np.log(a["seconds"] / b["seconds"])).mean())
        self.calibration = self._means(pairs, lambda a, b: a.get("calibration", np.nan) - b.get("calibration", np.nan))
        self.names, self.n_fits = list(names), len(ours)

    @staticmethod
    def _means(pairs, difference):
        return np.array([np.mean([difference(*pair) for pair in pairs[name]]) for name in pairs])

    def columns(self):
        """Return the cells: tables, fits, ratio, wins and losses, score, the worst table, CPU."""
        ratio, (wins, losses) = np.exp(self.log_ratios.mean()), self.wins_and_losses()
        worst = int(self.differences.argmin())
        return (
            f"{len(self.names)} | {self.n_fits} | {ratio:.3f} ({ratio * standard_error(self.log_ratios):.3f}) "
            f"| {wins}-{losses} | {self.differences.mean():+.4f} ({standard_error(self.differences):.4f}) "
            f"| {self.differences[worst]:+.3f} ({self.names[worst]}) | {self.cpu_ratio:.2f}"
        )

    def wins_and_losses(self):
        """Return the number of tables with a ratio below .98, and above 1.02."""
        ratios = np.exp(self.log_ratios)
        return int((ratios < 0.98).sum()), int((ratios > 1.02).sum())


def log_of_loss(row):
    """Return the logarithm of the loss of a fit; below `FITTED` a table is fitted."""
    return np.log(max(row["loss"], FITTED))


COLUMNS = ("loss", "score", "calibration", "seconds")
HEADER = "tables | fits | loss ratio (se) | wins-losses | score difference (se) | worst table | CPU ratio"


def standard_error(values):
    """Return that of a mean."""
    return np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan


def rows_of(rows, names, configuration, n_seeds, sides_of):
    """Return {side: {(table, seed): row}} with the splits of which all sides are there."""
    splits = [
        (name, seed)
        for name, seed in itertools.product(names, range(n_seeds))
        if all((name, configuration, seed, *side) in rows for side in sides_of)
    ]
    return {side: {(name, seed): rows[name, configuration, seed, *side] for name, seed in splits} for side in sides_of}


def best_single(of_sides):
    """Return the schedule with the least geometric mean of losses over all tables."""
    names = dict.fromkeys(name for name, _ in of_sides[OURS,])

    def mean_loss(side):
        of_table = [[log_of_loss(row) for key, row in of_sides[side].items() if key[0] == name] for name in names]
        return np.mean([np.mean(logs) for logs in of_table])

    return min((side for side in of_sides if side[0] == SCHEDULE), key=mean_loss)


def report_null(rows, names, configurations, n_seeds):
    """Print our default against the best single schedule of each configuration."""
    print_header("configuration", "kind", "best schedule", HEADER)
    logs = {kind: [] for kind in KINDS}
    for configuration, (kind, of_kind) in itertools.product(configurations, by_kind(names).items()):
        rivals = [(SCHEDULE, *schedule) for schedule in schedules(configuration)]
        of_sides = rows_of(rows, of_kind, configuration, n_seeds, [(OURS,), *rivals])
        if of_sides[OURS,]:
            best = best_single(of_sides)
            comparison = Comparison(of_sides[OURS,], of_sides[best])
            logs[kind].append(comparison.log_ratios.mean())
            print(f"| {configuration} | {kind} | {describe(best)} | {comparison.columns()} |")
    print_header("kind", "configurations", "geometric mean of their loss ratios", "largest")
    for kind, means in logs.items():
        if means:
            print(f"| {kind} | {len(means)} | {np.exp(np.mean(means)):.3f} | {np.exp(max(means)):.3f} |")


def report_ablation(rows, names, configurations, n_seeds):
    """Print the rule without each of its parts against the whole rule."""
    print_header("without", "configuration", "kind", HEADER)
    for missing, configuration in itertools.product(ABLATIONS, configurations):
        for kind, of_kind in by_kind(names).items():
            whole, part = (OURS,), (WITHOUT, missing)
            of_sides = rows_of(rows, of_kind, configuration, n_seeds, [whole, part])
            if of_sides[whole]:
                columns = Comparison(of_sides[part], of_sides[whole]).columns()
                print(f"| {missing} | {configuration} | {kind} | {columns} |")


def report_defaults(rows, names, n_seeds):
    """Print our default against each peer, and what both sides reach on each table."""
    print_header("against", "kind", HEADER, "calibration error, difference (se)")
    rivals = [(SCHEDULE, *schedule) for schedule in schedules("default")]
    chosen = {}
    for kind, of_kind in by_kind(names).items():
        of_sides = rows_of(rows, of_kind, "default", n_seeds, [(OURS,), *rivals])
        chosen[kind] = best_single(of_sides) if of_sides[OURS,] else rivals[0]
        for side in [*((PEER, peer) for peer in PEERS), chosen[kind]]:
            of_sides = rows_of(rows, of_kind, "default", n_seeds, [(OURS,), side])
            if of_sides[OURS,]:
                comparison = Comparison(of_sides[OURS,], of_sides[side])
                shift = comparison.calibration
                calibration = f"{shift.mean():+.4f} ({standard_error(shift):.4f})" if kind == "classification" else ""
                print(f"| {describe(side)} | {kind} | {comparison.columns()} | {calibration} |")
    print_header("table", "side", "splits", "loss", "score", "calibration error", "CPU seconds")
    for kind, of_kind in by_kind(names).items():
        for name, side in itertools.product(of_kind, [(OURS,), *((PEER, peer) for peer in PEERS), chosen[kind]]):
            (of_side,) = rows_of(rows, [name], "default", n_seeds, [side]).values()
            if of_side:
                means = [np.mean([row.get(column, np.nan) for row in of_side.values()]) for column in COLUMNS]
                calibration = "" if np.isnan(means[2]) else f"{means[2]:.4f}"
                cells = f"{means[0]:.4f} | {means[1]:.4f} | {calibration} | {means[3]:.2f}"
                print(f"| {name} | {describe(side)} | {len(of_side)} | {cells} |")


def by_kind(names):
    """Return {"regression": names, "classification": names}."""
    return {kind: [name for name in names if is_regression(name) == (kind == KINDS[0])] for kind in KINDS}


def describe(side):
    """Return the name of a side."""
    what, *details = side
    if what == SCHEDULE:
        solver, rate, epochs = details
        return f"{solver}, {rate} to 0 in {epochs} epochs"
    return details[0] if details else "ours"


def print_header(*columns):
    """Print the names of the columns of a table."""
    line = " | ".join(columns)
    print(f"\n| {line} |\n|{'---|' * (line.count('|') + 1)}")


def main(options):
    """Fill the cache and print the tables of a part; `options` are those of `bench_automatic.py`."""
    tables = TABLES | FURTHER_TABLES if options.part == "defaults" else TABLES
    names, configurations, n_seeds = list(tables), options.configurations or list(CONFIGURATIONS), options.seeds
    if options.part == "defaults":
        configurations = ["default"]
    if options.quick:
        names, configurations, n_seeds = (
            QUICK["tables"],
            [c for c in configurations if c in QUICK["configurations"]],
            1,
        )
    names = [
        name
        for name in names
        if any(text in name for text in options.only) and load_table(name, options.data) is not None
    ]
    print(f"# {platform.machine()}, Python {platform.python_version()}, numpy {np.__version__},", end=" ")
    print(f"scikit-learn {sklearn.__version__}, {len(names)} tables, {n_seeds} seeds")
    wanted = [
        (name, configuration, seed, *side)
        for seed, configuration, name in itertools.product(range(n_seeds), configurations, names)
        for side in sides(options.part, name, configuration, options.data)
    ]
    rows = fill_cache(options.cache, wanted, functools.partial(fit, folder=options.data), options.budget_minutes)
    if options.part == "null":
        report_null(rows, names, configurations, n_seeds)
    elif options.part == "ablation":
        report_ablation(rows, names, configurations, n_seeds)
    else:
        report_defaults(rows, names, n_seeds)
