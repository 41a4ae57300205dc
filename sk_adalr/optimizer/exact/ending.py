"""Post-processing of a converged result: factorisation, minimum norm, rank, and detection of optima at infinity."""

from dataclasses import replace
from typing import Any

import numpy as np

from sk_adalr.backends import Array, beside, is_sparse, namespace
from sk_adalr.objectives.losses import Loss
from sk_adalr.optimizer.exact.factorisation import in_row_space
from sk_adalr.optimizer.exact.result import ExactResult, LeastSquaresSolution
from sk_adalr.optimizer.exact.tall import TallProblem
from sk_adalr.optimizer.exact.wide import WideProblem
from sk_adalr.rows import slices_of_rows

# Values of the data per block in which scores are computed.
_VALUES_OF_SCORES = 1 << 18
# Reciprocal condition numbers: of a curvature, below which columns are dependent; of a system, nearly dependent.
DEPENDENT, _NEARLY_DEPENDENT = 1e-6, 1e-4
# Multiplications up to which coefficients of first-order steps are always projected on the row space.
MOST_PROJECTED = 1e8
# Tolerance at or below which the user wants all digits.
FINE = 1e-6
# Change of a score in a step at convergence above which the optimum is at infinity.
MOVING = 0.1
_AT_INFINITY = " The optimum is at infinity, because some rows are {} and nothing penalises large coefficients. {}"
_SEPARATED = "separated perfectly", "Set a finite `C`."
_IN_THE_LIMIT = "fitted perfectly in the limit only", "Set `alpha` above 0."
_BY_FACTORISATION = " The columns are nearly dependent, so a factorisation found the solution."
FLAT = (
    "The loss is nearly flat in some direction, as where columns are nearly dependent{}. The solution may be far from "
    "the optimum there: the loss may still fall by {:.2%} of that of a constant prediction, or more. Lower `tol`, "
    "strengthen the penalty, or drop dependent columns."
)
OR_SEPARATED = " or classes nearly separated"


def singular_values(solution: LeastSquaresSolution) -> np.ndarray | None:
    """Return the singular values of the data, largest first; None if there are too many or their squares overflow."""
    if solution.gram is None or not np.isfinite(solution.gram).all():
        return None
    squares = np.linalg.eigvalsh(solution.gram)[::-1]
    squares[solution.rank :] = 0.0
    return np.sqrt(np.maximum(squares, 0.0))


def completed(result: ExactResult, solution: LeastSquaresSolution) -> ExactResult:
    """Return the result with the solution of a factorisation, which is exact even where columns are dependent."""
    message = result.message.removesuffix(result.advice).strip()
    if result.advice or solution.condition < _NEARLY_DEPENDENT:
        message += _BY_FACTORISATION
    return replace(
        result,
        coef=solution.coef,
        intercept=solution.intercept,
        loss=solution.loss,
        losses=[*result.losses[:-1], solution.loss],
        message=message,
        advice="",
        rank=solution.rank,
        singular_values=singular_values(solution),
    )


def at_infinity(result: ExactResult, loss: Loss) -> ExactResult:
    """Return the result with a message that its coefficients would grow without bound."""
    why = _AT_INFINITY.format(*(_SEPARATED if loss.classifies else _IN_THE_LIMIT))
    return replace(result, message=result.message + why)


def of_least_norm(
    result: ExactResult, rows: TallProblem | WideProblem, penalty: float, penalty_unit: np.ndarray | float = 1.0
) -> ExactResult:
    """Return the result projected on the row space, which iterations with a weak penalty reach only in the limit."""
    coef, intercept = in_row_space(result.coef, result.intercept, rows)
    before, after = (((array.T * penalty_unit) ** 2).sum() for array in (result.coef, coef))
    loss = float(result.loss - 0.5 * penalty * (before - after))
    return replace(result, coef=coef, intercept=intercept, loss=loss, losses=[*result.losses[:-1], loss])


def separates(X: Any, target: Array, result: ExactResult) -> bool:
    """Return whether a classifier predicts every row correctly: its loss then falls forever as coefficients grow."""
    coef, intercept = beside(result.coef, X), beside(result.intercept, X)
    if is_sparse(X):
        return _are_right(X @ coef + intercept, target)
    slices = slices_of_rows(X, _VALUES_OF_SCORES if namespace(X) is np else X.shape[0] * X.shape[1])
    return all(_are_right(X[rows] @ coef + intercept, target[rows]) for rows in slices)


def _are_right(scores: Array, target: Array) -> bool:
    if target.ndim == 2:
        return bool((scores * (2 * target - 1) > 0).all())
    others = scores.copy()
    own = namespace(target).arange(len(target)), target
    others[own] = -np.inf
    return bool((scores[own] > others.max(axis=1)).all())
