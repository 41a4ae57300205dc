"""Rows in blocks that lie anywhere: functions go to them, and sums come back.

A fit sends the same functions whether a block is read from a file each time or stays on a worker of a cluster. No
array with an entry per row travels; but a network, whose steps take less time than a round trip, has one block after
another come.
"""

from sk_adalr.blocks.base import Blocks, RawBlock, added
from sk_adalr.blocks.chunks import Chunks
from sk_adalr.blocks.dask_blocks import blocks_of_collections, delayed_frames, delayed_function, refuse_words

__all__ = [
    "Blocks",
    "Chunks",
    "RawBlock",
    "added",
    "blocks_of_collections",
    "delayed_frames",
    "delayed_function",
    "refuse_words",
]
