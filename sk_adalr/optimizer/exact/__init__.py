"""Exact solvers of linear models: linear and logistic regression without a learning rate to choose."""

from sk_adalr.optimizer.exact.blocked import Block, BlockedRows, Description
from sk_adalr.optimizer.exact.blocked_solvers import fastest_blocked_solver, solve_blocked, solve_blocked_cholesky
from sk_adalr.optimizer.exact.factorisation import prefers_factorisation
from sk_adalr.optimizer.exact.newton import prefers_newton
from sk_adalr.optimizer.exact.result import ExactResult
from sk_adalr.optimizer.exact.solve import solve_exact, solve_newton
from sk_adalr.optimizer.exact.solve_cholesky import solve_cholesky
from sk_adalr.optimizer.exact.stream import StreamSummary, prefers_summary
from sk_adalr.optimizer.exact.stream_loss import Chunk, ColumnMoments, first_summary

__all__ = [
    "Block",
    "BlockedRows",
    "Chunk",
    "ColumnMoments",
    "Description",
    "ExactResult",
    "StreamSummary",
    "fastest_blocked_solver",
    "first_summary",
    "prefers_factorisation",
    "prefers_newton",
    "prefers_summary",
    "solve_blocked",
    "solve_blocked_cholesky",
    "solve_cholesky",
    "solve_exact",
    "solve_newton",
]
