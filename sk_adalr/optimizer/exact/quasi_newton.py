r"""L-BFGS directions from a given initial inverse Hessian.

The inverse Hessian is estimated from the last steps :math:`s_j` (rows of S) and gradient changes :math:`y_j` (rows of
Y), starting from :math:`\tau M`, where :math:`M` is the diagonal matrix of the rates or the inverse of an earlier
Hessian, with

.. math:: \tau = \frac{s^T y}{y^T M y}

from the newest pair: M fixes the proportions and :math:`\tau` their scale. The estimate is applied in compact form:
with :math:`R` the upper triangle of :math:`S Y^T` and :math:`E` its diagonal,

.. math:: -H g = -\tau M g - S^T R^{-T} \bigl((E + \tau Y M Y^T) w - \tau Y M g\bigr) + \tau M Y^T w,
                 \qquad w = R^{-1} S g,

which takes a few matrix products, where the two-loop recursion takes four vector operations per pair.
"""

from collections.abc import Callable

import numpy as np
from scipy.linalg import blas

# Least curvature of a pair relative to that of M, below which the pair is round-off error.
_LEAST_CURVATURE = 1e-12


class InverseHessian:
    r"""L-BFGS estimate of the inverse Hessian from an initial one and at most n_steps pairs.

    Parameters
    ----------
    initial : callable
        ``initial(vector)`` returns M times a vector (n_params,).
    n_params, n_steps : int

    Attributes
    ----------
    factor : float
        :math:`\tau`; 1 without pairs.
    """

    def __init__(self, initial: Callable[[np.ndarray], np.ndarray], n_params: int, n_steps: int) -> None:
        self._initial, self._n_steps = initial, n_steps
        # Rows [first, last) hold the pairs in order; they move to the front when the end is reached.
        self._S = np.empty((2 * n_steps, n_params))
        self._scaled_Y = np.empty((2 * n_steps, n_params))
        self._R = np.zeros((2 * n_steps, 2 * n_steps), order="F")
        self._B = np.zeros((2 * n_steps, 2 * n_steps))
        self._first = self._last = 0
        self.factor = 1.0

    def push(self, step: np.ndarray, change: np.ndarray) -> None:
        """Add a step (n_params,) and the change of the gradient, if their curvature is safely positive."""
        curvature = step @ change
        scaled_change = self._initial(change)
        scaled = change @ scaled_change
        if not curvature > _LEAST_CURVATURE * scaled:
            return
        if self._last == len(self._S):
            self._move_to_front()
        new = self._last
        self._last += 1
        self._first = max(self._first, self._last - self._n_steps)
        rows = slice(self._first, self._last)
        self._S[new], self._scaled_Y[new] = step, scaled_change
        self._R[rows, new] = self._S[rows] @ change
        self._B[rows, new] = self._B[new, rows] = self._scaled_Y[rows] @ change
        self.factor = curvature / scaled

    def reset(self) -> None:
        """Drop all pairs."""
        self._first = self._last = 0
        self.factor = 1.0

    def direction(self, grad: np.ndarray) -> np.ndarray:
        """Return the descent direction (n_params,), :math:`-H g`, for a gradient (n_params,)."""
        scaled_grad = self._initial(grad)
        base = -self.factor * scaled_grad
        if self._first == self._last:
            return base
        rows = slice(self._first, self._last)
        S, scaled_Y, R = self._S[rows], self._scaled_Y[rows], self._R[rows, rows]
        w = blas.dtrsv(R, S @ grad)
        inner = R.diagonal() * w + self.factor * (self._B[rows, rows] @ w - scaled_Y @ grad)
        base -= blas.dtrsv(R, inner, trans=1) @ S
        w *= self.factor
        base += w @ scaled_Y
        return base

    def _move_to_front(self) -> None:
        kept = slice(self._last - self._n_steps + 1, self._last)
        count = self._n_steps - 1
        self._S[:count], self._scaled_Y[:count] = self._S[kept], self._scaled_Y[kept]
        self._R[:count, :count] = self._R[kept, kept].copy()
        self._B[:count, :count] = self._B[kept, kept].copy()
        self._first, self._last = 0, count
