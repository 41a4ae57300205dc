"""Mini-batches of rows in blocks, which come to where training is, one block after another.

A step needs the one before it and takes less time than a round trip: so there is nothing to gain by several blocks at
a time, or by parameters that travel to the blocks. Small blocks come several at a time, and are shuffled together.
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

# Rows that are in memory at a time, and held out at most, where the largest block has fewer.
_LEAST_ROWS = 10_000


class HeldOutShare(NamedTuple):
    """Which rows of each block do not train: about a share of them, at random."""

    share: float
    seed: int

    def of(self, block: Block) -> np.ndarray:
        """Return whether each row (m,) of a block is held out."""
        n_rows = block.X.shape[0]
        random_state = np.random.RandomState([self.seed, block.number])
        n_held_out = int(self.share * n_rows + random_state.uniform())
        is_held_out = np.zeros(n_rows, dtype=bool)
        is_held_out[random_state.permutation(n_rows)[:n_held_out]] = True
        return is_held_out


@dataclass(frozen=True)
class VisitedRows(DescribedRows):
    """The rows of all blocks: the features of a `Dataset`.

    Parameters
    ----------
    blocks : Blocks
        Of `Block`.
    shape : (n, p)
        Of all rows, those that are held out included.
    dtype : dtype
    description : Description
        Of the features.
    most_rows : int
        Of a block.
    table : ndarray or None
        The targets to which those of the blocks are indices; None where they are targets.
    weight_scale : float
        What the user's weights were divided by.
    holdout : HeldOutShare or None, default=None
        Which rows do not train.
    n_held_out : int, default=0
        How many these are.
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
        """What is known of the columns."""
        known, p = self.description, self.shape[1]
        parts = (known.spread.mean, known.spread.deviation, known.low, known.high, known.presence)
        return Statistics(*(part[:p] for part in parts))

    @property
    def is_one_visit(self) -> bool:
        """Whether all rows come together, however many blocks there are."""
        return self.shape[0] <= self._most_in_memory / 2

    @property
    def n_train(self) -> int:
        """How many rows train."""
        return self.shape[0] - self.n_held_out

    def hold_out(self, fraction: float, seed: int) -> tuple["VisitedRows", Dataset | None]:
        """Return the rows that are left to train, and the others, in memory; None where there are none.

        At most as many rows as may be in memory at a time.
        """
        holdout = HeldOutShare(min(fraction, self._most_in_memory / self.shape[0]), seed)
        parts = self.blocks.reduced(_held_out, add, holdout)
        if not parts:
            return self, None
        rows = self._dataset(_emptied(sorted(parts, key=lambda block: block.number)))
        return replace(self, holdout=holdout, n_held_out=rows.n_samples), rows

    def visited(self, random_state: np.random.RandomState | None) -> Iterator[Dataset]:
        """Yield the rows that train, block after block; those of small blocks together, which are in memory at a time.

        Blocks come in random order, if given a random state, where any is at hand.
        """
        gathered: list[Block] = []
        for block in self.blocks.visited(random_state):
            if self.holdout is not None:
                block = _some_rows(block, ~self.holdout.of(block))
            gathered.append(block)
            del block  # the next one is made when this is no longer in memory
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
    """The mini-batches of rows in blocks, epoch after epoch: what `Batches` are of rows in memory.

    Parameters
    ----------
    data : Dataset
        Of `VisitedRows`, with a target that is a table of all.
    batch_size : int
        Rows per batch at most.
    batches_of : callable
        ``batches_of(data)`` returns the `Batches` of some rows in memory.
    random_state : RandomState or None
        Source of the order of blocks; None for the order that they have.
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


#: Batches of rows wherever they are.
AnyBatches: TypeAlias = Batches | BlockBatches


def _held_out(block: Block, holdout: HeldOutShare) -> list[Block]:
    is_held_out = holdout.of(block)
    return [_some_rows(block, is_held_out)] if is_held_out.any() else []


def _some_rows(block: Block, kept: np.ndarray) -> Block:
    weight = None if block.weight is None else block.weight[kept]
    return Block(block.X[kept], block.target[kept], weight, block.number)


def _emptied(blocks: list[Block]) -> Block:
    """Return the rows of all blocks in one, and leave the list empty."""
    if len(blocks) == 1:
        return blocks.pop()
    first = blocks[0]
    X: Any = [block.X for block in blocks]
    X = sparse.vstack(X, format="csr") if any(map(is_sparse, X)) else np.concatenate(X)
    target = np.concatenate([block.target for block in blocks])
    weight = None if first.weight is None else np.concatenate([block.weight for block in blocks])
    blocks.clear()
    return Block(X, target, weight, first.number)
