"""
Fit on a dask cluster, and lose a worker
========================================

Twenty million rows are generated on the workers of a local cluster, and stay there: parameters go
out, sums come back. During the second fit a worker is killed, and the fit continues.

This page needs the extra ``dask`` and about 3 GB of memory, so it is not executed when the documentation
is built. The tests execute it with a million rows, as ``python cluster_in_a_box.py 1000000`` does.
"""

import os
import signal
import sys
import threading
import time

import dask.array as da
import numpy as np
from dask.distributed import Client, LocalCluster

from sk_adalr import AdaptiveLRLogisticRegression

N_COLUMNS, ROWS_OF_A_BLOCK = 20, 500_000


def make_block(rows, block_info=None):
    """Return rows of normal columns, and noise in the last one."""
    number = block_info[None]["chunk-location"][0]
    return np.random.default_rng(number).standard_normal(
        (len(rows), N_COLUMNS + 1), dtype=np.float32
    )


def label(rows):
    """Return what the first columns and the noise make of rows."""
    return (rows[:, :5].sum(axis=1) + 2 * rows[:, -1] > 0).astype(np.int8)


def main(n_rows):
    """Fit twice, and kill a worker in the second fit."""
    with (
        LocalCluster(n_workers=4, threads_per_worker=1, silence_logs=50) as cluster,
        Client(cluster) as client,
    ):
        blocks = da.zeros(n_rows, chunks=ROWS_OF_A_BLOCK)[:, None]
        rows = blocks.map_blocks(
            make_block, chunks=(blocks.chunks[0], (N_COLUMNS + 1,)), dtype=np.float32
        )
        X, y = rows[:, :-1], rows.map_blocks(label, drop_axis=1, dtype=np.int8)

        start = time.perf_counter()
        model = AdaptiveLRLogisticRegression(verbose=True).fit(X, y)
        seconds = time.perf_counter() - start
        print(f"{n_rows} rows in {seconds:.1f} s. {model.stop_reason_}")
        print(
            f"Accuracy {model.score(X, y):.4f}, by sums; "
            f"coefficients {model.coef_[0, :6].round(3)}"
        )

        victim = next(iter(client.run(os.getpid).values()))
        threading.Timer(seconds / 2, os.kill, (victim, signal.SIGKILL)).start()
        again = AdaptiveLRLogisticRegression(verbose=True).fit(X, y)
        same = np.abs(again.coef_ - model.coef_).max() / np.abs(model.coef_).max()
        print(
            "With a worker killed: coefficients "
            f"differ by {same:.0e} of the largest one."
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000_000)
