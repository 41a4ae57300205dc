"""A training that is only there to find out how long training pays."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from sk_adalr.backends import Array
from sk_adalr.objectives import PenalizedMean
from sk_adalr.training.batches import Batches
from sk_adalr.training.stopping import Stopping


def best_epoch(
    optimizer: Any,
    objective: PenalizedMean,
    batches: Batches,
    params: Array,
    judge: Callable[[Array], tuple[float, float]],
    *,
    stopping: Stopping,
    max_epochs: int,
) -> int:
    """Return the number of epochs after which the loss on other rows is lowest, `max_epochs` at most.

    Parameters
    ----------
    optimizer : Optimizer
        Trains `params` (n_params,) in place, anew.
    objective : PenalizedMean
        What is minimised.
    batches : Batches
        Of the rows that train.
    judge : callable
        ``judge(params) -> (score, loss)`` on the other rows.
    stopping : Stopping
        Says when their loss has not fallen for long enough.

    Returns
    -------
    int
        `max_epochs` where not even the first epoch ends well: the training that counts then says why.
    """
    state = optimizer.init(params)
    losses: list[float] = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        for _ in range(max_epochs):
            try:
                for batch in batches.epoch():
                    optimizer.step(state, params, partial(objective.value_and_grad, batch=batch))
                loss = judge(optimizer.result(state, params))[1]
            except FloatingPointError:
                break
            if not np.isfinite(loss):
                break
            losses.append(loss)
            if stopping.stop_reason(loss):
                break
    return int(np.argmin(losses)) + 1 if losses else max_epochs
