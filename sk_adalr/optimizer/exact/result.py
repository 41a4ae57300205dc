"""What an exact fit returns."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

#: Singular values up to which they cost little beside a fit.
MOST_SINGULAR_VALUES = 300


@dataclass(frozen=True)
class ExactResult:
    """Solution of a linear model and how it was reached.

    Attributes
    ----------
    coef : ndarray (p, k), float64
    intercept : ndarray (k,), float64
        Both in the units of the data as they were given; zeros without an intercept.
    loss : float
        Mean weighted loss plus penalty.
    n_iter : int
    n_gradient_evaluations : float
        Passes over the data, forward and backward counted half each, those of the set-up included.
    converged : bool
        Whether the stopping rule, or the limit of the arithmetic, was reached.
    message : str
        Why the iterations ended, in one sentence.
    losses : list of float
        Loss before the first and after every iteration.
    solver : {"exact", "newton", "cholesky"}
    advice : str
        What to tell the user where the solution may be far from the optimum; empty otherwise.
    reached_max_iter : bool
        Whether `max_iter` ended the iterations, of one of several outputs at least.
    interrupted : bool
        Whether Ctrl-C ended the fit; the solution is then the best so far.
    rank : int or None
        Of the centred data, where a factorisation solved.
    singular_values : ndarray or None
        Those of the centred data, their rows times the roots of weights of mean 1, largest first, where they are
        few and there is no penalty.
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
    """Coefficients (p, k) and intercepts (k,) in the caller's units, and the sum over targets of their losses.

    `condition` is the reciprocal condition of the system that was solved, 0 where it was not safe to solve. `rank` is
    that of the centred columns, and `gram` (m, m) their products, or those of their rows, whichever are fewer, in the
    caller's units; None where they are many, and with a penalty.
    """

    coef: np.ndarray
    intercept: np.ndarray
    loss: float
    condition: float
    rank: int
    gram: np.ndarray | None
