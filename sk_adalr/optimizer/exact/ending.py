"""What is known where iterations end, and the solution that a factorisation makes of theirs."""

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

# Values of the data that are looked at together.
_VALUES_OF_SCORES = 1 << 18
# Reciprocal conditions below which columns depend on each other: of a curvature, and nearly, of a system.
DEPENDENT, _NEARLY_DEPENDENT = 1e-6, 1e-4
# Multiplications up to which coefficients of first-order steps lose what the data do not see.
MOST_PROJECTED = 1e8
# Tolerance from which all digits are asked for.
FINE = 1e-6
# A step that changes a score by more than this at convergence is one on the way to infinity.
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
    """Return the singular values of the data, largest first; None where they are many or their squares overflow."""
    if solution.gram is None or not np.isfinite(solution.gram).all():
        return None
    squares = np.linalg.eigvalsh(solution.gram)[::-1]
    squares[solution.rank :] = 0.0
    return np.sqrt(np.maximum(squares, 0.0))


def completed(result: ExactResult, solution: LeastSquaresSolution) -> ExactResult:
    """Return the solution of a factorisation, which knows what iterations cannot tell where columns are dependent."""
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
    """Return the result with the word that its coefficients would grow forever."""
    why = _AT_INFINITY.format(*(_SEPARATED if loss.classifies else _IN_THE_LIMIT))
    return replace(result, message=result.message + why)


def of_least_norm(
    result: ExactResult, rows: TallProblem | WideProblem, penalty: float, penalty_unit: np.ndarray | float = 1.0
) -> ExactResult:
    """Return the result without what the data do not see, to which a weak penalty draws it in the limit only."""
    coef, intercept = in_row_space(result.coef, result.intercept, rows)
    before, after = (((array.T * penalty_unit) ** 2).sum() for array in (result.coef, coef))
    loss = float(result.loss - 0.5 * penalty * (before - after))
    return replace(result, coef=coef, intercept=intercept, loss=loss, losses=[*result.losses[:-1], loss])


def separates(X: Any, target: Array, result: ExactResult) -> bool:
    """Say whether a classifier predicts every row right: its loss then falls forever as its coefficients grow."""
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
