"""Least squares by a factorisation: fast and accurate to all digits if there are few rows or few columns."""

from typing import Any

import numpy as np

from sk_adalr.backends import Array, beside, is_sparse, to_host
from sk_adalr.optimizer.exact.result import LeastSquaresSolution
from sk_adalr.optimizer.exact.rows_in_memory import n_sparse_multiplications, rows_of
from sk_adalr.optimizer.exact.tall import TallProblem
from sk_adalr.optimizer.exact.wide import WideProblem

# When to use a factorisation, by the shorter side of X: up to `_SIDE`, where it takes about as long as iterations on
# dependent columns, which do not reach the optimum; up to `_LARGEST_SIDE` if there are fewer rows than `_MOST_ROWS`
# times the columns; for sparse data, if its estimated time in ns is less than that of iterations.
_SIDE, _LARGEST_SIDE, _MOST_ROWS = 1000, 4000, 10
_LARGEST_SPARSE_SIDE, _ITERATED_NS, _SPARSE_NS, _DENSE_NS, _SHORT_NS = 2000, 200.0, 4.0, 0.03, 2e8
# Rows per column: if there are _MANY_ROWS, a sample of about _FEW_ROWS shows whether columns are independent.
_FEW_ROWS, _MANY_ROWS = 2, 10
# Root mean square change of scores above which it is more than round-off error.
_MOST_MOVED = 1e-3


def prefers_factorisation(X: Any) -> bool:
    """Return whether least squares with X (n, p), dense or CSR, should be solved by a factorisation."""
    n, p = X.shape
    side = min(n, p)
    if not is_sparse(X):
        return side <= _SIDE or (side <= _LARGEST_SIDE and n < _MOST_ROWS * p)
    if side > _LARGEST_SPARSE_SIDE:
        return False
    X = to_host(X)
    sparse = _SPARSE_NS * n_sparse_multiplications(X.T.tocsr() if n <= p else X)
    work = min(sparse, _DENSE_NS * n * p * (side + 30.0))
    return work + _DENSE_NS * side**3 <= max(_SHORT_NS, _ITERATED_NS * X.nnz)


def solve_least_squares(
    X: Any, target: Array, weight: Array | None, penalty: float, penalty_unit: np.ndarray | float, centre: bool
) -> LeastSquaresSolution:
    """Return the solution for X (n, p) and target (n, k), with weight (n,) of mean 1 or None and a penalty.

    With `centre` there is an intercept, which is not penalised. If the solution is not unique, it has minimum norm.
    Penalty and norm refer to the coefficients of columns divided by their `penalty_unit`.
    """
    if is_sparse(X):  # sparse products are computed on the host
        X, target, weight = to_host(X), to_host(target), None if weight is None else to_host(weight)
    return _problem(X, target, weight, penalty, penalty_unit, centre).solve()


def row_space(
    X: Any, weight: Array | None, penalty_unit: np.ndarray | float, centre: bool
) -> TallProblem | WideProblem:
    """Return the least-squares problem without targets, from which `in_row_space` takes the row space."""
    if is_sparse(X):
        X, weight = to_host(X), None if weight is None else to_host(weight)
    return _problem(X, beside(np.zeros((X.shape[0], 0)), X), weight, 0.0, penalty_unit, centre)


def few_rows_have_full_rank(X: Any, centre: bool) -> bool:
    """Return whether a sample of many dense rows X (n, p) shows that no columns are nearly dependent."""
    n, p = X.shape
    if n < _MANY_ROWS * p:
        return False
    rows = X[few_rows(X)]
    return TallProblem(rows_of(rows, beside(np.zeros((len(rows), 0)), rows), None), 0.0, 1.0, centre).has_full_rank()


def few_rows(X: Any) -> slice:
    """Return which rows of X (n, p) to check for dependent columns: a sample if there are many, else all."""
    n, p = X.shape
    return slice(None, None, n // (_FEW_ROWS * p) if n >= _MANY_ROWS * p else 1)


def stacked(solutions: list[LeastSquaresSolution]) -> LeastSquaresSolution:
    """Merge the solutions of single targets into one."""
    coef = np.column_stack([solution.coef for solution in solutions])
    intercept = np.concatenate([solution.intercept for solution in solutions])
    loss = sum(solution.loss for solution in solutions)
    return solutions[0]._replace(coef=coef, intercept=intercept, loss=loss)


def in_row_space(
    coef: np.ndarray, intercept: np.ndarray, rows: TallProblem | WideProblem
) -> tuple[np.ndarray, np.ndarray]:
    """Return minimum-norm coefficients (p, k) and intercepts (k,) with the same predictions for the rows.

    The arguments are returned unchanged if predictions would change, because float32 round-off error hides directions.
    """
    projected = rows.in_row_space(coef)
    change = coef - projected
    if change.any() and rows.deviation_of(change) > _MOST_MOVED:
        return coef, intercept
    return projected, intercept + rows.mean @ change


def _problem(
    X: Any, target: Array, weight: Array | None, penalty: float, penalty_unit: np.ndarray | float, centre: bool
) -> TallProblem | WideProblem:
    if X.shape[0] > X.shape[1]:
        return TallProblem(rows_of(X, target, weight), penalty, penalty_unit, centre)
    return WideProblem(X, target, weight, penalty, penalty_unit, centre)
