"""Many steps in one call of a compiled kernel, for linear models with one output and CSR rows on the host."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np

from sk_adalr.backends import Array, kernels
from sk_adalr.dataset import Batch
from sk_adalr.objectives import PenalizedMean, pairwise_sum, split_division
from sk_adalr.sparse_rows import SparseRows


@dataclass(frozen=True)
class Window:
    """Consecutive batches of CSR rows on the host.

    Parameters
    ----------
    X : SparseRows
    order : int array of shape (n_rows,)
        Indices of the rows in `X`.
    target : array of shape (n_rows, n_outputs)
        Targets of these rows, in this order.
    weight : array of shape (n_rows,) or None
    batch_size : int
        Rows per batch; the last batch may be smaller.
    """

    X: SparseRows
    order: np.ndarray
    target: Array
    weight: Array | None
    batch_size: int

    def sums(self, values: Array) -> Array:
        """Return float64 sums (n_batches,) of values (n_rows,) per batch, bitwise as summed one batch at a time."""
        values, n_whole = values.astype(np.float64, copy=False), len(values) // self.batch_size
        end = n_whole * self.batch_size
        sums = pairwise_sum(values[:end].reshape(n_whole, self.batch_size))
        return sums if end == len(values) else np.append(sums, pairwise_sum(values[end:]))

    @cached_property
    def weight_sums(self) -> Array:
        """The sum of weights of each batch, (n_batches,)."""
        return self.sums(np.ones(len(self.order)) if self.weight is None else self.weight)

    @property
    def first_batch(self) -> Batch:
        """The first batch whose sum of weights is positive."""
        i = int(np.argmax(self.weight_sums > 0))
        rows = slice(i * self.batch_size, (i + 1) * self.batch_size)
        weight = None if self.weight is None else self.weight[rows]
        return Batch(self.X.take(self.order[rows]), self.target[rows], weight, float(self.weight_sums[i]))


#: ``f(window, params, state)`` makes the steps, and returns loss and sum of weights of each batch with a weight.
ManySteps: TypeAlias = Callable[[Window, Array, Any], tuple[list[float], list[float]]]


def many_steps(objective: PenalizedMean, optimizer: Any, params: Array) -> ManySteps | None:
    """Return a function that makes all steps of a window in one call, or None if no kernel does this."""
    loss, name = objective.network.scalar_loss, optimizer.many_steps
    kernel = None if loss is None else kernels(params).csr_steps.get(name)
    return None if kernel is None else partial(_make, objective, optimizer, partial(kernel, loss))


def _make(
    objective: PenalizedMean, optimizer: Any, kernel: Callable[..., Any], window: Window, params: Array, state: Any
) -> tuple[list[float], list[float]]:
    weight_sums = window.weight_sums
    has_weight = weight_sums > 0
    with_weight = weight_sums[has_weight]
    terms = np.zeros((len(weight_sums), 3), dtype=params.dtype)
    scale, rest = split_division(with_weight, np)
    terms[has_weight] = np.column_stack([scale, rest, np.full(len(scale), objective.penalty.factor(with_weight))])
    rows = window.X, window.order, window.target, window.weight, window.batch_size
    on_rows = partial(kernel, *rows, terms, objective.penalty.coef_weights)
    row_losses, squares = optimizer.make_steps(state, params, len(with_weight), on_rows)
    if window.weight is not None:
        row_losses = row_losses * window.weight
    losses = window.sums(row_losses)[has_weight] / with_weight + 0.5 * squares[has_weight]
    return losses.tolist(), with_weight.tolist()
