"""Callbacks that follow a fit."""

from sk_adalr.callbacks.csv_logger import CSVLogger
from sk_adalr.callbacks.optuna_pruning import OptunaPruning
from sk_adalr.callbacks.summary_logger import SummaryLogger
from sk_adalr.public import publish

__all__ = ["CSVLogger", "OptunaPruning", "SummaryLogger"]

publish(__name__, CSVLogger, OptunaPruning, SummaryLogger)
