"""Blocks of dask collections, on the workers of a cluster or recomputed in each pass by the local scheduler.

On a cluster the blocks of each thread of a worker form one shard, which stays there: a pass is one task per shard.
Tasks prefer the worker of their shard but may run elsewhere. So after the loss of a worker, only its shards are
computed again from the collection. There is no other state on the workers.
"""

from collections.abc import Callable, Iterator
from functools import partial, reduce
from itertools import cycle
from numbers import Number
from typing import Any

import numpy as np

from sk_adalr.blocks.base import Blocks, RawBlock, either, folded, in_order, same_blocks, unequal_blocks

# Number of results that one task of the local scheduler merges.
_MERGED = 8


def blocks_of_collections(X: Any, y: Any, sample_weight: Any) -> Blocks:
    """Return the blocks of dask collections; `sample_weight` may also be a number or None."""
    from dask.delayed import delayed

    given = {"X": X, "y": y}
    if sample_weight is not None and not isinstance(sample_weight, Number):
        given["sample_weight"] = sample_weight
    rows = {name: _row_blocks(name, collection) for name, collection in given.items()}
    check_numeric(X)
    for name, blocks in rows.items():
        if len(blocks) != len(rows["X"]):
            raise ValueError(
                f"`X` has {len(rows['X'])} blocks of rows, and `{name}` has {len(blocks)}. {same_blocks(name)}"
            )
        _check_lengths(X, name, given[name])
    weights = rows.get("sample_weight", [sample_weight] * len(rows["X"]))
    make = delayed(RawBlock, pure=False)
    parts = enumerate(zip(rows["X"], rows["y"], weights, strict=True))
    raw = [make(number, *part) for number, part in parts]
    client = _client()
    return _LocalBlocks(raw) if client is None else _Shards.of(client, raw)


def _row_blocks(name: str, collection: Any) -> list[Any]:
    """Return the blocks of rows of an array, a dataframe or a series as Delayed objects."""
    if hasattr(collection, "chunks") and hasattr(collection, "rechunk"):
        if collection.ndim > 1 and collection.numblocks[1] > 1:
            collection = collection.rechunk({1: -1})
        return list(collection.to_delayed().ravel())
    if hasattr(collection, "npartitions") and hasattr(collection, "dtypes"):
        return delayed_frames(collection)
    kind = f"{type(collection).__module__}.{type(collection).__name__}"
    raise TypeError(
        "`X`, `y` and `sample_weight` must all be dask arrays, dataframes or series, or all be in memory; "
        f"`{name}` is a {kind}. Make it one with `dask.array.from_array({name}, chunks=...)`, in the blocks of the "
        "others, or load those with `.compute()`."
    )


def delayed_frames(collection: Any) -> list[Any]:
    """Return the partitions of a dataframe or a series as Delayed objects, exactly ``npartitions`` of them."""
    blocks = list(collection.to_delayed())
    if len(blocks) != collection.npartitions:  # dask fuses partitions of files of which it reads few columns
        return list(collection.to_delayed(optimize_graph=False))
    return blocks


def _check_lengths(X: Any, name: str, other: Any) -> None:
    """Raise a ValueError if lengths of blocks are known and differ."""
    for number, lengths in enumerate(zip(*(getattr(one, "chunks", [()])[0] for one in (X, other)), strict=False)):
        if lengths[0] != lengths[1] and not np.isnan(lengths).any():
            raise unequal_blocks(number, lengths[0], name, lengths[1])


def check_numeric(X: Any) -> None:
    """Raise a TypeError if X is a dataframe with columns that are not numeric."""
    dtypes = {} if hasattr(X, "chunks") else dict(X.dtypes)
    words = [column for column, dtype in dtypes.items() if getattr(dtype, "kind", "O") not in "biuf"]
    if words:
        raise TypeError(
            f"`X` has columns that are not numeric: {', '.join(map(repr, words))}. Encode them lazily, as with "
            "`dask.dataframe.get_dummies(X.categorize())`, or drop them."
        )


def _client() -> Any:
    """Return the client of the cluster that dask would use, or None for a local scheduler."""
    import dask

    if dask.config.get("scheduler", None) not in (None, "distributed", "dask.distributed"):
        return None
    try:
        from distributed import default_client

        return default_client()
    except (ImportError, ValueError):
        return None


class _LocalBlocks(Blocks):
    """Blocks that the local scheduler recomputes in each pass, as many at a time as it has threads."""

    def __init__(self, blocks: list[Any]) -> None:
        self._blocks = blocks

    def mapped(self, function: Callable[..., Any], *arguments: Any) -> "_LocalBlocks":
        mapped = delayed_function(partial(_mapped_block, function=function, arguments=arguments))
        return _LocalBlocks([mapped(block) for block in self._blocks])

    def reduced(self, function: Callable[..., Any], merge: Callable[[Any, Any], Any], *arguments: Any) -> Any:
        summed = delayed_function(partial(_folded_block, function=function, merge=merge, arguments=arguments))
        merged, results = delayed_function(partial(_merged, merge=merge)), [summed(block) for block in self._blocks]
        while len(results) > 1:
            groups = (results[start : start + _MERGED] for start in range(0, len(results), _MERGED))
            results = [merged(group) for group in groups]
        return results[0].compute()

    def visited(self, random_state: np.random.RandomState | None = None) -> Iterator[Any]:
        made = (block.compute() for block in in_order(self._blocks, random_state))
        return (block for block in made if block is not None)


class _Shards(Blocks):
    """Blocks on the workers of a cluster, in shards.

    Parameters
    ----------
    client : Client
    shards : list of (str, Future)
        The worker of each shard, and the shard.
    places : list of (int, int)
        For each block, the index of its shard and its position in the shard.
    """

    are_read_anew = False

    def __init__(self, client: Any, shards: list[tuple[str, Any]], places: list[tuple[int, int]]) -> None:
        self._client, self._shards, self._places = client, shards, places

    @classmethod
    def of(cls, client: Any, blocks: list[Any]) -> "_Shards":
        """Compute the blocks on the cluster, wait for them, and return them as shards."""
        from distributed import wait

        futures = client.compute(blocks)
        wait(futures)
        places, threads = client.who_has(futures), client.nthreads()
        slots = {worker: cycle([(worker, thread) for thread in range(n)]) for worker, n in threads.items()}
        anywhere, shards = cycle(threads), {}  # type: ignore[var-annotated]
        slot_of = []
        for future in futures:
            worker = next((worker for worker in places.get(future.key, ()) if worker in slots), None)
            slot = next(slots[worker or next(anywhere)])
            slot_of.append((slot, len(shards.setdefault(slot, []))))
            shards[slot].append(future)
        made = [(worker, _submit(client, worker, _Shard, shard)) for (worker, _), shard in shards.items()]
        number = {slot: number for number, slot in enumerate(shards)}
        return cls(client, made, [(number[slot], place) for slot, place in slot_of])

    def mapped(self, function: Callable[..., Any], *arguments: Any) -> "_Shards":
        workers, shards = (worker for worker, _ in self._shards), self._sent(_Shard.mapped, function, arguments)
        return _Shards(self._client, list(zip(workers, shards, strict=True)), self._places)

    def reduced(self, function: Callable[..., Any], merge: Callable[[Any, Any], Any], *arguments: Any) -> Any:
        return _merged(self._client.gather(self._sent(_Shard.folded, function, merge, arguments)), merge=merge)

    def visited(self, random_state: np.random.RandomState | None = None) -> Iterator[Any]:
        brought = (self._block(number, place) for number, place in in_order(self._places, random_state))
        return (block for block in brought if block is not None)

    def _block(self, number: int, place: int) -> Any:
        worker, shard = self._shards[number]
        return _submit(self._client, worker, _Shard.block, shard, place).result()

    def _sent(self, method: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Call a method of all shards, and return the futures."""
        return [_submit(self._client, worker, method, shard, *arguments) for worker, shard in self._shards]


class _Shard:
    """Some blocks on a worker. It reports no size to dask, because the collection may already count the arrays."""

    def __init__(self, blocks: list[Any]) -> None:
        self._blocks = blocks

    def block(self, place: int) -> Any:
        return self._blocks[place]

    def mapped(self, function: Callable[..., Any], arguments: tuple) -> "_Shard":
        return _Shard([_mapped_block(block, function, arguments) for block in self._blocks])

    def folded(self, function: Callable[..., Any], merge: Callable[[Any, Any], Any], arguments: tuple) -> Any:
        return folded(self._blocks, function, merge, arguments)


def _submit(client: Any, worker: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the future of a call on a worker, or on another worker if that one is lost."""
    return client.submit(function, *arguments, workers=[worker], allow_other_workers=True, pure=False)


def delayed_function(function: Callable[..., Any]) -> Any:
    """Return the delayed function of a block; dask neither hashes it nor searches it for collections."""
    from dask.delayed import delayed

    return delayed(function, pure=False, traverse=False)


def _mapped_block(block: Any, function: Callable[..., Any], arguments: tuple) -> Any:
    return None if block is None else function(block, *arguments)


def _folded_block(block: Any, function: Callable[..., Any], merge: Callable[[Any, Any], Any], arguments: tuple) -> Any:
    return folded([block], function, merge, arguments)


def _merged(results: list[Any], merge: Callable[[Any, Any], Any]) -> Any:
    return reduce(partial(either, merge), results, None)
