r"""Loss and gradient of a linear model in one pass over blocks of rows that stay in cache.

For scores :math:`U = W \tilde X^T + b` (K, n), with residuals :math:`R` of the loss,

.. math:: G = \tfrac1n R \tilde X, \quad g_b = \tfrac1n R 1.

Outputs are the first axis, so that every operation runs along contiguous memory. No n x K array is ever held.
"""

import numpy as np

from sk_adalr.backends import beside, to_host
from sk_adalr.objectives.losses import JointLossOfRows
from sk_adalr.optimizer.exact.problem import Problem

# Scores of a block stay in the second-level cache.
_BLOCK = 65_536
# OpenBLAS does not pack matrices whose product takes fewer multiplications than about this: up to twice as fast.
_SMALL_PRODUCT = 950_000
_MIN_ROWS = 512


class BlockwiseLoss:
    """Mean loss and gradient of a linear model; a call makes one forward and one backward pass.

    Parameters
    ----------
    problem : Problem
        With a loss that is not separable.
    n_scores : int
    """

    def __init__(self, problem: Problem, n_scores: int) -> None:
        self._columns, self._n_rows = problem.columns, problem.columns.shape[0]
        rows = min(_BLOCK // n_scores, _SMALL_PRODUCT // (n_scores * max(1, self._columns.shape[1])))
        self._blocks = self._columns.row_blocks(max(_MIN_ROWS, rows))
        self._losses: list[JointLossOfRows] = problem.losses_of(self._blocks)

    def __call__(
        self, coef: np.ndarray, intercept: np.ndarray, grad_coef: np.ndarray, grad_intercept: np.ndarray
    ) -> float:
        """Return the loss at coef (K, p) and intercept (K,); fill the gradients, of the same shapes."""
        grad_coef[:], grad_intercept[:] = 0.0, 0.0
        coef, intercept = self._columns.to_blocks(coef, intercept)
        total = 0.0
        for block, loss in zip(self._blocks, self._losses, strict=True):
            scores = block.forward(coef)
            scores += beside(intercept[:, None].astype(scores.dtype, copy=False), scores)
            total += loss.residual(scores)
            grad_intercept += to_host(scores.sum(axis=1))
            grad_coef += block.backward(scores)
        np.divide(self._columns.from_blocks(grad_coef, grad_intercept), self._n_rows, out=grad_coef)
        grad_intercept /= self._n_rows
        return total / self._n_rows
