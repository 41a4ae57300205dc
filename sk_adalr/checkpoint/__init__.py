"""Checkpoints of long fits."""

from sk_adalr.checkpoint.callback import Checkpoint

__all__ = ["Checkpoint"]
