r"""One exact rate for every parameter: Newton's method, for few parameters.

Where the curvature :math:`H` between all parameters costs little more than a few gradients, the space searched in one
step is the whole space. Driving the hypergradient :math:`\psi = G + \Lambda w` to zero there is

.. math:: w \leftarrow w + c, \qquad (H + \Lambda)\, c = -\psi.

The factorised curvature is kept as long as it foretells the decrease of the loss, corrected by the last steps as in
`quasi_newton`: an iteration then costs one gradient, forward and backward in one read of the data. Half the squared
Newton decrement, :math:`-\tfrac12 c^T \psi`, is what the loss may still lose, in any units and however columns depend
on each other, so that it alone decides when to stop.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sk_adalr.optimizer.exact.loop import SolverBase
from sk_adalr.optimizer.exact.problem import Problem
from sk_adalr.optimizer.exact.quasi_newton import InverseHessian
from sk_adalr.optimizer.exact.small_system import Factorised
from sk_adalr.optimizer.exact.summed_rows import SummedRows

# The curvature is kept while the ratio of actual to foretold decrease lies between these: above 1 steps are too short,
# which the corrections by the last steps mend. Time relative to lbfgs, geometric mean (worst) of 34 problems: a new
# curvature in each iteration .319 (1.77), kept without corrections .292 (1.48), with them .256 (1.09).
_KEPT, _N_STEPS = (0.65, 1.7), 5
_SUFFICIENT, _SHORT, _SHORTEST = 1e-4, 1e-2, 1e-60
# Where this is faster than first-order steps, measured on generated problems of 1000 to 20000 rows: up to so many
# coefficients of two classes; for several, and for sparse data, up to so many multiplications in a curvature.
_MOST_COEFFICIENTS, _MOST_MULTIPLICATIONS = 300, 5_000_000
# First-order steps, one for so many columns and no more than so many, cost at most two or three curvatures and suffice
# where columns hardly depend on each other: of 20000 x 250 independent ones .4 of the time. Not worth it for fewer
# columns or entries.
_COLUMNS_OF_A_STEP, _MOST_STEPS, _MANY_COLUMNS, _MANY_ENTRIES = 10, 8, 60, 400_000


def prefers_newton(n_samples: int, n_features: int, n_scores: int, sparse: bool) -> bool:
    """Say whether Newton's method is expected to be faster than first-order steps, for so many scores per row."""
    if n_scores == 1 and not sparse:
        return n_features <= _MOST_COEFFICIENTS
    return n_samples * (n_features * n_scores) ** 2 <= _MOST_MULTIPLICATIONS


def n_steps_ahead(n_samples: int, n_features: int) -> int:
    """Return how many first-order steps may do without a curvature; 0 where that costs next to nothing."""
    is_large = n_features >= _MANY_COLUMNS and n_samples * n_features >= _MANY_ENTRIES
    return min(n_features // _COLUMNS_OF_A_STEP, _MOST_STEPS) if is_large else 0


class _Point(NamedTuple):
    """Parameters, a row per score with its intercept in the last column, and what is known there."""

    params: np.ndarray
    loss: float
    #: Of the mean loss, without penalty; None where it has not been asked for.
    grad: np.ndarray | None = None


class Newton(SolverBase):
    """A linear model in standardised dense columns; see `loop` for the interface.

    Parameters
    ----------
    problem : Problem
    start : (ndarray (k, p), ndarray (k,)) or None, default=None
        Where to start, in standardised columns; ignored if worse than the constant model.
    rows : callable, default=SummedRows
        ``rows(problem, scores)`` makes what answers as `SummedRows` do.
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
        """Whether the last step was a full one: where it was not, the curvature does not tell what is left."""
        return self._was_full

    @property
    def loss(self) -> float:
        """Mean loss plus penalty."""
        return self._point.loss

    @property
    def reported_loss(self) -> float:
        """The loss in the caller's units, here the same."""
        return self.loss

    @property
    def gradient(self) -> np.ndarray:
        """Derivatives (k, p) of the loss by the coefficients."""
        return self._psi[:, : self._columns.shape[1]]

    def optimality(self) -> float:
        """Return the decrease of the loss that the curvature foretells, which takes a pass if that has to be new."""
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
        """Make one forward pass and a line search; return False if the loss cannot decrease.

        A kept curvature has to lead to a full step; otherwise a new one takes its place.
        """
        if self._advance():
            return True
        if self._is_new:
            return False
        self._inverse_curvature = None
        self.optimality()
        return self._advance()

    def polish(self) -> None:
        """Make full steps with a new curvature, as long as they halve the decrease that it foretells."""
        if self._single:
            return
        self._inverse_curvature = None
        self._move_to(self._point.params, with_curvature=True)
        foretold, before = self.optimality(), np.inf
        while 0 < foretold < 0.5 * before:
            self._move_to(self._point.params + self._direction)
            self._last_psi, self._last_step = self._psi, self._direction.ravel()
            foretold, before = self.optimality(), foretold

    @property
    def condition(self) -> float:
        """Reciprocal condition of the last curvature, of one class, since all together never matter to the loss."""
        H = self._of_one_class
        alive = np.flatnonzero(H.diagonal())
        H = H[np.ix_(alive, alive)]
        return Factorised(H, np.sqrt(H.diagonal())).condition

    def movement(self) -> float:
        """Return the largest change of a score in another step: large where the optimum is at infinity."""
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
        foretold = -0.5 * slope
        lowest, highest = _KEPT
        if length < 1.0 or not lowest * foretold <= before - trial.loss <= highest * foretold:
            self._inverse_curvature = None
        return True

    def _line_search(self, slope: float) -> tuple[float, _Point | None]:
        """Return the length of a step that decreases the loss enough, and where it leads; None without one.

        Where the loss has no curvature to speak of, the direction is far too long: lengths then fall by orders of
        magnitude, and the best one near the first that will do is taken.
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
        """Return the point after a step of some length along the direction, whose change of scores is known."""
        return self._at(self._point.params + length * self._direction, self._rows.loss_after(length))

    def _here(self, params: np.ndarray, with_curvature: bool = False) -> _Point:
        """Return the point of the current scores, which are those of params; keep the curvature if asked for."""
        loss, grad, curvature = self._rows.sums(with_curvature=with_curvature)
        if curvature is not None:
            self._curvature = curvature
        return self._at(params, loss, grad)

    def _at(self, params: np.ndarray, loss: float, grad: np.ndarray | None = None) -> _Point:
        return _Point(params, loss + 0.5 * float(np.vdot(self._penalty * params, params)), grad)

    def _move_to(self, params: np.ndarray, with_curvature: bool = False) -> None:
        """Go to given parameters, whose scores are predicted anew."""
        self._rows.move_to(params)
        self._curvature = None
        self._point = self._here(params, with_curvature)

    def _slope(self) -> float:
        return np.vdot(self._psi, self._direction)

    def _new_inverse(self) -> InverseHessian:
        """Set the rates by the current curvature; return its inverse."""
        H = self._curvature
        assert H is not None
        H.flat[:: len(H) + 1] += self._penalty.ravel()
        diagonal = H.diagonal()
        root = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        inverse = InverseHessian(Factorised(H, root, single=self._single).solve, H.shape[0], _N_STEPS)
        self._of_one_class = H[: self._psi.shape[1], : self._psi.shape[1]].copy()
        each = np.where(diagonal > 0, 1.0 / root**2, 0.0).reshape(self._psi.shape)
        self.rates = each[:, : self._columns.shape[1]] * self._columns.alive
        return inverse

    def _start_at(self, coef: np.ndarray, intercept: np.ndarray) -> None:
        """Move to a given solution, unless it is worse than the constant model."""
        constant = self._point
        self._rows.keep()
        self._move_to(_centred(np.column_stack([coef, intercept])[:, : self._penalty.shape[1]]))
        if not self._point.loss <= self.reference_loss:
            self._rows.restore()
            self._point = constant


def _centred(params: np.ndarray) -> np.ndarray:
    """Parameters (k, q) without what all classes share, which the loss does not see and the penalty dislikes."""
    return params - params.mean(axis=0) if len(params) > 1 else params
