r"""Limited-memory quasi-Newton directions from given initial rates.

The two-loop recursion multiplies the gradient by the inverse Hessian estimate built from the last steps
:math:`s_j` and gradient changes :math:`y_j`, starting from :math:`\tau\,\mathrm{diag}(\eta)` with

.. math:: \tau = \frac{s^T y}{y^T \mathrm{diag}(\eta)\, y}

of the newest pair: the per-parameter rates keep the proportions, the hypergradient pair sets their size.
"""

import numpy as np


class InverseHessian:
    """Inverse Hessian estimate from rates (n_params,) and at most n_steps pairs."""

    def __init__(self, rates, n_steps):
        self._rates, self._n_steps = rates, n_steps
        self._S = np.empty((n_steps, len(rates)))
        self._Y = np.empty((n_steps, len(rates)))
        self._inverse = np.empty(n_steps)
        self._order = []
        self.factor = 1.0

    def push(self, step, change):
        """Add a pair, unless its curvature is not safely positive."""
        curvature = step @ change
        scaled = change @ (self._rates * change)
        if not curvature > 1e-12 * np.sqrt(
            scaled * (step @ (step / np.where(self._rates > 0, self._rates, np.inf)))
        ):
            return
        slot = len(self._order) if len(self._order) < self._n_steps else self._order.pop(0)
        self._S[slot], self._Y[slot], self._inverse[slot] = step, change, 1.0 / curvature
        self._order.append(slot)
        self.factor = curvature / scaled

    def reset(self):
        """Forget all pairs."""
        self._order.clear()
        self.factor = 1.0

    def direction(self, grad):
        """Descent direction (n_params,) for gradient (n_params,)."""
        q, alphas = -grad, {}
        for slot in reversed(self._order):
            alphas[slot] = self._inverse[slot] * (self._S[slot] @ q)
            q -= alphas[slot] * self._Y[slot]
        q *= self._rates
        q *= self.factor
        for slot in self._order:
            q += (alphas[slot] - self._inverse[slot] * (self._Y[slot] @ q)) * self._S[slot]
        return q
