r"""Sums over the rows of a linear model: loss, gradient and curvature, in one read of the data.

With a column of ones appended to :math:`\tilde X` for the intercepts, the curvature between all parameters is

.. math:: H = \tfrac1n \tilde X^T \mathrm{diag}(\ell'') \tilde X, \qquad
          H_{kl} = \tfrac1n \tilde X^T \mathrm{diag}\bigl(\omega P_k ([k = l] - P_l)\bigr) \tilde X

for one score per row, and for the softmax :math:`P` of several. It is summed over blocks of rows that stay in cache.
"""

from typing import NamedTuple

import numpy as np

from sk_adalr.backends import Array, beside, kernels, namespace, to_host
from sk_adalr.objectives.columns import DenseColumns, RowBlock
from sk_adalr.optimizer.exact.problem import Problem
from sk_adalr.rows import is_mapped

# Values in a block of rows, which is read twice while in cache; its least rows, to make calls cheap (20000 x 100
# float32: .9 of the time with 4096); its most rows, to keep scores in cache; and its most values, as the blocks of a
# memory map are copied to memory.
_BLOCK, _LEAST_ROWS, _MOST_ROWS, _MOST_VALUES = 1 << 17, 8192, 16384, 1 << 21


class Sums(NamedTuple):
    """Means over rows: the loss (float), its gradient (k, q), and its curvature (k q, k q) if requested."""

    loss: float
    grad: np.ndarray
    curvature: np.ndarray | None


class SummedRows:
    """The per-row arrays of Newton's method: scores, their change along a direction, and second derivatives.

    Parameters
    ----------
    problem : Problem
        With an intercept, parameters (k, q) have it in a last column, q = p + 1.
    scores : ndarray (k,)
        Initial scores of all rows: those of the constant model.
    """

    def __init__(self, problem: Problem, scores: np.ndarray) -> None:
        columns, (n, p) = problem.columns, problem.columns.shape
        self._columns, self._weight_of, self._fit_intercept = columns, problem.weight_of, bool(problem.fit_intercept)
        self._single = columns.dtype == np.float32
        rows = min(max(_BLOCK // p, _LEAST_ROWS), _MOST_ROWS, _MOST_VALUES // p)
        self._blocks = columns.row_blocks(n if n * p <= 2 * _BLOCK else max(1, rows))
        self._losses = problem.losses_of(self._blocks)
        self._scores, self._change = (namespace(columns.data).zeros((len(scores), n)) for _ in range(2))
        self._scores += beside(scores[:, None], self._scores)
        # Not kept for a memory map, to save memory: they are recomputed in another pass.
        self._second = None if is_mapped(columns.data) else namespace(columns.data).empty_like(self._scores)
        self._knows_curvature = False  # of the current scores
        self.n_passes = 2  # of the set-up: statistics of the columns, and the constant model

    @np.errstate(over="ignore", invalid="ignore")  # such a step will be rejected
    def sums(self, along: np.ndarray | None = None, with_curvature: bool = False) -> Sums:
        """Return the sums at the current scores, or after a step `along` a direction (k, q).

        The gradient after the step is computed while each block of rows is in cache: it is rarely wasted, as nearly
        all steps are accepted.
        """
        n, p = self._columns.shape
        k = len(self._scores)
        total, grad = 0.0, np.zeros((k, p + self._fit_intercept))
        curvature = CurvatureSum(self._columns, k, self._fit_intercept) if with_curvature else None
        for block, loss in zip(self._blocks, self._losses, strict=True):
            scores = self._scores[:, block.rows]
            if along is not None:
                self._change[:, block.rows] = change = self._predicted(block, along)
                scores = scores + change
            mean, evaluated = loss.evaluate(scores)
            residual, sums, second = loss.derivatives(evaluated)
            if self._second is not None:
                self._second[:, block.rows] = second
            total += mean * scores.shape[1]
            if self._single:
                residual = kernels(residual).narrow(residual, np.float32)
            grad[:, :p] += block.backward(residual)
            grad[:, p:] += sums[:, None]
            if curvature is not None:
                curvature.add(block.rows, second, self._weight_of(block.rows))
        self._knows_curvature = along is None
        self.n_passes += 1 + (along is not None) + with_curvature
        return Sums(total / n, grad / n, None if curvature is None else curvature.result())

    def loss_after(self, length: float) -> float:
        """Return the mean loss after a step of a given length along the direction last passed to `sums`."""
        total = 0.0
        for block, loss in zip(self._blocks, self._losses, strict=True):
            scores = self._scores[:, block.rows] + length * self._change[:, block.rows]
            total += loss.evaluate(scores)[0] * scores.shape[1]
        return total / self._columns.shape[0]

    def curvature(self) -> np.ndarray:
        """Return the curvature at the current scores, from second derivatives that `sums` has kept if possible."""
        if self._second is None or not self._knows_curvature:  # for example after a rejected step
            _, _, found = self.sums(with_curvature=True)
            assert found is not None
            return found
        curvature = CurvatureSum(self._columns, len(self._scores), self._fit_intercept)
        for block in self._blocks:
            curvature.add(block.rows, self._second[:, block.rows], self._weight_of(block.rows))
        self.n_passes += 1
        return curvature.result()

    def step(self, length: float) -> None:
        """Move the scores along the direction last passed to `sums`."""
        for block in self._blocks:
            self._scores[:, block.rows] += length * self._change[:, block.rows]
        self._knows_curvature = length == 1.0  # `sums` has computed the full step

    def move_to(self, params: np.ndarray) -> None:
        """Compute the scores of given parameters."""
        for block in self._blocks:
            self._scores[:, block.rows] = self._predicted(block, params)
        self._knows_curvature = False
        self.n_passes += 1

    def keep(self) -> None:
        """Save the current scores for `restore`, until the next step."""
        self._change[...] = self._scores

    def restore(self) -> None:
        """Restore the saved scores."""
        self._scores[...], self._knows_curvature = self._change, False

    def largest_change(self, direction: np.ndarray) -> float:
        """Return the largest absolute change of a score in a step along a direction (k, q)."""
        self.n_passes += 1
        return max(float(abs(self._predicted(block, direction)).max()) for block in self._blocks)

    def _predicted(self, block: RowBlock, params: np.ndarray) -> Array:
        """Return the scores (k, m), float64, of some rows."""
        p = self._columns.shape[1]
        scores = block.forward(params[:, :p]).astype(np.float64, copy=False)
        if self._fit_intercept:
            scores += beside(params[:, p:], scores)
        return scores


class CurvatureSum:
    """Accumulator for the curvature (k q, k q) over blocks of rows, where q is p or, with an intercept, p + 1.

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
        """Add the curvature of m rows of `columns`.

        Parameters
        ----------
        rows : slice
        curvature : array (k, m)
            For one score, its weighted second derivatives, at least 0; for several, the probabilities.
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
        """Return the mean curvature over all rows."""
        for start in range(0, len(self._total), self._size) if self._n_scores > 1 else ():
            own = slice(start, start + self._size)
            self._total[own, own] += self._within[own]
        return to_host(self._total) / self._columns.shape[0]

    def _add_equal(self, rows: slice, second: float) -> None:
        """Add rows with equal second derivatives, as at the constant model, without multiplying each row."""
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
        """Return the columns (q, m) of some rows, with a column of ones for an intercept, times factors (m,)."""
        p, m = self._columns.shape[1], rows.stop - rows.start
        if self._buffer.size < self._size * m:
            self._buffer = namespace(self._buffer).empty(self._size * m, self._columns.dtype)
        memory = self._buffer[: self._size * m]
        block = memory.reshape(m, self._size).T if self._columns.lie_by_rows else memory.reshape(self._size, m)
        factor = None if factor is None else factor.astype(block.dtype, copy=False)
        self._columns.fill(rows, block[:p], factor)
        block[p:] = 1.0 if factor is None else factor
        return block
