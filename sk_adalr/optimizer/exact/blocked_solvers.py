"""Entry points for rows in blocks, on disk or distributed: Newton's method, quasi-Newton steps, and moments.

The solvers are those for rows in memory, except that quasi-Newton steps on the loss and its gradient replace
first-order steps, which would have to keep predictions of every row.
"""

from functools import partial
from typing import Any

import numpy as np

from sk_adalr.backends import Array
from sk_adalr.blocks import added
from sk_adalr.objectives.losses import Loss
from sk_adalr.optimizer.exact.blocked import Block, BlockedRows, BlockSums, StatelessLoss, StatelessRows
from sk_adalr.optimizer.exact.ending import FINE, MOST_PROJECTED, completed, of_least_norm
from sk_adalr.optimizer.exact.moments import Moments, Rows, stacked_factor
from sk_adalr.optimizer.exact.multi_output import MultiOutput
from sk_adalr.optimizer.exact.newton import Newton, prefers_newton
from sk_adalr.optimizer.exact.problem import Problem
from sk_adalr.optimizer.exact.result import ExactResult
from sk_adalr.optimizer.exact.rows_in_memory import rows_of
from sk_adalr.optimizer.exact.separate import Callback, Constants, Solution, each_output
from sk_adalr.optimizer.exact.solve import (
    completed_newton,
    scaled_penalty,
    solve_problem,
    standardised_start,
)
from sk_adalr.optimizer.exact.solve_cholesky import solved_by_factorisation
from sk_adalr.optimizer.exact.tall import TallProblem

# Columns up to which the Gram matrix, 32 MB on each worker, is computed for least squares and, where reading the rows
# costs far more, for Newton's method.
_MOST_PRODUCTS = 2000


def fastest_blocked_solver(X: BlockedRows, loss: Loss, n_scores: int) -> str:
    """Return the solver that ``solver="auto"`` selects, for `n_scores` per row."""
    n, p = X.shape
    if loss.is_quadratic:
        return "cholesky" if p <= _MOST_PRODUCTS else "exact"
    saves_readings = X.blocks.are_read_anew and n_scores == 1 and p <= _MOST_PRODUCTS and not X.is_sparse
    return "newton" if saves_readings or prefers_newton(n, p, n_scores, X.is_sparse) else "exact"


def solve_blocked(
    X: BlockedRows,
    target: Array,
    weight: Array,
    loss: Loss,
    solver: str,
    *,
    penalty: float,
    fit_intercept: bool = True,
    coef: np.ndarray | None = None,
    intercept: np.ndarray | None = None,
    max_iter: int = 1000,
    tol: float = 1e-4,
    callback: Callback | None = None,
) -> ExactResult:
    """Minimise the loss of a linear model over rows in blocks.

    Parameters
    ----------
    X : BlockedRows
    target : array
        A table of targets, in the format of the loss, that determines the best constant prediction. For
        classification one row per label, which the targets of the blocks index; otherwise the mean target.
    weight : array
        Weights of the rows of the table.
    loss : Loss
    solver : {"newton", "exact"}
    penalty, fit_intercept, coef, intercept, max_iter, tol, callback :
        As in `solve_exact`.

    Returns
    -------
    ExactResult
    """

    def solve(X: BlockedRows, target: Array, coef: Any, intercept: Any, callback: Callback | None) -> ExactResult:
        columns = X.coordinates(makes_dense=solver == "newton")
        problem = Problem(columns, loss, target, weight, scaled_penalty(columns, penalty), fit_intercept)
        start = None if coef is None else standardised_start(columns, coef, intercept)
        return _SOLVE[solver](X, problem, start, penalty, max_iter, tol, callback)

    def solve_output(part: slice, **start: Any) -> ExactResult:
        return solve(X.of_output(part), target[:, part], **start)

    if loss.is_quadratic or not loss.is_separable or target.shape[1] == 1:
        return solve(X, target, coef, intercept, callback)
    return each_output(solve_output, _constants(X, target, weight, loss, fit_intercept), coef, intercept, callback)


def solve_blocked_cholesky(
    X: BlockedRows, target: Array, weight: Array, *, penalty: float, fit_intercept: bool = True
) -> ExactResult:
    """Solve least squares from the Gram matrix of all columns. Arguments as for `solve_blocked`."""
    rows = RowsOfBlocks(X, target.shape[1])
    return solved_by_factorisation(TallProblem(rows, penalty, 1.0, fit_intercept).solve())


def _solve_newton(
    X: BlockedRows,
    problem: Problem,
    start: Solution | None,
    penalty: float,
    max_iter: int,
    tol: float,
    callback: Callback | None,
) -> ExactResult:
    solver = Newton(problem, start, partial(StatelessRows, X))
    result = solve_problem(problem, solver, "newton", max_iter, tol, callback)
    return completed_newton(result, solver, problem, lambda: _row_space(X, problem.fit_intercept), penalty)


def _solve_exact(
    X: BlockedRows,
    problem: Problem,
    start: Solution | None,
    penalty: float,
    max_iter: int,
    tol: float,
    callback: Callback | None,
) -> ExactResult:
    solver = MultiOutput(problem, start, lambda problem, n_scores: StatelessLoss(X, problem))
    n, p = X.shape
    is_affordable = p <= _MOST_PRODUCTS and not problem.loss.is_quadratic
    make_row_space = (lambda n_passes: _row_space(X, problem.fit_intercept)) if is_affordable else None
    result = solve_problem(problem, solver, "exact", max_iter, tol, callback, make_row_space=make_row_space)
    if not result.converged or p > _MOST_PRODUCTS:
        return result
    if problem.loss.is_quadratic:
        rows = RowsOfBlocks(X, problem.target.shape[1])
        return completed(result, TallProblem(rows, penalty, 1.0, problem.fit_intercept).solve())
    if result.advice or tol <= FINE or min(n, p) * n * p <= MOST_PROJECTED:
        return of_least_norm(result, _row_space(X, problem.fit_intercept), penalty)
    return result


_SOLVE = {"newton": _solve_newton, "exact": _solve_exact}


def _constants(X: BlockedRows, target: Array, weight: Array, loss: Loss, fit_intercept: bool) -> Constants:
    """Return the best constant model of each output."""
    columns, p = X.coordinates(), X.shape[1]
    scores = loss.constant(target, weight, target.shape[1]) if fit_intercept else np.zeros(target.shape[1])
    losses = np.zeros(len(scores))
    for k in range(len(scores)):
        part = slice(k, k + 1)
        problem = Problem(columns, loss, target[:, part], weight, None, fit_intercept)
        params = np.zeros((1, p + bool(fit_intercept)))
        params[:, p:] = scores[k]
        losses[k] = BlockSums(X.of_output(part), problem)(params).loss
    return Constants(p, scores, losses)


def _row_space(X: BlockedRows, centre: bool) -> TallProblem:
    return TallProblem(RowsOfBlocks(X, 0), 0.0, 1.0, centre)


class RowsOfBlocks:
    """The `Rows` of all blocks: each method is computed per block, and the results are merged."""

    def __init__(self, X: BlockedRows, n_targets: int) -> None:
        (n, self.n_features), self._X = X.shape, X
        self.shape = n, self.n_features + n_targets
        self.dtypes = X.dtype, X.dtype

    def first_origin(self, unit: np.ndarray) -> np.ndarray:
        """Return the mean."""
        return self.origin_near(self._X.description.spread.mean[: self.shape[1]] / unit)

    def origin_near(self, mean: np.ndarray) -> np.ndarray:
        """Return the mean as the origin; 0 for features if any block is sparse."""
        return np.where(np.arange(len(mean)) < self.n_features, 0.0, mean) if self._X.is_sparse else mean

    def products(self, unit: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the weighted sums of the columns and of their products, relative to an origin."""
        return self._reduced(added, "products", unit, origin)

    def peaks(self, origin: np.ndarray) -> np.ndarray:
        """Return the largest distance of each column from an origin."""
        return self._reduced(np.maximum, "peaks", origin)

    def residual_products(
        self, moments: Moments, scale: np.ndarray, coef: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums of features times residuals, and of squared residuals."""
        return self._reduced(added, "residual_products", moments, scale, coef)

    def squares_along(self, moments: Moments, scale: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Return the weighted sums of the squared projections of standardised features on directions."""
        return self._reduced(np.add, "squares_along", moments, scale, directions)

    def triangular_factor(self, moments: Moments, scale: np.ndarray) -> np.ndarray:
        """Return the triangular factor of all rows."""
        return self._reduced(stacked_factor, "triangular_factor", moments, scale)

    def _reduced(self, merge: Any, message: str, *arguments: Any) -> Any:
        has_target = self.shape[1] > self.n_features
        return self._X.blocks.reduced(_answer, merge, message, has_target, arguments)


def _answer(block: Block, message: str, has_target: bool, arguments: tuple) -> Any:
    target = block.target if has_target else np.zeros((block.X.shape[0], 0))
    rows: Rows = rows_of(block.X, target, block.weight)
    return getattr(rows, message)(*arguments)
