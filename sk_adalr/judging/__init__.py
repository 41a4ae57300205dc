"""Who judges a model while it trains, and what becomes of the verdict."""

from sk_adalr.judging.holdout import Holdout, copies_of_rows
from sk_adalr.judging.plan import Plan, Policy, copies_where_judged, make_plan, n_folds_asked

__all__ = ["Holdout", "Plan", "Policy", "copies_of_rows", "copies_where_judged", "make_plan", "n_folds_asked"]
