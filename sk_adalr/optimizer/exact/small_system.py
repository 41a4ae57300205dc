"""Newton steps: positive (semi-)definite systems, scaled to be independent of the units of the unknowns."""

import numpy as np
from scipy.linalg import lapack

# Ridges of the scaled system, each tried if the system is indefinite with the one before. Past steps and columns
# become linearly dependent. Combinations that cancel leave only the round-off error of their predictions, and with too
# small a ridge a step fits the data with it: in float32 down to losses below zero.
_RIDGES, RIDGES_OF_SINGLE = (1e-11, 1e-6), (1e-5, 1e-4)
#: The ridges of a curvature between columns, whose sums over the rows have full precision.
RIDGES_OF_COLUMNS = (1e-14, *_RIDGES)
# Unknowns up to which LAPACK uses one thread and calling it costs less than calling NumPy.
_ONE_THREAD = 64


class Factorised:
    """The Cholesky factor of a curvature H (r, r) scaled to a unit diagonal, for repeated solves.

    A small ridge keeps linearly dependent directions from producing huge steps. If H is indefinite with the largest of
    them, steps are steepest descent in the scaled unknowns.

    Parameters
    ----------
    H : ndarray (r, r)
        Symmetric.
    scale : ndarray (r,)
        Square root of the diagonal of H, 1 where that is 0.
    ridges : tuple of float
        What to add to the unit diagonal, in the order of trial.
    """

    def __init__(self, H: np.ndarray, scale: np.ndarray, ridges: tuple[float, ...] = _RIDGES) -> None:
        self._inverse = 1.0 / scale
        scaled = H * self._inverse[:, None] * self._inverse
        self._scaled = scaled
        for ridge in ridges:
            regular = scaled.copy()
            regular.flat[:: len(H) + 1] += ridge
            self._factor = upper_factor(regular)
            if self._factor is not None:
                return

    @property
    def condition(self) -> float:
        """Estimate of the reciprocal condition number, at least about the ridge; 0 if H is indefinite."""
        norm = np.abs(self._scaled).sum(axis=0).max(initial=0.0)
        return 0.0 if self._factor is None else float(lapack.dpocon(self._factor, norm)[0])

    def solve(self, right: np.ndarray) -> np.ndarray:
        """Return the solution x (r,) of H x = right."""
        right = right * self._inverse
        if self._factor is None:
            return right * self._inverse
        solution, _ = lapack.dpotrs(self._factor, right)
        return (solution if np.isfinite(solution).all() else right) * self._inverse


def upper_factor(H: np.ndarray) -> np.ndarray | None:
    """Return the Cholesky factor U (r, r), in Fortran order, with U.T @ U = H; None if H is not positive definite.

    Only the upper triangle of U is valid; H may be overwritten.
    """
    if len(H) <= _ONE_THREAD:
        # Symmetric, so its transpose is the Fortran array that can be factorised in place.
        factor, info = lapack.dpotrf(H.T, overwrite_a=True)
        return factor if info == 0 else None
    # NumPy's, as it shares the threads of the matrix products before it: SciPy's own threads would compete with them.
    # It reads columns, which are contiguous in the transpose.
    try:
        return np.linalg.cholesky(H.T).T
    except np.linalg.LinAlgError:
        return None


def newton_step(H: np.ndarray, psi: np.ndarray, scale: np.ndarray, *, single: bool = False) -> np.ndarray:
    """Return the Newton step (r,), the solution of H step = -psi; see `Factorised`.

    The predictions behind H were computed in `single` precision or not.
    """
    return Factorised(H, scale, RIDGES_OF_SINGLE if single else _RIDGES).solve(-psi)
