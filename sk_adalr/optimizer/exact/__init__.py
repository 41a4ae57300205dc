"""Exact hypergradient: linear and logistic regression with no learning rate to choose."""

from .factorisation import prefers_factorisation
from .newton import prefers_newton
from .result import ExactResult
from .solve import solve_cholesky, solve_exact, solve_newton

__all__ = ["ExactResult", "prefers_factorisation", "prefers_newton", "solve_cholesky", "solve_exact", "solve_newton"]
