"""Fits to rows in blocks, which are dask collections or chunks: linear models are solved with sums over blocks.

A first pass finds the labels, the numbers of rows and their weights; then each block is encoded in place, with labels
and mean weight of all blocks. The job gets a small target with the same best constant prediction as all rows: one row
per label, or the mean.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import numpy as np
from sklearn.base import is_regressor

from sk_adalr.blocks import Blocks, Chunks
from sk_adalr.compatibility import with_callbacks
from sk_adalr.dataset import Dataset
from sk_adalr.estimators.base import GradientEstimator
from sk_adalr.estimators.first_pass import FirstPass
from sk_adalr.estimators.job import answers_unknown_arguments, check_same_target
from sk_adalr.estimators.model import LinearModel
from sk_adalr.optimizer.exact import BlockedRows
from sk_adalr.options import Options
from sk_adalr.targets import Target

EstimatorT = TypeVar("EstimatorT", bound=GradientEstimator)

# Relative change of the total weight from one pass to another that may be due to round-off.
_SAME_WEIGHT = 1e-6


def blocked_data(
    estimator: Any,
    options: Options,
    model: Any,
    make_blocks: Callable[[], Blocks],
    before: dict[str, Any] | None,
) -> tuple[Dataset, Target]:
    """Return the data of a fit to blocks of rows, and an encoded target that summarises all rows.

    `model` is a `LinearModel`; for the other parameters see `FirstPass.of`, for the target `FirstPass.table`.
    """
    _check_options(options, model)
    first_pass = FirstPass.of(estimator, options, make_blocks, before)
    n, p, weight = first_pass.n_rows, first_pass.summary.n_features, first_pass.weight
    X = BlockedRows.of(first_pass.encoded(), (n, p), first_pass.dtype, model.fit_intercept, is_regressor(estimator))
    check_same_rows(X.description, n)
    target = first_pass.table(X.description.spread.mean[p:])
    if before is not None:
        check_same_target(target, estimator)
    return Dataset(X, target.values, weight * (n / weight.sum()), float(weight.sum()) / n), target


def check_same_rows(description: Any, n_rows: int) -> None:
    """Raise a ValueError unless a second pass found the same total weight: `n_rows`, since the mean weight is 1."""
    if description is None or abs(description.spread.weight - n_rows) > _SAME_WEIGHT * n_rows:
        raise ValueError(
            "The blocks had other rows when they were read a second time. `make_chunks` must return the same chunks "
            "at each call: a new iterator, never one that is used up."
        )


def _check_options(options: Options, model: LinearModel) -> None:
    if not options.solves_at_once:
        raise ValueError(
            "Blocks of rows are trained on all at once, by `solver='auto'` or 'exact', with `learning_rate='auto'` "
            "and `early_stopping=False`. For mini-batches call `partial_fit` with one block after another."
        )
    if model.choice is not None:
        name = "C" if "C_" in model.of_penalty else "alpha"
        raise ValueError(f"`{name}='auto'` needs rows in memory: fit to some of them, and set `{name}` to `{name}_`.")
    if np.ndim(model.strength):
        raise ValueError("Blocks of rows have one penalty for all outputs: `alpha` must be a number.")
    if model.is_standardized:
        raise ValueError(
            "Blocks of rows have their penalty on the features as they are: `penalty_units='standardized'` needs the "
            "rows in memory, or `partial_fit` with one block after another."
        )
    if options.backend == "cupy":
        raise ValueError("Blocks of rows are trained on with NumPy; `backend='cupy'` needs arrays in memory.")


@answers_unknown_arguments
@with_callbacks
def fit_chunks(self: EstimatorT, make_chunks: Callable[[], Iterable[Any]]) -> EstimatorT:
    """Fit the model to rows that come in chunks, of which one is in memory at a time.

    A linear model is that of `fit` to all of the rows. The chunks are read several times, about once per iteration: a
    fit of few columns takes about ten readings, and least squares three. A network reads them three or four times, and
    once per epoch, in the order in which they come; its rows are shuffled within each chunk. For a single reading see
    `partial_fit`.

    Parameters
    ----------
    make_chunks : callable
        ``make_chunks()`` returns an iterator of chunks ``(X, y)`` or ``(X, y, sample_weight)``, as `fit` takes them,
        and the same ones at each call. A chunk may be of any length.

    Returns
    -------
    self : estimator
        The fitted estimator.
    """

    def validated(options: Options, model: Any, before: dict[str, Any] | None) -> tuple[Dataset, Target]:
        return self._data_of_blocks(options, model, partial(Chunks, make_chunks), before)

    return self._fit(None, None, {"make_chunks": make_chunks}, validated, in_blocks=True)
