"""Exact hypergradient: linear and logistic regression with no learning rate to choose."""

from .factorisation import prefers_factorisation
from .result import ExactResult
from .solve import solve_cholesky, solve_exact

__all__ = ["ExactResult", "prefers_factorisation", "solve_cholesky", "solve_exact"]
