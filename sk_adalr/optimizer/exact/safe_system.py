"""Positive definite systems of least squares: factorised where that is safe, and refined."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg

from sk_adalr.optimizer.exact.small_system import upper_factor

# Reciprocal condition of a system with unit diagonal above which refinements reach full accuracy, and with a penalty,
# which does not see the rounding of gradients in directions that rows do not see.
_SAFE, _SAFE_PENALISED = 1e-9, 1e-6
_MOST_REFINEMENTS, _REFINED = 5, 1e-13


class Cholesky(NamedTuple):
    """A system with its diagonal scaled to 1, factorised."""

    factor: np.ndarray
    unit: np.ndarray
    condition: float

    def solve(self, right: np.ndarray) -> np.ndarray:
        """Return the solutions (k, m) for right-hand sides (k, m)."""
        return linalg.lapack.dpotrs(self.factor, (right * self.unit).T)[0].T * self.unit


def least_condition(penalty: float, noise: float) -> float:
    """Return the reciprocal condition from which a system can be trusted, where columns are rounded by `noise`."""
    return max(_SAFE_PENALISED if penalty else _SAFE, noise**2)


def safe_cholesky(system: np.ndarray, least_condition: float) -> Cholesky | None:
    """Return the factorised system (m, m); None if its reciprocal condition is below the least."""
    diagonal = system.diagonal()
    if not (diagonal > 0).all():
        return None
    unit = 1.0 / np.sqrt(diagonal)
    scaled = system * unit[:, None]
    scaled *= unit
    norm = linalg.lapack.dlange("1", scaled.T)
    factor = upper_factor(scaled)
    if factor is None:
        return None
    condition = linalg.lapack.dpocon(factor, norm)[0]
    return Cholesky(factor, unit, condition) if condition >= least_condition else None


def refined(solution: np.ndarray, refine: Callable[[np.ndarray], tuple[np.ndarray, Any]]) -> tuple[np.ndarray, Any]:
    """Add the changes that `refine` returns, beside what else there is to know, until they are rounding."""
    for _ in range(_MOST_REFINEMENTS):
        change, known = refine(solution)
        solution = solution + change
        if np.abs(change).max(initial=0.0) <= _REFINED * np.abs(solution).max(initial=0.0):
            break
    return solution, known
