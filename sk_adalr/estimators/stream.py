"""Training a linear model chunk by chunk, from sufficient statistics of all rows so far where possible."""

from dataclasses import replace
from typing import Any

import numpy as np

from sk_adalr.backends import to_host
from sk_adalr.caller import warn_caller
from sk_adalr.dataset import Dataset
from sk_adalr.estimators.fullbatch import finite_loss, in_dtype, in_range
from sk_adalr.estimators.job import Job, history_attributes
from sk_adalr.estimators.label_order import LabelOrder
from sk_adalr.estimators.minibatch import train
from sk_adalr.estimators.model import LinearModel
from sk_adalr.estimators.penalties import with_known_penalty
from sk_adalr.objectives import Loss
from sk_adalr.optimizer import freeze
from sk_adalr.optimizer.exact import Chunk, ColumnMoments, StreamSummary, first_summary, prefers_summary
from sk_adalr.statistics import Spread
from sk_adalr.training import History, StopReason

# Batch size for streams that are too wide for a summary: small, for many steps in the only pass over each chunk.
_BATCH_OF_CHUNK = 16
# Second derivatives below this value mean that the best constant prediction is infinite.
_AT_INFINITY = 1e-200


def update_linear(job: Job[LinearModel]) -> dict[str, Any]:
    """Return all fitted attributes after training on a chunk.

    For few columns, each call solves for the coefficients from a summary of the rows so far: exactly for the squared
    loss, and with quadratic approximations of the losses of earlier rows otherwise. All other cases use mini-batches.
    """
    options = job.options
    job = with_known_penalty(_seeing(job))
    if options.names_exact:
        raise ValueError(
            f"`partial_fit` trains on mini-batches, but `solver={options.solver!r}` needs all rows at once. Use "
            "`solver='auto'`, which updates the model with each chunk."
        )
    # After mini-batches or `fit` there is no summary of earlier rows, only the parameters.
    has_summary = job.before is None or job.before.get("_summary") is not None
    is_narrow = prefers_summary(job.data.X.shape[1] + job.target.n_outputs)
    if options.is_automatic and has_summary and is_narrow and _becomes_squares(job):
        return follow(job)
    if options.half_life is not None:
        raise ValueError(
            "`half_life` needs a summary of all rows so far, which `partial_fit` keeps with `solver='auto'` from its "
            "first call on, for up to 300 columns, but not for a loss of your own, nor for several counts or amounts. "
            "Elsewhere use `learning_rate='constant'`, whose model follows the latest rows."
        )
    return train(job, is_chunk=True, auto_batch_size=_BATCH_OF_CHUNK if options.is_automatic else 200)


def _seeing(job: Job[LinearModel]) -> Job[LinearModel]:
    """Return the job with the column statistics of all rows so far in its model, if its penalty needs them."""
    earlier = None if job.before is None else job.before.get("_spread")
    if job.model.is_standardized and job.before is not None and earlier is None:
        raise ValueError(
            "`penalty_units='standardized'` needs the deviations of the columns of all rows, which are not known of "
            "those before: the model was trained with 'features'. Fit anew."
        )
    share, decay = _forgetting(job.data.n_samples, job.options.half_life)
    before = None if earlier is None else Spread(**earlier).weighing(share)
    return replace(job, model=job.model.seeing(job.data, decay, before))


def _becomes_squares(job: Job[LinearModel]) -> bool:
    """Return whether a quadratic approximation can replace the losses of the chunk once it is solved.

    The outputs of a row share one curvature, which is too coarse for several counts that differ by orders of
    magnitude; and a loss with hardly any curvature far from the target has no useful quadratic approximation.
    """
    loss = job.target.loss
    return loss.is_quadratic or loss.classifies or (loss.saturates and job.target.n_outputs == 1)


def follow(job: Job[LinearModel]) -> dict[str, Any]:
    """Return all fitted attributes after solving for all rows so far."""
    data, target = job.data, job.target
    before = None if job.before is None else job.before["_summary"]
    intercept = job.model.fit_intercept
    if before is not None and before["rows"]["fit_intercept"] != intercept:
        raise ValueError(
            "Continued training needs the same `fit_intercept` as before; it was "
            f"{not intercept} and is now {intercept}. Fit anew instead."
        )
    share, weight = _weights(data, job.options.half_life)
    solve = _solve_squares if target.loss.is_quadratic else _solve_by_squares
    with np.errstate(over="ignore", invalid="ignore"):
        coef, intercepts, loss, summary, seen_weight = solve(job, before, share, weight)
    fitted = in_range(in_dtype(coef, intercepts, job), data)
    history = History(losses=[*(() if job.before is None else job.before["loss_curve_"]), finite_loss(loss)])
    reason = StopReason.STREAM_SOLVED if target.loss.is_quadratic else StopReason.STREAM_APPROXIMATED
    history.stop_reason = reason()
    job.progress(history, lambda: fitted)
    return {
        **fitted,
        **history_attributes(history),
        **job.model.counted(target, len(history.losses)),
        "n_gradient_evaluations_": None,
        "solver_": "qr",
        "_dtype": data.X.dtype.name,
        "_seen_weight": seen_weight,
        "_summary": summary,
        "_training": None,
    }


def _weights(data: Dataset, half_life: float | None) -> tuple[float, np.ndarray]:
    """Return the factor of the weights of earlier rows, and the weights (n_rows,) of the rows of the chunk."""
    weight = np.ones(data.n_samples) if data.weight is None else to_host(data.weight).astype(np.float64)
    share, decay = _forgetting(data.n_samples, half_life)
    weight *= data.weight_scale
    return share, weight if decay is None else weight * decay


def _forgetting(n_rows: int, half_life: float | None) -> tuple[float, np.ndarray | None]:
    """Return the decay factors of the weights: of earlier rows, and (n_rows,) of the chunk, None if all are 1."""
    if half_life is None:
        return 1.0, None
    return float(np.exp2(-n_rows / half_life)), np.exp2((np.arange(n_rows) - (n_rows - 1)) / half_life)


def _solve_squares(
    job: Job[LinearModel], before: dict[str, Any] | None, share: float, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float, dict[str, Any], float]:
    """Return coefficients, intercepts, loss, summary and weight of all rows so far, for the squared loss."""
    data = job.data
    if before is None:
        rows = StreamSummary.empty(data.X.shape[1], job.target.n_outputs, job.model.fit_intercept)
    else:
        rows = StreamSummary(**before["rows"]).forgetting(share)
    rows = rows.adding(data.X, data.target, weight)
    strength, unit = job.model.strength, job.model.penalty_unit
    if np.ndim(strength):
        solution = rows.solve_each(strength, _eps(data), unit)
    else:
        solution = rows.solve(strength, _eps(data), unit)
    return *solution, {"rows": freeze(rows, share=True)}, rows.weight


def _solve_by_squares(
    job: Job[LinearModel], before: dict[str, Any] | None, share: float, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float, dict[str, Any], float]:
    """Return the same for other losses, with quadratic approximations of the losses of earlier rows."""
    X, y, loss = to_host(job.data.X), to_host(job.data.target), job.target.loss
    intercept, eps = job.model.fit_intercept, _eps(job.data)
    zero = np.zeros(X.shape[1])
    old = ColumnMoments(0.0, zero, zero) if before is None else ColumnMoments(**before["columns"])
    columns = old.forgetting(share).adding(X, weight, intercept)
    if before is None:
        undecided, curvature = _undecided(loss, y, job.target.n_outputs)
        unit = curvature * min(1.0, float(weight.max()))
        rows = first_summary(columns.mean, undecided, intercept, unit)
    else:
        unit, curvature = before["unit"], before.get("curvature", 1.0)
        rows = StreamSummary(**before["rows"]).forgetting(share)
    order = _label_order(job, before)
    strength = job.model.strength
    start = np.where(columns.vary(eps), unit * (columns.variance if job.options.standardize else 1.0), 0.0)
    penalised = np.broadcast_to(job.model.penalty_unit, X.shape[1])
    result = Chunk(rows, X, y, weight, loss, eps, curvature).solve(start, strength * penalised**2)
    if not (np.isfinite(result.loss) and np.isfinite(result.summary.factor).all()):
        raise ValueError(
            "The loss became non-finite. Look for extreme values in `X` and `sample_weight`, and rescale `X`."
        )
    squares = float(np.sum((penalised[:, None] * result.coef) ** 2))
    mean_loss = result.loss + 0.5 * strength * squares / columns.weight
    summary = {
        "rows": freeze(result.summary, share=True),
        "columns": freeze(columns, share=True),
        "unit": unit,
        "curvature": curvature,
        "order": order,
    }
    return result.coef, result.intercept, mean_loss, summary, columns.weight


def _label_order(job: Job[LinearModel], before: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the order of the labels so far, None if it does not matter; warn once if a stream is sorted by them."""
    earlier = {} if before is None else before.get("order")
    if job.target.labels is None or job.options.half_life is not None or earlier is None:
        return None
    order = LabelOrder.of_chunk(job.target.labels, len(job.target.attributes["classes_"]))
    if earlier:
        order = LabelOrder(**earlier).followed_by(order)
        if order.is_sorted and not earlier["is_sorted"]:
            warn_caller(
                f"{job.name}: the rows of the stream so far come sorted by label, so the model forgets one class "
                "while it learns the next. Shuffle the rows, or read them several times with `fit_chunks`, to which "
                "their order does not matter."
            )
    return freeze(order, share=True)


def _undecided(loss: Loss, y: np.ndarray, n_outputs: int) -> tuple[np.ndarray, float]:
    """Return a neutral initial raw prediction (n_outputs,), and the unit of second derivatives."""
    if loss.classifies:
        return np.zeros(n_outputs), 1.0
    constant = loss.constant(y, None, n_outputs)
    curvature = float(loss.curvature_at(constant, y, None).mean())
    if curvature < _AT_INFINITY:  # all counts are zero
        constant = np.zeros(n_outputs)
        curvature = float(loss.curvature_at(constant, y, None).mean())
    return constant, curvature


def _eps(data: Dataset) -> float:
    return float(np.finfo(data.X.dtype).eps)
