"""Blocks of rows in any storage: functions are sent to the blocks, and sums are returned.

A fit sends the same functions whether a block is read from a file in every pass or stays on a worker of a cluster. No
array with an entry per row is transferred, except for networks. Their steps take less time than a round trip, so the
blocks are fetched one after another.
"""

from sk_adalr.blocks.base import Blocks, RawBlock, added
from sk_adalr.blocks.chunks import Chunks
from sk_adalr.blocks.dask_blocks import blocks_of_collections, check_numeric, delayed_frames, delayed_function

__all__ = [
    "Blocks",
    "Chunks",
    "RawBlock",
    "added",
    "blocks_of_collections",
    "check_numeric",
    "delayed_frames",
    "delayed_function",
]
