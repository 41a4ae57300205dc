"""A model that is no worse on its rows than a constant prediction, however its training ended."""

from typing import Any

from sk_adalr.backends import Array
from sk_adalr.objectives import Network
from sk_adalr.training.batches import Batches

#: How often the way to the constant is halved before the constant itself is what is left.
_MAX_HALVINGS = 7


def no_worse_than_constant(params: Array, network: Network, batches: Batches) -> Array:
    r"""Return `params`, or a copy whose raw prediction :math:`u` is shrunk to :math:`c + \theta (u - c)`.

    With :math:`c` the best constant, zero without intercepts. The output layer alone makes it so, and the loss is
    convex in :math:`\theta`: below 1, half as far each time, it falls below that of the constant if it does so
    anywhere, and at 0 it is that of the constant.

    Parameters
    ----------
    params : array of shape (n_params,)
        In the units of training; left as they are.
    network : Network
    batches : Batches
        The rows that count, all of its data.
    """
    target, weight, loss = batches.data.target, batches.data.weight, network.loss
    if network.layout.fit_intercept:
        constant, bound = loss.constant(target, weight), loss.constant_value(target, weight)
    else:
        constant, bound = 0.0, _mean_loss(_shrunk(params, network, 0.0, 0.0), network, batches)
    if not _mean_loss(params, network, batches) > bound:
        return params
    for halvings in range(1, _MAX_HALVINGS + 1):
        shrunk = _shrunk(params, network, constant, 0.5**halvings)
        if _mean_loss(shrunk, network, batches) <= bound:
            return shrunk
    return _shrunk(params, network, constant, 0.0)


def _shrunk(params: Array, network: Network, constant: Any, theta: float) -> Array:
    r"""Return a copy of `params` whose raw prediction is :math:`c + \theta (u - c)`."""
    shrunk = params.copy()
    coefs, intercepts = network.layout.unpack(shrunk)
    coefs[-1][...] *= theta
    if intercepts:
        intercepts[-1][...] = constant + theta * (intercepts[-1] - constant)
    return shrunk


def _mean_loss(params: Array, network: Network, batches: Batches) -> float:
    """Return the mean loss of the rows, without penalty."""
    loss_sum, weight_sum = 0.0, 0.0
    for batch in batches.epoch():
        loss_sum = loss_sum + network.value_and_grad(params, batch)
        weight_sum += batch.weight_sum
    return float(loss_sum) / weight_sum
