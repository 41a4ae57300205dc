r"""Exact hypergradient steps for least squares, all outputs at once.

The loss is quadratic, so one Newton step in the subspace of the new direction and the past steps is exact,
and the curvature of old directions never changes: an iteration adds one row to it. In exact arithmetic this
is conjugate gradients with the rates as a Jacobi preconditioner; the past steps only restore the conjugacy
that round-off error destroys.

With centred columns and a centred target the intercept is solved separately. Outputs are independent given X
and share the passes over it. Each is divided by its own scale, so that one stopping rule suits all.
"""

import numpy as np

from sk_adalr.backends import Array, beside, namespace, row_squares, to_host
from sk_adalr.optimizer.exact.loop import SolverBase
from sk_adalr.optimizer.exact.problem import Problem
from sk_adalr.optimizer.exact.rates import Metric

_RIDGE = 1e-13
# Decreases below this fraction of the loss are round-off error.
_ROUNDING = 4e-16


class LeastSquares(SolverBase):
    """Solver of k least-squares problems in standardised columns; see `loop` for the interface.

    Parameters
    ----------
    problem : Problem
    n_steps : int
        Number of past steps to keep.
    start : (ndarray (k, p), ndarray (k,)) or None, default=None
        Where to start, in standardised columns; ignored by outputs for which it is worse than the constant model.
    shared_rate : bool, default=False
        Use one rate for all columns in the units of the penalty, which leads to the minimum-norm solution.
    """

    def __init__(
        self,
        problem: Problem,
        n_steps: int,
        start: tuple[np.ndarray, np.ndarray] | None = None,
        shared_rate: bool = False,
    ) -> None:
        columns, target, (n, p) = problem.columns, problem.target, problem.columns.shape
        self._columns, self._weight = columns, problem.weight
        self._penalty = np.zeros(p) if problem.penalty is None else problem.penalty
        self._metric = Metric.of(problem, 1.0)
        self.rates = self._metric.rates
        if shared_rate:
            scale = np.where(columns.alive, columns.scale / problem.penalty_unit, 0.0)
            self.rates = (scale / (scale.max(initial=0.0) or 1.0)) ** 2
        standardised = standardised_target(target, problem.weight, problem.fit_intercept)
        self.target_mean, self.target_scale, self._residual = standardised
        xp, k = namespace(target), len(self.target_mean)
        self.coef, self.n_passes = np.zeros((k, p)), 2
        self._loss_each = self._losses(self._residual, self.coef)
        self.reference_loss = 0.5
        self._Z, self._D = xp.zeros((k, n_steps + 1, n)), np.zeros((k, n_steps + 1, p))
        self._H = np.zeros((k, n_steps + 1, n_steps + 1))
        self._n_steps, self._iteration = n_steps, 0
        if start is not None:
            self._start_at(*start)

    @property
    def loss(self) -> float:
        """Sum over outputs of the losses, each in units of the output's variance."""
        return self._loss_each.sum()

    @property
    def reported_loss(self) -> float:
        """Sum over outputs of the losses, in the units of the target."""
        with np.errstate(over="ignore"):
            return float(self._loss_each @ self.target_scale**2)

    @property
    def intercept(self) -> np.ndarray:
        """Intercepts (k,) of the standardised columns, in units of the target's scale."""
        return np.zeros(len(self.coef))

    def of_target(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (k, p) and intercepts (k,) converted to the units of the target."""
        return coef * self.target_scale[:, None], intercept * self.target_scale + self.target_mean

    @property
    def gradient(self) -> np.ndarray:
        """Gradient (k, p) of the loss with respect to the coefficients."""
        return self._grad

    def optimality(self) -> float:
        """Compute the gradient by one backward pass.

        Return the largest decrease that the rates expect for an output, in units of the output's variance.
        """
        n = self._columns.shape[0]
        residual = self._residual if self._weight is None else self._residual * self._weight
        self._grad = to_host(self._columns.backward(residual)) / -n + self._penalty * self.coef
        self.n_passes += 1
        return (self._grad * self._metric.solve(self._grad)).sum(axis=1).max(initial=0.0)

    def step(self) -> bool:
        """Make one forward pass and move to the exact solution in the subspace; return False if no loss decreases."""
        before = self.loss
        moved = self._advance()
        if self.rates is self._metric.rates:
            return moved
        # In exact arithmetic as many steps as rows suffice. What columns of far smaller units explain is lost in
        # round-off error with a shared rate: separate rates then take over.
        is_idle = not moved or before - self.loss <= _ROUNDING * before
        if is_idle or self._iteration >= self._columns.shape[0]:
            self.rates, self._iteration, moved = self._metric.rates, 0, True
        return moved

    def _advance(self) -> bool:
        n = self._columns.shape[0]
        has_shared_rate = self.rates is not self._metric.rates
        direction = self.rates * self._grad if has_shared_rate else self._metric.solve(self._grad)
        direction = self._columns.rounded(-direction)
        predictions = self._columns.forward(direction)
        self.n_passes += 1
        self._Z[:, 0], self._D[:, 0] = predictions, direction
        size = 1 + min(self._iteration, self._n_steps)
        Z, D = self._Z[:, :size], self._D[:, :size]
        weighted = predictions if self._weight is None else predictions * self._weight
        row = to_host(Z @ weighted[:, :, None])[:, :, 0] / n + (D @ (self._penalty * direction)[:, :, None])[:, :, 0]
        H = self._H[:, :size, :size]
        H[:, 0, :], H[:, :, 0] = row, row
        psi = (D @ self._grad[:, :, None])[:, :, 0]
        c = _newton_steps(H, psi)
        step_predictions, step = (beside(c[:, None], Z) @ Z)[:, 0], (c[:, None] @ D)[:, 0]
        residual, coef = self._residual - step_predictions, self.coef + step
        losses = self._losses(residual, coef)
        better = losses <= self._loss_each
        if not better.any():
            return False
        self._accept(better, residual, coef, losses)
        self._push(c, size, step_predictions, step)
        return True

    def _accept(self, better: np.ndarray, residual: Array, coef: np.ndarray, losses: np.ndarray) -> None:
        # An output whose loss round-off error keeps from decreasing stays as it is.
        self._residual = namespace(residual).where(beside(better[:, None], residual), residual, self._residual)
        self._loss_each = np.where(better, losses, self._loss_each)
        self.coef = np.where(better[:, None], coef, self.coef)
        self._iteration += 1

    def _push(self, c: np.ndarray, size: int, predictions: Array, step: np.ndarray) -> None:
        """Store the step as a past step, with its curvature along the directions that are kept."""
        if self._n_steps == 0:
            return
        slot = 1 + (self._iteration - 1) % self._n_steps
        curvature = (self._H[:, :size, :size] @ c[:, :, None])[:, :, 0]
        own = np.einsum("kr,kr->k", c, curvature)
        for curvature_along, along in zip(own, step, strict=True):
            self.note_curvature(curvature_along, self._metric.along(along))
        self._Z[:, slot], self._D[:, slot] = predictions, step
        self._H[:, slot, :size], self._H[:, :size, slot] = curvature, curvature
        self._H[:, slot, slot] = own

    def _losses(self, residual: Array, coef: np.ndarray) -> np.ndarray:
        if self._weight is None:
            square = row_squares(residual)
        else:
            square = residual**2 @ self._weight
        return 0.5 * (to_host(square) / residual.shape[1] + coef**2 @ self._penalty)

    def _start_at(self, coef: np.ndarray, intercept: np.ndarray) -> None:
        """Start each output from a given solution if that is better than the constant model."""
        scale = np.where(self.target_scale > 0, self.target_scale, 1.0)
        coef = coef / scale[:, None]
        residual = self._residual - self._columns.forward(coef)
        self.n_passes += 1
        losses = self._losses(residual, coef)
        better = losses < self._loss_each
        self._residual = namespace(residual).where(beside(better[:, None], residual), residual, self._residual)
        self._loss_each = np.where(better, losses, self._loss_each)
        self.coef = np.where(better[:, None], coef, self.coef)


def standardised_target(target: Array, weight: Array | None, centre: bool) -> tuple[np.ndarray, np.ndarray, Array]:
    """Standardise a target (n, k), output by output.

    Parameters
    ----------
    target : array (n, k)
    weight : array (n,) or None
        Sample weights with mean 1, beside the target.
    centre : bool
        Whether to subtract the weighted means.

    Returns
    -------
    mean, scale : ndarray (k,)
        On the host, in the units of the target. `mean` is 0 without centring; `scale` is 0 where the target is
        constant up to the round-off error of its dtype.
    relative : array (k, n), float64
        A copy of the target minus `mean`, divided by `scale`; 0 where `scale` is 0.
    """
    xp, eps = namespace(target), np.finfo(target.dtype).eps
    target = xp.ascontiguousarray(target.T, dtype=np.float64)
    peak = to_host(xp.abs(target).max(axis=1))
    safe = np.where(peak > 0, peak, 1.0)
    relative = target / beside(safe[:, None], target)
    mean = to_host(xp.average(relative, axis=1, weights=weight)) if centre else np.zeros(len(target))
    relative -= beside(mean[:, None], target)
    scale = np.sqrt(to_host(xp.average(relative**2, axis=1, weights=weight)))
    # A centred constant target is the round-off error of its values and of its mean.
    scale[scale <= 6 * eps * np.abs(mean)] = 0.0
    factor = np.where(scale > 0, 1.0 / np.where(scale > 0, scale, 1.0), 0.0)
    relative *= beside(factor[:, None], target)
    return mean * peak, scale * peak, relative


def _newton_steps(H: np.ndarray, psi: np.ndarray) -> np.ndarray:
    """Solve every H[k] c = -psi[k] after scaling to a unit diagonal."""
    scale = np.sqrt(np.maximum(np.einsum("krr->kr", H), 0.0))
    scale[scale == 0] = 1.0
    scaled = H / scale[:, :, None] / scale[:, None, :]
    diagonal = np.einsum("krr->kr", scaled)
    diagonal += _RIDGE
    diagonal[diagonal < 0.5] = 1.0
    return np.linalg.solve(scaled, -(psi / scale)[:, :, None])[:, :, 0] / scale
