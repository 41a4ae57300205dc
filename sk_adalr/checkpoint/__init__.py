"""Checkpoints of long fits."""

from sk_adalr.checkpoint.callback import Checkpoint
from sk_adalr.public import publish

__all__ = ["Checkpoint"]

publish(__name__, Checkpoint)
