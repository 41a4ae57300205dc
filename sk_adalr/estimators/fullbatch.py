"""Training a linear model on all rows at once.

By the exact solver or, where that is faster, a factorisation for least squares and Newton's method for other losses.
"""

import copy
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sk_adalr.backends import fitted_array, is_sparse, to_host
from sk_adalr.caller import warn_caller
from sk_adalr.dataset import Dataset
from sk_adalr.estimators.classes_without_rows import SolvedClasses
from sk_adalr.estimators.job import Job, history_attributes
from sk_adalr.estimators.minibatch import train
from sk_adalr.estimators.model import LinearModel, dense_coef
from sk_adalr.estimators.penalties import with_learned_penalty
from sk_adalr.optimizer.exact import (
    BlockedRows,
    ExactResult,
    fastest_blocked_solver,
    prefers_factorisation,
    prefers_newton,
    solve_blocked,
    solve_blocked_cholesky,
    solve_cholesky,
    solve_exact,
    solve_newton,
)
from sk_adalr.penalty import Solution
from sk_adalr.rows import CACHE_VALUES
from sk_adalr.targets import Target
from sk_adalr.training import History, StopReason

# The error left by this tolerance is far smaller than the differences between folds; 1e-4 takes twice as long.
_TOL_OF_FOLDS = 1e-3
# Round-off of predictions in float32, as a share of their range, above which a model stays in float64; and the
# largest number of rows by which that is decided.
_MOST_LOST, _SOME_ROWS = 0.01, 64


def fit_linear(job: Job[LinearModel]) -> dict[str, Any]:
    """Return all fitted attributes after a fit: on all rows at once, or on mini-batches."""
    job = replace(job, model=job.model.seeing(job.data))
    note = ""
    if job.model.choice is not None:
        with job.progress.part("penalty"):
            job, note = with_learned_penalty(job, _solution)
    fitted = solve_at_once(job) if job.options.solves_at_once else train(job)
    return {**fitted, "stop_reason_": fitted["stop_reason_"] + note}


def _solution(job: Job[LinearModel], data: Dataset, target: Target, start: Solution | None) -> Solution:
    """Return coefficients and intercepts fitted to some rows by the fastest solver, as accurately as folds need."""
    solver, model = _fastest_solver(data, target), job.model
    options = _of_penalty(model, data)
    if solver == "cholesky":
        result = solve_cholesky(data.X, data.target, data.weight, **options)
    else:
        coef, intercept = (None, None) if start is None else start
        solve = solve_newton if solver == "newton" else solve_exact
        options |= {"max_iter": job.options.max_iter, "tol": max(job.options.tol, _TOL_OF_FOLDS)}
        result = solve(data.X, data.target, data.weight, target.loss, coef=coef, intercept=intercept, **options)
    return result.coef, result.intercept


def solve_at_once(job: Job[LinearModel]) -> dict[str, Any]:
    """Return all fitted attributes after training on all rows at once."""
    model, data, target, history = job.model, job.data, job.target, History()
    classes = SolvedClasses.of(target, model.fit_intercept) if target.lacks_classes else None

    def fitted_from(coef: np.ndarray, intercept: np.ndarray) -> dict[str, Any]:
        if classes is not None:
            coef, intercept = classes.widened(coef, intercept, data.X.dtype)
        return in_dtype(coef, intercept, job)

    seen, seen_target = (data, target) if classes is None else classes.narrowed(data, target)
    solver = "exact" if job.options.solver == "exact" else _fastest_solver(seen, seen_target)
    options = _of_penalty(model, data)
    if solver == "cholesky" or (classes is not None and classes.is_one):
        if solver == "cholesky":
            factorise = solve_blocked_cholesky if isinstance(data.X, BlockedRows) else solve_cholesky
            result = factorise(data.X, data.target, data.weight, **options)
        else:
            result = _certain(data.X.shape[1], solver)
        history.losses.append(finite_loss(result.loss))
        job.progress(history, lambda: _so_far(fitted_from(result.coef, result.intercept), history))
        history.stop_reason = StopReason.SOLVED(message=result.message)
    else:
        start = (None, None) if job.before is None else _start(job.before, classes, target)
        solve: Any = solve_newton if solver == "newton" else solve_exact
        if isinstance(data.X, BlockedRows):
            solve = partial(solve_blocked, solver=solver)
        result = _iterate(job, solve, seen, seen_target, start, fitted_from, history, options)
    return {
        **in_range(fitted_from(result.coef, result.intercept), data),
        **history_attributes(history),
        **model.counted(target, result.n_iter),
        "n_gradient_evaluations_": result.n_gradient_evaluations,
        "solver_": result.solver,
        **_rank(result, data, target),
        "_dtype": data.X.dtype.name,
        "_seen_weight": data.seen_weight,
        "_training": None,
        "_summary": None,
    }


def _so_far(fitted: dict[str, Any], history: History) -> dict[str, Any]:
    """Return the fitted attributes for a callback, with a copy of the history so far."""
    return fitted | copy.deepcopy(history_attributes(history))


def _of_penalty(model: LinearModel, data: Dataset) -> dict[str, Any]:
    """Return the options of solvers on penalty and intercept; blocks of rows support no `penalty_unit`."""
    options: dict[str, Any] = {"penalty": model.curvature(data), "fit_intercept": model.fit_intercept}
    return options if isinstance(data.X, BlockedRows) else options | {"penalty_unit": model.penalty_unit}


def _rank(result: ExactResult, data: Dataset, target: Target) -> dict[str, Any]:
    """Return rank and singular values of the data of a regression, None unless a factorisation computed them."""
    if target.labels is not None:
        return {}
    values = result.singular_values
    root = np.sqrt(data.seen_weight / data.n_samples)
    return {"rank_": result.rank, "singular_": None if values is None else values * root}


def in_dtype(coef: np.ndarray, intercept: np.ndarray, job: Job[LinearModel]) -> dict[str, Any]:
    """Return fitted attributes, in the dtype of X, from coefficients (n_features, n_outputs) and intercepts.

    They stay float64 where float32 cannot hold the predictions, as of columns very far from zero.
    """
    dtype = job.data.X.dtype
    if dtype == np.float32 and _loses_digits(job.data.X, coef, job.model.fit_intercept):
        dtype = np.dtype(np.float64)
    with np.errstate(over="ignore"):
        coef, intercept = coef.T.astype(dtype, order="C"), intercept.astype(dtype)
    return job.model.shaped(coef, intercept, job.target) | job.target.attributes


def _loses_digits(X: Any, coef: np.ndarray, has_intercept: bool) -> bool:
    """Return whether predictions vary so much less than their terms that float32 rounds the difference away."""
    if isinstance(X, BlockedRows):
        columns, signs = X.description.spread, np.random.RandomState(0).choice([-1, 1], size=(_SOME_ROWS, X.shape[1]))
        rows = columns.mean[: X.shape[1]] + signs * columns.deviation[: X.shape[1]]
    else:
        n_rows = max(4, min(_SOME_ROWS, CACHE_VALUES // X.shape[1]))
        step = 1 if is_sparse(X) else max(1, X.shape[0] // n_rows)  # sparse rows that follow each other are faster
        rows = to_host(X[: step * n_rows : step]).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        raw, terms = rows @ coef, abs(rows) @ np.abs(coef)
        spread = np.abs(raw - raw.mean(axis=0) if has_intercept else raw).max(axis=0)
        lost = np.finfo(np.float32).eps * terms.max(axis=0)
    return bool(((lost > _MOST_LOST * spread) & (spread > 0)).any())


def _start(
    before: Mapping[str, Any], classes: SolvedClasses | None, target: Target
) -> tuple[np.ndarray | None, np.ndarray | None]:
    # A class with zero coefficients had no weight; from its very low intercept, training takes longer than from zero.
    coef, intercept = dense_coef(before).T, np.atleast_1d(fitted_array(before["intercept_"]))
    if classes is not None:
        coef, intercept = classes.narrowed_start(coef, intercept)
    if target.labels is not None and not coef.any(axis=0).all():
        return None, None
    return coef, intercept


def _iterate(
    job: Job[LinearModel],
    solve: Callable[..., ExactResult],
    data: Dataset,
    target: Target,
    start: tuple[np.ndarray | None, np.ndarray | None],
    fitted_from: Callable[[np.ndarray, np.ndarray], dict[str, Any]],
    history: History,
    options: dict[str, Any],
) -> ExactResult:
    def record(iteration: int, loss: float, rates: np.ndarray, solution: Callable) -> bool:
        history.losses.append(finite_loss(loss))
        history.record_rates(rates.ravel())
        return job.progress(history, lambda: _so_far(fitted_from(*solution()), history))

    max_iter, tol = job.options.max_iter, job.options.tol
    result = solve(
        data.X,
        data.target,
        data.weight,
        target.loss,
        max_iter=max_iter,
        tol=tol,
        coef=start[0],
        intercept=start[1],
        callback=record,
        **options,
    )
    # A factorisation or refinement after the last iteration may change the loss; without iterations this appends it.
    history.losses[-1:] = [finite_loss(result.loss)]
    history.stop_reason = StopReason.SOLVED(message=result.message)
    if result.interrupted:
        history.stop_reason = StopReason.INTERRUPTED()
        warn_caller("Training interrupted by the user: keeping the model so far.")
    elif result.reached_max_iter and tol > 0:
        job.warn_not_converged(", leave `solver` at 'auto'," if result.solver == "exact" else ",")
    elif result.advice:
        warn_caller(f"{job.name}: {result.advice}", ConvergenceWarning)
    return result


def _fastest_solver(data: Dataset, target: Target) -> str:
    """Return the solver that `solver="auto"` selects."""
    n_samples, n_features = data.X.shape
    n_scores = 1 if target.loss.is_separable else target.n_outputs
    if isinstance(data.X, BlockedRows):
        return fastest_blocked_solver(data.X, target.loss, n_scores)
    if target.loss.is_quadratic:
        return "cholesky" if prefers_factorisation(data.X) else "exact"
    return "newton" if prefers_newton(n_samples, n_features, n_scores, is_sparse(data.X)) else "exact"


def _certain(n_features: int, solver: str) -> ExactResult:
    """Return the solution if only one class has weight: all zeros, with a loss of 0."""
    nothing = np.zeros((n_features, 1)), np.zeros(1)
    return ExactResult(*nothing, 0.0, 1, 0.0, True, StopReason.CONSTANT(), [0.0], solver)


def finite_loss(loss: float) -> float:
    """Return `loss`, or the largest float if squared errors in the units of the target overflow."""
    return min(loss, sys.float_info.max)


def in_range(fitted: dict[str, Any], data: Dataset) -> dict[str, Any]:
    """Return the fitted attributes; raise a ValueError if a coefficient is beyond the range of the dtype."""
    if not all(np.isfinite(array).all() for array in (fitted["coef_"], fitted["intercept_"])):
        raise ValueError(
            f"The coefficients in the units of `X` and `y` are beyond the range of {data.X.dtype}: their scales "
            "differ too much. Rescale `X` or `y`, or pass float64."
        )
    return fitted
