"""The checkpoint callback: when a fit writes a checkpoint, and when it continues from one."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from sk_adalr.backends import enter_host
from sk_adalr.blocks import Blocks, Chunks, blocks_of_collections
from sk_adalr.callbacks.base import EpochCallback
from sk_adalr.caller import warn_caller
from sk_adalr.checkpoint.file import read, write
from sk_adalr.estimators.base import GradientEstimator
from sk_adalr.names import check_number, stable_text
from sk_adalr.validation import is_dask

_PRIVATE_STATE = {"_training", "_summary", "_spread", "_dtype", "_seen_weight", "_single_output", "_multilabel"}
# Parameters that version 0.1 did not have. They are left out at these defaults, so that its files still match.
_ADDED = {"loss": "'squared_error'", "scoring": "None", "ensemble": "False"}
_NOT_COMPARED = {"max_iter", "verbose", "n_jobs", "copy_X"}  # they do not affect what happens in an epoch


@dataclass(frozen=True)
class _Run:
    """A running fit.

    Parameters
    ----------
    identity, data : dict, str
        Class and parameters of the estimator, and a checksum of the data.
    file : Path
        The checkpoint file.
    own_file : Path
        The file to write instead if `file` belongs to another fit.
    n_restored : int
        Number of epochs restored from the file.
    state : dict or None
        Attributes of the model after these epochs.
    is_written : bool
        Whether `file` is known to belong to this fit.
    """

    identity: dict[str, str]
    data: str
    file: Path
    own_file: Path
    n_restored: int = 0
    state: dict[str, Any] | None = None
    is_written: bool = False


class Checkpoint(EpochCallback):
    """A callback that saves a fit every few epochs, so that the same fit can continue from there.

    After a crash, run the same script again. `fit` finds the file, continues from it, and ends with bitwise the same
    model as a fit that was never interrupted. The file stays after the fit; delete it to train from the start.

    The file belongs to one fit. A fit with other parameters or other data leaves it alone, warns, and writes a file of
    its own beside it. For several fits, as in a cross-validation or a search, pass a folder: each has a file in it. A
    damaged file is an error.

    Checkpoints are for the mini-batch solvers. The exact solver has no state but its solution; it restarts in seconds.

    Parameters
    ----------
    path : str or path-like
        The file, in a folder that exists; or such a folder, in which each fit has a file, named by a checksum.
    every : int, default=1
        Number of epochs from one writing to the next.

    Notes
    -----
    The file holds a SHA-256 checksum, a description in JSON and the arrays as an ``.npz`` archive without pickles:
    reading one from others runs no code of theirs. It is written beside its place, flushed to the disk and renamed, so
    that a crash at any moment leaves the old file or the new one.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from sk_adalr import AdaptiveLRMLPClassifier
    >>> from sk_adalr.checkpoint import Checkpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> path = Path(tempfile.mkdtemp()) / "iris.checkpoint"
    >>> model = AdaptiveLRMLPClassifier(random_state=0)
    >>> model = model.set_callbacks(Checkpoint(path)).fit(X, y)
    >>> path.exists()
    True
    """

    def __init__(self, path: Any, every: int = 1) -> None:
        check_number("every", every, 1, integer=True)
        super().__init__()
        self.path = Path(path)
        self.every = every

    def restore(self, estimator: GradientEstimator) -> GradientEstimator:
        """Give `estimator` the model of the file, to predict with or to look at.

        Parameters
        ----------
        estimator : estimator
            With the parameters of the fit that wrote the file, fitted or not.

        Returns
        -------
        self : estimator
            `estimator`, with the fitted attributes of the file.

        Raises
        ------
        ValueError
            If the file is damaged, or belongs to an estimator with other parameters.
        """
        if self.path.is_dir():
            raise ValueError(
                f"{str(self.path)!r} is a folder, with a file for each fit. Pass one of them: `Checkpoint(file)`."
            )
        content = read(self.path)
        changed = _difference(_identity(estimator), content["estimator"])
        if changed:
            raise ValueError(
                f"The checkpoint {str(self.path)!r} was written by another fit; these differ: {changed}. Set them as "
                "they were."
            )
        estimator.__dict__.update(content["state"])
        if hasattr(estimator, "loss"):  # may be an object of the user's, which is not in the file
            estimator.__dict__["_loss"] = estimator.loss
        return estimator

    def _begin(self, estimator: Any, X: Any, y: Any, metadata: Any) -> _Run:
        """Return the run, which continues from its file if there is one."""
        # Version 0.1 had no weights of validation rows: without them, checksums are the same as in its files.
        arguments = {k: v for k, v in (metadata or {}).items() if k != "sample_weight_val" or v is not None}
        run = self._start(_identity(estimator), _digest(X, y, arguments))
        if run.file.exists():
            content = read(run.file)
            # Since `_start`, another process may have written its own file, as in a parallel cross-validation.
            if content["data"] == run.data and not _difference(run.identity, content["estimator"]):
                run = replace(run, n_restored=content["n_epochs"], state=content["state"], is_written=True)
        return run

    def restored(self, estimator: Any) -> tuple[dict[str, Any], int] | None:
        """Return the state from which a fit that has begun continues; the estimators of this package ask for it.

        Parameters
        ----------
        estimator : estimator
            The one that is being fitted.

        Returns
        -------
        (dict, int) or None
            Its fitted attributes, and after how many epochs; None where there is no file.
        """
        run = self._runs.get(id(estimator))
        return None if run is None or run.state is None else (run.state, run.n_restored)

    def _start(self, identity: dict[str, str], data: str) -> _Run:
        """Return a run with its file: in the folder `path`, or `path` itself unless it belongs to another fit."""
        key = hashlib.sha256(repr((sorted(identity.items()), data)).encode()).hexdigest()[:16]
        if self.path.is_dir():
            file = self.path / f"{key}.checkpoint"
            return _Run(identity, data, file, own_file=file)
        run = _Run(identity, data, self.path, own_file=self.path.with_stem(f"{self.path.stem}-{key}"))
        return run if not self.path.exists() or self._is_of(run) else replace(run, file=run.own_file)

    def _is_of(self, run: _Run) -> bool:
        """Return whether the file at `path` belongs to this run; warn if it belongs to another fit."""
        content = read(self.path)
        changed = _difference(run.identity, content["estimator"])
        if not changed and content["data"] == run.data:
            return True
        other = f"with other parameters, {changed}" if changed else "to other data"
        warn_caller(
            f"The checkpoint {str(self.path)!r} is that of a fit {other}. It is left alone, and this fit has its own "
            "file beside it. To continue from it, set parameters and data as they were; for several fits, as in a "
            "cross-validation or a search, pass a folder."
        )
        return False

    def _epoch(self, estimator: Any, context: Any, model: Any) -> None:
        """Write the checkpoint if one is due after this epoch."""
        run = self._runs[id(estimator)]
        n_epochs = run.n_restored + context.task_id + 1
        # The last epoch need not be written, since it can be repeated from the checkpoint before. An epoch that Ctrl-C
        # cut short must not be written.
        if n_epochs % self.every or getattr(model, "stop_reason_", ""):
            return
        attributes = vars(model).items()
        state = {name: value for name, value in attributes if name.endswith("_") or name in _PRIVATE_STATE}
        if state.get("_training") is None:
            raise ValueError(
                "`Checkpoint` is for the mini-batch solvers, but this fit uses the exact one, which has no state to "
                "continue from. Set `solver='adam'`, or leave the callback out."
            )
        if not run.is_written:
            # Another process may have created the file in the meantime, as in a parallel cross-validation.
            run = replace(run, file=run.own_file if run.file.exists() else run.file, is_written=True)
            self._runs[id(estimator)] = run
        content = {"estimator": run.identity, "data": run.data, "n_epochs": n_epochs, "state": state}
        write(run.file, content, beside=run.own_file.with_name(run.own_file.name + ".new"))


def _difference(here: dict[str, str], there: dict[str, str]) -> str:
    """Return a text that lists class and parameters that differ; empty if none does."""
    changed = [name for name in here | there if here.get(name) != there.get(name)]
    return ", ".join(f"`{name}` (was {there.get(name)}, is {here.get(name)})" for name in changed)


def _identity(estimator: Any) -> dict[str, str]:
    """Return class and parameters as texts that are the same in every process."""
    identity = {"class": type(estimator).__name__}
    parameters = estimator.get_params()
    for name, value in parameters.items():
        owner, is_nested, _ = name.rpartition("__")
        if is_nested and " at 0x" not in repr(parameters[owner]):
            continue  # the repr of its owner includes it
        text = stable_text(value)
        if name not in _NOT_COMPARED and text != _ADDED.get(name):
            identity[name] = text
    return identity


def _values(X: Any, y: Any, arguments: dict[str, Any]) -> Iterator[Any]:
    """Yield the data of a fit: X and y, or the arrays of one block after another, and then other arguments."""
    if "make_chunks" in arguments:
        blocks: Blocks | None = Chunks(arguments.pop("make_chunks"))
    elif is_dask(X):
        blocks = blocks_of_collections(X, y, arguments.pop("sample_weight"))
    else:
        blocks = None
        yield from (X, y)
    for block in () if blocks is None else blocks.visited():
        yield from (block.X, block.y, block.weight)
    yield from arguments.values()


def _digest(X: Any, y: Any, arguments: dict[str, Any]) -> str:
    """Return a checksum of the data of a fit: arrays, sparse matrices, frames, lists, None."""
    digest = hashlib.sha256()
    for value in _values(X, y, dict(arguments)):
        parts: Any = [value]
        if sparse.issparse(value):
            rows = value.tocsr()
            parts = [rows.shape, rows.indptr, rows.indices, rows.data]
        for part in parts:
            array = np.asarray(enter_host(part, "The data"))
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            if array.dtype.hasobject:
                digest.update(repr(array.tolist()).encode())
            else:
                # Block by block, so that a memory map is never in memory as a whole.
                for block in np.array_split(array, max(1, array.nbytes >> 24)) if array.ndim else [array]:
                    digest.update(block.tobytes())
    return digest.hexdigest()
