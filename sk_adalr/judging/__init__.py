"""Who judges a model while it trains, and what becomes of the verdict."""

from sk_adalr.judging.holdout import Holdout, copies_of_rows
from sk_adalr.judging.plan import Plan, Policy, make_plan

__all__ = ["Holdout", "Plan", "Policy", "copies_of_rows", "make_plan"]
