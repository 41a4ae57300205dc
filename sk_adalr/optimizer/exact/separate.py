"""Separable losses with several outputs: each output is solved independently, with its own penalty."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from sk_adalr.backends import Array
from sk_adalr.objectives.losses import Loss, mean_loss_of_constant
from sk_adalr.optimizer.exact.result import ExactResult

#: Coefficients (p, k) and intercepts (k,) of all outputs.
Solution: TypeAlias = tuple[np.ndarray, np.ndarray]
Callback: TypeAlias = Callable[[int, float, np.ndarray, Callable[[], Solution]], Any]


Solve = TypeVar("Solve", bound=Callable[..., ExactResult])


def output_by_output(solve: Solve) -> Solve:
    """Decorate a solver to solve each output separately, except for squared errors with a single penalty."""

    @wraps(solve)
    def solve_each(
        X: Any,
        target: Array,
        sample_weight: Array | None,
        loss: Loss,
        *,
        penalty: float | np.ndarray,
        fit_intercept: bool = True,
        coef: np.ndarray | None = None,
        intercept: np.ndarray | None = None,
        callback: Callback | None = None,
        **options: Any,
    ) -> ExactResult:
        problem = partial(solve, X, sample_weight=sample_weight, loss=loss, fit_intercept=fit_intercept, **options)
        shares_all = loss.is_quadratic and np.ndim(penalty) == 0
        if shares_all or not loss.is_separable or target.shape[1] == 1:
            return problem(target, penalty=penalty, coef=coef, intercept=intercept, callback=callback)
        k = target.shape[1]
        penalties = np.broadcast_to(penalty, k)
        constant = loss.constant(target, sample_weight, k) if fit_intercept else np.zeros(k)
        parts = [slice(output, output + 1) for output in range(k)]
        losses = [mean_loss_of_constant(loss, constant[part], target[:, part], sample_weight) for part in parts]
        return each_output(
            lambda part, **start: problem(target[:, part], penalty=float(penalties[part.start]), **start),
            Constants(X.shape[1], constant, np.array(losses)),
            coef,
            intercept,
            callback,
        )

    return solve_each  # type: ignore[return-value]


class Constants(NamedTuple):
    """The best constant model for p features: its scores (k,) and losses (k,)."""

    n_features: int
    scores: np.ndarray
    losses: np.ndarray


def each_output(
    solve: Callable[..., ExactResult],
    constants: Constants,
    coef: np.ndarray | None,
    intercept: np.ndarray | None,
    callback: Callback | None,
) -> ExactResult:
    """Solve each output by ``solve(part, coef=..., intercept=..., callback=...)``; return the joint result."""
    outputs = _Outputs(constants)
    for output in range(len(constants.scores)):
        part = slice(output, output + 1)
        start = [None if array is None else array[..., part] for array in (coef, intercept)]
        reported = None if callback is None else outputs.callback(output, callback)
        result = solve(part, coef=start[0], intercept=start[1], callback=reported)
        outputs.keep(output, result)
        if result.interrupted:
            break
    return outputs.result()


class _Outputs:
    """The joint solution of all outputs so far; outputs not yet solved are at the constant model."""

    def __init__(self, constants: Constants) -> None:
        p, self._intercept, self._losses = constants
        self._coef = np.zeros((p, len(self._intercept)))
        self._results: list[ExactResult] = []

    def callback(self, output: int, callback: Callback) -> Callback:
        """Wrap the callback for one output, so that it receives the iteration, loss and solution of all outputs."""
        others, before = self._losses.sum() - self._losses[output], self._n_iter

        def report(iteration: int, loss: float, rates: np.ndarray, solution: Callable[[], Solution]) -> Any:
            return callback(before + iteration, loss + others, rates, lambda: self._with(output, *solution()))

        return report

    def keep(self, output: int, result: ExactResult) -> None:
        """Store the result of an output."""
        others = self._losses.sum() - self._losses[output]
        self._results.append(replace(result, losses=[loss + others for loss in result.losses]))
        self._losses[output] = result.loss
        self._coef, self._intercept = self._with(output, result.coef, result.intercept)

    def result(self) -> ExactResult:
        """Return the joint result, with the message of the first output that did not converge, if any."""
        results = self._results
        worst = next((result for result in results if not result.converged), results[-1])
        return replace(
            worst,
            coef=self._coef,
            intercept=self._intercept,
            loss=float(self._losses.sum()),
            n_iter=self._n_iter,
            n_gradient_evaluations=sum(result.n_gradient_evaluations for result in results),
            losses=[results[0].losses[0], *(loss for result in results for loss in result.losses[1:])],
            reached_max_iter=any(result.reached_max_iter for result in results),
            interrupted=results[-1].interrupted,
            advice=next((result.advice for result in results if result.advice), ""),
        )

    @property
    def _n_iter(self) -> int:
        return sum(result.n_iter for result in self._results)

    def _with(self, output: int, coef: np.ndarray, intercept: np.ndarray) -> Solution:
        all_coef, all_intercept = self._coef.copy(), self._intercept.copy()
        all_coef[:, output], all_intercept[output] = coef[:, 0], intercept[0]
        return all_coef, all_intercept
