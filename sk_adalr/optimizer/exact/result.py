"""Results of the exact solvers."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

#: Most singular values that are computed: they cost little compared with a fit.
MOST_SINGULAR_VALUES = 300


@dataclass(frozen=True)
class ExactResult:
    """Solution of a linear model and how it was reached.

    Attributes
    ----------
    coef : ndarray (p, k), float64
    intercept : ndarray (k,), float64
        Both in the caller's units; zeros without an intercept.
    loss : float
        Mean weighted loss plus penalty.
    n_iter : int
    n_gradient_evaluations : float
        Passes over the data, set-up included; a forward or backward pass counts half.
    converged : bool
        Whether the stopping rule was met, or round-off error left nothing to gain.
    message : str
        Why the iterations ended, in one sentence.
    losses : list of float
        Loss before the first and after every iteration.
    solver : {"exact", "newton", "cholesky"}
    advice : str
        Advice to the user if the solution may be far from the optimum; otherwise empty.
    reached_max_iter : bool
        Whether `max_iter` ended the iterations of any output.
    interrupted : bool
        Whether Ctrl-C ended the fit; the solution is then the best so far.
    rank : int or None
        Rank of the centred data, if a factorisation solved the problem.
    singular_values : ndarray or None
        Singular values, largest first, of the centred data with rows multiplied by the square roots of weights of
        mean 1; only if they are few and there is no penalty.
    """

    coef: np.ndarray
    intercept: np.ndarray
    loss: float
    n_iter: int
    n_gradient_evaluations: float
    converged: bool
    message: str
    losses: list[float] = field(repr=False)
    solver: str = "exact"
    reached_max_iter: bool = False
    interrupted: bool = False
    advice: str = ""
    rank: int | None = None
    singular_values: np.ndarray | None = None


class LeastSquaresSolution(NamedTuple):
    """Coefficients (p, k) and intercepts (k,) in the caller's units, and the loss summed over targets.

    `condition` is the reciprocal condition number of the system that was solved, 0 if it was too ill-conditioned.
    `rank` is the rank of the centred columns. `gram` (m, m) is the Gram matrix of the centred columns or rows,
    whichever are fewer, in units of the penalty; None if they are many, and with a penalty.
    """

    coef: np.ndarray
    intercept: np.ndarray
    loss: float
    condition: float
    rank: int
    gram: np.ndarray | None
