r"""The subspace searched in one step: intercept, new direction and past steps, with their predictions.

For directions :math:`D` (rows) of a linear model, the scores are :math:`u(w + D^T c) = u(w) + Z^T c`. A step needs
the data only through :math:`Z`; the penalty enters through :math:`D \Lambda w` and :math:`D \Lambda D^T`.
"""

import numpy as np

from sk_adalr.backends import Array, kernels, namespace


class Subspace:
    r"""Buffers of D (r, p), Z (r, n) and :math:`P = D \Lambda D^T`: intercept, new direction, past steps.

    Parameters
    ----------
    scores : array (n,)
        Z is on their device; everything else is on the host.
    fit_intercept : bool
    n_columns : int
    penalty : ndarray (p,) or None
        Diagonal of :math:`\Lambda`; None for no penalty.
    n_steps : int
        Number m of past steps to keep.

    Attributes
    ----------
    size : int
        Number r of current directions.
    """

    def __init__(
        self, scores: Array, fit_intercept: bool, n_columns: int, penalty: np.ndarray | None, n_steps: int
    ) -> None:
        self._first = int(fit_intercept)
        size = self._first + 1 + n_steps
        self._Z = namespace(scores).empty((size, len(scores)))
        self._D = np.zeros((size, n_columns))
        self._P = np.zeros((size, size))
        self._rounding = np.zeros(size)
        self._penalty = penalty
        self._n_steps, self._pushed = n_steps, 0
        if fit_intercept:
            self._Z[0] = 1.0
        self.size = self._first + 1

    @property
    def Z(self) -> Array:
        """Predictions of the current directions, (r, n)."""
        return self._Z[: self.size]

    @property
    def D(self) -> np.ndarray:
        """The current directions, (r, p)."""
        return self._D[: self.size]

    @property
    def P(self) -> np.ndarray:
        """Penalty between the current directions, (r, r)."""
        return self._P[: self.size, : self.size]

    @property
    def rounding(self) -> np.ndarray:
        """Approximate round-off error of the predictions of the current directions, (r,)."""
        return self._rounding[: self.size]

    @property
    def new_predictions(self) -> Array:
        """Predictions (n,) of the new direction, to be filled."""
        return self._Z[self._first]

    def set_direction(self, direction: np.ndarray, rounding: float) -> None:
        """Set the new direction (p,), whose predictions are in `new_predictions`, and their round-off error."""
        self._D[self._first], self._rounding[self._first] = direction, rounding
        if self._penalty is not None:
            self._set_penalty_row(self._first, self.D @ (self._penalty * direction))

    def curvature(
        self, second: Array, scale: float, residual: Array | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        r"""Return the Hessian (r, r), :math:`s Z \mathrm{diag}(h) Z^T + P`, and the gradient without penalty.

        The gradient is :math:`s Z f` (r,) for residuals f (n,), None without residuals; h (n,) are the second
        derivatives, s is a scalar.
        """
        H, products = kernels(self._Z).curvature(self.Z, second, residual)
        H *= scale
        if self._penalty is not None:
            H += self.P
        return H, None if products is None else products * scale

    def forget(self) -> None:
        """Drop all past steps."""
        self._pushed, self.size = 0, self._first + 1

    def push(self, intercept: float, direction: np.ndarray, predictions: Array, rounding: float) -> None:
        """Store a step, without its `intercept`, as a past step.

        `direction` (p,) is the change of the coefficients; `predictions` (n,), with their round-off error `rounding`,
        are the change of the scores, intercept included.
        """
        if self._n_steps == 0:
            return
        slot = self._first + 1 + self._pushed % self._n_steps
        if self._first:
            namespace(predictions).subtract(predictions, intercept, out=self._Z[slot])
        else:
            self._Z[slot] = predictions
        self._D[slot], self._rounding[slot] = direction, rounding
        self._pushed += 1
        self.size = max(self.size, slot + 1)
        if self._penalty is not None:
            # Computed from the direction itself: combining stored penalties would leave the round-off error of terms
            # that cancel, which can be negative and make the loss unbounded below.
            self._set_penalty_row(slot, self.D @ (self._penalty * direction))

    def _set_penalty_row(self, index: int, row: np.ndarray) -> None:
        self._P[index, : len(row)] = row
        self._P[: len(row), index] = row
