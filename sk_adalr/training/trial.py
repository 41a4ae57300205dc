"""A training that is only there to find out how long training pays."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from sk_adalr.backends import Array
from sk_adalr.objectives import Network, PenalizedMean
from sk_adalr.training.batches import Batches
from sk_adalr.training.shrinkage import best_theta, shrunk
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
    losses: list[float] = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        state = optimizer.init(params)
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


class Trust:
    """A judge that remembers the parameters of the lowest loss, as long as a constant prediction has a lower one.

    Parameters
    ----------
    network : Network
    judge : callable
        ``judge(params) -> (score, loss)`` on rows that do not train.
    constant : array of shape (n_outputs,), or 0
        The raw prediction that is best of all constant ones.
    """

    def __init__(self, network: Network, judge: Callable[[Array], tuple[float, float]], constant: Any) -> None:
        self._network, self._judge, self._constant = network, judge, constant
        self._constant_loss: float | None = None
        self._loss, self._params = np.inf, None

    def __call__(self, params: Array) -> tuple[float, float]:
        """Return score and loss of `params`."""
        score, loss = self._judge(params)
        if loss < self._loss:
            if self._constant_loss is None:
                self._constant_loss = self._judge(shrunk(params, self._network, self._constant, 0.0))[1]
            self._loss = loss
            self._params = None if loss <= self._constant_loss else params.copy()
        return score, loss

    def theta(self) -> float:
        """Return how far the raw prediction of these parameters should lie from the constant: 1, 1/2, ... or 0."""
        if self._params is None:
            return 1.0
        return best_theta(self._params, self._network, self._constant, lambda params: self._judge(params)[1])
