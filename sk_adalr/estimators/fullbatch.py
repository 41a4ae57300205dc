"""Training a linear estimator on all rows at once.

By the exact solver or, for few features, by what it is in the limit: a factorisation for least squares, Newton's
method for log losses.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sk_adalr.backends import fitted_array, is_sparse
from sk_adalr.caller import warn_caller
from sk_adalr.dataset import Dataset
from sk_adalr.estimators.base import GradientEstimator
from sk_adalr.estimators.classes_without_rows import SolvedClasses
from sk_adalr.estimators.minibatch import history_attributes
from sk_adalr.estimators.report import Report
from sk_adalr.estimators.targets import Target
from sk_adalr.optimizer.exact import (
    ExactResult,
    prefers_factorisation,
    prefers_newton,
    solve_cholesky,
    solve_exact,
    solve_newton,
)
from sk_adalr.training import History
from sk_adalr.training.stopping import CONSTANT, INTERRUPTED


class FullBatchTraining(GradientEstimator):
    """How the linear estimators train where there is no learning rate to choose."""

    _other_solvers = ("auto", "exact")
    #: Names of the counterpart's solvers: they have the same optimum, so they are "auto" on all rows at once.
    _counterpart_solvers: tuple[str, ...] = ()
    coef_: Any
    intercept_: Any

    def _penalty_strength(self, data: Dataset) -> float:
        raise NotImplementedError

    def _shape_coefs(self, coef: np.ndarray, intercept: np.ndarray, target: Target) -> dict[str, Any]:
        raise NotImplementedError

    def _check_params(self) -> None:
        super()._check_params()
        if not self._names_exact:
            return
        if self.early_stopping:
            raise ValueError(
                "`early_stopping=True` needs a mini-batch solver such as `solver='adam'`: the exact solver ends at "
                "the optimum of the training loss."
            )
        if not (isinstance(self.learning_rate, str) and self.learning_rate == "auto"):
            raise ValueError(
                f"`solver={self.solver!r}` solves for its learning rates, so `learning_rate` must be 'auto'; got "
                f"{self.learning_rate!r}. To set it, choose a solver such as 'adam'."
            )

    @property
    def _names_exact(self) -> bool:
        """Whether `solver` names training on all rows at once, by whatever name."""
        return isinstance(self.solver, str) and self.solver in ("exact", *self._counterpart_solvers)

    @property
    def _is_automatic(self) -> bool:
        """Whether the estimator chooses how to train."""
        choices = (self.solver, self.learning_rate)
        return all(isinstance(choice, str) and choice == "auto" for choice in choices) and not self.early_stopping

    @property
    def _minibatch_solver(self) -> Any:
        return "adam" if self._names_exact else super()._minibatch_solver

    def _solve(
        self, data: Dataset, target: Target, report: Report, *, resume: bool, n_restored: int
    ) -> dict[str, Any]:
        if self._names_exact or self._is_automatic:
            return self._solve_at_once(data, target, report, resume)
        return super()._solve(data, target, report, resume=resume, n_restored=n_restored)

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> "FullBatchTraining":
        if self._names_exact:
            raise ValueError(
                f"`partial_fit` trains on mini-batches, but `solver={self.solver!r}` needs all rows at once. Use "
                "`solver='auto'`, which updates the model with each chunk."
            )
        super()._partial_fit(X, y, sample_weight, classes)
        return self

    def _solve_at_once(self, data: Dataset, target: Target, report: Report, resume: bool) -> dict[str, Any]:
        history = History()
        options = {"penalty": self._penalty_strength(data), "fit_intercept": self._has_intercept}
        classes = SolvedClasses.of(target, self._has_intercept)

        def fitted_from(coef: np.ndarray, intercept: np.ndarray) -> dict[str, Any]:
            if classes is not None:
                coef, intercept = classes.widened(coef, intercept, data.X.dtype)
            return self._coefs_in_dtype(coef, intercept, data, target)

        seen, seen_target = (data, target) if classes is None else classes.narrowed(data, target)
        start = self._start(classes, target) if resume else (None, None)
        solver = "exact" if self.solver == "exact" else _fastest_solver(seen, seen_target)
        if solver == "cholesky" or (classes is not None and classes.is_one):
            if solver == "cholesky":
                result = solve_cholesky(data.X, data.target, data.weight, **options)
            else:
                result = _certain(data.X.shape[1], solver)
            history.losses.append(finite_loss(result.loss))
            report(history, lambda: fitted_from(result.coef, result.intercept))
            history.stop_reason = result.message
        else:
            solve = solve_newton if solver == "newton" else solve_exact
            result = self._iterate(solve, seen, seen_target, start, fitted_from, report, history, options)
        return {
            **in_range(fitted_from(result.coef, result.intercept), data),
            **history_attributes(history, ""),
            "n_iter_": self._shape_n_iter(result.n_iter),
            "n_gradient_evaluations_": result.n_gradient_evaluations,
            "solver_": result.solver,
            **self._more_of(result, data),
            "_dtype": data.X.dtype.name,
            "_seen_weight": data.seen_weight,
            "_training": None,
        }

    def _more_of(self, result: ExactResult, data: Dataset) -> dict[str, Any]:
        """Return fitted attributes that a subclass has of its own."""
        return {}

    def _dense_coef(self) -> np.ndarray:
        """Return ``coef_`` as (n_outputs, n_features) on the host."""
        return np.atleast_2d(self.coef_.toarray() if is_sparse(self.coef_) else fitted_array(self.coef_))

    def _coefs_in_dtype(
        self, coef: np.ndarray, intercept: np.ndarray, data: Dataset, target: Target
    ) -> dict[str, Any]:
        """Return ``coef_``, ``intercept_`` and the target's attributes from (n_features, n_outputs), (n_outputs,)."""
        with np.errstate(over="ignore"):
            coef = coef.T.astype(data.X.dtype, order="C")
            intercept = intercept.astype(data.X.dtype)
        return self._shape_coefs(coef, intercept, target) | target.attributes

    def _start(self, classes: SolvedClasses | None, target: Target) -> tuple[np.ndarray | None, np.ndarray | None]:
        # Where a class has no coefficients, it had no weight: from its intercept the way is longer than from nothing.
        coef, intercept = self._dense_coef().T, np.atleast_1d(fitted_array(self.intercept_))
        if classes is not None:
            coef, intercept = classes.narrowed_start(coef, intercept)
        if target.labels is not None and not coef.any(axis=0).all():
            return None, None
        return coef, intercept

    def _iterate(
        self,
        solve: Callable[..., ExactResult],
        data: Dataset,
        target: Target,
        start: tuple[np.ndarray | None, np.ndarray | None],
        fitted_from: Callable[[np.ndarray, np.ndarray], dict[str, Any]],
        report: Report,
        history: History,
        options: dict[str, Any],
    ) -> ExactResult:
        def record(iteration: int, loss: float, rates: np.ndarray, solution: Callable) -> bool:
            history.losses.append(finite_loss(loss))
            history.record_rates(rates.ravel())
            return report(history, lambda: fitted_from(*solution()))

        result = solve(
            data.X,
            data.target,
            data.weight,
            target.loss,
            max_iter=self._max_iter,
            tol=self.tol,
            coef=start[0],
            intercept=start[1],
            callback=record,
            **options,
        )
        if not history.losses:  # the start was the optimum already
            history.losses.append(finite_loss(result.loss))
        history.stop_reason = result.message
        if result.interrupted:
            history.stop_reason = INTERRUPTED
            warn_caller("Training interrupted by the user: keeping the model so far.")
        elif result.n_iter == self._max_iter and not result.converged and self.tol > 0:
            self._warn_not_converged(", leave `solver` at 'auto'," if result.solver == "exact" else ",")
        elif result.advice:
            warn_caller(f"{type(self).__name__}: {result.advice}", ConvergenceWarning)
        return result


def _fastest_solver(data: Dataset, target: Target) -> str:
    """Return what `solver="auto"` becomes."""
    n_samples, n_features = data.X.shape
    if target.loss.is_quadratic:
        return "cholesky" if prefers_factorisation(data.X) else "exact"
    n_scores = 1 if target.loss.is_separable else target.n_outputs
    return "newton" if prefers_newton(n_samples, n_features, n_scores, is_sparse(data.X)) else "exact"


def _certain(n_features: int, solver: str) -> ExactResult:
    """Return the solution where a single class has weight."""
    nothing = np.zeros((n_features, 1)), np.zeros(1)
    return ExactResult(*nothing, 0.0, 1, 0.0, True, CONSTANT, [0.0], solver)


def finite_loss(loss: float) -> float:
    """Return `loss`, or the largest float where the square of the target's scale is beyond it."""
    return min(loss, sys.float_info.max)


def in_range(fitted: dict[str, Any], data: Dataset) -> dict[str, Any]:
    """Return the fitted attributes; raise a ValueError where a coefficient is beyond the range of the dtype."""
    if not all(np.isfinite(array).all() for array in (fitted["coef_"], fitted["intercept_"])):
        raise ValueError(
            f"The coefficients in the units of `X` and `y` are beyond the range of {data.X.dtype}: their scales "
            "differ too much. Rescale `X` or `y`, or pass float64."
        )
    return fitted
