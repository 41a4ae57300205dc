"""Callbacks that follow a fit."""

from sk_adalr.callbacks.csv_logger import CSVLogger
from sk_adalr.callbacks.optuna_pruning import OptunaPruning
from sk_adalr.public import publish

__all__ = ["CSVLogger", "OptunaPruning"]

publish(__name__, CSVLogger, OptunaPruning)
