"""Lazy predictions for dask collections, and their scores from sums over blocks."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar

import numpy as np
from sklearn.base import is_regressor

from sk_adalr.backends import enter_host, to_host
from sk_adalr.blocks import RawBlock, added, blocks_of_collections, check_numeric, delayed_frames, delayed_function
from sk_adalr.names import make_loss
from sk_adalr.objectives import Loss
from sk_adalr.targets import encode_outputs, shares_explained
from sk_adalr.validation import is_dask

Method = TypeVar("Method", bound=Callable[..., Any])


def lazy_on_dask(method: Method) -> Method:
    """Decorate a prediction method to return a lazy dask array for a dask collection."""

    @wraps(method)
    def predicting(self: Any, X: Any) -> Any:
        return _lazily(method, self, X) if is_dask(X) else method(self, X)

    return predicting  # type: ignore[return-value]


def summed_on_dask(method: Method) -> Method:
    """Decorate a scoring method to sum over the blocks of dask collections."""

    @wraps(method)
    def scoring(self: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        if any(is_dask(array) for array in (X, y, sample_weight)):
            return _score_of_blocks(self, X, y, sample_weight)
        return method(self, X, y, sample_weight)

    return scoring  # type: ignore[return-value]


def _lazily(method: Callable[..., Any], estimator: Any, X: Any) -> Any:
    import dask.array as da

    check_numeric(X)
    sample = method(estimator, _one_row(X))  # also checks that the features are those of `fit`
    function = partial(_of_block, method.__name__, _without_callbacks(estimator), sample[:0])
    if not hasattr(X, "chunks"):
        parts, shape = map(delayed_function(function), delayed_frames(X)), (np.nan, *sample.shape[1:])
        arrays = [da.from_delayed(part, shape, sample.dtype) for part in parts]
        return da.concatenate(arrays, allow_unknown_chunksizes=True)
    if X.numblocks[1] > 1:
        X = X.rechunk({1: -1})
    chunks = (X.chunks[0], *((size,) for size in sample.shape[1:]))
    dropped = [1] if sample.ndim == 1 else []
    return X.map_blocks(function, chunks=chunks, drop_axis=dropped, dtype=sample.dtype, meta=sample[:0])


def _without_callbacks(estimator: Any) -> Any:
    """Return a copy to send to workers, without callbacks, such as progress bars, which may not be picklable."""
    bare: Any = object.__new__(type(estimator))
    bare.__dict__.update({name: value for name, value in vars(estimator).items() if "_callback" not in name})
    return bare


def _one_row(X: Any) -> Any:
    """Return one row of zeros, with the columns and dtypes of a dask collection."""
    if hasattr(X, "chunks"):
        return np.zeros((1, X.shape[1]), X.dtype)
    return X._meta.reindex([0]).fillna(0).astype(X.dtypes)


def _of_block(name: str, estimator: Any, empty: np.ndarray, X: Any) -> Any:
    return getattr(estimator, name)(X) if X.shape[0] else empty


def _score_of_blocks(estimator: Any, X: Any, y: Any, sample_weight: Any) -> float:
    blocks, estimator = blocks_of_collections(X, y, sample_weight), _without_callbacks(estimator)
    if not is_regressor(estimator):
        right, weight = blocks.reduced(_accuracy_of_block, added, estimator)
        return float(right / weight)
    if not isinstance(estimator._loss, str):
        raise TypeError(
            "The score of a dask collection needs a loss by name: the best constant prediction of one of your own is "
            "found from rows in memory. Score a part of them, or compare `predict` and `y` in your own way."
        )
    loss = make_loss(estimator._loss)
    of_model, total, weight = blocks.reduced(_losses_of_block, added, estimator, loss, None)
    constant = loss.constant((total / weight)[None], None, len(total))
    of_constant = blocks.reduced(_losses_of_block, added, estimator, loss, constant)[0]
    return shares_explained(of_model / weight, of_constant / weight)


def _accuracy_of_block(raw: RawBlock, estimator: Any) -> tuple[float, float]:
    """Return the total weight of the correctly predicted rows, and of all rows."""
    n_rows = raw.checked_length()
    weight = _weights(raw, n_rows)
    total = float(weight.sum())
    return (estimator.score(raw.X, raw.y, weight) * total if total else 0.0), total


def _losses_of_block(
    raw: RawBlock, estimator: Any, loss: Loss, constant: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the weighted sums (k,) of losses and of targets per output, and the total weight.

    The losses are those of the model, or of a `constant` (k,) prediction if given.
    """
    n_rows = raw.checked_length()
    if n_rows == 0:
        return np.zeros(1), np.zeros(1), 0.0
    target = encode_outputs(enter_host(raw.y, "`y`"), np.float64, loss).values
    weight = _weights(raw, n_rows)
    if constant is None:
        predicted = to_host(estimator._raw_prediction(raw.X, "score")[0]).astype(np.float64)
    else:
        predicted = np.tile(constant, (n_rows, 1))
    parts = [slice(k, k + 1) for k in range(target.shape[1])]
    losses = [float(loss.value(predicted[:, part].copy(), target[:, part], weight)) for part in parts]
    return np.array(losses), weight @ target, float(weight.sum())


def _weights(raw: RawBlock, n_rows: int) -> np.ndarray:
    return np.broadcast_to(np.asarray(1.0 if raw.weight is None else raw.weight, np.float64), n_rows)
