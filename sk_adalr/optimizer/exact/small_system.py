"""Newton steps: positive (semi-)definite systems, scaled to be independent of the units of the unknowns."""

import numpy as np
from scipy.linalg import lapack

# Past steps and columns become linearly dependent. Combinations that cancel leave only the round-off error of their
# predictions, and with too small a ridge a step fits the data with it: in float32 down to losses below zero.
_RIDGE, _RIDGE_OF_SINGLE, _JITTER = 1e-11, 1e-5, 1e-6
# Unknowns up to which LAPACK uses one thread and calling it costs less than calling NumPy.
_ONE_THREAD = 64


class Factorised:
    """The Cholesky factor of a curvature H (r, r) scaled to a unit diagonal, for repeated solves.

    A small ridge, larger if the predictions were computed in `single` precision, keeps linearly dependent directions
    from producing huge steps. If H stays indefinite, steps are steepest descent in the scaled unknowns.

    Parameters
    ----------
    H : ndarray (r, r)
        Symmetric.
    scale : ndarray (r,)
        Square root of the diagonal of H, 1 where that is 0.
    single : bool, default=False
    """

    def __init__(self, H: np.ndarray, scale: np.ndarray, *, single: bool = False) -> None:
        self._inverse = 1.0 / scale
        scaled = H * self._inverse[:, None] * self._inverse
        self._scaled = scaled
        first = _RIDGE_OF_SINGLE if single else _RIDGE
        for ridge in (first, max(10 * first, _JITTER)):
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
    try:
        return np.linalg.cholesky(H).T
    except np.linalg.LinAlgError:
        return None


def newton_step(H: np.ndarray, psi: np.ndarray, scale: np.ndarray, *, single: bool = False) -> np.ndarray:
    """Return the Newton step (r,), the solution of H step = -psi; see `Factorised`."""
    return Factorised(H, scale, single=single).solve(-psi)
