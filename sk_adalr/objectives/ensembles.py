"""An ensemble of networks as one network, and back."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from sk_adalr.backends import Array


def averaged(coefs: Sequence[list[Array]], intercepts: Sequence[list[Array]]) -> tuple[list[Array], list[Array]]:
    """Return the layers of one network whose raw prediction is the mean over the given networks.

    The hidden layers of the networks are placed side by side: the first layer is stacked, the inner ones are block
    diagonal, and the last one averages.
    """
    n_networks, last = len(coefs), len(coefs[0]) - 1
    by_layer, biases = list(zip(*coefs, strict=True)), list(zip(*intercepts, strict=True))
    out = np.mean(biases[-1], axis=0, dtype=biases[-1][0].dtype)
    if last == 0:
        return [np.mean(by_layer[0], axis=0, dtype=by_layer[0][0].dtype)], [out]
    inner = (sparse.block_diag([*map(sparse.coo_array, blocks)]).toarray() for blocks in by_layer[1:last])
    hidden = [np.hstack(by_layer[0]), *inner]
    return [*hidden, np.vstack(by_layer[last]) / n_networks], [*map(np.concatenate, biases[:last]), out]


def members(coefs: list[Array], intercepts: list[Array], n_networks: int) -> list[tuple[list[Array], list[Array]]]:
    """Return the layers, as views, of `n_networks` networks whose raw predictions sum to that of `averaged`'s network.

    The first of them has the intercepts of the last layer; in the others these are zero.
    """
    networks = []
    for k in range(n_networks):
        blocks = [slice(None), *(_block(coef.shape[0], n_networks, k) for coef in coefs[1:]), slice(None)]
        own = [coef[blocks[i], blocks[i + 1]] for i, coef in enumerate(coefs)]
        biases = [bias[block] for bias, block in zip(intercepts, blocks[1:], strict=True)]
        networks.append((own, biases if k == 0 else [*biases[:-1], 0 * biases[-1]]))
    return networks


def _block(size: int, n_blocks: int, k: int) -> slice:
    width = size // n_blocks
    return slice(k * width, (k + 1) * width)
