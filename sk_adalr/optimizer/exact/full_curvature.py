r"""The curvature between all parameters of a linear model, for `newton`.

Second derivatives of the loss by the scores give, with a column of ones appended to :math:`\tilde X` for the
intercepts,

.. math:: H = \tfrac1n \tilde X^T \mathrm{diag}(\ell'') \tilde X, \qquad
          H_{kl} = \tfrac1n \tilde X^T \mathrm{diag}\bigl(\omega P_k ([k = l] - P_l)\bigr) \tilde X

for one score per row and for the softmax :math:`P` of several. It is summed over blocks of rows that stay in cache.
"""

from collections.abc import Iterator

import numpy as np

from sk_adalr.backends import Array, namespace, to_host
from sk_adalr.objectives.columns import DenseColumns

# Values of a block of weighted columns: a second-level cache of 2 MiB (on 60 columns a quarter of it took a tenth
# longer), and enough for a device.
_BLOCK, _DEVICE_BLOCK = 1 << 18, 1 << 24
_MIN_ROWS = 512


def curvature_of_output(columns: DenseColumns, second: Array, fit_intercept: bool) -> np.ndarray:
    """Return the curvature (q, q) of one score per row, where q is p or, with an intercept, p + 1.

    Parameters
    ----------
    columns : DenseColumns (n, p)
    second : array (n,)
        Second derivatives of the loss, weighted, at least 0.
    fit_intercept : bool
    """
    n, p = columns.shape
    xp, size = namespace(columns.data), p + fit_intercept
    if second.min() == second.max():
        return _unweighted_curvature(columns, float(second[0]), size)
    root = xp.sqrt(second).astype(columns.dtype, copy=False)
    total = xp.zeros((size, size))
    for rows, block in _row_blocks(columns, size, 1):
        columns.fill(rows, block[:p], root[rows])
        block[p:] = root[rows]
        total += block @ block.T
    return to_host(total) / n


def _unweighted_curvature(columns: DenseColumns, second: float, size: int) -> np.ndarray:
    """Curvature where it is the same in all rows, as at the constant model."""
    n, p = columns.shape
    total = np.full((size, size), float(n))
    products, sums = 0.0, 0.0
    for rows in columns.slices():
        block = columns.read(rows)
        products, sums = products + block @ block.T, sums + block.sum(axis=1, dtype=np.float64)
    total[:p, :p], total[p:, :p] = to_host(products), to_host(sums)
    total[:p, p:] = total[p:, :p].T
    return total * (second / n)


def curvature_of_classes(
    columns: DenseColumns, probabilities: Array, weight: Array | None, fit_intercept: bool
) -> np.ndarray:
    """Return the curvature (K q, K q) of the softmax, class by class.

    Parameters
    ----------
    columns : DenseColumns (n, p)
    probabilities : array (K, n)
    weight : array (n,) or None
        Sample weights with mean 1.
    fit_intercept : bool
    """
    n, p = columns.shape
    xp, k, size = namespace(columns.data), len(probabilities), p + fit_intercept
    root = None if weight is None else xp.sqrt(weight)
    probabilities = probabilities.astype(columns.dtype, copy=False)
    total, within = xp.zeros((k * size, k * size)), xp.zeros((k * size, size))
    for rows, block in _row_blocks(columns, size, k):
        columns.fill(rows, block[:p])
        block[p:] = 1.0
        if root is not None:
            block *= root[rows]
        shares = (probabilities[:, None, rows] * block).reshape(k * size, -1)
        total -= shares @ shares.T
        within += shares @ block.T
    for start in range(0, k * size, size):
        own = slice(start, start + size)
        total[own, own] += within[own]
    return to_host(total) / n


def _row_blocks(columns: DenseColumns, height: int, copies: int) -> Iterator[tuple[slice, Array]]:
    """Slices of rows, each with a buffer (height, rows) of which `copies` fit the cache together."""
    n, xp = columns.shape[0], namespace(columns.data)
    values = _BLOCK if xp is np else _DEVICE_BLOCK
    step = min(n, max(_MIN_ROWS, values // (height * copies)))
    # In the memory order of the columns.
    buffer = xp.empty((height, step), columns.dtype, order="F" if columns.lie_by_rows else "C")
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        yield rows, buffer[:, : rows.stop - start]
