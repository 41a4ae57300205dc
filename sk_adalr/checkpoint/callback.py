"""When a fit writes a checkpoint, and when it may go on from one."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from sk_adalr.backends import enter_host
from sk_adalr.checkpoint.file import read, write
from sk_adalr.estimators.base import GradientEstimator
from sk_adalr.names import check_number

_PRIVATE_STATE = {"_training", "_summary", "_dtype", "_seen_weight", "_single_output", "_multilabel"}
_NOT_COMPARED = {"max_iter", "verbose", "n_jobs", "copy_X"}  # they do not change the course of a fit


class Checkpoint:
    """Write a fit to a file every few epochs, and let the same fit go on from there: a callback.

    When `fit` finds the file, it goes on from it, and ends with the model of a fit that was never interrupted, to the
    bit. So after a crash the same script is run again. The file belongs to one fit: `fit` refuses that of other
    parameters or other data, and a damaged one. It stays where it is when the fit has ended; delete it to train from
    the start.

    For the mini-batch solvers. The exact solver has no state but its solution, and a restart costs seconds.

    Parameters
    ----------
    path : str or path-like
        The file, in a folder that exists.
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
        self._restore(estimator, read(self.path))
        return estimator

    def setup(self, estimator: Any, context: Any) -> None:
        """Refuse what has no state that could be written."""
        if not isinstance(estimator, GradientEstimator):
            raise TypeError(
                f"`Checkpoint` is for the estimators of sk_adalr; got a {type(estimator).__name__}. In a pipeline, "
                "set it on the last step."
            )

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing after the fit."""

    def on_fit_task_begin(
        self, estimator: Any, context: Any, *, X: Any = None, y: Any = None, metadata: Any = None
    ) -> None:
        """Let the fit go on from the file, if there is one."""
        if context.task_name == "epoch":
            return
        self._data = _digest(X, y, *(metadata or {}).values())
        self._n_restored = 0
        if self.path.exists():
            content = read(self.path)
            if content["data"] != self._data:
                raise ValueError(
                    f"The checkpoint {str(self.path)!r} was written by a fit to other data. Pass the same `X`, `y` "
                    "and weights to go on with it; delete it, or choose another path, to train from the start."
                )
            self._restore(estimator, content)
            estimator._n_restored_epochs = self._n_restored = content["n_epochs"]

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> None:
        """Write the file, if it is time to."""
        n_epochs = self._n_restored + context.task_id + 1
        # An epoch that met a reason to stop is not written: the last checkpoint leads there again. One that Ctrl-C cut
        # short must not be.
        if context.task_name != "epoch" or n_epochs % self.every or getattr(fitted_estimator, "stop_reason_", ""):
            return
        attributes = vars(fitted_estimator).items()
        state = {name: value for name, value in attributes if name.endswith("_") or name in _PRIVATE_STATE}
        if state.get("_training") is None:
            raise ValueError(
                "`Checkpoint` is for the mini-batch solvers, but this fit uses the exact one, which has no state to "
                "go on from. Set `solver='adam'`, or leave the callback out."
            )
        content = {"estimator": _identity(estimator), "data": self._data, "n_epochs": n_epochs, "state": state}
        write(self.path, content)

    def _restore(self, estimator: Any, content: dict[str, Any]) -> None:
        here, there = _identity(estimator), content["estimator"]
        if here != there:
            changed = [name for name in here | there if here.get(name) != there.get(name)]
            raise ValueError(
                f"The checkpoint {str(self.path)!r} was written by another fit; these differ: "
                + ", ".join(f"`{name}` (was {there.get(name)}, is {here.get(name)})" for name in changed)
                + ". Set them as they were, or delete the file to train from the start."
            )
        vars(estimator).update(content["state"])


def _identity(estimator: Any) -> dict[str, str]:
    """Return class and parameters as text that is the same in every process."""
    identity = {"class": type(estimator).__name__}
    for name, value in estimator.get_params(deep=False).items():
        text = repr(value)
        if name not in _NOT_COMPARED:
            identity[name] = type(value).__name__ if " at 0x" in text else text  # such as a RandomState
    return identity


def _digest(*values: Any) -> str:
    """Return a checksum of data: arrays, sparse matrices, frames, lists, None."""
    digest = hashlib.sha256()
    for value in values:
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
                # Block by block, for a memory map stays on the disk.
                for block in np.array_split(array, max(1, array.nbytes >> 24)) if array.ndim else [array]:
                    digest.update(block.tobytes())
    return digest.hexdigest()
