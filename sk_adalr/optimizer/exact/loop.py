r"""The iteration loop and the stopping rule of the exact solvers; all numerical work is in the solvers.

The loop alternates `optimality()` and `step()` of a `Solver`, and stops as soon as

.. math:: \sum_j \eta^0_j g_j^2 \le \mathrm{tol}_t^2 F_0 \quad\text{and}\quad
          F_{t-k} - F_t \le 200 \, k \, \mathrm{tol}_t^2 F_0, \qquad k = \max(2, \lfloor t / 8 \rfloor),

where the left side of the first condition, `optimality()`, estimates from the initial rates how much the loss can
still decrease, and :math:`F_0`, `reference_loss`, is the loss of the best constant prediction. Where classes are
nearly separable the curvature vanishes and that estimate is far too small, but the loss keeps falling: hence the
second condition, and :math:`4 F_t` instead of :math:`F_0` where it is smaller, but at least :math:`F_0 / 10`.

.. math:: \mathrm{tol}_t = \mathrm{tol} \, \min(100, \max(1, (t / 70)^2))

relaxes the tolerance with the number of iterations: problems that take hundreds of them, where the last digits of the
loss would cost as many again, stop earlier. For a solver that `trusts_optimality`, because its curvature is constant
or up to date, the first condition with tol itself is enough. All terms have the unit of the loss, so the number of
iterations does not depend on the units of features, targets or weights.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np

# Decreases below this fraction of the loss are round-off; this many such iterations in a row end the loop.
_ROUNDING, _PATIENCE = 4e-16, 5
# The second condition: largest decrease, in units of the first, per iteration of the last 1 / _WINDOW of them.
_DECREASE, _WINDOW, _LEAST_WINDOW = 200.0, 8, 2
_FAR, _LEAST_REFERENCE = 4.0, 0.1
# Chosen on the recorded losses of 77 problems: the cheapest values with which each problem ends at a smaller loss than
# scikit-learn's lbfgs with its defaults.
_STRICT_ITERATIONS, _MOST_GROWTH = 70, 100.0
_MET = "Converged after {} iterations: the stopping rule was met."
_AT_THE_LIMIT = "Converged after {} iterations: no decrease above rounding is left."
_STUCK = "Stopped after {} iterations: no step decreases the loss, although its gradient says that one should."
#: Gap between the loss and its minimum, relative to the loss of the constant model, above which users are warned.
LARGEST_GAP = 1e-4

#: ``callback(iteration, loss, rates)``.
LoopCallback: TypeAlias = Callable[[int, float, np.ndarray], Any]


class Solver(Protocol):
    """The interface of a solver: a linear model in standardised columns (n, p) with k outputs, and one step of it."""

    @property
    def trusts_optimality(self) -> bool:
        """Whether the first condition of the stopping rule is enough."""
        ...

    @property
    def loss(self) -> float:
        """Current loss, penalty included, in the solver's internal unit."""
        ...

    @property
    def reported_loss(self) -> float:
        """Current loss in the caller's units."""
        ...

    @property
    def reference_loss(self) -> float:
        """Loss of the best constant prediction, with which `optimality` is compared."""
        ...

    @property
    def coef(self) -> np.ndarray:
        """Current coefficients (k, p), or (p,) of a single output."""
        ...

    @property
    def intercept(self) -> np.ndarray | float:
        """Current intercepts (k,), or a float for a single output."""
        ...

    @property
    def rates(self) -> np.ndarray:
        """Current learning rates (k, p) of the coefficients, or (p,) if all outputs share them."""
        ...

    @property
    def n_passes(self) -> int:
        """Number of passes over the data so far, forward and backward."""
        ...

    @property
    def gradient(self) -> np.ndarray:
        """Gradient (k, p) of the loss, penalty included, by the coefficients, as of the last `optimality`."""
        ...

    def optimality(self) -> float:
        """Return the decrease of the loss expected from its gradient; `step` then uses that gradient."""
        ...

    def step(self) -> bool:
        """Make one step; return False if none decreases the loss in floating point."""
        ...

    @property
    def least_curvature(self) -> float:
        """Smallest curvature along a step so far, relative to the curvature that the initial rates assume."""
        ...

    def refresh(self) -> bool:
        """Remove accumulated round-off error; return whether the loss changed, so that iterations must continue."""
        ...

    def polish(self) -> None:
        """Improve the coefficients beyond the precision of the loss, if the solver can."""
        ...

    def of_target(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (k, p) and intercepts (k,) converted to the units of the target."""
        ...


class SolverBase:
    """Defaults for the optional parts of a `Solver`."""

    trusts_optimality = True
    least_curvature = 1.0

    def polish(self) -> None:
        """Leave the coefficients unchanged: first-order steps can improve only what the loss resolves."""

    def note_curvature(self, curvature: float, assumed: float) -> None:
        """Update `least_curvature` with the curvature along a step and the one that the initial rates assume."""
        if assumed > 0:
            self.least_curvature = min(self.least_curvature, max(curvature / assumed, 1e-300))

    def refresh(self) -> bool:
        """Return False: no round-off error accumulates."""
        return False

    def of_target(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the arguments unchanged: the solver works in the units of the target."""
        return coef, intercept


@dataclass
class Outcome:
    """Why and when the loop ended.

    Attributes
    ----------
    n_iter : int
    converged : bool
        Whether the stopping rule was met, or round-off error left nothing to gain.
    reached_max_iter : bool
        Whether `max_iter` ended it.
    interrupted : bool
        Whether Ctrl-C ended it.
    message : str
        Why, in one sentence.
    losses : list of float
        Loss before the first and after every iteration, in the caller's units.
    gap : float
        Estimate of the loss above its minimum, relative to the loss of the constant model. Where the stopping rule was
        met, the loss is assumed to be nowhere flatter than along the flattest step; 0 at the limit of round-off error.
    expected, most : float
        In the same unit, the decrease that the initial rates expect from the gradient, and the loss itself, which
        bounds the gap, as no loss is negative.
    """

    n_iter: int = 0
    converged: bool = False
    reached_max_iter: bool = False
    interrupted: bool = False
    message: str = ""
    losses: list[float] = field(default_factory=list)
    gap: float = 0.0
    expected: float = 0.0
    most: float = 0.0

    def gap_along(self, curvature: float) -> float:
        """Return the gap for a given least curvature, relative to the one that the initial rates assume."""
        return min(self.expected / max(curvature, np.finfo(float).tiny), self.most)


def run(
    solver: Solver,
    *,
    max_iter: int,
    tol: float,
    callback: LoopCallback | None = None,
    n_done: int = 0,
) -> Outcome:
    """Iterate until the stopping rule, `max_iter`, round-off error, the callback or Ctrl-C ends the loop.

    Parameters
    ----------
    solver : Solver
        Holds the solution afterwards.
    max_iter : int
    tol : float
    callback : callable or None, default=None
        ``callback(iteration, loss, rates)`` after every iteration, with `reported_loss` and `rates` of the solver; a
        true value stops.
    n_done : int, default=0
        Iterations that another solver has made; they count towards `max_iter`.

    Returns
    -------
    Outcome
    """
    if not np.isfinite(solver.loss):
        raise ValueError(
            f"The loss of a constant prediction is {solver.loss}. Look for extreme values in `y` and `sample_weight`, "
            "or for an error in a `loss` of your own."
        )
    outcome = Outcome(n_done, losses=[solver.reported_loss])
    try:
        _iterate(solver, outcome, max_iter, tol, callback)
    except KeyboardInterrupt:
        # Every accepted step decreases the loss, so the solver holds the best solution so far.
        outcome.interrupted = True
        outcome.message = f"Interrupted after {outcome.n_iter} iterations; the best solution so far is kept."
    return outcome


def _iterate(solver: Solver, outcome: Outcome, max_iter: int, tol: float, callback: LoopCallback | None) -> None:
    idle, solver_losses, unit = 0, [solver.loss], solver.reference_loss or 1.0
    while True:
        optimality = solver.optimality()
        outcome.expected, outcome.most = optimality / unit, abs(solver.loss) / unit
        is_met = _is_small(optimality, solver_losses, solver, tol)
        # Below this, further steps would be nothing but round-off error.
        if is_met or optimality <= _ROUNDING * abs(solver.loss):
            if _refreshed(solver, solver_losses, outcome):
                continue
            outcome.converged = True
            outcome.message = (_MET if is_met else _AT_THE_LIMIT).format(outcome.n_iter)
            outcome.gap = outcome.gap_along(solver.least_curvature) if is_met else 0.0
            _polish(solver, outcome, tol)
            return
        if not np.isfinite(optimality):
            outcome.gap = np.inf
            outcome.message = f"The gradient became non-finite at iteration {outcome.n_iter}."
            return
        if outcome.n_iter >= max_iter:
            outcome.reached_max_iter = True
            outcome.message = f"Stopped at max_iter={max_iter} before the stopping rule was met."
            return
        before = solver.loss
        moved = solver.step()
        idle = idle + 1 if before - solver.loss <= _ROUNDING * abs(before) else 0
        if not moved or idle >= _PATIENCE:
            if _refreshed(solver, solver_losses, outcome):
                idle = 0
                continue
            outcome.gap = outcome.gap_along(1.0)
            outcome.converged = outcome.gap <= LARGEST_GAP
            outcome.message = (_AT_THE_LIMIT if outcome.converged else _STUCK).format(outcome.n_iter)
            _polish(solver, outcome, tol)
            return
        outcome.n_iter += 1
        solver_losses.append(solver.loss)
        outcome.losses.append(solver.reported_loss)
        if callback is not None and callback(outcome.n_iter, outcome.losses[-1], solver.rates):
            outcome.message = f"Stopped by the callback after {outcome.n_iter} iterations."
            return


def _refreshed(solver: Solver, solver_losses: list[float], outcome: Outcome) -> bool:
    """Refresh the solver, update the last recorded loss, and return whether iterations must continue."""
    goes_on = solver.refresh()
    solver_losses[-1], outcome.losses[-1] = solver.loss, solver.reported_loss
    return goes_on


def _polish(solver: Solver, outcome: Outcome, tol: float) -> None:
    """Polish the solution if the tolerance is finer than the loss can resolve."""
    if tol * tol * solver.reference_loss <= _ROUNDING * abs(solver.loss):
        solver.polish()
        outcome.losses[-1] = solver.reported_loss


def _is_small(optimality: float, solver_losses: list[float], solver: Solver, tol: float) -> bool:
    """Return whether the stopping rule is met, given the losses before each iteration and the current one."""
    if solver.trusts_optimality:
        return optimality <= tol * tol * solver.reference_loss  # infinite, not an error, for a huge tol
    tol *= min(_MOST_GROWTH, max(1.0, ((len(solver_losses) - 1) / _STRICT_ITERATIONS) ** 2))
    reference = min(solver.reference_loss, max(_FAR * solver_losses[-1], _LEAST_REFERENCE * solver.reference_loss))
    threshold = tol * tol * reference
    return optimality <= threshold and _recent_decrease(solver_losses) <= _DECREASE * threshold


def _recent_decrease(solver_losses: list[float]) -> float:
    """Return the mean decrease per iteration over the last iterations; 0 before the first one."""
    last = len(solver_losses) - 1
    window = min(last, max(_LEAST_WINDOW, last // _WINDOW))
    return (solver_losses[-1 - window] - solver_losses[-1]) / max(1, window)
