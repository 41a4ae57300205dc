"""Fits of networks to rows in blocks: units from sums over all blocks, then training on one block after another."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sk_adalr.blocks import Blocks
from sk_adalr.caller import warn_caller
from sk_adalr.dataset import Dataset
from sk_adalr.early_stopping import holds_out_of_blocks
from sk_adalr.estimators.blocks import check_same_rows
from sk_adalr.estimators.first_pass import BlockSummary, FirstPass
from sk_adalr.estimators.job import Job, check_same_target
from sk_adalr.optimizer.exact import Block, Description
from sk_adalr.options import Options
from sk_adalr.standardization import ROUNDING
from sk_adalr.statistics import Quantiles
from sk_adalr.targets import Target
from sk_adalr.training import VisitedRows

# If rows are shuffled, a block with this expected number of rows of a label lacks it with a probability of 1 / 20,000.
_SURELY_SEEN = 10


def visited_data(
    estimator: Any,
    options: Options,
    model: Any,
    make_blocks: Callable[[], Blocks],
    before: dict[str, Any] | None,
) -> tuple[Dataset, Target]:
    """Return the data of a fit to blocks of rows, and an encoded target that summarises all rows.

    `model` is a `NetworkModel`; for the other parameters see `FirstPass.of`, for the target `FirstPass.table`.
    """
    if options.backend == "cupy":
        raise ValueError("Blocks of rows are trained on with NumPy; `backend='cupy'` needs arrays in memory.")
    if options.ensemble:
        raise ValueError("`ensemble=True` has folds of rows in memory. Fit one network to blocks of rows.")
    first_pass = FirstPass.of(estimator, options, make_blocks, before)
    n, p, dtype = first_pass.n_rows, first_pass.summary.n_features, first_pass.dtype
    weight, is_regression = first_pass.weight, first_pass.target is None
    # The units do not depend on class weights, as in fits to arrays.
    unweighted = first_pass.encoded_without_class_weights()
    description = unweighted.reduced(Description.of, Description.merged, is_regression)
    check_same_rows(description, n)
    target = first_pass.table(description.spread.mean[p:])
    if is_regression:
        target = replace(target, values=_table_of_outputs(target.loss, unweighted, description, p, dtype))
    if before is not None:
        check_same_target(target, estimator)
    scale = float(weight.sum()) / n
    table = None if is_regression else target.values
    most_rows = first_pass.summary.most_rows
    X = VisitedRows(first_pass.encoded(), (n, p), dtype, description, most_rows, table, scale)
    if not X.is_one_visit:
        _warn_if_sorted(first_pass.summary)
    return Dataset(X, target.values, None if is_regression else weight / scale, scale), target


def with_held_out_rows(job: Job[Any], seed: int) -> Job[Any]:
    """Return a job of blocks, with validation rows held out if the options or the number of rows ask for it."""
    X, options = job.data.X, job.options
    if job.target.validation is not None or not holds_out_of_blocks(options, X.shape[0]):
        return job
    X, validation = X.hold_out(options.validation_fraction, seed)
    if validation is None:
        if options.early_stopping is True:
            raise ValueError(
                f"`early_stopping=True` found no rows to hold out of the {X.shape[0]} in blocks. Raise "
                "`validation_fraction`, pass `X_val` and `y_val`, or load the rows and fit to them in memory."
            )
        options = replace(options, early_stopping=False)  # "auto" would ask for folds, which blocks do not have
    target = replace(job.target, validation=validation)
    return replace(job, options=options, data=replace(job.data, X=X), target=target)


def _table_of_outputs(loss: Any, blocks: Blocks, description: Description, p: int, dtype: np.dtype) -> np.ndarray:
    """Return a few outputs (m, k) with the best constant prediction and units of all rows, and about their loss."""
    if not loss.is_quadratic:
        return blocks.reduced(_quantiles, Quantiles.joined).values
    mean, deviation = description.spread.mean[p:], description.spread.deviation[p:]
    largest = np.maximum(np.abs(description.low), np.abs(description.high))[p:]
    deviation = np.where(deviation > ROUNDING * np.finfo(dtype).eps * largest, deviation, 0.0)  # else round-off
    return np.stack([mean - deviation, mean + deviation])


def _quantiles(block: Block) -> Quantiles:
    return Quantiles.of(block.target, block.weight)


def _warn_if_sorted(summary: BlockSummary) -> None:
    """Warn if blocks lack labels that they would contain if the rows were shuffled."""
    n_lacking = summary.n_blocks - summary.blocks_with
    total = int(summary.n_rows.sum())
    # The mean number of rows of a label to expect in the blocks that lack it.
    expected = summary.n_rows * (1 - summary.rows_with / max(1, total)) / np.maximum(1, n_lacking)
    is_missed = (n_lacking > 0) & (expected > _SURELY_SEEN)
    if is_missed.any():
        worst = int(np.argmax(np.where(is_missed, n_lacking, 0)))
        warn_caller(
            f"{n_lacking[worst]} of the {summary.n_blocks} blocks have no row of the class {summary.labels[worst]}, "
            f"though they would have about {expected[worst]:.0f} each if rows were shuffled. Between two visits to "
            "its rows, training forgets a class. Shuffle the rows across blocks first, where they are written, or "
            "those of a dask dataframe by a column of random numbers: `frame.shuffle(on=column)`."
        )
