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
from sk_adalr.optimizer.exact import Chunk, ColumnMoments, StreamSummary, first_summary, prefers_summary
from sk_adalr.training import History

# Rows of a mini-batch of a stream that is too wide for a summary: a chunk is passed once, and deserves many steps.
_BATCH_OF_CHUNK = 16


class StreamTraining(FullBatchTraining):
    """How the linear estimators train where `partial_fit` may choose the way.

    Few columns need no more than a summary of the rows so far, from which each call solves for their coefficients:
    exactly for the squared loss, of log losses up to what a square misses of each earlier row. All else takes
    mini-batches.
    """

    half_life: Any
    _summary: dict[str, Any] | None = None

    def _check_params(self) -> None:
        super()._check_params()
        if self.half_life is not None:
            check_number("half_life", self.half_life, 0, strict=True)

    def _train_chunk(self, data: Dataset, target: Target, report: Report, *, resume: bool) -> dict[str, Any]:
        # After mini-batches or a fit there is no summary of the rows before: the parameters are what is known of them.
        has_summary = self._summary is not None if resume else True
        has_squares = target.loss.is_quadratic or target.loss.classifies
        is_narrow = prefers_summary(data.X.shape[1] + target.n_outputs)
        if self._is_automatic and has_summary and has_squares and is_narrow:
            return self._solve_stream(data, target, report, resume)
        if self.half_life is not None:
            raise ValueError(
                "`half_life` needs a summary of all rows so far, which `partial_fit` keeps with `solver='auto'` from "
                "its first call on, for up to 300 columns. Elsewhere use `learning_rate='constant'`, whose model "
                "follows the latest rows."
            )
        return super()._train_chunk(data, target, report, resume=resume)

    def _solve_stream(self, data: Dataset, target: Target, report: Report, resume: bool) -> dict[str, Any]:
        before = self._summary if resume else None
        if before is not None and before["rows"]["fit_intercept"] != self._has_intercept:
            raise ValueError(
                "A model that goes on training needs the same `fit_intercept` as before; it was "
                f"{not self._has_intercept} and is now {self._has_intercept}. Fit anew instead."
            )
        share, weight = self._weights(data)
        solve = self._solve_squares if target.loss.is_quadratic else self._solve_log_loss
        with np.errstate(over="ignore", invalid="ignore"):
            coef, intercept, loss, summary, seen_weight = solve(before, share, data, target, weight)
        fitted = in_range(self._coefs_in_dtype(coef, intercept, data, target), data)
        history = History(losses=[*(self.loss_curve_ if resume else ()), finite_loss(loss)])
        history.stop_reason = "Solved for all rows so far."
        report(history, lambda: fitted)
        return {
            **fitted,
            **history_attributes(history, ""),
            "n_iter_": self._shape_n_iter(len(history.losses)),
            "n_gradient_evaluations_": None,
            "solver_": "qr",
            "_dtype": data.X.dtype.name,
            "_seen_weight": seen_weight,
            "_summary": summary,
            "_training": None,
        }

    def _weights(self, data: Dataset) -> tuple[float, np.ndarray]:
        """Return what rows before the chunk now weigh, as a share, and the weights of its own rows."""
        n_rows = data.n_samples
        weight = np.ones(n_rows) if data.weight is None else to_host(data.weight).astype(np.float64)
        weight *= data.weight_scale
        if self.half_life is None:
            return 1.0, weight
        weight *= np.exp2((np.arange(n_rows) - (n_rows - 1)) / self.half_life)
        return float(np.exp2(-n_rows / self.half_life)), weight

    def _solve_squares(
        self, before: dict[str, Any] | None, share: float, data: Dataset, target: Target, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, float, dict[str, Any], float]:
        """Return coefficients, intercepts, loss, summary and weight of all rows so far."""
        if before is None:
            rows = StreamSummary.empty(data.X.shape[1], target.n_outputs, self._has_intercept)
        else:
            rows = StreamSummary(**before["rows"]).forgetting(share)
        rows = rows.adding(data.X, data.target, weight)
        solution = rows.solve(self._penalty_numerator(), _eps(data))
        return *solution, {"rows": vars(rows)}, rows.weight

    def _solve_log_loss(
        self, before: dict[str, Any] | None, share: float, data: Dataset, target: Target, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, float, dict[str, Any], float]:
        """Return coefficients, intercepts, loss, summary and weight of all rows so far."""
        X, labels = to_host(data.X), to_host(data.target)
        zero = np.zeros(X.shape[1])
        old = ColumnMoments(0.0, zero, zero) if before is None else ColumnMoments(**before["columns"])
        columns = old.forgetting(share).adding(X, weight, self._has_intercept)
        if before is None:
            unit = min(1.0, float(weight.max()))
            rows = first_summary(columns.mean, np.zeros(target.n_outputs), self._has_intercept, unit)
        else:
            unit = before["unit"]
            rows = StreamSummary(**before["rows"]).forgetting(share)
        strength = self._penalty_numerator()
        start = unit * (columns.variance if self.standardize else np.ones_like(zero))
        result = Chunk(rows, X, labels, weight, target.loss, _eps(data)).solve(start, strength)
        if not (np.isfinite(result.loss) and np.isfinite(result.summary.factor).all()):
            raise ValueError(
                "The loss became non-finite. Look for extreme values in `X` and `sample_weight`, and rescale `X`."
            )
        loss = result.loss + 0.5 * strength * float(np.sum(result.coef**2)) / columns.weight
        summary = {"rows": vars(result.summary), "columns": vars(columns), "unit": unit}
        return result.coef, result.intercept, loss, summary, columns.weight

    def _auto_batch_size(self, is_chunk: bool) -> int:
        return _BATCH_OF_CHUNK if is_chunk and self._is_automatic else super()._auto_batch_size(is_chunk)

    def _fitted(self, *args: Any) -> dict[str, Any]:
        return {**super()._fitted(*args), "_summary": None}

    def _solve_at_once(self, *args: Any) -> dict[str, Any]:
        return {**super()._solve_at_once(*args), "_summary": None}


def _eps(data: Dataset) -> float:
    return float(np.finfo(data.X.dtype).eps)
