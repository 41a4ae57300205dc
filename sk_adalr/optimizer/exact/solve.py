"""Entry points of the exact solvers: standardise, choose the solver and its memory, and convert the result back."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from sk_adalr.backends import Array, is_sparse
from sk_adalr.objectives.columns import Coordinates, first_order_columns, newton_columns
from sk_adalr.objectives.losses import Loss
from sk_adalr.optimizer.exact.ending import (
    DEPENDENT,
    FINE,
    FLAT,
    MOST_PROJECTED,
    MOVING,
    OR_SEPARATED,
    at_infinity,
    completed,
    of_least_norm,
    separates,
)
from sk_adalr.optimizer.exact.factorisation import (
    few_rows_have_full_rank,
    prefers_factorisation,
    row_space,
    solve_least_squares,
)
from sk_adalr.optimizer.exact.first_order import FirstOrder
from sk_adalr.optimizer.exact.flatness import MakeRowSpace, affordable_row_space, gap_left
from sk_adalr.optimizer.exact.least_squares import LeastSquares
from sk_adalr.optimizer.exact.loop import LARGEST_GAP, LoopCallback, Solver, run
from sk_adalr.optimizer.exact.memory import n_steps_of_scores, n_steps_of_squares
from sk_adalr.optimizer.exact.multi_output import MultiOutput
from sk_adalr.optimizer.exact.newton import Newton, n_steps_ahead
from sk_adalr.optimizer.exact.problem import Problem
from sk_adalr.optimizer.exact.result import ExactResult
from sk_adalr.optimizer.exact.separate import Callback, Solution, output_by_output
from sk_adalr.optimizer.exact.tall import TallProblem
from sk_adalr.optimizer.exact.wide import WideProblem
from sk_adalr.rows import is_mapped


@output_by_output
def solve_exact(
    X: Any,
    target: Array,
    sample_weight: Array | None,
    loss: Loss,
    *,
    penalty: float,
    penalty_unit: np.ndarray | float = 1.0,
    fit_intercept: bool = True,
    max_iter: int = 1000,
    tol: float = 1e-4,
    coef: np.ndarray | None = None,
    intercept: np.ndarray | None = None,
    callback: Callback | None = None,
) -> ExactResult:
    r"""Minimise a linear model's loss by exact hypergradient steps on the full batch.

    .. math:: F(W, b) = \frac{\sum_i \omega_i \ell(y_i, W^T x_i + b)}{\sum_i \omega_i}
                     + \frac{\lambda}{2} \|\mathrm{diag}(u) W\|^2

    Parameters
    ----------
    X : array (n, p), float32 or float64, or CSR
        Of NumPy or CuPy, with target and weights on the same device. All results are on the host.
    target : array
        In the format of the loss: (n, k), or (n,) class indices, where every class 0 .. K - 1 occurs. A single class
        has no solution: the caller rejects it.
    sample_weight : array (n,) or None
        At least one positive, none negative; only their ratios matter.
    loss : Loss
    penalty : float
        :math:`\lambda \ge 0`; intercepts are not penalised.
    penalty_unit : ndarray (p,) or float, default=1.0
        :math:`u > 0`: the penalty applies to the coefficients of columns divided by it.
    fit_intercept : bool, default=True
    max_iter : int, default=1000
    tol : float, default=1e-4
        Stop once the expected decrease of the loss is below ``tol**2`` times that of the constant model, see `loop`.
    coef, intercept : ndarray (p, k), (k,) or None, default=None
        Where to start; ignored if worse than the constant model.
    callback : callable or None, default=None
        ``callback(iteration, loss, rates, solution)`` after every iteration; a true value stops. The rates refer to
        the caller's coefficients, (k, p), or (1, p) if all outputs share them; ``solution()`` returns the current
        coef (p, k) and intercept (k,).

    Returns
    -------
    ExactResult
    """
    weight = normalised_weight(sample_weight)
    columns = first_order_columns(X, weight, fit_intercept, by_blocks=not loss.is_separable)
    start = None if coef is None else standardised_start(columns, coef, intercept)
    scaled = scaled_penalty(columns, penalty, penalty_unit)
    problem = Problem(columns, loss, target, weight, scaled, fit_intercept, penalty_unit)
    solver = _first_order_solver(problem, start, max_iter)
    make_row_space = None if loss.is_quadratic else partial(affordable_row_space, X, weight, fit_intercept)
    result = solve_problem(problem, solver, "exact", max_iter, tol, callback, make_row_space=make_row_space)
    if loss.is_quadratic and result.converged and prefers_factorisation(X):
        return completed(result, solve_least_squares(X, target, weight, penalty, penalty_unit, fit_intercept))
    if loss.is_quadratic or not result.converged:
        return result
    if penalty == 0 and loss.classifies and separates(X, target, result):
        result = at_infinity(result, loss)
    # For larger data, project only if `tol` asks for all digits, or digits are known to be missing.
    is_cheap = min(X.shape) * X.shape[0] * X.shape[1] <= MOST_PROJECTED
    if is_cheap or ((result.advice or tol <= FINE) and prefers_factorisation(X)):
        if not is_sparse(X) and few_rows_have_full_rank(X, fit_intercept):
            return result
        return of_least_norm(result, row_space(X, weight, penalty_unit, fit_intercept), penalty, penalty_unit)
    return result


@output_by_output
def solve_newton(
    X: Any,
    target: Array,
    sample_weight: Array | None,
    loss: Loss,
    *,
    penalty: float,
    penalty_unit: np.ndarray | float = 1.0,
    fit_intercept: bool = True,
    max_iter: int = 1000,
    tol: float = 1e-4,
    coef: np.ndarray | None = None,
    intercept: np.ndarray | None = None,
    callback: Callback | None = None,
) -> ExactResult:
    """Minimise a loss by Newton's method, for few coefficients.

    Arguments and result are as for `solve_exact`. Sparse data is made dense, so it should be small: see
    `prefers_newton`. With many columns, some first-order steps are tried first: if they converge, no curvature is
    needed. They are skipped for a memory map, since their past steps keep predictions of all rows in memory.
    """
    options: dict[str, Any] = {"penalty": penalty, "penalty_unit": penalty_unit, "fit_intercept": fit_intercept}
    ahead = None
    if coef is None and loss.is_separable and not is_sparse(X) and not is_mapped(X):
        ahead, is_done = _ahead(X, target, sample_weight, loss, max_iter, callback, tol=tol, **options)
        if ahead is not None:
            if is_done:
                return ahead
            coef, intercept = ahead.coef, ahead.intercept
    weight = normalised_weight(sample_weight)
    X = X.toarray() if is_sparse(X) else X
    columns = newton_columns(X, weight, fit_intercept)
    start = None if coef is None else standardised_start(columns, coef, intercept)
    scaled = scaled_penalty(columns, penalty, penalty_unit)
    problem = Problem(columns, loss, target, weight, scaled, fit_intercept, penalty_unit)
    solver = Newton(problem, start)
    result = solve_problem(problem, solver, "newton", max_iter, tol, callback, ahead)
    return completed_newton(
        result, solver, problem, lambda: row_space(X, weight, penalty_unit, fit_intercept), penalty
    )


def completed_newton(
    result: ExactResult,
    solver: Newton,
    problem: Problem,
    rows: Callable[[], TallProblem | WideProblem],
    penalty: float,
) -> ExactResult:
    """Detect an optimum at infinity, and project a result on the row space, which ``rows()`` provides."""
    if not result.converged:
        return result
    if penalty == 0 and problem.loss.saturates and solver.movement() > MOVING:
        result = at_infinity(result, problem.loss)
    return result if solver.condition > DEPENDENT else of_least_norm(result, rows(), penalty, problem.penalty_unit)


def _ahead(
    X: Array,
    target: Array,
    sample_weight: Array | None,
    loss: Loss,
    max_iter: int,
    callback: Callback | None,
    **options: Any,
) -> tuple[ExactResult | None, bool]:
    """Return the result of first-order steps before Newton's method, None without any, and whether it is final."""
    n_steps, stops = min(n_steps_ahead(*X.shape), max_iter), []
    if n_steps == 0:
        return None, False

    def watched(*arguments: Any) -> Any:
        stops.append(callback is not None and callback(*arguments))
        return stops[-1]

    ahead = solve_exact(X, target, sample_weight, loss, max_iter=n_steps, callback=watched, **options)
    # If columns are nearly dependent, a small gradient does not mean that the optimum is near.
    is_solved = ahead.converged and not ahead.advice and few_rows_have_full_rank(X, options["fit_intercept"])
    return ahead, is_solved or ahead.interrupted or any(stops) or n_steps == max_iter


def _first_order_solver(problem: Problem, start: Solution | None, max_iter: int) -> Solver:
    columns, loss, (n, p) = problem.columns, problem.loss, problem.columns.shape
    if loss.is_quadratic:
        n_steps = n_steps_of_squares(columns.shape, problem.target.shape[1])
        # If many solutions fit perfectly, one rate for all columns leads to the minimum-norm solution.
        return LeastSquares(problem, n_steps, start, shared_rate=problem.penalty is None and n <= p)
    if loss.is_separable:
        first = None if start is None else (start[0][0], start[1][0])
        n_steps = min(n_steps_of_scores(columns.shape, columns.n_entries), max_iter)
        return FirstOrder(problem, n_steps, first)
    return MultiOutput(problem, start)


def solve_problem(
    problem: Problem,
    solver: Solver,
    name: str,
    max_iter: int,
    tol: float,
    callback: Callback | None,
    ahead: ExactResult | None = None,
    make_row_space: MakeRowSpace | None = None,
) -> ExactResult:
    """Iterate, and return the result in the caller's units, with earlier iterations `ahead` counted.

    `make_row_space` is passed to `gap_left`.
    """
    columns = problem.columns
    wrapped = None if callback is None else _in_raw_units(callback, columns, solver)
    n_done, passes, losses = (
        (0, 0.0, []) if ahead is None else (ahead.n_iter, ahead.n_gradient_evaluations, ahead.losses)
    )
    outcome = run(solver, max_iter=max_iter, tol=tol, callback=wrapped, n_done=n_done)
    raw_coef, raw_intercept = _raw_solution(columns, solver)
    gap = outcome.gap if make_row_space is None else gap_left(outcome, solver, problem, make_row_space)
    also = OR_SEPARATED if problem.loss.classifies else ""
    advice = FLAT.format(also, min(gap, 1.0)) if gap > LARGEST_GAP else ""
    return ExactResult(
        raw_coef.T,
        raw_intercept,
        float(outcome.losses[-1] if outcome.interrupted else solver.reported_loss),
        outcome.n_iter,
        passes + solver.n_passes / 2,
        outcome.converged,
        f"{outcome.message} {advice}".strip(),
        [*losses, *outcome.losses[bool(losses) :]],
        name,
        outcome.reached_max_iter,
        outcome.interrupted,
        advice,
    )


def normalised_weight(sample_weight: Array | None) -> Array | None:
    """Return sample weights (n,), float64, with mean 1; None for equal weights."""
    if sample_weight is None:
        return None
    weight = sample_weight.astype(np.float64)
    weight /= weight.max()
    if (weight == 1).all():
        return None
    weight /= weight.mean()
    return weight


def standardised_start(columns: Coordinates, coef: np.ndarray, intercept: np.ndarray | None) -> Solution:
    """Convert a warm start to standardised columns."""
    coef = np.asarray(coef, np.float64).T
    intercept = np.zeros(len(coef)) if intercept is None else np.asarray(intercept, np.float64)
    return columns.from_raw(coef, intercept)


def scaled_penalty(columns: Coordinates, penalty: float, unit: np.ndarray | float = 1.0) -> np.ndarray | None:
    """Return the penalty (p,) of each standardised coefficient; None without a penalty."""
    if penalty == 0:
        return None
    with np.errstate(over="ignore"):
        scale = columns.scale / unit
        return np.minimum(penalty / scale / scale, 1e300)


def _raw_solution(columns: Coordinates, solver: Solver) -> Solution:
    """Return coefficients (k, p) and intercepts (k,) in the caller's units."""
    return solver.of_target(*columns.to_raw(np.atleast_2d(solver.coef), np.atleast_1d(solver.intercept)))


def _in_raw_units(callback: Callback, columns: Coordinates, solver: Solver) -> LoopCallback:
    """Wrap the callback so that it receives rates and, on request, coefficients in the caller's units."""
    with np.errstate(over="ignore"):
        unit = 1.0 / columns.scale / columns.scale

    def solution() -> Solution:
        coef, intercept = _raw_solution(columns, solver)
        return coef.T, intercept

    def wrapped(iteration: int, loss: float, rates: np.ndarray) -> Any:
        with np.errstate(over="ignore"):
            raw_rates = rates.reshape(-1, len(unit)) * unit
        return callback(iteration, loss, raw_rates, solution)

    return wrapped
