"""Blocks that are read again in every pass, from files or any other source of chunks."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from sk_adalr.blocks.base import Blocks, RawBlock, folded


class Chunks(Blocks):
    """Chunks of rows, one in memory at a time.

    Parameters
    ----------
    make_chunks : callable
        ``make_chunks()`` returns the chunks, ``(X, y)`` or ``(X, y, sample_weight)``, the same ones each time.
    """

    def __init__(self, make_chunks: Callable[[], Iterable[Any]]) -> None:
        if not callable(make_chunks):
            raise TypeError(
                "`make_chunks` must be a function that returns the chunks anew each time it is called, because a fit "
                f"reads them several times; got {type(make_chunks).__name__}. Pass the generator function itself, "
                "without calling it, or `lambda: chunks` for a list."
            )
        self._make, self._functions = make_chunks, ()  # type: tuple[Callable, tuple]

    def mapped(self, function: Callable[..., Any], *arguments: Any) -> "Chunks":
        """Return the chunks with the function applied to each whenever they are read."""
        chunks = Chunks(self._make)
        chunks._functions = (*self._functions, (function, arguments))
        return chunks

    def reduced(self, function: Callable[..., Any], merge: Callable[[Any, Any], Any], *arguments: Any) -> Any:
        """Read all chunks, and return the merged results."""
        return folded(self._read(), function, merge, arguments)

    def visited(self, random_state: np.random.RandomState | None = None) -> Iterator[Any]:
        """Read one chunk after another, always in the given order."""
        return (block for block in self._read() if block is not None)

    def _read(self) -> Iterator[Any]:
        for number, chunk in enumerate(self._make()):
            block: Any = _raw(number, chunk)
            for function, arguments in self._functions:
                block = None if block is None else function(block, *arguments)
            yield block


def _raw(number: int, chunk: Any) -> RawBlock:
    if not isinstance(chunk, tuple | list) or len(chunk) not in (2, 3):
        raise ValueError(
            f"A chunk must be (X, y) or (X, y, sample_weight); chunk {number} is of type {type(chunk).__name__}"
            + (f" and has {len(chunk)} entries." if isinstance(chunk, tuple | list) else ".")
        )
    return RawBlock(number, *chunk, *(None,) * (3 - len(chunk)))
