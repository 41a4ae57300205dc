r"""The first rates, one for each layer: found by how far the first step moves what the layer gives.

A step of the rate :math:`\eta` along a direction u changes the outputs of a layer by :math:`\eta |a^T u|`, where
:math:`a` are its inputs. A rate that is divided by that change means the same behind columns of any scale, correlated
or not, and for a layer of any width, so that one number, `REACH`, suits all networks.
"""

import math

import numpy as np

from sk_adalr.backends import Array, namespace, to_floats
from sk_adalr.dataset import Batch
from sk_adalr.objectives import Network
from sk_adalr.parameters import ParameterLayout

#: How far the first step moves the outputs of a network, all layers together, for batches of `USUAL_BATCH_SIZE`.
REACH = 0.5
#: The noise of a gradient falls with the root of its number of rows; so may the rate rise.
USUAL_BATCH_SIZE = 200
# Entries whose absolute values are made at once: no copy of a direction.
_ENTRIES = 1 << 14


def first_rates(
    network: Network, params: Array, batch: Batch, direction: Array, batch_size: int, unit: float = 1.0
) -> np.ndarray:
    """Return the rate of each layer, (n_layers,), on the host.

    Parameters
    ----------
    network : Network
    params : array of shape (n_params,)
        Where training begins.
    batch : Batch
        The rows that it begins with.
    direction : array of shape (n_params,)
        Of the first step there. Only the ratios of its entries in a layer count.
    batch_size : int
        Rows per step.
    unit : float, default=1.0
        What is a large change of an output.
    """
    changes, raw = network.output_changes(params, batch, direction)
    sizes = _sizes(direction, network.layout)
    # A layer that the first step leaves alone has the rate of inputs of 1 that all pull in one direction.
    changes = np.divide(changes, sizes, out=fan_in(network.layout), where=changes > 0)
    rates = rates_of(changes) * math.sqrt(batch_size / USUAL_BATCH_SIZE)
    rates[-1] *= max(unit, raw)  # what training begins with has to be undone, too
    return rates


def rates_of(changes: np.ndarray) -> np.ndarray:
    """Return the rates of layers whose outputs change by so much with a direction whose entries are about 1."""
    return REACH / (len(changes) * changes)


def fan_in(layout: ParameterLayout) -> np.ndarray:
    """Return the number of inputs of each layer, (n_layers,)."""
    return np.array([n_in for n_in, _ in layout.coef_shapes], dtype=float)


def _sizes(direction: Array, layout: ParameterLayout) -> np.ndarray:
    """Return how large the entries of each layer are, (n_layers,): their contraharmonic mean.

    In it, unlike in other means, the many entries near zero that sparse columns have do not count.
    """
    xp, sums = namespace(direction), []
    for layer in layout.layers:
        starts = ((start, block.stop) for block in layer for start in range(block.start, block.stop, _ENTRIES))
        parts = [direction[start : min(start + _ENTRIES, stop)] for start, stop in starts]
        sums += [sum(xp.vdot(part, part) for part in parts), sum(xp.abs(part).sum() for part in parts)]
    squares, absolutes = np.array(to_floats(sums)).reshape(-1, 2).T
    return np.divide(squares, absolutes, out=np.ones_like(squares), where=absolutes > 0)
