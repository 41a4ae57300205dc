r"""The space searched in one step: intercept, new direction and the last steps, with their predictions.

For directions :math:`D` (rows) of a linear predictor, :math:`u(w + D^T c) = u(w) + Z^T c`. All that a step
needs of the data is :math:`Z`; the penalty enters by :math:`D \Lambda w` and :math:`D \Lambda D^T`.
"""

import numpy as np

from sk_adalr.backends import Array, kernels, namespace


class Subspace:
    r"""Buffers of D (r, p), Z (r, n) and :math:`P = D \Lambda D^T`: intercept, new direction, past steps.

    Parameters
    ----------
    scores : array (n,)
        Where they lie, Z does; all else is the host's.
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
        """What rounding has added to the predictions of the current directions, about, (r,)."""
        return self._rounding[: self.size]

    @property
    def new_predictions(self) -> Array:
        """Predictions (n,) of the new direction, to be filled."""
        return self._Z[self._first]

    def set_direction(self, direction: np.ndarray, rounding: float) -> None:
        """Make `direction` (p,), whose predictions `new_predictions` are, the new direction."""
        self._D[self._first], self._rounding[self._first] = direction, rounding
        if self._penalty is not None:
            self._set_penalty_row(self._first, self.D @ (self._penalty * direction))

    def curvature(
        self, second: Array, scale: float, residual: Array | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        r"""Return the Hessian (r, r), :math:`s Z \mathrm{diag}(h) Z^T + P`, and the data's part of the gradient.

        That is :math:`s Z f` (r,) for residuals f (n,), or None without; h (n,) are second derivatives, s is a number.
        """
        H, products = kernels(self._Z).curvature(self.Z, second, residual)
        H *= scale
        if self._penalty is not None:
            H += self.P
        return H, None if products is None else products * scale

    def forget(self) -> None:
        """Keep no past steps."""
        self._pushed, self.size = 0, self._first + 1

    def push(self, intercept: float, direction: np.ndarray, predictions: Array, rounding: float) -> None:
        """Keep a step, without its `intercept` part, as a past step.

        `direction` (p,) is that of its coefficients; `predictions` (n,) are those of all of it, and their rounding.
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
            # From the direction itself: the penalties of steps that cancel in it would leave their rounding, which
            # can be negative, and a loss without bound below.
            self._set_penalty_row(slot, self.D @ (self._penalty * direction))

    def _set_penalty_row(self, index: int, row: np.ndarray) -> None:
        self._P[index, : len(row)] = row
        self._P[: len(row), index] = row
