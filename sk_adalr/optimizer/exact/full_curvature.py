r"""The curvature between all parameters of a linear model, for `newton`.

Second derivatives of the loss by the scores give, with a column of ones appended to :math:`\tilde X` for the
intercepts,

.. math:: H = \tfrac1n \tilde X^T \mathrm{diag}(\ell'') \tilde X, \qquad
          H_{kl} = \tfrac1n \tilde X^T \mathrm{diag}\bigl(\omega P_k ([k = l] - P_l)\bigr) \tilde X

for one score per row and for the softmax :math:`P` of several. It is summed over blocks of rows that stay in cache.
"""

import numpy as np

from sk_adalr.backends import Array, namespace, to_host
from sk_adalr.objectives.columns import DenseColumns


class CurvatureSum:
    """The curvature (k q, k q) of the rows so far, score by score, where q is p or, with intercepts, p + 1.

    Parameters
    ----------
    columns : DenseColumns (n, p)
    n_scores : int
    fit_intercept : bool
    """

    def __init__(self, columns: DenseColumns, n_scores: int, fit_intercept: bool) -> None:
        self._columns, self._n_scores, self._size = columns, n_scores, columns.shape[1] + fit_intercept
        xp, size = namespace(columns.data), n_scores * self._size
        self._total, self._within = xp.zeros((size, size)), xp.zeros((size, self._size))
        self._buffer = xp.empty(0, columns.dtype)

    def add(self, rows: slice, curvature: Array, weight: Array | None) -> None:
        """Add some rows (m) of `columns`.

        Parameters
        ----------
        rows : slice
        curvature : array (k, m)
            Of one score its second derivatives, weighted, at least 0; else the probabilities.
        weight : array (m,) or None
            Sample weights with mean 1.
        """
        if self._n_scores > 1:
            self._add_classes(rows, curvature, weight)
        elif curvature.min() == curvature.max():
            self._add_equal(rows, float(curvature[0, 0]))
        else:
            block = self._with_ones(rows, namespace(curvature).sqrt(curvature[0]))
            self._total += block @ block.T

    def result(self) -> np.ndarray:
        """Return the mean over all rows."""
        for start in range(0, len(self._total), self._size) if self._n_scores > 1 else ():
            own = slice(start, start + self._size)
            self._total[own, own] += self._within[own]
        return to_host(self._total) / self._columns.shape[0]

    def _add_equal(self, rows: slice, second: float) -> None:
        """Add rows of the same curvature, as at the constant model, without a product of each with it."""
        p, block = self._columns.shape[1], self._columns.read(rows)
        self._total[:p, :p] += (block @ block.T) * second
        if self._size > p:
            sums = block.sum(axis=1, dtype=np.float64) * second
            self._total[p, :p] += sums
            self._total[:p, p] += sums
            self._total[p, p] += second * block.shape[1]

    def _add_classes(self, rows: slice, probabilities: Array, weight: Array | None) -> None:
        xp = namespace(probabilities)
        block = self._with_ones(rows, None if weight is None else xp.sqrt(weight))
        probabilities = probabilities.astype(block.dtype, copy=False)
        shares = (probabilities[:, None] * block).reshape(self._n_scores * self._size, -1)
        self._total -= shares @ shares.T
        self._within += shares @ block.T

    def _with_ones(self, rows: slice, factor: Array | None) -> Array:
        """Return the columns (q, m) of some rows and one of ones, each row times its factor (m,)."""
        p, m = self._columns.shape[1], rows.stop - rows.start
        if self._buffer.size < self._size * m:
            self._buffer = namespace(self._buffer).empty(self._size * m, self._columns.dtype)
        memory = self._buffer[: self._size * m]
        block = memory.reshape(m, self._size).T if self._columns.lie_by_rows else memory.reshape(self._size, m)
        factor = None if factor is None else factor.astype(block.dtype, copy=False)
        self._columns.fill(rows, block[:p], factor)
        block[p:] = 1.0 if factor is None else factor
        return block
