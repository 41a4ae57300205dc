r"""Exact hypergradient steps for a loss of one score per row.

Each step searches a subspace, whose coordinates c are the change of the intercept, the step length along the new
direction, and the momentum coefficients of past steps. After one forward pass of the new direction, the gradient of
the loss by c (the hypergradient) and its Hessian are

.. math:: \psi = Z \ell'(c) + D \Lambda (w + D^T c), \qquad
          H = Z \,\mathrm{diag}(\ell''(c))\, Z^T + D \Lambda D^T,

and a few Newton steps with backtracking drive :math:`\psi` to zero: no learning rate is left to choose.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from sk_adalr.backends import Array, beside, namespace, to_host
from sk_adalr.optimizer.exact.loop import SolverBase
from sk_adalr.optimizer.exact.problem import Problem
from sk_adalr.optimizer.exact.rates import Metric
from sk_adalr.optimizer.exact.small_system import newton_step
from sk_adalr.optimizer.exact.subspace import Subspace

# From iteration _RATE_START on, rates change by a factor of at most exp(+-_RATE) per iteration, and ever less from
# iteration _RATE_DECAY on: late changes make the past steps lose their conjugacy.
_RATE, _RATE_START, _RATE_DECAY = 0.15, 8, 20
_MAX_INNER, _INNER_DECREASE, _MODEL_ERROR, _SUFFICIENT = 3, 0.3, 0.2, 1e-4
# Step lengths to try. The tail is long: where the loss saturates the curvature vanishes, and Newton steps become far
# too large.
_BACKTRACK = (1.0, 0.5, 0.25, 0.125, 0.0125, 1e-3, 1e-5, 1e-8, *(10.0**-k for k in range(11, 60, 3)))
# Step lengths below this are doubled as long as the loss decreases.
_SHORT = 1e-4
# Accumulated round-off error of the predictions above which they are recomputed after a step, since more would look
# like a decrease of the loss; and below which `refresh` does not recompute them, since it would change nothing.
_MOST_ROUNDING, _LEAST_ROUNDING = 1e-3, 1e-9


class FirstOrder(SolverBase):
    """First-order solver of a linear model with one output in standardised columns; see `loop` for the interface.

    Parameters
    ----------
    problem : Problem
        With one output.
    n_steps : int
        Number of past steps to keep.
    start : (ndarray (p,), float) or None, default=None
        Where to start, in standardised columns; ignored if worse than the constant model.
    """

    trusts_optimality = False
    coef: np.ndarray
    intercept: float
    loss: float
    _grad: np.ndarray
    _sums: Array | None
    _curvature_along: float

    def __init__(
        self,
        problem: Problem,
        n_steps: int,
        start: tuple[np.ndarray, float] | None = None,
    ) -> None:
        columns, penalty, fit_intercept = problem.columns, problem.penalty, problem.fit_intercept
        p = columns.shape[1]
        self._columns, self._penalty = columns, penalty
        self._loss_of_rows = problem.loss.of_rows(problem.target, problem.weight)
        self._fit_intercept = fit_intercept
        self._single = columns.dtype == np.float32
        (constant,), (curvature,) = problem.constant_model()
        curvature = curvature or 1.0  # 0 where the loss is linear at the constant model
        self._metric = Metric.of(problem, curvature)
        self.rates = self._metric.rates
        self._intercept_rate = 1.0 / curvature
        self.coef, self.intercept = np.zeros(p), constant
        self._scores = namespace(columns.data).full(columns.shape[0], constant)
        self._evaluate()
        self.reference_loss, self.n_passes = self.loss, 2
        self._subspace = Subspace(self._scores, fit_intercept, p, penalty, n_steps)
        self._iteration, self._rounding = 0, 0.0
        if start is not None:
            self._start_at(*start)

    @property
    def reported_loss(self) -> float:
        """Current loss in the caller's units: the same here."""
        return self.loss

    @property
    def gradient(self) -> np.ndarray:
        """Gradient (1, p) of the loss with respect to the coefficients."""
        return self._grad[None]

    def optimality(self) -> float:
        """Compute the gradient with one backward pass; return the decrease that the initial rates expect from it."""
        n = len(self._scores)
        if self._sums is None:
            self._begin_gradient()
        grad = to_host(self._sums) / n
        grad_intercept = self._residual_sum / n if self._fit_intercept else 0.0
        self.grad_intercept = grad_intercept
        if self._penalty is not None:
            grad += self._penalty * self.coef
        if self._iteration >= _RATE_START:
            self._adapt_rates(grad)
        self._grad = grad
        return float(grad @ self._metric.solve(grad)) + self._intercept_rate * grad_intercept**2

    def step(self) -> bool:
        """Make one forward pass and up to three Newton steps in the subspace.

        Return False if no step decreases the loss.
        """
        direction = self._columns.rounded(-replace(self._metric, rates=self.rates).solve(self._grad))
        self._columns.forward(direction, out=self._subspace.new_predictions)
        self.n_passes += 1
        self._subspace.set_direction(direction, self._columns.rounding * float(np.linalg.norm(direction)))
        before = self.coef, self.intercept, self._scores, self.loss
        c, change = self._solve()
        if change is None:
            return False
        step, rounding = c @ self._subspace.D, float(np.linalg.norm(c * self._subspace.rounding))
        self.coef, self.intercept = self.coef + step, self.intercept + c[0] * int(self._fit_intercept)
        self._iteration += 1
        self._rounding += rounding
        if self._rounding > _MOST_ROUNDING:
            return self._is_confirmed(*before)
        self.note_curvature(self._curvature_along, self._metric.along(step))
        self._begin_gradient()  # a device computes it while the host updates the subspace
        self._subspace.push(c[0], step, change, rounding)
        return True

    def _is_confirmed(self, coef: np.ndarray, intercept: float, scores: Array, loss: float) -> bool:
        """Return whether the step decreases the loss when predictions are recomputed; undo the step otherwise."""
        self._predict_anew()
        if self.loss < loss:
            return True
        self.coef, self.intercept, self._scores, self._rounding = coef, intercept, scores, _MOST_ROUNDING
        self._evaluate()
        return False

    def _begin_gradient(self) -> None:
        self._sums = self._columns.backward(self._residual)
        self.n_passes += 1

    def refresh(self) -> bool:
        """Recompute the predictions from the coefficients, to remove the round-off error that steps have accumulated.

        The past steps are dropped, since their predictions have the same error: with collinear columns, further steps
        would fit it, and show a loss that no coefficients have, while the true one stays 1e-3 above the minimum.
        """
        if self._rounding <= _LEAST_ROUNDING:
            return False
        before = self.loss
        self._predict_anew()
        return bool(abs(self.loss - before) > np.finfo(np.float32).eps * self.loss)

    def _predict_anew(self) -> None:
        self._scores, self._rounding = self._columns.forward(self.coef) + self.intercept, 0.0
        self.n_passes += 1
        self._evaluate()
        self._subspace.forget()

    def _start_at(self, coef: np.ndarray, intercept: float) -> None:
        """Start from a given solution, unless it is worse than the constant model."""
        constant = self.coef, self.intercept, self._scores
        self.coef, self.intercept = coef, intercept if self._fit_intercept else 0.0
        self._scores = self._columns.forward(coef) + self.intercept
        self.n_passes += 1
        self._evaluate()
        if not self.loss <= self.reference_loss:
            self.coef, self.intercept, self._scores = constant
            self._evaluate()

    def _adapt_rates(self, grad: np.ndarray) -> None:
        # The paper's rule, normalised and multiplicative: a rate grows where successive gradients agree in sign.
        largest = np.maximum(np.abs(grad), np.abs(self._grad))
        largest[largest == 0] = 1.0
        agreement = (grad / largest) * (self._grad / largest)
        agreement *= _RATE * min(1.0, _RATE_DECAY / self._iteration)
        self.rates = self.rates * np.exp(agreement, out=agreement)

    def _evaluate(self) -> None:
        """Compute the loss and its derivatives at the current scores."""
        penalty = 0.0 if self._penalty is None else 0.5 * (self._penalty * self.coef) @ self.coef
        self._data_loss, evaluated = self._loss_of_rows.evaluate(self._scores[None])
        self.loss = self._data_loss + penalty
        self._differentiate(evaluated)

    def _differentiate(self, evaluated: Any) -> None:
        self._sums = None
        (self._residual,), (self._residual_sum,), (self._second,) = self._loss_of_rows.derivatives(evaluated)

    def _solve(self) -> tuple[np.ndarray, Array | None]:
        """Drive the hypergradient to zero by Newton steps in the subspace.

        Return the coefficients c (r,) of the step in the subspace and the change of the predictions (n,), which is
        None if no step decreases the loss.
        """
        space = self._subspace
        scale = 1.0 / len(self._scores)
        linear = None if self._penalty is None else space.D @ (self._penalty * self.coef)
        c, first_norm, total = np.zeros(space.size), None, None
        for inner in range(_MAX_INNER):
            # The first hypergradient follows from the gradient without a pass over the rows; but not for float32
            # data, whose gradient is not precise enough.
            is_known = not inner and not self._single
            H, psi = space.curvature(self._second, scale, None if is_known else self._residual)
            if psi is None:
                psi = self._first_hypergradient()
            elif linear is not None:
                psi += linear + space.P @ c
            root = np.sqrt(H.diagonal())
            root[root == 0] = 1.0
            norm = np.maximum.reduce(np.abs(psi / root))
            first_norm = norm if first_norm is None else first_norm
            if inner and norm <= _INNER_DECREASE * first_norm:
                break
            delta = newton_step(H, psi, root, single=self._single)
            before, slope = self.loss, psi @ delta
            change = beside(delta, space.Z) @ space.Z
            length = self._backtrack(change, delta, slope, linear, c)
            if length == 0:
                break
            if length != 1.0:
                change *= length
            c, total = c + length * delta, change if total is None else total + change
            self._curvature_along = c @ H @ c
            predicted = -(slope + 0.5 * delta @ H @ delta)
            if length == 1 and abs(before - self.loss - predicted) <= _MODEL_ERROR * abs(predicted):
                break
        return c, total

    def _first_hypergradient(self) -> np.ndarray:
        """Return the gradient (r,) of the loss in the subspace, before any step in it."""
        psi = self._subspace.D @ self._grad
        if self._fit_intercept:
            psi[0] = self.grad_intercept
        return psi

    def _backtrack(
        self, change: Array, delta: np.ndarray, slope: float, linear: np.ndarray | None, c: np.ndarray
    ) -> float:
        """Backtrack along `delta`, which changes the predictions by `change`, until the loss decreases sufficiently.

        Return the step length that was taken, 0 if there is none.
        """
        slope_penalty = curve_penalty = 0.0
        if linear is not None:
            Pd = self._subspace.P @ delta
            slope_penalty, curve_penalty = (linear + self._subspace.P @ c) @ delta, 0.5 * delta @ Pd
        penalty = self.loss - self._data_loss if linear is not None else 0.0

        def at(length: float) -> tuple[float, float, Array, Any]:
            scores = self._scores + (change if length == 1.0 else length * change)
            data_loss, evaluated = self._loss_of_rows.evaluate(scores[None])
            return (
                data_loss + penalty + length * slope_penalty + length**2 * curve_penalty,
                data_loss,
                scores,
                evaluated,
            )

        for length in _BACKTRACK:
            trial = at(length)
            if trial[0] <= self.loss + _SUFFICIENT * length * slope:
                break
        else:
            return 0.0
        while length < _SHORT and (longer := at(2 * length))[0] < trial[0]:
            length, trial = 2 * length, longer
        self.loss, self._data_loss, self._scores, evaluated = trial
        self._differentiate(evaluated)
        return length
