"""Training a linear estimator chunk by chunk: exactly where a summary of all rows is affordable."""

from typing import Any

import numpy as np

from sk_adalr.backends import to_host
from sk_adalr.dataset import Dataset
from sk_adalr.estimators.fullbatch import FullBatchTraining, finite_loss, in_range
from sk_adalr.estimators.minibatch import history_attributes
from sk_adalr.estimators.report import Report
from sk_adalr.estimators.targets import Target
from sk_adalr.names import check_number
from sk_adalr.objectives import HalfSquaredError
from sk_adalr.optimizer.exact import StreamSummary, prefers_summary
from sk_adalr.training import History


class StreamTraining(FullBatchTraining):
    """How the linear estimators train where `partial_fit` may choose the way.

    The squared loss of few columns needs no more than a summary of the rows so far, from which each call solves for
    their coefficients. All else takes mini-batches.
    """

    half_life: Any = None
    _summary: dict[str, Any] | None = None

    def _check_params(self) -> None:
        super()._check_params()
        if self.half_life is not None:
            check_number("half_life", self.half_life, 0, strict=True)

    def _train_chunk(self, data: Dataset, target: Target, report: Report, *, resume: bool) -> dict[str, Any]:
        n_columns = data.X.shape[1] + target.n_outputs
        is_exact = self._is_automatic and isinstance(target.loss, HalfSquaredError) and prefers_summary(n_columns)
        # After mini-batches or a fit there is no summary of the rows before: the parameters are what is known of them.
        if is_exact and (not resume or self._summary is not None):
            return self._solve_stream(data, target, report, resume)
        if self.half_life is not None:
            raise ValueError(
                "`half_life` needs a summary of all rows so far, which `partial_fit` keeps with `solver='auto'` from "
                "its first call on, for up to 300 columns. Elsewhere use `learning_rate='constant'`, whose model "
                "follows the latest rows."
            )
        return super()._train_chunk(data, target, report, resume=resume)

    def _solve_stream(self, data: Dataset, target: Target, report: Report, resume: bool) -> dict[str, Any]:
        summary = self._updated_summary(data, target, resume)
        coef, intercept, loss = summary.solve(self._penalty_numerator(), float(np.finfo(data.X.dtype).eps))
        fitted = in_range(self._coefs_in_dtype(coef, intercept, data, target), data)
        history = History(losses=[*(self.loss_curve_ if resume else ()), finite_loss(loss)])
        history.stop_reason = "Solved for all rows so far."
        report(history, lambda: fitted)
        return {
            **fitted,
            **history_attributes(history, ""),
            "n_gradient_evaluations_": None,
            "solver_": "qr",
            "_dtype": data.X.dtype.name,
            "_seen_weight": summary.weight,
            "_summary": vars(summary),
            "_training": None,
        }

    def _updated_summary(self, data: Dataset, target: Target, resume: bool) -> StreamSummary:
        n_rows = data.n_samples
        weight = np.ones(n_rows) if data.weight is None else to_host(data.weight).astype(np.float64)
        weight *= data.weight_scale
        if not resume or self._summary is None:
            summary = StreamSummary.empty(data.X.shape[1], target.n_outputs, self._has_intercept)
        else:
            summary = StreamSummary(**self._summary)
        self._check_same_intercept(summary)
        if self.half_life is not None:
            weight *= np.exp2((np.arange(n_rows) - (n_rows - 1)) / self.half_life)
            summary = summary.forgetting(float(np.exp2(-n_rows / self.half_life)))
        return summary.adding(data.X, data.target, weight)

    def _check_same_intercept(self, summary: StreamSummary) -> None:
        if summary.fit_intercept != self._has_intercept:
            raise ValueError(
                "A model that goes on training needs the same `fit_intercept` as before; it was "
                f"{summary.fit_intercept} and is now {self._has_intercept}. Fit anew instead."
            )

    def _fitted(self, *args: Any) -> dict[str, Any]:
        return {**super()._fitted(*args), "_summary": None}

    def _solve_at_once(self, *args: Any) -> dict[str, Any]:
        return {**super()._solve_at_once(*args), "_summary": None}
