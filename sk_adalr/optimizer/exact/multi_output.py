r"""Quasi-Newton solver for a loss of several scores per row, such as the multinomial loss.

The rates :math:`\eta_{kj} = 1 / (\max_k v_k + \lambda_j)` are the inverse diagonal curvature of the constant model in
standardised columns, for the class with the largest curvature. They are the initial inverse Hessian of L-BFGS. The
step length is 1 whenever that decreases the loss sufficiently: an iteration then costs one gradient. With few columns
even the smallest exact subspace of the multinomial loss costs more than a gradient.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sk_adalr.optimizer.exact.blockwise import BlockwiseLoss
from sk_adalr.optimizer.exact.loop import SolverBase
from sk_adalr.optimizer.exact.memory import n_pairs
from sk_adalr.optimizer.exact.problem import Problem
from sk_adalr.optimizer.exact.quasi_newton import InverseHessian
from sk_adalr.optimizer.exact.rates import Metric, floored_rates

_SUFFICIENT, _MAX_TRIALS = 1e-4, 20


class MultiOutput(SolverBase):
    """Quasi-Newton solver of a linear model with several scores per row, in standardised columns; see `loop`.

    Parameters
    ----------
    problem : Problem
        With a loss that is not separable, except for rows in blocks.
    start : (ndarray (K, p), ndarray (K,)) or None, default=None
        Where to start, in standardised columns; ignored if worse than the constant model.
    loss_of : callable, default=BlockwiseLoss
        ``loss_of(problem, n_scores)`` returns an object with the interface of `BlockwiseLoss`.
    """

    trusts_optimality = False

    def __init__(
        self,
        problem: Problem,
        start: tuple[np.ndarray, np.ndarray] | None = None,
        loss_of: Callable[[Problem, int], Callable[..., float]] = BlockwiseLoss,
    ) -> None:
        columns, penalty, fit_intercept = problem.columns, problem.penalty, problem.fit_intercept
        constant, curvature = problem.constant_model()
        p, n_classes = columns.shape[1], len(constant)
        self._shape, self._fit_intercept = (n_classes, p), fit_intercept
        self._penalty = None if penalty is None else np.tile(penalty, n_classes)
        self._loss_of = loss_of(problem, n_classes)
        # One curvature for all classes: with separate ones, classes with few rows get rates thousands of times
        # larger, which suit only the first step (eight times more iterations on seven unbalanced classes).
        self._variance = curvature.max()
        self._metric = Metric.of(problem, self._variance)
        self._params = np.concatenate([np.zeros(n_classes * p), constant])
        self._grad = np.empty_like(self._params)
        self.loss = self._evaluate(self._params, self._grad)
        self.reference_loss, self.n_passes = self.loss, 4
        # A loss computed in the precision of the data does not resolve smaller decreases.
        self._noise = 4.0 * float(np.finfo(columns.dtype).eps)
        floored = replace(self._metric, rates=floored_rates(columns, self._metric.rates))
        self._rates = floored.rates
        self._inverse_hessian = InverseHessian(
            lambda vector: self._solved(floored, vector), len(self._params), n_pairs(p, n_classes)
        )
        if start is not None:
            self._start_at(np.concatenate([start[0].ravel(), start[1]]))

    @property
    def coef(self) -> np.ndarray:
        """Standardised coefficients (K, p)."""
        return self._unpack(self._params)[0]

    @property
    def intercept(self) -> np.ndarray:
        """Intercepts (K,) of the standardised columns."""
        return self._unpack(self._params)[1]

    @property
    def rates(self) -> np.ndarray:
        """Current rates (p,) of the coefficients, the same for all classes."""
        return self._inverse_hessian.factor * self._rates

    @property
    def reported_loss(self) -> float:
        """Current loss in the caller's units: the same here."""
        return self.loss

    @property
    def gradient(self) -> np.ndarray:
        """Gradient (K, p) of the loss with respect to the coefficients."""
        return self._unpack(self._grad)[0]

    def optimality(self) -> float:
        """Return the decrease that the initial rates expect from the gradient, which `step` has computed."""
        return float(self._grad @ self._solved(self._metric, self._grad))

    def step(self) -> bool:
        """Make one quasi-Newton step; return False if no step decreases the loss."""
        if self._advance():
            return True
        # Round-off error may have spoilt the pairs: as a last resort use the rates alone.
        self._inverse_hessian.reset()
        return self._advance()

    def _advance(self) -> bool:
        direction = self._inverse_hessian.direction(self._grad)
        slope = direction @ self._grad
        if not slope < 0:
            return False
        length, trial_grad = 1.0, np.empty_like(self._grad)
        for _ in range(_MAX_TRIALS):
            trial = self._params + length * direction
            loss = self._evaluate(trial, trial_grad)
            self.n_passes += 2
            if loss <= self.loss + _SUFFICIENT * length * slope:
                step, change = trial - self._params, trial_grad - self._grad
                self._inverse_hessian.push(step, change)
                coef, intercept = self._unpack(step)
                self.note_curvature(
                    step @ change, self._metric.along(coef) + self._variance * float(intercept @ intercept)
                )
                self._params, self._grad, self.loss = trial, trial_grad, loss
                return True
            if -slope <= self._noise * self.loss:
                return False
            length *= _interpolated(length * slope, loss - self.loss, length * (trial_grad @ direction))
        return False

    def _evaluate(self, params: np.ndarray, grad: np.ndarray) -> float:
        coef, intercept = self._unpack(params)
        loss = self._loss_of(coef, intercept, *self._unpack(grad))
        if not self._fit_intercept:
            grad[-self._shape[0] :] = 0.0
        if self._penalty is None:
            return loss
        flat = params[: len(self._penalty)]
        shrink = self._penalty * flat
        grad[: len(self._penalty)] += shrink
        return loss + 0.5 * shrink @ flat

    def _solved(self, metric: Metric, vector: np.ndarray) -> np.ndarray:
        """Return `vector` multiplied by the inverse curvature of the constant model."""
        coef, intercept = self._unpack(vector)
        return np.concatenate([metric.solve(coef).ravel(), intercept / self._variance])

    def _unpack(self, params: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n_classes, p = self._shape
        return params[: n_classes * p].reshape(n_classes, p), params[n_classes * p :]

    def _start_at(self, params: np.ndarray) -> None:
        """Start from a given solution, unless it is worse than the constant model."""
        if not self._fit_intercept:
            params[-self._shape[0] :] = 0.0
        grad = np.empty_like(params)
        loss = self._evaluate(params, grad)
        self.n_passes += 2
        if loss <= self.reference_loss:
            self._params, self._grad, self.loss = params, grad, loss


def _interpolated(slope: float, change: float, new_slope: float) -> float:
    """Return the minimiser in (0, 1), clipped to [.1, .5], of the cubic with these slopes at 0 and 1.

    `change` is its value at 1 minus the value at 0.
    """
    middle = slope + new_slope - 3.0 * change
    root = middle**2 - slope * new_slope
    if not (np.isfinite(root) and root >= 0):
        return 0.1
    root = np.sqrt(root)
    denominator = new_slope - slope + 2.0 * root
    guess = 1.0 - (new_slope + root - middle) / denominator if denominator else 0.5
    return min(max(guess, 0.1), 0.5)
