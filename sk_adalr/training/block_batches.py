"""Mini-batches of rows in blocks (chunks of a file, dask partitions), which are fetched one after another.

Steps are sequential, and a step takes less time than a round trip to a worker: neither processing blocks in parallel
nor sending the parameters to the blocks would be faster. Small blocks are gathered, and shuffled together.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from operator import add
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy import sparse

from sk_adalr.backends import is_sparse
from sk_adalr.blocks import Blocks
from sk_adalr.dataset import Batch, Dataset
from sk_adalr.optimizer.exact import Block, Description
from sk_adalr.statistics import DescribedRows, Statistics
from sk_adalr.training.batches import Batches

# Approximate limit of rows in memory at a time, and of validation rows, unless the largest block has more rows.
_LEAST_ROWS = 10_000


class HeldOutShare(NamedTuple):
    """A random choice of validation rows in each block: about the fraction `share` of its rows."""

    share: float
    seed: int

    def of(self, block: Block) -> np.ndarray:
        """Return a mask (m,) of the validation rows of a block."""
        n_rows = block.X.shape[0]
        random_state = np.random.RandomState([self.seed, block.number])
        n_held_out = int(self.share * n_rows + random_state.uniform())
        is_held_out = np.zeros(n_rows, dtype=bool)
        is_held_out[random_state.permutation(n_rows)[:n_held_out]] = True
        return is_held_out


@dataclass(frozen=True)
class VisitedRows(DescribedRows):
    """The rows of all blocks, as the `X` of a `Dataset`.

    Parameters
    ----------
    blocks : Blocks
        The blocks, each a `Block`.
    shape : (n, p)
        Numbers of rows, including validation rows, and of features.
    dtype : dtype
    description : Description
        Statistics of the features, perhaps followed by statistics of the targets.
    most_rows : int
        Number of rows of the largest block.
    table : ndarray or None
        Encoded targets, one per label, if blocks store label numbers; None if blocks store encoded targets.
    weight_scale : float
        Divisor of the user's weights.
    holdout : HeldOutShare or None, default=None
        The choice of validation rows; None if there are none.
    n_held_out : int, default=0
        Number of validation rows.
    """

    blocks: Blocks
    shape: tuple[int, int]
    dtype: np.dtype
    description: Description
    most_rows: int
    table: np.ndarray | None
    weight_scale: float
    holdout: HeldOutShare | None = None
    n_held_out: int = 0

    @property
    def statistics(self) -> Statistics:
        """Statistics of the features."""
        known, p = self.description, self.shape[1]
        parts = (known.spread.mean, known.spread.deviation, known.low, known.high, known.presence)
        return Statistics(*(part[:p] for part in parts))

    @property
    def is_one_visit(self) -> bool:
        """Whether `visited` yields all rows in a single dataset."""
        return self.shape[0] <= self._most_in_memory / 2

    @property
    def n_train(self) -> int:
        """Number of training rows."""
        return self.shape[0] - self.n_held_out

    def hold_out(self, fraction: float, seed: int) -> tuple["VisitedRows", Dataset | None]:
        """Return the training rows, and the validation rows in memory, or None if there are no validation rows.

        There are at most about as many validation rows as may be in memory at a time.
        """
        holdout = HeldOutShare(min(fraction, self._most_in_memory / self.shape[0]), seed)
        parts = self.blocks.reduced(_held_out, add, holdout)
        if not parts:
            return self, None
        rows = self._dataset(_emptied(sorted(parts, key=lambda block: block.number)))
        return replace(self, holdout=holdout, n_held_out=rows.n_samples), rows

    def visited(self, random_state: np.random.RandomState | None) -> Iterator[Dataset]:
        """Yield the training rows block by block, with consecutive small blocks joined into one dataset.

        With a random state, blocks come in random order, unless they can only be read in sequence.
        """
        gathered: list[Block] = []
        for block in self.blocks.visited(random_state):
            if self.holdout is not None:
                block = _some_rows(block, ~self.holdout.of(block))
            gathered.append(block)
            del block  # so that it can be freed before the next block is made
            if sum(part.X.shape[0] for part in gathered) > self._most_in_memory / 2:
                yield self._dataset(_emptied(gathered))
        if any(part.X.shape[0] for part in gathered):
            yield self._dataset(_emptied(gathered))

    @property
    def _most_in_memory(self) -> int:
        return max(self.most_rows, _LEAST_ROWS)

    def _dataset(self, block: Block) -> Dataset:
        target = block.target if self.table is None else self.table[block.target]
        weight = None if block.weight is None else block.weight.astype(self.dtype, copy=False)
        return Dataset(block.X, target, weight, self.weight_scale)


class BlockBatches:
    """Mini-batches of rows in blocks, one epoch at a time; `Batches` does the same for rows in memory.

    Parameters
    ----------
    data : Dataset
        `X` is a `VisitedRows`; the target is a small table that represents the targets of all rows.
    batch_size : int
        Maximum number of rows per batch.
    batches_of : callable
        ``batches_of(data)`` returns the `Batches` of a dataset in memory.
    random_state : RandomState or None
        Source of the random order of blocks; None to keep their order.
    """

    def __init__(
        self,
        data: Dataset,
        batch_size: int,
        batches_of: Callable[[Dataset], Batches],
        random_state: np.random.RandomState | None,
    ) -> None:
        self.data = data
        self.n_rows = data.X.n_train
        self.n_batches = -(-self.n_rows // batch_size)
        self._batches_of, self._random_state = batches_of, random_state

    def epoch(self) -> Iterator[Batch]:
        """Yield the batches of one epoch."""
        for data in self.data.X.visited(self._random_state):
            yield from self._batches_of(data).epoch()
            del data


#: Batches of rows in memory or in blocks.
AnyBatches: TypeAlias = Batches | BlockBatches


def _held_out(block: Block, holdout: HeldOutShare) -> list[Block]:
    is_held_out = holdout.of(block)
    return [_some_rows(block, is_held_out)] if is_held_out.any() else []


def _some_rows(block: Block, kept: np.ndarray) -> Block:
    weight = None if block.weight is None else block.weight[kept]
    return Block(block.X[kept], block.target[kept], weight, block.number)


def _emptied(blocks: list[Block]) -> Block:
    """Concatenate the blocks into one, and empty the list so that they can be freed."""
    if len(blocks) == 1:
        return blocks.pop()
    first = blocks[0]
    X: Any = [block.X for block in blocks]
    X = sparse.vstack(X, format="csr") if any(map(is_sparse, X)) else np.concatenate(X)
    target = np.concatenate([block.target for block in blocks])
    weight = None if first.weight is None else np.concatenate([block.weight for block in blocks])
    blocks.clear()
    return Block(X, target, weight, first.number)
