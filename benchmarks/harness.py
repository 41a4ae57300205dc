"""What the speed benchmarks share: interleaved CPU times, ratios with their spread, and one table.

A *side* is a function without arguments: a whole `fit`, or a floor, that is, work which no implementation can avoid.
Every round runs all sides once, in turn forwards and backwards, so that whatever else the machine does meets all of
them; a ratio is the median over rounds of the two times of one round. Times are CPU times of this process, with one
thread for BLAS and for torch, or wall times where a device computes. A row is printed only if our side has reached the
loss of the other.
"""

import argparse
import os
import platform
import time
import warnings
from dataclasses import dataclass, replace
from importlib import metadata, util
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from sk_adalr.backends import use_kernels

PACKAGES = ("sk_adalr", "numpy", "scipy", "scikit-learn", "numba", "torch", "skorch")


@dataclass(frozen=True)
class Measured:
    """CPU seconds of each round, what the side returned before them, and the loss of that (None for a floor)."""

    seconds: np.ndarray
    result: Any = None
    loss: float | None = None

    def per(self, count):
        """Return the same with the time of one of `count` equal parts."""
        return replace(self, seconds=self.seconds / count)


def measure(sides, repeats, loss=None, *, clock=time.process_time, n_threads=1):
    """Return {name: Measured} of the functions in `sides`, by `clock`, with so many threads of BLAS (None for all).

    A round before the timed ones warms up and gives the losses: ``loss(result)`` of each result that is not None.
    """
    results, losses, seconds = {}, {}, {name: [] for name in sides}
    with threadpool_limits(n_threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, run in sides.items():
            results[name] = result = run()
            losses[name] = None if loss is None or result is None else float(loss(result))
        for i in range(repeats):
            for name in list(sides)[:: -1 if i % 2 else 1]:
                start = clock()
                sides[name]()
                seconds[name].append(clock() - start)
    return {name: Measured(np.array(seconds[name]), results[name], losses[name]) for name in sides}


class Table:
    """Prints a line per comparison, if our side did as well as the other.

    Parameters
    ----------
    tolerance : float
        By how much our loss may exceed that of the other, relative to the latter.
    margin : float, default=0.0
        The same in units of the loss; both add up.
    loss : str, default="loss"
        The name of what must not be higher.
    """

    def __init__(self, tolerance=0.0, margin=0.0, loss="loss"):
        self._tolerance, self._margin = tolerance, margin
        allowed = [f"{tolerance:g} of it"] * (tolerance > 0) + [f"{margin:g}"] * (margin > 0)
        print(f"No row where our {loss} is higher by more than {' and '.join(allowed)}.\n")
        self._line("case", "ours", "kernels", "against", f"{loss}, ours / other", "ratio [quartiles]", "goal", "")

    @staticmethod
    def _line(case, ours, kernels, against, losses, ratio, goal, verdict):
        line = f"{case:30} {ours:20} {kernels:8} {against:21} {losses:>20} {ratio:>25} {goal:>6}  {verdict}"
        print(line.rstrip(), flush=True)

    def row(self, case, ours, kernels, against, *, goal=None):
        """Print what part of the time of `against` `ours` takes; both are (name, Measured)."""
        (name, mine), (other_name, other) = ours, against
        losses = ""
        if mine.loss is not None and other.loss is not None:
            losses = f"{mine.loss:.4f} / {other.loss:.4f}"
            if not mine.loss <= (1 + self._tolerance) * other.loss + self._margin:
                self._line(case, name, kernels, other_name, losses, "refused", "", "")
                return
        low, median, high = np.quantile(mine.seconds / other.seconds, (0.25, 0.5, 0.75))
        ratio = f"{median:.3f} [{low:.3f}, {high:.3f}]"
        verdict = "" if goal is None else "met" if median <= goal else "missed"
        self._line(case, name, kernels, other_name, losses, ratio, "" if goal is None else f"{goal:.3g}", verdict)


def parse(description, repeats, *, flags=None, wall_time=False):
    """Return the options, ``quick``, ``repeats`` and `flags`, after printing what the figures depend on.

    `flags` is {"--name": what it does}; with `wall_time`, all threads compute.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=repeats, help="timed rounds")
    parser.add_argument("--quick", action="store_true", help="one round of small problems: does the script work?")
    for flag, meaning in (flags or {}).items():
        parser.add_argument(flag, action="store_true", help=meaning)
    options = parser.parse_args()
    if options.quick:
        options.repeats = 1
    if installed("torch") and not wall_time:
        import torch

        torch.set_num_threads(1)
    threads, clock = ("all threads", "Wall time") if wall_time else ("1 thread", "CPU time")
    print(f"{processor()}, {os.cpu_count()} CPUs, {threads}; Python {platform.python_version()}, {versions()}")
    print(f"{clock}, median ratio of {options.repeats} interleaved rounds; seed 0. ", end="")
    return options


def versions(packages=PACKAGES):
    """Return the installed ones of `packages` with their versions, in one line."""
    return ", ".join(f"{name} {metadata.version(name)}" for name in packages if installed(name))


def processor():
    """Return the model of the CPU."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def installed(package):
    """Return whether `package` can be imported, without importing it."""
    modules = {"scikit-learn": "sklearn", "dask-ml": "dask_ml"}
    return util.find_spec(modules.get(package, package)) is not None


def kernel_tables():
    """Return the names of the kernels that can be chosen here: "numpy", and "numba" where it is installed."""
    return ("numpy", "numba") if installed("numba") else ("numpy",)


def kernels(name):
    """Return a context that computes with the given kernels."""
    return use_kernels(name)


def read_pass(*arrays, n_passes=1):
    """Read all bytes of `arrays`, each a multiple of 4 bytes long, and do nothing else: the floor F_read."""
    for _ in range(n_passes):
        for array in arrays:
            np.bitwise_or.reduce(array.reshape(-1).view(np.uint32))
