r"""The loop shared by the exact solvers: when to stop, and nothing numerical besides.

A solver has `loss`, `reported_loss` (in the caller's units), `reference_loss`, `rates`, `optimality()` (one
backward pass) and `step()` (one forward pass, False if no step decreases the loss in floating point). The
loop stops as soon as

.. math:: \sum_j \eta^0_j g_j^2 \le \mathrm{tol}^2 F_0,

where the left side, `optimality()`, estimates the loss still to be won with the initial rates, and
:math:`F_0`, `reference_loss`, is the loss of the best constant prediction. Both carry the unit of the loss,
so the number of iterations does not depend on the units of features, targets or weights.
"""

from dataclasses import dataclass, field

import numpy as np

# Decreases below this share of the loss are rounding; this many in a row end the iterations.
_ROUNDING, _PATIENCE = 4e-16, 5


@dataclass
class Outcome:
    """Why and when the loop ended."""

    n_iter: int = 0
    converged: bool = False
    interrupted: bool = False
    message: str = ""
    losses: list = field(default_factory=list)


def run(solver, *, max_iter, tol, callback=None):
    """Iterate until the rule above, `max_iter`, rounding, the callback or Ctrl-C says stop."""
    outcome = Outcome(losses=[solver.reported_loss])
    try:
        _iterate(solver, outcome, max_iter, tol, callback)
    except KeyboardInterrupt:
        # Every accepted step decreases the loss, so what the solver holds is the best so far.
        outcome.interrupted = True
        outcome.message = f"Interrupted after {outcome.n_iter} iterations; the best solution so far is kept."
    return outcome


def _iterate(solver, outcome, max_iter, tol, callback):
    idle = 0
    while True:
        optimality = solver.optimality()
        if optimality <= tol**2 * solver.reference_loss:
            outcome.converged = True
            outcome.message = (
                f"Converged after {outcome.n_iter} iterations: the remaining decrease is below tol**2."
            )
            return
        if not np.isfinite(optimality):
            outcome.message = f"The gradient became non-finite at iteration {outcome.n_iter}."
            return
        if outcome.n_iter >= max_iter:
            outcome.message = f"Stopped at max_iter={max_iter} before the stopping rule was met."
            return
        before = solver.loss
        moved = solver.step()
        idle = idle + 1 if before - solver.loss <= _ROUNDING * abs(before) else 0
        if not moved or idle >= _PATIENCE:
            outcome.converged = True
            outcome.message = (
                f"Converged after {outcome.n_iter} iterations: no decrease above rounding is left."
            )
            return
        outcome.n_iter += 1
        outcome.losses.append(solver.reported_loss)
        if callback is not None and callback(outcome.n_iter, solver.reported_loss, solver.rates):
            outcome.message = f"Stopped by the callback after {outcome.n_iter} iterations."
            return
