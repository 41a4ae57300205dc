"""When to stop training on mini-batches: by validation rows, or by cross-validation in advance."""

from sk_adalr.early_stopping.holdout import Holdout
from sk_adalr.early_stopping.plan import (
    N_FOLDS,
    Plan,
    copies_for_validation,
    holds_out_of_blocks,
    make_plan,
    n_folds_asked,
)

__all__ = [
    "N_FOLDS",
    "Holdout",
    "Plan",
    "copies_for_validation",
    "holds_out_of_blocks",
    "make_plan",
    "n_folds_asked",
]
