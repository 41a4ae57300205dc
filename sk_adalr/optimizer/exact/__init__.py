"""Exact hypergradient: linear and logistic regression with no learning rate to choose."""

from sk_adalr.optimizer.exact.factorisation import prefers_factorisation
from sk_adalr.optimizer.exact.newton import prefers_newton
from sk_adalr.optimizer.exact.result import ExactResult
from sk_adalr.optimizer.exact.solve import solve_cholesky, solve_exact, solve_newton

__all__ = ["ExactResult", "prefers_factorisation", "prefers_newton", "solve_cholesky", "solve_exact", "solve_newton"]
