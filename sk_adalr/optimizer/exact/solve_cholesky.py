"""Entry point for least squares by a factorisation."""

from typing import Any

import numpy as np

from sk_adalr.backends import Array
from sk_adalr.optimizer.exact.ending import singular_values
from sk_adalr.optimizer.exact.factorisation import solve_least_squares, stacked
from sk_adalr.optimizer.exact.result import ExactResult, LeastSquaresSolution
from sk_adalr.optimizer.exact.solve import normalised_weight


def solve_cholesky(
    X: Any,
    target: Array,
    sample_weight: Array | None,
    *,
    penalty: Any,
    penalty_unit: np.ndarray | float = 1.0,
    fit_intercept: bool = True,
) -> ExactResult:
    """Solve least squares of X (n, p), dense or CSR, and target (n, k) by a factorisation.

    Arguments and result are as for `solve_exact`; the penalty may differ between outputs, (k,).
    """
    weight = normalised_weight(sample_weight)
    if np.ndim(penalty) == 0:
        return solved_by_factorisation(solve_least_squares(X, target, weight, penalty, penalty_unit, fit_intercept))
    solutions = [
        solve_least_squares(X, output[:, None], weight, float(own), penalty_unit, fit_intercept)
        for output, own in zip(target.T, penalty, strict=True)
    ]
    return solved_by_factorisation(stacked(solutions))


def solved_by_factorisation(solution: LeastSquaresSolution) -> ExactResult:
    """Convert the solution of a factorisation to an `ExactResult`."""
    return ExactResult(
        solution.coef,
        solution.intercept,
        solution.loss,
        n_iter=1,
        n_gradient_evaluations=3.0,
        converged=True,
        message="Solved by a factorisation of the normal equations or of the data.",
        losses=[solution.loss],
        solver="cholesky",
        rank=solution.rank,
        singular_values=singular_values(solution),
    )
