r"""The validation log loss as a function of the penalty strength, with its derivative: two classes, few columns.

All folds b are solved at once by Newton's method. With :math:`\Lambda` the penalties of standardised coefficients,
the steps :math:`c_b` solve

.. math:: (H_b + \lambda \Lambda)\, c_b = -\psi_b, \qquad H_b = Z_b^T \mathrm{diag}(\ell'') Z_b,

by conjugate gradients. The preconditioner is the inverse of a Hessian of all rows minus the rows left out in fold b.
At the optimum :math:`w_b` the derivative of the validation loss V with respect to the logarithm of the strength is

.. math:: \frac{\mathrm{d} V}{\mathrm{d} \log \lambda} = \sum_b (Z_b'^T r_b)^T
          \frac{\mathrm{d} w_b}{\mathrm{d} \log \lambda}, \qquad
          \frac{\mathrm{d} w_b}{\mathrm{d} \log \lambda} = -\lambda (H_b + \lambda \Lambda)^{-1} \Lambda w_b

with :math:`Z_b'` the validation rows and :math:`r_b` their residuals. That takes one more linear system and no third
derivative. Its solution also predicts the optimum at the next strength.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from sk_adalr.penalty.folds import Folds

# The largest relative tolerance of the linear system of a Newton step.
_OF_STEP = 3e-2
_MOST_STEPS, _MOST_PRODUCTS, _HALVINGS = 50, 60, 30
# The inverse is recomputed if the logarithm of the strength has changed by more than this.
_NEAR = 0.7
# The preconditioner is recomputed after a solution that took more products than this.
_MANY_PRODUCTS = 6
# Added to the diagonal, in units of its maximum, as the Hessian may be singular.
_RIDGE = 1e-10


class _Point(NamedTuple):
    """Parameters (b, m) of all folds, their scores (n, b), and their penalised training losses (b,)."""

    params: np.ndarray
    scores: np.ndarray
    losses: np.ndarray


class FoldedLogLoss:
    """Weighted mean log loss of the validation rows, as a function of the logarithm of the strength.

    Parameters
    ----------
    columns : ndarray (n, m), float64
        Standardised, including a column of ones if there is an intercept.
    sign : ndarray (n,)
        1 for the second class, -1 for the first.
    weight : ndarray (n,)
        With mean 1.
    penalty : ndarray (m,)
        Penalty of each standardised coefficient at strength 1; 0 for the intercept.
    folds : Folds
    tolerance : float, default=1e-6
        Newton's method ends with a step whose predicted decrease is below this share of the training weight. Linear
        systems are solved to a relative tolerance of its square root.
    """

    def __init__(
        self,
        columns: np.ndarray,
        sign: np.ndarray,
        weight: np.ndarray,
        penalty: np.ndarray,
        folds: Folds,
        tolerance: float = 1e-6,
    ) -> None:
        self._columns, self._penalty, self._sign, self._tolerance = columns, penalty, sign[:, None], tolerance
        n, n_folds = len(columns), len(folds)
        self._train, self._test = np.zeros((n, n_folds)), np.zeros((n, n_folds))
        self._left_out = []
        for fold, (train, test) in enumerate(folds):
            self._train[train, fold], self._test[test, fold] = weight[train], weight[test]
            self._left_out.append(np.setdiff1d(np.arange(n), train, assume_unique=True))
        self._test /= self._test.sum()
        self._weight, self._train_sums = weight, self._train.sum(axis=0)
        params = np.zeros((n_folds, columns.shape[1]))
        self._point = _Point(params, np.zeros((n, n_folds)), np.zeros(n_folds))
        self._curvatures: np.ndarray | None = None
        self._inverse: np.ndarray | None = None
        self._inverted_at = 0.0
        self._log_strength, self._motion = 0.0, np.zeros_like(params)

    def __call__(self, t: float) -> tuple[float, float]:
        """Return the loss and its derivative at `t`, the logarithm of a strength."""
        penalty = float(np.exp(t)) * self._penalty
        self._minimise(t, penalty, self._extrapolated(t, penalty))
        scores = self._sign * self._point.scores
        loss = float((self._test * np.logaddexp(0.0, -scores)).sum())
        residual = -self._sign * self._test * expit(-scores)
        second = self._second()
        self._prepare(t, second, penalty)
        self._motion, _ = self._solve(-penalty * self._point.params, second, penalty, float(np.sqrt(self._tolerance)))
        self._log_strength = t
        return loss, float(((residual.T @ self._columns) * self._motion).sum())

    def _extrapolated(self, t: float, penalty: np.ndarray) -> _Point:
        """Return the predicted minimum of each fold at `t`, or its last minimum if that has the lower loss."""
        here = self._at(self._point.params, self._point.scores, penalty)
        change = (t - self._log_strength) * self._motion
        if not change.any():
            return here
        there = self._at(here.params + change, here.scores + self._columns @ change.T, penalty)
        moves = there.losses < here.losses
        return _Point(
            np.where(moves[:, None], there.params, here.params),
            np.where(moves, there.scores, here.scores),
            np.minimum(there.losses, here.losses),
        )

    def _minimise(self, t: float, penalty: np.ndarray, point: _Point) -> None:
        """Minimise the training loss of all folds by Newton's method, starting at `point`."""
        if self._curvatures is not None and abs(t - self._inverted_at) > _NEAR:
            self._invert(t, penalty)
        for _ in range(_MOST_STEPS):
            self._point = point
            residual = -self._sign * self._train * expit(-self._sign * point.scores)
            psi, second = residual.T @ self._columns + penalty * point.params, self._second()
            self._prepare(t, second, penalty)
            # Far from the minimum, solving the system more accurately does not improve the step.
            left = np.abs((psi * self._preconditioned(psi)).sum(axis=1) / self._train_sums).max()
            tolerance = float(np.sqrt(np.clip(left, self._tolerance, _OF_STEP**2)))
            step, n_products = self._solve(-psi, second, penalty, tolerance)
            slopes = (psi * step).sum(axis=1)
            point = self._line_search(point, step, slopes, penalty)
            if n_products > _MANY_PRODUCTS:
                self._inverse = None
            if (-0.5 * slopes <= self._tolerance * self._train_sums).all():
                break
        self._point = point

    def _prepare(self, t: float, second: np.ndarray, penalty: np.ndarray) -> None:
        """Recompute the preconditioner if there is none, or if it was discarded as inefficient."""
        if self._inverse is None:
            self._take_curvatures(second)
            self._invert(t, penalty)

    def _line_search(self, point: _Point, step: np.ndarray, slopes: np.ndarray, penalty: np.ndarray) -> _Point:
        """Return the point after a step, by a line search that halves the step of each fold until its loss falls."""
        change, length = self._columns @ step.T, np.ones(len(step))
        for _ in range(_HALVINGS):
            trial = self._at(point.params + length[:, None] * step, point.scores + length * change, penalty)
            # Armijo's condition, up to the round-off error of the losses.
            rises = trial.losses > point.losses + 1e-4 * length * slopes + 1e-13 * np.abs(point.losses)
            if not rises.any():
                return trial
            length = np.where(rises, 0.5 * length, length)
        return point

    def _at(self, params: np.ndarray, scores: np.ndarray, penalty: np.ndarray) -> _Point:
        losses = (self._train * np.logaddexp(0.0, -self._sign * scores)).sum(axis=0)
        return _Point(params, scores, losses + 0.5 * (params**2) @ penalty)

    def _second(self) -> np.ndarray:
        """Return the weighted second derivatives (n, b) of the training losses, 0 for rows that a fold leaves out."""
        probability = expit(self._point.scores)
        return self._train * probability * (1 - probability)

    def _take_curvatures(self, second: np.ndarray) -> None:
        """Compute the Hessian (b, m, m) of each fold, from second derivatives averaged over the folds."""
        counts = np.maximum((self._train > 0).sum(axis=1), 1)
        shared = self._weight * (second / np.where(self._train > 0, self._train, 1.0)).sum(axis=1) / counts
        root = self._columns * np.sqrt(shared)[:, None]
        self._curvatures = np.repeat((root.T @ root)[None], len(self._left_out), axis=0)
        for curvature, rows in zip(self._curvatures, self._left_out, strict=True):
            curvature -= root[rows].T @ root[rows]

    def _invert(self, t: float, penalty: np.ndarray) -> None:
        assert self._curvatures is not None
        system = self._curvatures.copy()
        diagonal = np.einsum("bii->bi", system)
        diagonal += penalty
        diagonal += _RIDGE * diagonal.max(axis=1, keepdims=True)
        self._inverse, self._inverted_at = np.linalg.inv(system), t

    def _solve(
        self, right: np.ndarray, second: np.ndarray, penalty: np.ndarray, tolerance: float
    ) -> tuple[np.ndarray, int]:
        """Return the solutions (b, m) of the folds' Newton systems for `right` (b, m), and the number of products.

        They are computed by preconditioned conjugate gradients.
        """
        assert self._inverse is not None
        solution, residual, preconditioned = np.zeros_like(right), right, self._preconditioned(right)
        first = square = (residual * preconditioned).sum(axis=1)
        direction, n_products = preconditioned, 0
        while (square > tolerance**2 * first).any() and n_products < _MOST_PRODUCTS:
            product, n_products = self._times(direction, second, penalty), n_products + 1
            curvature = (direction * product).sum(axis=1)
            length = np.divide(square, curvature, out=np.zeros_like(square), where=curvature > 0)[:, None]
            solution, residual = solution + length * direction, residual - length * product
            preconditioned = self._preconditioned(residual)
            before, square = square, (residual * preconditioned).sum(axis=1)
            share = np.divide(square, before, out=np.zeros_like(square), where=before > 0)
            direction = preconditioned + share[:, None] * direction
        return solution, n_products

    def _times(self, vectors: np.ndarray, second: np.ndarray, penalty: np.ndarray) -> np.ndarray:
        return (second * (self._columns @ vectors.T)).T @ self._columns + penalty * vectors

    def _preconditioned(self, vectors: np.ndarray) -> np.ndarray:
        assert self._inverse is not None
        return (self._inverse @ vectors[:, :, None])[:, :, 0]
