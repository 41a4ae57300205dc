"""Logistic regression on a dask cluster of two processes: what travels, what it costs, and whose objective is lower.

    python benchmarks/bench_dask.py [--rows 400000] [--columns 50] [--quick]

Rows are made on the workers, two processes of one thread. Of our fit there are counted: round trips, tasks per round
trip, bytes of what is sent and of what comes back (pickled), the growth of the driver's memory, and how far the
coefficients are from those of our fit in memory. All times are wall times; on a machine with fewer than three cores
those of the cluster mean little.

Each side then minimises the same objective, the mean log loss with C = 1; the excess is that over the lowest one that
any side found, relative to the loss of a constant. scikit-learn's lbfgs has the rows in memory. dask-ml's solvers run
where dask-ml is installed.

Last, growth: the time of a round trip for next to no rows, half of them and all, with one worker and two. From it
follow the constants of the page on large data: t, the round trip of next to no rows, and the time per number.
"""

import argparse
import os
import pickle
import platform
import time
import warnings

import dask
import dask.array as da
import numpy as np
import psutil
from dask.distributed import Client, LocalCluster
from harness import installed, processor, versions
from sklearn.linear_model import LogisticRegression

from sk_adalr import AdaptiveLRLogisticRegression
from sk_adalr.blocks import dask_blocks

ROWS_OF_A_BLOCK = 50_000
PACKAGES = ("sk_adalr", "numpy", "scikit-learn", "dask", "dask-ml")


class Counted:
    """Counts round trips, tasks and bytes of our fits while it is entered."""

    def __enter__(self):
        self.trips, self.tasks, self.sent, self.received, self.seconds = 0, 0, 0, 0, 0.0
        self._original = dask_blocks._Shards.reduced

        def reduced(shards, function, merge, *arguments):
            seconds, result = timed(lambda: self._original(shards, function, merge, *arguments))
            self.seconds += seconds
            n_tasks = len(shards._shards)
            self.trips, self.tasks = self.trips + 1, self.tasks + n_tasks
            self.sent += n_tasks * len(pickle.dumps((function, merge, arguments)))
            self.received += n_tasks * len(pickle.dumps(result))
            return result

        dask_blocks._Shards.reduced = reduced
        return self

    def __exit__(self, *error):
        dask_blocks._Shards.reduced = self._original


def make_block(rows, n_columns, block_info=None):
    number = block_info[None]["chunk-location"][0]
    return np.random.default_rng(number).normal(size=(len(rows), n_columns + 1)) * np.geomspace(1, 10, n_columns + 1)


def label(rows):
    return (rows[:, :5].sum(axis=1) + rows[:, -1] / 3 > 0).astype(int)


def collections(n_rows, n_columns):
    blocks = da.zeros(n_rows, chunks=ROWS_OF_A_BLOCK)[:, None]
    chunks = (blocks.chunks[0], (n_columns + 1,))
    rows = blocks.map_blocks(make_block, n_columns, chunks=chunks, dtype=float).persist()
    return rows[:, :-1].persist(), rows.map_blocks(label, drop_axis=1, dtype=int).persist()


def objective(coef, intercept, X, y):
    """Return the mean log loss and penalty, in units of the loss of a constant."""
    scores = X @ np.ravel(coef) + np.ravel(intercept)[0]
    share = y.mean()
    constant = -share * np.log(share) - (1 - share) * np.log(1 - share)
    return (np.logaddexp(0, (1 - 2 * y) * scores).mean() + 0.5 * np.sum(np.square(coef)) / len(y)) / constant


def timed(fit):
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = fit()
    return time.perf_counter() - start, model


def count_ours(X, y, in_memory):
    before = psutil.Process().memory_info().rss
    with Counted() as counted:
        seconds, model = timed(lambda: AdaptiveLRLogisticRegression().fit(X, y))
    growth = (psutil.Process().memory_info().rss - before) / 1e6
    difference = np.abs(model.coef_ - in_memory.coef_).max() / np.abs(in_memory.coef_).max()
    print(f"{model.n_iter_[0]} iterations, {counted.trips} round trips of {counted.tasks / counted.trips:.0f} tasks")
    print(
        f"{counted.sent / 1e6:.2f} MB sent, {counted.received / 1e6:.2f} MB received, driver grew by {growth:.0f} MB"
    )
    print(f"coefficients differ from those in memory by {difference:.0e} of the largest\n")
    return seconds, model


def dask_ml_fits(X, y):
    if not installed("dask-ml"):
        print("dask-ml is not installed: its solvers are left out.\n")
        return {}
    from dask_ml.linear_model import LogisticRegression as DaskLogisticRegression

    solvers = ("admm", "lbfgs", "gradient_descent")
    return {
        f"dask-ml, {solver}": lambda solver=solver: DaskLogisticRegression(solver=solver, C=1.0).fit(X, y)
        for solver in solvers
    }


def show_growth(n_rows, n_columns):
    print(f"\n{'workers':>8}{'rows':>10}{'round trips':>13}{'ms each':>9}{'ns per number':>15}")
    for n_workers in (1, 2):
        shortest = None
        cluster = {"n_workers": n_workers, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
        with LocalCluster(**cluster) as workers, Client(workers):
            for rows in (100, n_rows // 2, n_rows):
                X, y = collections(rows, n_columns)
                with Counted() as counted:
                    timed(lambda X=X, y=y: AdaptiveLRLogisticRegression().fit(X, y))
                each = counted.seconds / counted.trips
                shortest = each if shortest is None else shortest
                per_number = f"{1e9 * (each - shortest) * n_workers / (rows * n_columns):15.2f}" if rows > 100 else ""
                print(f"{n_workers:8}{rows:10}{counted.trips:13}{1e3 * each:9.1f}{per_number}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--quick", action="store_true", help="few rows, for a test of the script")
    options = parser.parse_args()
    print(f"{processor()}, {os.cpu_count()} CPUs; Python {platform.python_version()}")
    print(versions(PACKAGES))
    n_rows = 100_000 if options.quick else options.rows
    cluster = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with LocalCluster(**cluster) as workers, Client(workers):
        X, y = collections(n_rows, options.columns)
        here = dask.compute(X, y)
        print(f"{n_rows} rows of {options.columns} columns in {X.npartitions} blocks\n")
        results = {"ours, in memory": timed(lambda: AdaptiveLRLogisticRegression().fit(*here))}
        results["ours, dask"] = count_ours(X, y, results["ours, in memory"][1])
        results["scikit-learn, in memory"] = timed(lambda: LogisticRegression(max_iter=1000).fit(*here))
        results |= {name: timed(fit) for name, fit in dask_ml_fits(X, y).items()}
    values = {name: objective(model.coef_, model.intercept_, *here) for name, (_, model) in results.items()}
    print(f"{'side':30}{'seconds':>10}{'excess':>12}")
    for name, (seconds, _) in results.items():
        print(f"{name:30}{seconds:10.2f}{values[name] - min(values.values()):12.1e}")
    show_growth(n_rows, options.columns)


if __name__ == "__main__":
    main()
