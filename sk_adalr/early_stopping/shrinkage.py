"""Shrinkage of a model towards a constant prediction, if it is worse than that on training or validation rows."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sk_adalr.backends import Array, beside
from sk_adalr.objectives import Network
from sk_adalr.objectives.losses import mean_loss_of_constant
from sk_adalr.training import AnyBatches

#: Shrinkage factors to try, 1/2 to 1/128, before 0, which gives the constant itself.
_THETAS = tuple(0.5**halvings for halvings in range(1, 8))


def no_worse_than_constant(params: Array, network: Network, batches: AnyBatches) -> Array:
    r"""Return `params`, or a copy whose raw prediction :math:`u` is shrunk to :math:`c + \theta (u - c)`.

    :math:`c` is the best constant, zero without intercepts. Only the output layer changes. The loss is convex in
    :math:`\theta`, and at 0 it is the loss of the constant: if it is lower at any :math:`\theta`, it is lower at all
    smaller ones above 0, so that it is enough to halve :math:`\theta` a few times.

    Parameters
    ----------
    params : array of shape (n_params,)
        In training units; not modified.
    network : Network
    batches : Batches or BlockBatches
        Batches of all rows of their data.
    """
    target, weight = batches.data.target, batches.data.weight
    constant = best_constant(network, target, weight)
    if network.layout.fit_intercept:
        bound = network.loss.constant_value(target, weight)
    else:
        bound = _mean_loss(shrunk(params, network, constant, 0.0), network, batches)
    if not _mean_loss(params, network, batches) > bound:
        return params
    for theta in _THETAS:
        candidate = shrunk(params, network, constant, theta)
        if _mean_loss(candidate, network, batches) <= bound:
            return candidate
    return shrunk(params, network, constant, 0.0)


def best_constant(network: Network, target: Array, weight: Array | None) -> Any:
    """Return the best constant raw prediction (n_outputs,), on the device of the target; 0 without intercepts."""
    if not network.layout.fit_intercept:
        return 0.0
    return beside(network.loss.constant(target, weight, network.layout.coef_shapes[-1][1]), target)


def constant_loss(network: Network, target: Array, weight: Array | None) -> float:
    """Return the mean loss of the best constant prediction, or of 0 for a constant target without intercepts."""
    loss = network.loss.constant_value(target, weight)
    if loss > 0 or network.layout.fit_intercept:
        return loss
    return mean_loss_of_constant(network.loss, np.zeros(network.layout.coef_shapes[-1][1]), target, weight)


def shrunk(params: Array, network: Network, constant: Any, theta: float) -> Array:
    r"""Return a copy of `params` whose raw prediction is :math:`c + \theta (u - c)`."""
    shrunk = params.copy()
    coefs, intercepts = network.layout.unpack(shrunk)
    coefs[-1][...] *= theta
    if intercepts:
        intercepts[-1][...] = constant + theta * (intercepts[-1] - constant)
    return shrunk


def _mean_loss(params: Array, network: Network, batches: AnyBatches) -> float:
    """Return the mean loss of the rows, without penalty."""
    loss_sum, weight_sum = 0.0, 0.0
    for batch in batches.epoch():
        loss_sum = loss_sum + network.value_and_grad(params, batch)
        weight_sum += batch.weight_sum
    return float(loss_sum) / weight_sum


class FoldEvaluator:
    """Score and loss on a fold; keeps the parameters with the lowest loss if they are worse than a constant.

    Parameters
    ----------
    network : Network
    evaluate : callable
        ``evaluate(params) -> (score, loss)`` on the validation rows.
    constant : array of shape (n_outputs,), or 0
        The best constant raw prediction.
    """

    def __init__(self, network: Network, evaluate: Callable[[Array], tuple[float, float]], constant: Any) -> None:
        self._network, self._evaluate, self._constant = network, evaluate, constant
        self._constant_loss: float | None = None
        self._loss, self._params = np.inf, None

    def __call__(self, params: Array) -> tuple[float, float]:
        """Return score and loss of `params`."""
        score, loss = self._evaluate(params)
        if loss < self._loss:
            if self._constant_loss is None:
                self._constant_loss = self._evaluate(shrunk(params, self._network, self._constant, 0.0))[1]
            self._loss = loss
            self._params = None if loss <= self._constant_loss else params.copy()
        return score, loss

    def theta(self) -> float:
        r"""Return the :math:`\theta` of 1, 1/2, ..., 1/128, 0 with which the kept parameters have the lowest loss."""
        if self._params is None:
            return 1.0
        thetas = (1.0, *_THETAS, 0.0)
        candidates = (shrunk(self._params, self._network, self._constant, theta) for theta in thetas)
        return thetas[int(np.argmin([self._evaluate(params)[1] for params in candidates]))]
