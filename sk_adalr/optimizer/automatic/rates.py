r"""The first rates, one for each layer: found by how far a step moves what the layer gives.

A step that changes each coefficient of a layer by :math:`s` changes its outputs by at most :math:`s \sum_j |a_j|`,
where :math:`a` are its inputs. A rate divided by that sum means the same behind columns of any scale and for a layer
of any width, so that one number, `REACH`, suits all networks.
"""

import math

import numpy as np

from sk_adalr.backends import Array
from sk_adalr.dataset import Batch
from sk_adalr.objectives import Network
from sk_adalr.parameters import ParameterLayout

#: How far a step moves the outputs of a network at most, all layers together, for batches of `USUAL_BATCH_SIZE`.
REACH = 1.0
#: The noise of a gradient falls with the root of its number of rows; so may the rate rise.
USUAL_BATCH_SIZE = 200


def first_rates(network: Network, params: Array, batch: Batch, batch_size: int, unit: float = 1.0) -> np.ndarray:
    """Return the rate of each layer, (n_layers,), on the host.

    Parameters
    ----------
    network : Network
    params : array of shape (n_params,)
        Where training begins.
    batch : Batch
        The rows that it begins with.
    batch_size : int
        Rows per step.
    unit : float, default=1.0
        What is a large change of an output.
    """
    sums, raw = network.input_sums(params, batch)
    numbers = fan_in(network.layout)
    # A hidden layer may begin with small outputs, but they grow; columns may be zero in these rows alone.
    least = [0.0 if sums[0] > 0 else numbers[0], *numbers[1:]]
    rates = rates_of(np.maximum(sums, least)) * math.sqrt(batch_size / USUAL_BATCH_SIZE)
    rates[-1] *= max(unit, raw)  # what training begins with has to be undone, too
    return rates


def rates_of(input_sums: np.ndarray) -> np.ndarray:
    """Return the rates of layers whose inputs have these sums of absolute values."""
    return REACH / (len(input_sums) * input_sums)


def fan_in(layout: ParameterLayout) -> list[int]:
    """Return the number of inputs of each layer."""
    return [n_in for n_in, _ in layout.coef_shapes]
