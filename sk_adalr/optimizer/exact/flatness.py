r"""How much the loss can still decrease along directions in which it is nearly flat.

Where columns are nearly collinear, a small gradient does not mean that the optimum is near. With the row space V of
the data, its singular values :math:`\Sigma`, the curvature v of the constant model (reduced in proportion to the
loss), and the penalty :math:`\Lambda`, the gradient g predicts a decrease of

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

# Multiplications up to which the row space is computed: in total, some tenths of a second, or relative to those of the
# iterations, whose matrix-vector products take several times as long. For wide data the SVD takes ten times as long.
_MOST_MULTIPLICATIONS, _OF_PASSES, _WIDE = 2e9, 2.0, 10.0

MakeRowSpace: TypeAlias = Callable[[float], TallProblem | WideProblem | None]


def affordable_row_space(
    X: Any, weight: Array | None, centre: bool, n_passes: float
) -> TallProblem | WideProblem | None:
    """Return the least-squares problem that yields the row space of X (n, p), from few rows if there are many.

    Sparse data is subsampled only if too slow otherwise. Return None if the row space would take far longer than the
    `n_passes` over the rows did.
    """
    limit = max(_MOST_MULTIPLICATIONS, _OF_PASSES * n_passes * (X.nnz if is_sparse(X) else X.shape[0] * X.shape[1]))
    if not is_sparse(X) or _work(X) > limit:
        rows = few_rows(X)
        X, weight = X[rows], None if weight is None else weight[rows]
    return None if _work(X) > limit else row_space(X, weight, 1.0, centre)


def _work(X: Any) -> float:
    n, p = X.shape
    return n * p * min(n, p) * (_WIDE if n <= p else 1.0)


def gap_left(outcome: Outcome, solver: Solver, problem: Problem, make_row_space: MakeRowSpace) -> float:
    """Return the gap of an outcome, see `Outcome`, re-estimated from the row space where necessary.

    ``make_row_space(n_passes)`` returns the problem that yields the row space, or None if that would take too long. It
    is called only where the penalty does not bound the gap.
    """
    if not outcome.converged or outcome.gap_along(problem.weakest_penalty()) <= LARGEST_GAP:
        return outcome.gap
    rows = make_row_space(solver.n_passes)
    if rows is None or (outcome.gap_along(INDEPENDENT) <= LARGEST_GAP and rows.has_full_rank()):
        return outcome.gap
    unit = solver.reference_loss or 1.0
    curvature = (float(problem.constant_model()[1].max()) or 1.0) * min(1.0, solver.loss / unit)
    penalty = np.zeros(problem.columns.shape[1]) if problem.penalty is None else problem.penalty
    decrease = rows.decrease_along(solver.gradient, curvature, penalty)
    return min(decrease / unit, outcome.most)
