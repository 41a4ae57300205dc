r"""Newton's method for few parameters: one exact rate for every parameter.

Where the curvature :math:`H` between all parameters costs little more than a few gradients, one step searches the
whole parameter space. Driving the hypergradient :math:`\psi = G + \Lambda w` to zero there is

.. math:: w \leftarrow w + c, \qquad (H + \Lambda)\, c = -\psi.

The factorised curvature, corrected by the last steps as in `quasi_newton`, is reused as long as it predicts the
decrease of the loss: an iteration then costs one gradient, forward and backward in one read of the data. Half the
squared Newton decrement, :math:`-\tfrac12 c^T \psi`, estimates how much the loss can still decrease, whatever the
units and correlations of the columns, so that it alone decides when to stop.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sk_adalr.optimizer.exact.loop import SolverBase
from sk_adalr.optimizer.exact.problem import Problem
from sk_adalr.optimizer.exact.quasi_newton import InverseHessian
from sk_adalr.optimizer.exact.small_system import RIDGES_OF_COLUMNS, RIDGES_OF_SINGLE, Factorised
from sk_adalr.optimizer.exact.summed_rows import SummedRows

# The curvature is reused while the ratio of actual to predicted decrease lies between these: above 1 steps are too
# short, which the corrections by the last steps repair. Time relative to lbfgs, geometric mean (worst) of 34 problems:
# new curvature in each iteration .319 (1.77), reused without corrections .292 (1.48), with corrections .256 (1.09).
_KEPT, _N_STEPS = (0.65, 1.7), 5
_SUFFICIENT, _SHORT, _SHORTEST = 1e-4, 1e-2, 1e-60
# Limits up to which Newton's method is faster than first-order steps, measured on generated problems of 1000 to 20000
# rows: coefficients with two classes and dense data; otherwise multiplications per curvature.
_MOST_COEFFICIENTS, _MOST_MULTIPLICATIONS = 300, 5_000_000
# First-order steps before Newton's method: one per _COLUMNS_OF_A_STEP columns, at most _MOST_STEPS. They cost at most
# two or three curvatures and suffice where columns are hardly correlated (20000 x 250 independent columns: .4 of the
# time). Not worth it below _MANY_COLUMNS columns or _MANY_ENTRIES entries.
_COLUMNS_OF_A_STEP, _MOST_STEPS, _MANY_COLUMNS, _MANY_ENTRIES = 10, 8, 60, 400_000


def prefers_newton(n_samples: int, n_features: int, n_scores: int, sparse: bool) -> bool:
    """Return whether Newton's method is expected to be faster than first-order steps, for `n_scores` per row."""
    if n_scores == 1 and not sparse:
        return n_features <= _MOST_COEFFICIENTS
    return n_samples * (n_features * n_scores) ** 2 <= _MOST_MULTIPLICATIONS


def n_steps_ahead(n_samples: int, n_features: int) -> int:
    """Return how many first-order steps to try before the first curvature; 0 where a curvature is cheap."""
    is_large = n_features >= _MANY_COLUMNS and n_samples * n_features >= _MANY_ENTRIES
    return min(n_features // _COLUMNS_OF_A_STEP, _MOST_STEPS) if is_large else 0


class _Point(NamedTuple):
    """Parameters, one row per score with its intercept in the last column, with their loss and gradient."""

    params: np.ndarray
    loss: float
    #: Gradient of the mean loss, without penalty; None if not computed.
    grad: np.ndarray | None = None


class Newton(SolverBase):
    """Newton's method for a linear model in standardised dense columns; see `loop` for the interface.

    Parameters
    ----------
    problem : Problem
    start : (ndarray (k, p), ndarray (k,)) or None, default=None
        Where to start, in standardised columns; ignored if worse than the constant model.
    rows : callable, default=SummedRows
        ``rows(problem, scores)`` returns an object with the interface of `SummedRows`.
    """

    _last_psi: np.ndarray
    _last_step: np.ndarray
    _of_one_class: np.ndarray

    def __init__(
        self,
        problem: Problem,
        start: tuple[np.ndarray, np.ndarray] | None = None,
        rows: Callable[[Problem, np.ndarray], Any] = SummedRows,
    ) -> None:
        p, penalty = problem.columns.shape[1], problem.penalty
        self._columns, self._fit_intercept = problem.columns, bool(problem.fit_intercept)
        self._single = problem.columns.dtype == np.float32
        constant, _ = problem.constant_model()
        params = np.zeros((len(constant), p + self._fit_intercept))
        params[:, p:] = constant[:, None]
        self._penalty = np.zeros_like(params)
        if penalty is not None:
            self._penalty[:, :p] = penalty
        self._rows = rows(problem, constant)
        self._curvature: np.ndarray | None = None
        self._point = self._here(params, with_curvature=start is None)
        self.reference_loss = self.loss
        self._inverse_curvature: InverseHessian | None = None
        self._is_new, self._was_full = False, True
        if start is not None:
            self._start_at(*start)

    @property
    def n_passes(self) -> int:
        """Number of passes over the data so far, forward and backward."""
        return self._rows.n_passes

    @property
    def coef(self) -> np.ndarray:
        """Standardised coefficients (k, p)."""
        return self._point.params[:, : self._columns.shape[1]]

    @property
    def intercept(self) -> np.ndarray:
        """Intercepts (k,) of the standardised columns."""
        params = self._point.params
        return params[:, -1] if self._fit_intercept else np.zeros(len(params))

    @property
    def trusts_optimality(self) -> bool:  # type: ignore[override]
        """Whether the last step had length 1; after a shorter one the curvature does not predict the decrease."""
        return self._was_full

    @property
    def loss(self) -> float:
        """Mean loss plus penalty."""
        return self._point.loss

    @property
    def reported_loss(self) -> float:
        """Current loss in the caller's units: the same here."""
        return self.loss

    @property
    def gradient(self) -> np.ndarray:
        """Gradient (k, p) of the loss with respect to the coefficients."""
        return self._psi[:, : self._columns.shape[1]]

    def optimality(self) -> float:
        """Return the decrease of the loss that the curvature predicts; recomputing the curvature takes a pass."""
        self._is_new = self._inverse_curvature is None
        if self._point.grad is None:
            self._point = self._here(self._point.params, with_curvature=self._is_new)
        elif self._is_new and self._curvature is None:
            self._curvature = self._rows.curvature()
        grad = self._point.grad
        assert grad is not None
        self._psi = grad + self._penalty * self._point.params
        if self._inverse_curvature is None:
            self._inverse_curvature = self._new_inverse()
        else:
            self._inverse_curvature.push(self._last_step, (self._psi - self._last_psi).ravel())
        self._direction = _centred(self._inverse_curvature.direction(self._psi.ravel()).reshape(self._psi.shape))
        return -0.5 * self._slope()

    def step(self) -> bool:
        """Make one forward pass and a line search; return False if no step decreases the loss.

        A reused curvature must lead to a full step; otherwise it is recomputed.
        """
        if self._advance():
            return True
        if self._is_new:
            return False
        self._inverse_curvature = None
        self.optimality()
        return self._advance()

    def polish(self) -> None:
        """Make full steps with a new curvature, as long as each halves the decrease that it predicts."""
        if self._single:
            return
        self._inverse_curvature = None
        self._move_to(self._point.params, with_curvature=True)
        predicted, before = self.optimality(), np.inf
        while 0 < predicted < 0.5 * before:
            self._move_to(self._point.params + self._direction)
            self._last_psi, self._last_step = self._psi, self._direction.ravel()
            predicted, before = self.optimality(), predicted

    @property
    def condition(self) -> float:
        """Reciprocal condition number of the last curvature, for the first class.

        The curvature of all classes is always singular, as adding the same to each does not change the loss.
        """
        H = self._of_one_class
        alive = np.flatnonzero(H.diagonal())
        H = H[np.ix_(alive, alive)]
        return Factorised(H, np.sqrt(H.diagonal())).condition

    def movement(self) -> float:
        """Return the largest change of a score in another step, which is large where the optimum is at infinity."""
        return self._rows.largest_change(self._direction)

    def _advance(self) -> bool:
        p = self._columns.shape[1]
        self._direction[:, :p] = self._columns.rounded(self._direction[:, :p])
        slope, before = self._slope(), self._point.loss
        length, trial = self._line_search(slope)
        if trial is None:
            return False
        self._rows.step(length)
        self._point, self._curvature, self._was_full = trial, None, length == 1.0
        self._last_psi, self._last_step = self._psi, self._direction.ravel()
        predicted = -0.5 * slope
        lowest, highest = _KEPT
        if length < 1.0 or not lowest * predicted <= before - trial.loss <= highest * predicted:
            self._inverse_curvature = None
        return True

    def _line_search(self, slope: float) -> tuple[float, _Point | None]:
        """Return a step length that decreases the loss sufficiently and the point after it; 0 and None if none does.

        Where the loss has almost no curvature, the direction is far too long: lengths then decrease by orders of
        magnitude, and the first sufficient length is doubled as long as the loss decreases.
        """
        point, length = self._point, 1.0
        loss, grad, _ = self._rows.sums(along=self._direction)
        trial = self._at(point.params + self._direction, loss, grad)
        while not trial.loss <= point.loss + _SUFFICIENT * length * slope:
            length *= 0.5 if length > _SHORT else 0.01
            if not self._is_new or length < _SHORTEST:
                return 0.0, None
            trial = self._after(length)
        while length < _SHORT and (longer := self._after(2 * length)).loss < trial.loss:
            length, trial = 2 * length, longer
        return length, trial

    def _after(self, length: float) -> _Point:
        """Return the point after a step of a given length along the direction last passed to `sums`."""
        return self._at(self._point.params + length * self._direction, self._rows.loss_after(length))

    def _here(self, params: np.ndarray, with_curvature: bool = False) -> _Point:
        """Return the point at `params`, whose scores are the current ones; store the curvature if requested."""
        loss, grad, curvature = self._rows.sums(with_curvature=with_curvature)
        if curvature is not None:
            self._curvature = curvature
        return self._at(params, loss, grad)

    def _at(self, params: np.ndarray, loss: float, grad: np.ndarray | None = None) -> _Point:
        return _Point(params, loss + 0.5 * float(np.vdot(self._penalty * params, params)), grad)

    def _move_to(self, params: np.ndarray, with_curvature: bool = False) -> None:
        """Move to given parameters and recompute the scores."""
        self._rows.move_to(params)
        self._curvature = None
        self._point = self._here(params, with_curvature)

    def _slope(self) -> float:
        return np.vdot(self._psi, self._direction)

    def _new_inverse(self) -> InverseHessian:
        """Set the rates from the diagonal of the current curvature; return the inverse of the curvature."""
        H = self._curvature
        assert H is not None
        H.flat[:: len(H) + 1] += self._penalty.ravel()
        diagonal = H.diagonal()
        root = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        k, q = self._psi.shape
        each = np.where(diagonal > 0, 1.0 / root**2, 0.0).reshape(k, q)
        self.rates = each[:, : self._columns.shape[1]] * self._columns.alive
        self._of_one_class = H[:q, :q].copy()
        if k > 1:  # what all classes share has no gradient: with some curvature it stays away
            np.einsum("kjlj->jkl", H.reshape(k, q, k, q))[...] += diagonal.reshape(k, q).mean(axis=0)[:, None, None]
        factorised = Factorised(H, root, RIDGES_OF_SINGLE if self._single else RIDGES_OF_COLUMNS)
        return InverseHessian(factorised.solve, H.shape[0], _N_STEPS)

    def _start_at(self, coef: np.ndarray, intercept: np.ndarray) -> None:
        """Start from a given solution, unless it is worse than the constant model."""
        constant = self._point
        self._rows.keep()
        self._move_to(_centred(np.column_stack([coef, intercept])[:, : self._penalty.shape[1]]))
        if not self._point.loss <= self.reference_loss:
            self._rows.restore()
            self._point = constant


def _centred(params: np.ndarray) -> np.ndarray:
    """Return parameters (k, q) minus their mean over classes, which only raises the penalty, not the loss."""
    return params - params.mean(axis=0) if len(params) > 1 else params
