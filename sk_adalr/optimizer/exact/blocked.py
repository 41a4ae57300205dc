r"""Out-of-core and distributed rows for the exact solvers: each block returns sums over its rows at given parameters.

Blocks keep no state between passes, so that a block which is lost and recomputed returns the same sums. A pass centres
and scales rows while they are in cache, with the means and standard deviations over all blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from sk_adalr.backends import Array, is_sparse
from sk_adalr.blocks import Blocks, added
from sk_adalr.objectives.columns import Coordinates, standardised_as
from sk_adalr.objectives.losses import Loss
from sk_adalr.optimizer.exact.problem import Problem
from sk_adalr.optimizer.exact.summed_rows import SummedRows, Sums
from sk_adalr.rows import slices_of_rows
from sk_adalr.statistics import Spread, share_unit, statistics

# Values in the rows of a block that are processed at a time: only the scores of these rows are held in memory.
_PASSED = 1 << 22
# Standard deviations of sparse columns below this many eps of their mean are round-off error.
_CONSTANT = 16.0


class Block(NamedTuple):
    """A block of rows with positive weights.

    Attributes
    ----------
    X : array or CSR (m, p)
    target : array (m, k), or (m,) row indices into the table of targets
        See `solve_blocked` for the table.
    weight : array (m,) or None
        Sample weights, whose mean over the rows of all blocks is 1.
    number : int
        Index of the block.
    """

    X: Any
    target: Array
    weight: Array | None
    number: int


class Description(NamedTuple):
    """Means, standard deviations, extremes and fractions of nonzeros of the columns, over some rows."""

    spread: Spread
    low: np.ndarray
    high: np.ndarray
    presence: np.ndarray
    is_sparse: bool

    @classmethod
    def of(cls, block: Block, with_target: bool) -> "Description":
        """Describe the features of a block, followed by its targets if `with_target`."""
        parts = [statistics(block.X, block.weight)]
        if with_target:
            parts.append(statistics(block.target, block.weight))
        weight = float(block.X.shape[0] if block.weight is None else block.weight.sum())
        names = ("mean", "deviation", "low", "high", "presence")
        mean, deviation, *others = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
        low, high, presence = others
        return cls(Spread(weight, mean, deviation), low, high, presence, is_sparse(block.X))

    def merged(self, other: "Description") -> "Description":
        """Return the description of the rows of both."""
        spread = self.spread.joined(other.spread)
        share = other.spread.weight / spread.weight
        return Description(
            spread,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            (1 - share) * self.presence + share * other.presence,
            self.is_sparse or other.is_sparse,
        )


class BlockCoordinates(Coordinates):
    """Means and scales that standardise the columns of all blocks, without the rows themselves.

    Parameters
    ----------
    shape : (n, p)
    dtype : dtype
        In which passes centre, scale and compute.
    description : Description
    center : bool
    makes_dense : bool
        Whether passes convert sparse rows to dense.
    """

    def __init__(
        self, shape: tuple[int, int], dtype: np.dtype, description: Description, center: bool, makes_dense: bool
    ) -> None:
        self.shape, self.dtype, self.makes_dense, p = shape, dtype, makes_dense, shape[1]
        self._spread = mean, deviation = description.spread.mean[:p], description.spread.deviation[:p]
        if not center:
            mean, deviation = np.zeros(p), np.hypot(mean, deviation)
        least = _CONSTANT * np.finfo(np.float64).eps if description.is_sparse else 0.0
        self.alive = deviation > least * np.abs(mean)
        self.mean = mean.astype(dtype).astype(np.float64)
        self.scale = np.where(self.alive, deviation.astype(dtype).astype(np.float64), 1.0)
        self._ranges = (description.high - description.low)[:p]

    def spread(self, weight: Array | None) -> tuple[np.ndarray, np.ndarray]:
        """Return means and standard deviations (p,) of the standardised columns over all rows, centred or not."""
        mean, deviation = self._spread
        return mean / self.scale, deviation / self.scale

    def rounded(self, coef: np.ndarray) -> np.ndarray:
        """Return coefficients rounded to the dtype of the passes."""
        return coef.astype(self.dtype).astype(np.float64)

    def share_unit(self) -> bool:
        """Return whether the columns seem to share a unit, like pixels or counts: their raw ranges differ little."""
        return share_unit(self._ranges[self.alive])


@dataclass(frozen=True)
class BlockedRows:
    """The rows of all blocks, with statistics of their columns.

    Parameters
    ----------
    blocks : Blocks
        Of `Block`.
    shape : (n, p)
    dtype : dtype
    description : Description
        Of the features, followed for regression by the targets.
    center : bool
        Whether standardised columns are centred.
    output : slice or None, default=None
        The target columns to use; None for all.
    """

    blocks: Blocks
    shape: tuple[int, int]
    dtype: np.dtype
    description: Description
    center: bool
    output: slice | None = None

    @classmethod
    def of(
        cls, blocks: Blocks, shape: tuple[int, int], dtype: np.dtype, center: bool, with_target: bool
    ) -> "BlockedRows":
        """Compute the description in one pass over the blocks, with targets if `with_target`."""
        return cls(blocks, shape, dtype, blocks.reduced(Description.of, Description.merged, with_target), center)

    @property
    def is_sparse(self) -> bool:
        """Whether any block is sparse."""
        return self.description.is_sparse

    def of_output(self, output: slice) -> "BlockedRows":
        """Return the same rows with only the given outputs."""
        return replace(self, output=output)

    def coordinates(self, makes_dense: bool = False) -> BlockCoordinates:
        """Return the standardisation; passes use float64 if columns stay sparse or are not centred."""
        needs_digits = (self.is_sparse and not makes_dense) or not self.center
        dtype = np.dtype(np.float64) if needs_digits else self.dtype
        return BlockCoordinates(self.shape, dtype, self.description, self.center, makes_dense)


class PassContext(NamedTuple):
    """What a block needs to compute its sums, apart from the parameters."""

    coordinates: BlockCoordinates
    loss: Loss
    fit_intercept: bool
    table: Array | None
    output: slice | None


class BlockSums:
    """Sums over the rows of all blocks at any parameters (k, q), with intercepts in a last column, q = p + 1.

    Parameters
    ----------
    X : BlockedRows
    problem : Problem
        With `BlockCoordinates` for columns and the table of targets for target.
    """

    def __init__(self, X: BlockedRows, problem: Problem) -> None:
        self._blocks, self._n_rows = X.blocks, X.shape[0]
        table = problem.target if problem.loss.classifies else None
        self._context = PassContext(problem.columns, problem.loss, bool(problem.fit_intercept), table, X.output)

    def __call__(self, params: np.ndarray, with_curvature: bool = False) -> Sums:
        """Return the mean loss, its gradient and, if requested, its curvature."""
        sums = self._blocks.reduced(_sums_of_block, added, self._context, params, with_curvature)
        loss, grad, curvature = sums
        n = self._n_rows
        return Sums(loss / n, grad / n, None if curvature is None else curvature / n)

    def largest_score(self, params: np.ndarray) -> float:
        """Return the largest absolute score of a row."""
        return self._blocks.reduced(_largest_score, max, self._context, params)


class StatelessRows:
    """Replacement for `SummedRows` in Newton's method that stores parameters instead of scores. See `BlockSums`."""

    def __init__(self, X: BlockedRows, problem: Problem, scores: np.ndarray) -> None:
        self._sums, p = BlockSums(X, problem), X.shape[1]
        self._params = np.zeros((len(scores), p + bool(problem.fit_intercept)))
        self._params[:, p:] = scores[:, None]
        self._along = self._kept = self._params
        self.n_passes = 1  # the statistics of the columns

    def sums(self, along: np.ndarray | None = None, with_curvature: bool = False) -> Sums:
        """Return the sums at the current parameters, or after a step along a direction (k, q)."""
        self.n_passes += 2 + with_curvature
        if along is None:
            return self._sums(self._params, with_curvature)
        self._along = along
        return self._sums(self._params + along, with_curvature)

    def loss_after(self, length: float) -> float:
        """Return the mean loss after a step of a given length along the direction last passed to `sums`."""
        self.n_passes += 2
        return self._sums(self._params + length * self._along).loss

    def curvature(self) -> np.ndarray:
        """Return the curvature at the current parameters."""
        curvature = self.sums(with_curvature=True).curvature
        assert curvature is not None
        return curvature

    def step(self, length: float) -> None:
        """Move the parameters along that direction."""
        self._params = self._params + length * self._along

    def move_to(self, params: np.ndarray) -> None:
        """Set the parameters."""
        self._params = params

    def keep(self) -> None:
        """Save the current parameters for `restore`."""
        self._kept = self._params

    def restore(self) -> None:
        """Restore the saved parameters."""
        self._params = self._kept

    def largest_change(self, direction: np.ndarray) -> float:
        """Return the largest absolute change of a score in a step along a direction (k, q)."""
        self.n_passes += 1
        return self._sums.largest_score(direction)


class StatelessLoss:
    """Replacement for `BlockwiseLoss` in quasi-Newton steps, over blocks. Arguments as for `BlockSums`."""

    def __init__(self, X: BlockedRows, problem: Problem) -> None:
        self._sums, self._fit_intercept = BlockSums(X, problem), problem.fit_intercept

    def __call__(
        self, coef: np.ndarray, intercept: np.ndarray, grad_coef: np.ndarray, grad_intercept: np.ndarray
    ) -> float:
        """Return the loss at coef (k, p) and intercept (k,); fill the gradients, of the same shapes."""
        p = coef.shape[1]
        loss, grad, _ = self._sums(np.column_stack([coef, intercept]) if self._fit_intercept else coef)
        grad_coef[...], grad_intercept[:] = grad[:, :p], grad[:, p:].sum(axis=1)
        return loss


def _sums_of_block(
    block: Block, context: PassContext, params: np.ndarray, with_curvature: bool
) -> tuple[float, np.ndarray, np.ndarray | None]:
    parts = (
        tuple(None if mean is None else n_rows * mean for mean in rows.sums(params, with_curvature))
        for n_rows, rows in _passed(block, context, len(params))
    )
    return reduce(added, parts)  # type: ignore[return-value]


def _largest_score(block: Block, context: PassContext, params: np.ndarray) -> float:
    return max(rows.largest_change(params) for _, rows in _passed(block, context, len(params)))


def _passed(block: Block, context: PassContext, n_scores: int) -> Iterator[tuple[int, SummedRows]]:
    """Yield the rows of a block in parts: their number, and `SummedRows` whose scores are 0."""
    coordinates, loss, fit_intercept, table, output = context
    for rows in slices_of_rows(block.X, _PASSED):
        X = block.X[rows]
        X = X.toarray() if is_sparse(X) and coordinates.makes_dense else X
        target = block.target[rows] if output is None else block.target[rows, output]
        target = target if table is None else table[target]
        weight = None if block.weight is None else block.weight[rows]
        problem = Problem(standardised_as(X, coordinates), loss, target, weight, None, fit_intercept)
        yield rows.stop - rows.start, SummedRows(problem, np.zeros(n_scores))
