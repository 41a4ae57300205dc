r"""Limited-memory quasi-Newton directions from given initial rates.

The inverse Hessian estimate built from the last steps :math:`s_j` (rows of S) and gradient changes :math:`y_j` (rows
of Y), starting from :math:`\tau\,\mathrm{diag}(\eta)` with

.. math:: \tau = \frac{s^T y}{y^T \mathrm{diag}(\eta)\, y}

of the newest pair: the per-parameter rates keep the proportions, the hypergradient pair sets their size. It is
applied in its compact form: with :math:`R` the upper triangle of :math:`S Y^T` and :math:`E` its diagonal,

.. math:: -H g = -\tau \eta g - S^T R^{-T} \bigl((E + \tau Y \mathrm{diag}(\eta) Y^T) w - \tau Y \eta g\bigr)
                 + \tau \eta Y^T w, \qquad w = R^{-1} S g,

which takes a handful of matrix products where the two-loop recursion takes four vector operations a pair.
"""

import numpy as np
from scipy.linalg import blas


class InverseHessian:
    """Inverse Hessian estimate from rates (n_params,) and at most n_steps pairs."""

    def __init__(self, rates, n_steps):
        self._rates, self._n_steps = rates, n_steps
        self._inverse_rates = 1.0 / np.where(rates > 0, rates, np.inf)
        # Rows [first, last) hold the pairs in order; they move to the front when the end is reached.
        self._S = np.empty((2 * n_steps, len(rates)))
        self._scaled_Y = np.empty((2 * n_steps, len(rates)))
        self._R = np.zeros((2 * n_steps, 2 * n_steps), order="F")
        self._B = np.zeros((2 * n_steps, 2 * n_steps))
        self._first = self._last = 0
        self.factor = 1.0

    def push(self, step, change):
        """Add a pair, unless its curvature is not safely positive."""
        curvature = step @ change
        scaled_change = self._rates * change
        scaled = change @ scaled_change
        if not curvature > 1e-12 * np.sqrt(scaled * (step @ (step * self._inverse_rates))):
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

    def reset(self):
        """Forget all pairs."""
        self._first = self._last = 0
        self.factor = 1.0

    def direction(self, grad):
        """Descent direction (n_params,) for gradient (n_params,)."""
        base = grad * (-self.factor * self._rates)
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

    def _move_to_front(self):
        kept = slice(self._last - self._n_steps + 1, self._last)
        count = self._n_steps - 1
        self._S[:count], self._scaled_Y[:count] = self._S[kept], self._scaled_Y[kept]
        self._R[:count, :count] = self._R[kept, kept].copy()
        self._B[:count, :count] = self._B[kept, kept].copy()
        self._first, self._last = 0, count
