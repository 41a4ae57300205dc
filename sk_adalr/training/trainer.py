"""The training loop over epochs and batches."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from sk_adalr.backends import Array, expect_steps, to_floats, to_host
from sk_adalr.caller import warn_caller
from sk_adalr.dataset import Batch
from sk_adalr.objectives import PenalizedMean
from sk_adalr.training.batches import Batches
from sk_adalr.training.block_batches import AnyBatches
from sk_adalr.training.history import History, Stopping, StopReason
from sk_adalr.training.windows import many_steps

#: Two accuracies that differ by at most this many standard errors count as equal.
MARGIN = 0.5


class DivergedError(ValueError):
    """The loss or a parameter is no longer finite."""


@dataclass
class Validation:
    """Score and loss on the validation rows, and the best parameters so far.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(params) -> (score, loss)``: higher scores and lower losses are better.
    best : (float, float), default=(-inf, inf)
        Score and loss of the best parameters so far.
    best_params : array of shape (n_params,) or None, default=None
        The parameters with this score and loss; overwritten in place by better ones.
    n_rows : float, default=inf
        Number of rows, if the score is an accuracy: two scores within half a standard error then count as equal, and
        the loss decides. By default, only identical scores count as equal.
    n_epochs : int, default=0
        Number of epochs so far, including earlier ones without validation.
    best_epoch : int or None, default=None
        The epoch, counted from 1, of the best parameters.
    """

    evaluate: Callable[[Array], tuple[float, float]]
    best: tuple[float, float] = (-np.inf, np.inf)
    best_params: Array | None = None
    n_rows: float = np.inf
    n_epochs: int = 0
    best_epoch: int | None = None

    def __call__(self, params: Array) -> tuple[float, float]:
        """Return score and loss of `params` after one more epoch, and copy `params` if they are the best so far."""
        self.n_epochs += 1
        score, loss = self.evaluate(params)
        if self.best_params is None or self._is_better(score, loss):
            self.best, self.best_epoch = (score, loss), self.n_epochs
            if self.best_params is None:
                self.best_params = params.copy()
            else:
                self.best_params[...] = params
        return score, loss

    def _is_better(self, score: float, loss: float) -> bool:
        best_score, best_loss = self.best
        margin = 0.0
        if np.isfinite(self.n_rows):
            margin = MARGIN * np.sqrt(best_score * (1 - best_score) / self.n_rows)
        return score > best_score + margin or (score >= best_score - margin and loss < best_loss)


@dataclass(frozen=True)
class Trainer:
    """The training loop, which reads scalars from a device only at the end of an epoch.

    Parameters
    ----------
    optimizer : Optimizer
        Or an `AutomaticOptimizer`.
    objective : PenalizedMean
        The objective to minimise.
    loss_unit : float, default=1.0
        Factor from the loss in training units to the loss in the history.
    on_epoch : callable, default=a function that returns False
        ``on_epoch(history, params) -> bool``, called after each epoch; True stops training.
    first_rates : callable or None, default=None
        ``first_rates(params, batch, direction)`` returns the initial rates of the automatic rule; None for its own.
    is_trial : bool, default=False
        Whether training only chooses the number of epochs: rates are not recorded, and KeyboardInterrupt is raised.
    """

    optimizer: Any
    objective: PenalizedMean
    loss_unit: float = 1.0
    on_epoch: Callable[[History, Array], bool] = field(default=lambda history, params: False)
    first_rates: Callable[[Array, Batch, Array], np.ndarray] | None = None
    is_trial: bool = False

    def run(
        self,
        batches: AnyBatches,
        params: Array,
        state: Any,
        history: History,
        *,
        max_epochs: int,
        stopping: Stopping | None = None,
        validation: Validation | None = None,
    ) -> Array:
        """Train `params` and `state` in place, append to `history`, and return the parameters to keep.

        Raises
        ------
        DivergedError
            If the loss or a parameter becomes non-finite.
        """
        if not self.is_trial:
            expect_steps(max_epochs * batches.n_batches, params.size)
        history.stop_reason = StopReason.NONE()
        try:
            # `_check_finite` reports overflow at the end of the epoch, with advice on what to do.
            with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
                for _ in range(max_epochs):
                    self._train_epoch(batches, params, state, history, stopping, validation)
                    if history.stop_reason:
                        break
            if stopping is not None and not history.stop_reason:
                history.stop_reason = stopping.last_reason
        except KeyboardInterrupt:
            if self.is_trial or not history.losses:
                raise  # there is no model to keep
            history.stop_reason = StopReason.INTERRUPTED()
        if history.stop_reason.reason is StopReason.INTERRUPTED:
            warn_caller("Training interrupted by the user: keeping the model so far.")
        if validation is not None and validation.best_params is not None:
            return validation.best_params
        return params

    def _train_epoch(
        self,
        batches: AnyBatches,
        params: Array,
        state: Any,
        history: History,
        stopping: Stopping | None,
        validation: Validation | None,
    ) -> None:
        """Train for one epoch, and record it with the reason to stop, if any."""
        loss, interrupted = self._pass(batches, params, state)
        self._check_finite(loss, params, state, len(history.losses) + 1)
        history.losses.append(loss)
        history.n_rows_seen += batches.n_rows
        if not self.is_trial:
            self._record_rates(state, history)
        score = None
        if validation is not None:
            score, loss = validation(params)
            if not np.isfinite(loss):
                advice = "Look for extreme values in the validation data. Else standardise"
                raise self._diverged("loss of the validation data", state, len(history.losses), advice)
            history.validation_scores.append(score)
            history.validation_losses.append(loss)
        history.best_epoch = len(history.losses) if validation is None else validation.best_epoch
        reason = None if stopping is None else stopping.stop_reason(loss, score)
        # Set before `on_epoch`, so that callbacks recognise an epoch that ends training or was interrupted.
        history.stop_reason = StopReason.INTERRUPTED() if interrupted else reason or StopReason.NONE()
        if self.on_epoch(history, params) and not interrupted:
            history.stop_reason = StopReason.CALLBACK()

    def _record_rates(self, state: Any, history: History) -> None:
        rates = self.optimizer.rates(state)
        # The gradient is not needed between steps: sorting in its buffer avoids an allocation of the same size.
        is_room = type(rates) is np.ndarray and (rates.shape, rates.dtype) == (state.grad.shape, state.grad.dtype)
        history.record_rates(rates, self.objective.network.layout, state.grad if is_room else None)

    def _pass(self, batches: AnyBatches, params: Array, state: Any) -> tuple[float, bool]:
        """Make one pass over the batches; return the mean loss, and whether Ctrl-C interrupted the pass."""
        losses: list[Any] = []
        weights: list[float] = []
        interrupted = False
        windows = batches if isinstance(batches, Batches) and batches.has_windows else None
        make = None if windows is None else many_steps(self.objective, self.optimizer, params)
        try:
            if windows is None or make is None:
                for batch in batches.epoch():
                    evaluate = self._begin(batch, params, state)
                    losses.append(self.optimizer.step(state, params, evaluate))
                    weights.append(batch.weight_sum)
            else:
                for window in windows.windows():
                    if state.step == 0:
                        self._begin(window.first_batch, params, state)
                    of_batches, sums = make(window, params, state)
                    losses.extend(of_batches)
                    weights.extend(sums)
        except KeyboardInterrupt:
            if self.is_trial or not weights:
                raise
            interrupted = True
        loss_sum = weight_sum = 0.0
        # Ctrl-C between the two appends leaves one loss without a weight.
        for loss, weight in zip(to_floats(losses), weights, strict=False):
            loss_sum, weight_sum = loss_sum + loss * weight, weight_sum + weight
        return self.loss_unit * (loss_sum / weight_sum), interrupted

    def _begin(self, batch: Batch, params: Array, state: Any) -> Any:
        """Return the loss of a batch as a function of the parameters; before the first step, set the rates."""
        evaluate = partial(self.objective.value_and_grad, batch=batch)
        if state.step == 0 and self.first_rates is not None:
            self.optimizer.begin(state, params, evaluate, partial(self.first_rates, params, batch))
        return evaluate

    def _check_finite(self, loss: float, params: Array, state: Any, epoch: int) -> None:
        # 0 unless an extreme is NaN or infinite. This reads one number per array and allocates no boolean array.
        extremes = [0 * array.min() + 0 * array.max() for array in (params, *self.optimizer.moments(state))]
        of_params, *of_moments = to_floats(extremes)
        if not np.isfinite(loss) or of_params != 0:
            raise self._diverged("loss" if not np.isfinite(loss) else "parameters", state, epoch)
        if any(of_moments):  # NaN is truthy; a parameter whose second moment is infinite would never move again
            raise DivergedError(
                f"The squares of the gradients became non-finite in {params.dtype} at epoch {epoch}. Standardise "
                "the features and the target, pass float64, or lower an extreme penalty (`alpha`, `C`)."
            )

    def _diverged(self, what: str, state: Any, epoch: int, advice: str = "Standardise") -> DivergedError:
        rates = to_host(self.optimizer.rates(state))
        rates = rates[np.isfinite(rates)]
        range_of_rates = f"between {rates.min():.3g} and {rates.max():.3g}" if rates.size else "non-finite too"
        return DivergedError(
            f"The {what} became non-finite at epoch {epoch} (learning rates {range_of_rates}). {advice} the "
            f"features and the target{self.optimizer.remedy}."
        )
