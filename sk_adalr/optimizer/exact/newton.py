r"""One exact rate for every parameter: Newton's method, for few parameters.

Where the curvature :math:`H` between all parameters costs little more than a few gradients, the space searched in one
step is the whole space. Driving the hypergradient :math:`\psi = G + \Lambda w` to zero there is

.. math:: w \leftarrow w + c, \qquad (H + \Lambda)\, c = -\psi.

The factorised curvature is kept as long as it foretells the decrease of the loss, corrected by the last steps as in
`quasi_newton`: an iteration then costs one gradient. Half the squared Newton decrement, :math:`-\tfrac12 c^T \psi`, is
what the loss may still lose, in any units and however columns depend on each other, so that it alone decides when to
stop.
"""

from typing import Any, NamedTuple

import numpy as np

from sk_adalr.backends import Array, beside, namespace, to_host
from sk_adalr.objectives.columns import DenseColumns
from sk_adalr.objectives.losses import Loss
from sk_adalr.optimizer.exact.full_curvature import curvature_of_classes, curvature_of_output
from sk_adalr.optimizer.exact.loop import SolverBase
from sk_adalr.optimizer.exact.quasi_newton import InverseHessian
from sk_adalr.optimizer.exact.rates import constant_model
from sk_adalr.optimizer.exact.small_system import Factorised

# The curvature is kept while the ratio of actual to foretold decrease lies between these: above 1 steps are too short,
# which the corrections by the last steps mend. Time relative to lbfgs, geometric mean (worst) of 34 problems: a new
# curvature in each iteration .319 (1.77), kept without corrections .292 (1.48), with them .256 (1.09).
_KEPT, _N_STEPS = (0.65, 1.7), 5
_SUFFICIENT, _SHORT, _SHORTEST = 1e-4, 1e-2, 1e-60
# Where this is faster than first-order steps, measured on generated problems of 1000 to 20000 rows: up to so many
# coefficients of two classes; for several, and for sparse data, up to so many multiplications in a curvature. Of two
# classes and 250 columns it takes a tenth of the time where these depend on each other, at a condition number of 100,
# and twice the time, of 10 ms, where they do not at all.
_MOST_COEFFICIENTS, _MOST_MULTIPLICATIONS = 300, 5_000_000


def prefers_newton(n_samples: int, n_features: int, n_scores: int, sparse: bool) -> bool:
    """Say whether Newton's method is expected to be faster than first-order steps, for so many scores per row."""
    if n_scores == 1 and not sparse:
        return n_features <= _MOST_COEFFICIENTS
    return n_samples * (n_features * n_scores) ** 2 <= _MOST_MULTIPLICATIONS


class _Point(NamedTuple):
    """Parameters, a row per score with its intercept in the last column, and what follows from them."""

    params: np.ndarray
    scores: Array
    evaluated: Any
    loss: float


class Newton(SolverBase):
    """A linear model in standardised dense columns; see `loop` for the interface.

    Parameters
    ----------
    columns : DenseColumns (n, p)
    loss : Loss
    target : array
    weight : array (n,) or None
        Sample weights with mean 1; like all that has an entry per row, beside the columns.
    penalty : ndarray (p,) or None
        Penalty of each standardised coefficient.
    fit_intercept : bool
    start : (ndarray (k, p), ndarray (k,)) or None, default=None
        Where to start, in standardised columns; ignored if worse than the constant model.
    """

    _last_psi: np.ndarray
    _last_step: np.ndarray
    _of_one_class: np.ndarray

    def __init__(
        self,
        columns: DenseColumns,
        loss: Loss,
        target: Array,
        weight: Array | None,
        penalty: np.ndarray | None,
        fit_intercept: bool,
        start: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        n, p = columns.shape
        self._columns, self._data_loss, self._weight = columns, loss.of_rows(target, weight), weight
        self._fit_intercept = bool(fit_intercept)
        self._single = columns.dtype == np.float32
        constant, _ = constant_model(loss, target, weight, self._fit_intercept)
        k = len(constant)
        params = np.zeros((k, p + self._fit_intercept))
        params[:, p:] = constant[:, None]
        self._penalty = np.zeros_like(params)
        if penalty is not None:
            self._penalty[:, :p] = penalty
        scores = namespace(columns.data).zeros((k, n))
        scores += beside(constant[:, None], scores)
        self._point = self._evaluate(params, scores)
        self.reference_loss, self.n_passes = self.loss, 2
        self._inverse_curvature: InverseHessian | None = None
        self._is_new, self._was_full = False, True
        if start is not None:
            self._start_at(*start)

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

    def optimality(self) -> float:
        """Compute the gradient by one backward pass; return the decrease of the loss that the curvature foretells."""
        residuals, totals, curvatures = self._data_loss.derivatives(self._point.evaluated)
        n, p = self._columns.shape
        self._psi = self._penalty * self._point.params
        self._psi[:, :p] += to_host(self._columns.backward(residuals)) / n
        if self._fit_intercept:
            self._psi[:, p] += totals / n
        self.n_passes += 1
        self._is_new = self._inverse_curvature is None
        if self._inverse_curvature is None:
            self._inverse_curvature = self._new_curvature(curvatures)
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
        self._inverse_curvature, params = None, self._point.params
        self._point = self._evaluate(params, self._scores_of(params))
        foretold, before = self.optimality(), np.inf
        while 0 < foretold < 0.5 * before:
            params = self._point.params + self._direction
            self._point = self._evaluate(params, self._scores_of(params))
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
        return float(abs(self._scores_of(self._direction)).max())

    def _scores_of(self, params: np.ndarray) -> Array:
        p = self._columns.shape[1]
        scores = self._columns.forward(params[:, :p])
        self.n_passes += 1
        if self._fit_intercept:
            scores += beside(params[:, -1:], scores)
        return scores

    def _advance(self) -> bool:
        p = self._columns.shape[1]
        coef_step = self._columns.rounded(self._direction[:, :p])
        self._direction[:, :p] = coef_step
        change = self._columns.forward(coef_step)
        self.n_passes += 1
        if self._fit_intercept:
            change += beside(self._direction[:, p:], change)
        slope, point = self._slope(), self._point
        length, trial = self._line_search(slope, change)
        if trial is None:
            return False
        self._point, self._was_full = trial, length == 1.0
        self._last_psi, self._last_step = self._psi, self._direction.ravel()
        foretold = -0.5 * slope
        lowest, highest = _KEPT
        if length < 1.0 or not lowest * foretold <= point.loss - trial.loss <= highest * foretold:
            self._inverse_curvature = None
        return True

    def _line_search(self, slope: float, change: Array) -> tuple[float, _Point | None]:
        """Return the length of a step that decreases the loss enough, and where it leads; None without one.

        Where the loss has no curvature to speak of, the direction is far too long: lengths then fall by orders of
        magnitude, and the best one near the first that will do is taken.
        """
        point = self._point

        def at(length: float) -> _Point:
            return self._evaluate(point.params + length * self._direction, point.scores + length * change)

        length, trial = 1.0, at(1.0)
        while not trial.loss <= point.loss + _SUFFICIENT * length * slope:
            length *= 0.5 if length > _SHORT else 0.01
            if not self._is_new or length < _SHORTEST:
                return 0.0, None
            trial = at(length)
        while length < _SHORT and (longer := at(2 * length)).loss < trial.loss:
            length, trial = 2 * length, longer
        return length, trial

    def _evaluate(self, params: np.ndarray, scores: Array) -> _Point:
        mean_loss, evaluated = self._data_loss.evaluate(scores)
        return _Point(params, scores, evaluated, mean_loss + 0.5 * np.vdot(self._penalty * params, params))

    def _slope(self) -> float:
        return np.vdot(self._psi, self._direction)

    def _new_curvature(self, curvatures: Array) -> InverseHessian:
        """Set the rates by the current curvature; return its inverse."""
        if len(curvatures) == 1:
            H = curvature_of_output(self._columns, curvatures[0], self._fit_intercept)
        else:
            H = curvature_of_classes(self._columns, curvatures, self._weight, self._fit_intercept)
        self.n_passes += 1
        H.flat[:: len(H) + 1] += self._penalty.ravel()
        diagonal = H.diagonal()
        root = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        inverse = InverseHessian(Factorised(H, root, single=self._single).solve, H.shape[0], _N_STEPS)
        self._of_one_class = H[: self._psi.shape[1], : self._psi.shape[1]].copy()
        each = np.where(diagonal > 0, 1.0 / root**2, 0.0).reshape(self._psi.shape)
        self.rates = each[:, : self._columns.shape[1]] * self._columns.alive
        return inverse

    def _start_at(self, coef: np.ndarray, intercept: np.ndarray) -> None:
        params = _centred(np.column_stack([coef, intercept])[:, : self._penalty.shape[1]])
        start = self._evaluate(params, self._scores_of(params))
        if start.loss <= self.reference_loss:
            self._point = start


def _centred(params: np.ndarray) -> np.ndarray:
    """Parameters (k, q) without what all classes share, which the loss does not see and the penalty dislikes."""
    return params - params.mean(axis=0) if len(params) > 1 else params
