"""Cholesky factorisation of well-conditioned least-squares systems, and iterative refinement of their solutions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg

from sk_adalr.optimizer.exact.small_system import upper_factor

# Reciprocal condition number of a system with unit diagonal above which refinement reaches full accuracy: without a
# penalty, and with one, as refinement cannot remove round-off error of the gradient in the null space.
_SAFE, _SAFE_PENALISED = 1e-9, 1e-6
_MOST_REFINEMENTS, _REFINED = 5, 1e-13


class Cholesky(NamedTuple):
    """The Cholesky factor of a system whose diagonal has been scaled to 1."""

    factor: np.ndarray
    unit: np.ndarray
    condition: float

    def solve(self, right: np.ndarray) -> np.ndarray:
        """Return the solutions (k, m) for right-hand sides (k, m)."""
        return linalg.lapack.dpotrs(self.factor, (right * self.unit).T)[0].T * self.unit


def least_condition(penalty: float, noise: float) -> float:
    """Return the least reciprocal condition number of a trusted system, if columns have round-off error `noise`."""
    return max(_SAFE_PENALISED if penalty else _SAFE, noise**2)


def safe_cholesky(system: np.ndarray, least_condition: float) -> Cholesky | None:
    """Return the Cholesky factor of a system (m, m), or None if its reciprocal condition number is too small.

    The system is overwritten.
    """
    diagonal = system.diagonal()
    if not (diagonal > 0).all():
        return None
    unit = 1.0 / np.sqrt(diagonal)
    system *= unit[:, None]
    system *= unit
    norm = linalg.lapack.dlange("1", system.T)
    factor = upper_factor(system)
    if factor is None:
        return None
    condition = linalg.lapack.dpocon(factor, norm)[0]
    return Cholesky(factor, unit, condition) if condition >= least_condition else None


def refined(solution: np.ndarray, refine: Callable[[np.ndarray], tuple[np.ndarray, Any]]) -> tuple[np.ndarray, Any]:
    """Refine a solution until the changes that `refine` returns are round-off error.

    Return the solution and the second result of the last `refine`.
    """
    for _ in range(_MOST_REFINEMENTS):
        change, known = refine(solution)
        solution = solution + change
        if np.abs(change).max(initial=0.0) <= _REFINED * np.abs(solution).max(initial=0.0):
            break
    return solution, known
