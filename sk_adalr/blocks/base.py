"""The interface of blocks of rows, for any storage."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

Sums = TypeVar("Sums", bound=tuple)


@dataclass(frozen=True)
class RawBlock:
    """A block as the user gave it.

    Parameters
    ----------
    number : int
        Index among all blocks, for error messages.
    X, y : array-like
    weight : array-like, number or None
    """

    number: int
    X: Any
    y: Any
    weight: Any

    def checked_length(self) -> int:
        """Return the number of rows; raise a ValueError if targets or weights have a different one."""
        n_rows = _length(self.X)
        for name, other in (("y", self.y), ("sample_weight", self.weight)):
            if np.ndim(other) > 0 and _length(other) != n_rows:
                raise unequal_blocks(self.number, n_rows, name, _length(other))
        return n_rows


class Blocks(ABC):
    """A collection of blocks of rows; a block may be any object that the functions accept.

    Attributes
    ----------
    are_read_anew : bool
        Whether each pass reads or computes the blocks again, which takes far longer than computing with them.
    """

    are_read_anew: ClassVar[bool] = True

    @abstractmethod
    def mapped(self, function: Callable[..., Any], *arguments: Any) -> "Blocks":
        """Return the results of ``function(block, *arguments)`` as blocks, stored in the same place.

        A block for which the function returns None is dropped.
        """

    @abstractmethod
    def reduced(self, function: Callable[..., Any], merge: Callable[[Any, Any], Any], *arguments: Any) -> Any:
        """Return ``function(block, *arguments)`` for all blocks, merged pairwise; None if there are no blocks."""

    @abstractmethod
    def visited(self, random_state: np.random.RandomState | None = None) -> Iterator[Any]:
        """Fetch one block after another: in order or, given a random state and random access, in random order.

        The random order depends only on the random state and the number of blocks.
        """


def folded(
    blocks: Iterable[Any], function: Callable[..., Any], merge: Callable[[Any, Any], Any], arguments: tuple
) -> Any:
    """Return ``function(block, *arguments)`` for the given blocks, merged one after another."""
    total = None
    for block in blocks:
        if block is not None:
            result = function(block, *arguments)
            total = result if total is None else merge(total, result)
    return total


def in_order(blocks: Sequence[Any], random_state: np.random.RandomState | None) -> Iterator[Any]:
    """Yield blocks in order or, given a random state, in random order."""
    order = range(len(blocks)) if random_state is None else random_state.permutation(len(blocks))
    return (blocks[number] for number in order)


def either(merge: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    """Merge two results, of which one may be None."""
    if one is None or other is None:
        return other if one is None else one
    return merge(one, other)


def added(one: Sums, other: Sums) -> Sums:
    """Return the elementwise sums of two tuples; None remains None."""
    with np.errstate(invalid="ignore"):  # infinities, from trial steps that are far too long
        return tuple(None if a is None else a + b for a, b in zip(one, other, strict=True))  # type: ignore[return-value]


def unequal_blocks(number: int, n_rows: int, name: str, n_others: int) -> ValueError:
    """Return the error for a block with a different number of rows than the block of `X`."""
    return ValueError(
        f"Block {number} of `X` has {n_rows} rows, and that of `{name}` has {n_others}. {same_blocks(name)}"
    )


def same_blocks(name: str) -> str:
    """Return advice for blocks that do not match those of `X`."""
    return (
        f"Of dask arrays with known chunks, `{name}.rechunk((X.chunks[0], *{name}.chunks[1:]))` helps; of dataframes, "
        f"take `X` and `{name}` from one."
    )


def _length(array: Any) -> int:
    return array.shape[0] if hasattr(array, "shape") else len(array)
