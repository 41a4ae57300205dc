"""Newton steps: positive (semi-)definite systems whose unknowns have units of their own."""

import numpy as np
from scipy.linalg import lapack

# Past steps and columns become dependent. What is left of a sum of them that cancels is the rounding of their
# predictions, and without enough on the diagonal a step fits the data with that: to losses below zero in float32.
_RIDGE, _RIDGE_OF_SINGLE, _JITTER = 1e-11, 1e-5, 1e-6
# Unknowns up to which LAPACK uses one thread, and its call costs less than NumPy's.
_ONE_THREAD = 64


class Factorised:
    """A curvature H (r, r), scaled to a unit diagonal and factorised, to be solved with as often as needed.

    A trace of the identity keeps dependent directions harmless; more of it where the predictions were computed in
    `single` precision. If even that leaves H indefinite, steps are steepest descent in its scale.

    Parameters
    ----------
    H : ndarray (r, r)
        Symmetric.
    scale : ndarray (r,)
        Root of its diagonal, 1 where that is 0.
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
        """Estimate of the reciprocal condition, at least about the trace of the identity; 0 where H is indefinite."""
        norm = np.abs(self._scaled).sum(axis=0).max(initial=0.0)
        return 0.0 if self._factor is None else float(lapack.dpocon(self._factor, norm)[0])

    def solve(self, right: np.ndarray) -> np.ndarray:
        """Return the solution (r,) of H solution = right."""
        right = right * self._inverse
        if self._factor is None:
            return right * self._inverse
        solution, _ = lapack.dpotrs(self._factor, right)
        return (solution if np.isfinite(solution).all() else right) * self._inverse


def upper_factor(H: np.ndarray) -> np.ndarray | None:
    """Return U (r, r), in Fortran order, with U.T @ U = H; None if H is not positive definite.

    Only the upper triangle of U counts; H may be overwritten.
    """
    if len(H) <= _ONE_THREAD:
        # Symmetric, so its transpose is the Fortran array that can be factorised in place.
        factor, info = lapack.dpotrf(H.T, overwrite_a=True)
        return factor if info == 0 else None
    # With the threads of the products before it: SciPy has its own, which those keep from the processor.
    try:
        return np.linalg.cholesky(H).T
    except np.linalg.LinAlgError:
        return None


def newton_step(H: np.ndarray, psi: np.ndarray, scale: np.ndarray, *, single: bool = False) -> np.ndarray:
    """Return the solution (r,) of H step = -psi; see `Factorised`."""
    return Factorised(H, scale, single=single).solve(-psi)
