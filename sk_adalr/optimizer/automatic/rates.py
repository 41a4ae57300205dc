r"""Initial learning rates, one per layer, from how far the first step changes the outputs of the layer.

A step with rate :math:`\eta` along a direction u changes the outputs of a layer by :math:`\eta |a^T u|`, where
:math:`a` are its inputs. A rate inversely proportional to this change has the same effect for inputs of any scale and
correlation, and for layers of any width, so that one number, `REACH`, suits all networks.
"""

import math

import numpy as np

from sk_adalr.backends import Array, namespace, to_floats
from sk_adalr.dataset import Batch
from sk_adalr.objectives import Network
from sk_adalr.parameters import ParameterLayout

#: Change of the outputs of a network in the first step, summed over layers, for batches of `USUAL_BATCH_SIZE`.
REACH = 0.5
#: Batch size at which the change is `REACH`. The noise of a gradient falls with the square root of the batch size, and
#: rates grow with it.
USUAL_BATCH_SIZE = 200
# Entries whose absolute values are computed at a time, which avoids a copy of the direction.
_ENTRIES = 1 << 14


def first_rates(
    network: Network, params: Array, batch: Batch, direction: Array, batch_size: int, unit: float = 1.0
) -> np.ndarray:
    """Return the initial rate of each layer, (n_layers,), on the host.

    Parameters
    ----------
    network : Network
    params : array of shape (n_params,)
        The initial parameters.
    batch : Batch
        The first batch.
    direction : array of shape (n_params,)
        The direction of the first step. Only the ratios of its entries within a layer matter.
    batch_size : int
        Rows per step.
    unit : float, default=1.0
        Change of an output that counts as large.
    """
    changes, raw = network.output_changes(params, batch, direction)
    sizes = _sizes(direction, network.layout)
    # A layer that the first step does not change gets the rate for inputs that are all 1.
    changes = np.divide(changes, sizes, out=fan_in(network.layout), where=changes > 0)
    rates = rates_of(changes) * math.sqrt(batch_size / USUAL_BATCH_SIZE)
    rates[-1] *= max(unit, raw)  # large initial outputs must be undone, too
    return rates


def rates_of(changes: np.ndarray) -> np.ndarray:
    """Return the rates of layers whose outputs change by `changes` along a direction with entries of about 1."""
    return REACH / (len(changes) * changes)


def fan_in(layout: ParameterLayout) -> np.ndarray:
    """Return the number of inputs of each layer, (n_layers,)."""
    return np.array([n_in for n_in, _ in layout.coef_shapes], dtype=float)


def _sizes(direction: Array, layout: ParameterLayout) -> np.ndarray:
    """Return the magnitude of the direction in each layer, (n_layers,): the contraharmonic mean of absolute entries.

    Unlike other means, it ignores the many entries near zero that sparse columns have.
    """
    xp, sums = namespace(direction), []
    for layer in layout.layers:
        starts = ((start, block.stop) for block in layer for start in range(block.start, block.stop, _ENTRIES))
        parts = [direction[start : min(start + _ENTRIES, stop)] for start, stop in starts]
        sums += [sum(xp.vdot(part, part) for part in parts), sum(xp.abs(part).sum() for part in parts)]
    squares, absolutes = np.array(to_floats(sums)).reshape(-1, 2).T
    return np.divide(squares, absolutes, out=np.ones_like(squares), where=absolutes > 0)
