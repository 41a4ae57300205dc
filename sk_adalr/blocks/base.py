"""What blocks of rows answer, wherever they lie."""

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
        Among all blocks, for messages.
    X, y : array-like
    weight : array-like, number or None
    """

    number: int
    X: Any
    y: Any
    weight: Any

    def checked_length(self) -> int:
        """Return the number of rows; raise a ValueError where targets or weights have another one."""
        n_rows = _length(self.X)
        for name, other in (("y", self.y), ("sample_weight", self.weight)):
            if np.ndim(other) > 0 and _length(other) != n_rows:
                raise unequal_blocks(self.number, n_rows, name, _length(other))
        return n_rows


class Blocks(ABC):
    """Blocks of rows, of any kind; the functions say of which.

    Attributes
    ----------
    are_read_anew : bool
        Whether each pass makes or reads them again, which takes far longer than to compute with them.
    """

    are_read_anew: ClassVar[bool] = True

    @abstractmethod
    def mapped(self, function: Callable[..., Any], *arguments: Any) -> "Blocks":
        """Return what ``function(block, *arguments)`` makes of each block, where it lies; None is no block."""

    @abstractmethod
    def reduced(self, function: Callable[..., Any], merge: Callable[[Any, Any], Any], *arguments: Any) -> Any:
        """Return ``function(block, *arguments)`` of all blocks, merged two by two; None where there is no block."""

    @abstractmethod
    def visited(self, random_state: np.random.RandomState | None = None) -> Iterator[Any]:
        """Bring one block after another here: as they are numbered, or in random order where any is at hand.

        That order depends on the random state and the number of blocks alone.
        """


def folded(
    blocks: Iterable[Any], function: Callable[..., Any], merge: Callable[[Any, Any], Any], arguments: tuple
) -> Any:
    """Return ``function(block, *arguments)`` of some blocks, merged one after another."""
    total = None
    for block in blocks:
        if block is not None:
            result = function(block, *arguments)
            total = result if total is None else merge(total, result)
    return total


def in_order(blocks: Sequence[Any], random_state: np.random.RandomState | None) -> Iterator[Any]:
    """Yield blocks as they are numbered, or in random order."""
    order = range(len(blocks)) if random_state is None else random_state.permutation(len(blocks))
    return (blocks[number] for number in order)


def either(merge: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    """Merge two results, of which one may be None."""
    if one is None or other is None:
        return other if one is None else one
    return merge(one, other)


def added(one: Sums, other: Sums) -> Sums:
    """Return the sums of two tuples, entry by entry; None stays None."""
    with np.errstate(invalid="ignore"):  # far beyond where a step decreases the loss
        return tuple(None if a is None else a + b for a, b in zip(one, other, strict=True))  # type: ignore[return-value]


def unequal_blocks(number: int, n_rows: int, name: str, n_others: int) -> ValueError:
    """Return the error of a block that has not as many rows as that of `X`."""
    return ValueError(
        f"Block {number} of `X` has {n_rows} rows, and that of `{name}` has {n_others}. {same_blocks(name)}"
    )


def same_blocks(name: str) -> str:
    """Return what to do about blocks of other rows than those of `X`."""
    return (
        f"Of dask arrays with known chunks, `{name}.rechunk((X.chunks[0], *{name}.chunks[1:]))` helps; of dataframes, "
        f"take `X` and `{name}` from one."
    )


def _length(array: Any) -> int:
    return array.shape[0] if hasattr(array, "shape") else len(array)
