"""A callback that writes a row to a CSV file after each epoch."""

import csv
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

from sk_adalr.callbacks.base import MEASURES, EpochCallback, measures
from sk_adalr.names import check_bool


class CSVLogger(EpochCallback):
    """Write loss, validation score and learning rates to a CSV file after each epoch: a callback.

    Each row is in the file as soon as its epoch has ended, so that other programs can follow the fit. The columns are
    ``epoch``, ``seconds`` since `fit` was called, ``loss``, ``validation_score``, ``validation_loss``, and
    ``learning_rate_min``, ``learning_rate_median`` and ``learning_rate_max``. What a fit does not have is empty. Where
    the solver trains on all rows at once, an epoch is an iteration.

    Parameters
    ----------
    path : str or path-like
        The file, in a folder that exists; or such a folder, in which each fit has a file, ``fit-1.csv``,
        ``fit-2.csv`` and so on, in the order in which they begin. For several fits, as in a cross-validation or a
        search, pass a folder.
    append : bool, default=False
        Whether to add to a file that is there, as for a fit that continues from a checkpoint, instead of replacing it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from sklearn.datasets import load_iris
    >>> from sk_adalr import AdaptiveLRMLPClassifier
    >>> from sk_adalr.callbacks import CSVLogger
    >>> X, y = load_iris(return_X_y=True)
    >>> path = Path(tempfile.mkdtemp()) / "iris.csv"
    >>> model = AdaptiveLRMLPClassifier(random_state=0)
    >>> model = model.set_callbacks(CSVLogger(path)).fit(X, y)
    >>> table = pd.read_csv(path)
    >>> len(table) == model.n_iter_, bool(table["loss"].iloc[-1] == model.loss_)
    (True, True)
    """

    def __init__(self, path: Any, append: bool = False) -> None:
        check_bool("append", append)
        super().__init__()
        self.path = Path(path)
        self.append = append

    def _begin(self, estimator: Any, X: Any, y: Any, metadata: Any) -> tuple[Path, float]:
        """Write the header, unless it appends to an existing file; return the file and the start time."""
        file, start = _new_file(self.path) if self.path.is_dir() else self.path, perf_counter()
        if not (self.append and file.exists() and file.stat().st_size):
            _write(file, "w", ("epoch", "seconds", *MEASURES))
        return file, start

    def _epoch(self, estimator: Any, context: Any, model: Any) -> None:
        file, start = self._runs[id(estimator)]
        found = measures(model)
        row = [len(model.loss_curve_), f"{perf_counter() - start:.3f}", *(found.get(name, "") for name in MEASURES)]
        _write(file, "a", row)


def _new_file(folder: Path) -> Path:
    """Create and return the first ``fit-N.csv`` that does not exist, safely if other processes do the same."""
    for number in count(1):
        file = folder / f"fit-{number}.csv"
        try:
            file.touch(exist_ok=False)
        except FileExistsError:
            continue
        return file
    raise AssertionError  # numbers do not end


def _write(file: Path, mode: str, row: Any) -> None:
    with file.open(mode, newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerow(row)
