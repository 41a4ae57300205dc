r"""Multinomial loss and gradient in one pass over blocks of rows that stay in cache.

For class scores :math:`U = W \tilde X^T + b` (K, n) and :math:`P` their softmax over classes,

.. math:: F = -\tfrac1n \sum_i \omega_i \log P_{y_i i}, \qquad
          G = \tfrac1n R \tilde X, \quad g_b = \tfrac1n R 1, \quad R_{ki} = \omega_i (P_{ki} - [y_i = k]).

Classes come first, so every operation runs along contiguous rows and no loop over classes is needed. No array
of size n x K is ever held.
"""

import numpy as np

from sk_adalr.backends import Array, beside, least_log_probability, namespace, to_host
from sk_adalr.objectives.columns import Columns

# Class scores of a block stay in the second-level cache.
_BLOCK = 65_536
# OpenBLAS multiplies matrices below about this many multiplications without packing them, up to twice as
# fast.
_SMALL_PRODUCT = 950_000
_MIN_ROWS = 512


class Softmax:
    """Mean multinomial loss of linear class scores; a call is one pass forward and one backward.

    Parameters
    ----------
    columns : Columns (n, p)
    target : array (n,), int
        Class of every row, 0 .. n_classes - 1; like all that has an entry per row, beside the columns.
    weight : array (n,) or None
        Sample weights with mean 1.
    n_classes : int
    """

    def __init__(self, columns: Columns, target: Array, weight: Array | None, n_classes: int) -> None:
        self._columns = columns
        self._n_rows, self._weight = columns.shape[0], weight
        rows = min(_BLOCK // n_classes, _SMALL_PRODUCT // (n_classes * max(1, columns.shape[1])))
        self._blocks = columns.row_blocks(max(_MIN_ROWS, rows))
        # Flat positions of the true classes in each block of scores.
        self._true: list[Array] = []
        for block in self._blocks:
            classes = target[block.rows]
            self._true.append(classes * len(classes) + namespace(classes).arange(len(classes)))

    def __call__(
        self, coef: np.ndarray, intercept: np.ndarray, grad_coef: np.ndarray, grad_intercept: np.ndarray
    ) -> float:
        """Return the loss of coef (K, p) and intercept (K,); fill the gradients of the same shapes."""
        grad_coef[:], grad_intercept[:] = 0.0, 0.0
        coef, intercept = self._columns.to_blocks(coef, intercept)
        loss = 0.0
        for block, true in zip(self._blocks, self._true, strict=True):
            scores = block.forward(coef)
            scores += beside(intercept[:, None].astype(scores.dtype, copy=False), scores)
            loss += _loss_and_residual(scores, true, None if self._weight is None else self._weight[block.rows])
            grad_intercept += to_host(scores.sum(axis=1))
            grad_coef += block.backward(scores)
        np.divide(self._columns.from_blocks(grad_coef, grad_intercept), self._n_rows, out=grad_coef)
        grad_intercept /= self._n_rows
        return loss / self._n_rows


def _loss_and_residual(scores: Array, true: Array, weight: Array | None) -> float:
    """Loss sum of a block; overwrites its scores (K, rows) by the residuals."""
    flat, xp = scores.reshape(-1), namespace(scores)
    # Shifting by the maximum over classes changes nothing but the overflow.
    scores -= scores.max(axis=0)
    true_scores = flat.take(true)
    xp.maximum(scores, least_log_probability(scores.dtype), out=scores)
    xp.exp(scores, out=scores)
    total = scores.sum(axis=0)
    losses = xp.log(total) - true_scores
    scores *= 1.0 / total
    flat[true] -= 1.0
    if weight is None:
        return float(losses.sum(dtype=np.float64))
    scores *= weight.astype(scores.dtype, copy=False)
    return float(weight @ losses)
