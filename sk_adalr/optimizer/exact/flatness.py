r"""What the loss may still lose along directions that first-order steps hardly see.

Where columns nearly depend on each other, a small gradient does not tell that the optimum is near. With the directions
V that the rows see, their singular values :math:`\Sigma`, the curvature v of the constant model, less where the loss
is, and the penalty :math:`\Lambda`, the gradient g foretells a decrease of

.. math:: \frac12 (V^T g)^T \left( v \Sigma^2 + V^T \Lambda V \right)^{-1} V^T g.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from sk_adalr.backends import Array, is_sparse
from sk_adalr.optimizer.exact.factorisation import few_rows, row_space
from sk_adalr.optimizer.exact.loop import LARGEST_GAP, Outcome, Solver
from sk_adalr.optimizer.exact.problem import Problem
from sk_adalr.optimizer.exact.tall import INDEPENDENT, TallProblem
from sk_adalr.optimizer.exact.wide import WideProblem

# Multiplications up to which directions are looked for, some tenths of a second, and in units of those of the
# iterations, whose products with a vector take several times as long. Of wide rows an SVD takes ten times as long.
_MOST_MULTIPLICATIONS, _OF_PASSES, _WIDE = 2e9, 2.0, 10.0

Look: TypeAlias = Callable[[float], TallProblem | WideProblem | None]


def rows_to_look_at(X: Any, weight: Array | None, centre: bool, n_passes: float) -> TallProblem | WideProblem | None:
    """Return what tells the directions that rows X (n, p) see: of many rows a few, unless these are sparse ones.

    None where that would take far longer than `n_passes` over the rows did.
    """
    limit = max(_MOST_MULTIPLICATIONS, _OF_PASSES * n_passes * (X.nnz if is_sparse(X) else X.shape[0] * X.shape[1]))
    if not is_sparse(X) or _work(X) > limit:
        rows = few_rows(X)
        X, weight = X[rows], None if weight is None else weight[rows]
    return None if _work(X) > limit else row_space(X, weight, 1.0, centre)


def _work(X: Any) -> float:
    n, p = X.shape
    return n * p * min(n, p) * (_WIDE if n <= p else 1.0)


def gap_left(outcome: Outcome, solver: Solver, problem: Problem, look: Look) -> float:
    """Return the gap of an outcome, see there, or what the directions tell of it that rows see.

    ``look(n_passes)`` returns the rows, or None where to look would take long. It is asked only where the penalty
    does not bound the gap.
    """
    if not outcome.converged or outcome.gap_along(problem.weakest_penalty()) <= LARGEST_GAP:
        return outcome.gap
    rows = look(solver.n_passes)
    if rows is None or (outcome.gap_along(INDEPENDENT) <= LARGEST_GAP and rows.sees_all()):
        return outcome.gap
    unit = solver.reference_loss or 1.0
    curvature = (float(problem.constant_model()[1].max()) or 1.0) * min(1.0, solver.loss / unit)
    penalty = np.zeros(problem.columns.shape[1]) if problem.penalty is None else problem.penalty
    decrease = rows.decrease_along(solver.gradient, curvature, penalty)
    return min(decrease / unit, outcome.most)
