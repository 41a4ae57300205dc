"""The choice of the kernels that compute.

CuPy arrays have kernels of their own. For NumPy arrays, the reference kernels are always available. The kernels of
numba, an optional dependency, return bitwise the same numbers in fewer passes over memory. Loading numba takes as long
as some ten thousand small steps, so it is loaded once the fits of this process are expected to make enough of them.

Because the choice affects only the time, it may change during a fit, after an interruption, or between parallel fits.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import numpy as np

from sk_adalr.backends.kernels.device import DEVICE
from sk_adalr.backends.kernels.reference import REFERENCE
from sk_adalr.backends.kernels.table import Kernels, Residuals, least_log_probability, least_probability
from sk_adalr.backends.namespace import Array, namespace

__all__ = [
    "Kernels",
    "Residuals",
    "expect_steps",
    "kernels",
    "least_log_probability",
    "least_probability",
    "use_kernels",
]

#: Number of parameters times steps after which numba is loaded. A fused step saves about 2 ns per parameter, and
#: loading takes 0.3 s if the compiled code is cached. This is three times the break-even, because a fit may end early.
LOADING_WORK = 5e8
#: The overhead that a fused step saves whatever its size (20 us), expressed as a number of parameters.
STEP_WORK = 10_000

_lock = threading.Lock()
_expected_work = 0.0
_automatic = REFERENCE
_chosen: ContextVar[Kernels | None] = ContextVar("sk_adalr_kernels", default=None)


def kernels(array: Array) -> Kernels:
    """Return the kernels for arrays like `array`."""
    if type(array) is not np.ndarray and namespace(array) is not np:
        return DEVICE
    return _chosen.get() or _automatic


def expect_steps(n_steps: int, n_params: int) -> None:
    """Announce optimizer steps; load numba, if installed, once the steps announced so far make it worthwhile."""
    global _expected_work, _automatic
    if _chosen.get() is not None or _automatic is not REFERENCE:
        return
    with _lock:
        _expected_work += n_steps * (n_params + STEP_WORK)
        if _expected_work >= LOADING_WORK:
            _automatic = _fused() or REFERENCE


@contextmanager
def use_kernels(name: str) -> Iterator[None]:
    """Choose the kernels of training on NumPy arrays, within a ``with`` block.

    The results are bitwise the same; only the time differs. The choice holds for the current thread.

    Parameters
    ----------
    name : {"auto", "numpy", "numba"}
        "auto", the default outside of any block, is "numpy" until the fits of this process are long enough to make
        loading numba worthwhile. Then it is "numba", if installed and able to cache compiled code.

    Yields
    ------
    None

    Raises
    ------
    ValueError
        If `name` is none of these.
    ImportError
        If `name` is "numba", which is not installed or finds no directory to cache compiled code.

    Examples
    --------
    >>> from sk_adalr import AdaptiveLRLogisticRegression
    >>> from sk_adalr.backends import use_kernels
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> with use_kernels("numpy"):
    ...     model = AdaptiveLRLogisticRegression(solver="adam", random_state=0).fit(X, y)
    """
    if name not in ("auto", "numpy", "numba"):
        raise ValueError(f"`name` must be one of 'auto', 'numpy', 'numba'; got {name!r}.")
    chosen = None if name == "auto" else REFERENCE if name == "numpy" else _fused()
    if name == "numba" and chosen is None:
        raise ImportError(
            "The kernels of numba need numba and a directory that it can write to, for what it compiles: "
            "install it with `pip install 'sk-adalr[fast]'`, and set the environment variable NUMBA_CACHE_DIR if "
            "neither the package's nor the user's cache directory is writable."
        )
    token = _chosen.set(chosen)
    try:
        yield
    finally:
        _chosen.reset(token)


@cache
def _fused() -> Kernels | None:
    """Return the numba kernels; None if numba is not installed or cannot cache compiled code between processes."""
    try:
        from sk_adalr.backends.kernels.fused import FUSED
    except (ImportError, RuntimeError):  # numba raises a RuntimeError if it finds no directory for its cache
        return None
    return FUSED
