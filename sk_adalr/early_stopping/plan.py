"""The plan of a fit on mini-batches, made in advance: which rows are validation data, and when to stop."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import TypeAlias

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sk_adalr.backends import Array
from sk_adalr.caller import warn_caller
from sk_adalr.dataset import Dataset
from sk_adalr.early_stopping.folds import Watch, epochs_by_folds
from sk_adalr.early_stopping.holdout import Holdout, largest_errors_of
from sk_adalr.early_stopping.shrinkage import best_constant, constant_loss, no_worse_than_constant, shrunk
from sk_adalr.names import stable_text
from sk_adalr.optimizer.automatic import AutomaticOptimizer
from sk_adalr.options import Options
from sk_adalr.rows import copies_of_rows
from sk_adalr.targets import Target
from sk_adalr.training import History, Setup, Stopping, StopReason, TrainingState, Validation

#: ``score_on(rows)(params)`` is the score on the validation rows; `rows` is None for validation data of the user's.
ScoreOn: TypeAlias = Callable[[np.ndarray | None], Callable[[Array], float]]

# If there is nothing to learn, the automatic rule ended at up to 1.13 times the loss of the constant, in 72 fits.
_FAR_ABOVE_CONSTANT = 1.3

#: Number of folds of the cross-validation that chooses the number of epochs, if `early_stopping` is "auto".
N_FOLDS = 5
# Validation rows in total, and rows outside the most frequent class among them, from which the remaining folds are
# skipped.
_ENOUGH_ROWS, _ENOUGH_RARE_ROWS = 1000, 100
# Tolerance on a fold, in units of `tol`. A tenth of it changes the loss of unseen rows by less than 1 % (27 tables),
# and takes 1.4 times as long for regressors: the last digits of a loss depend on a few rows.
_FOLD_TOLERANCE = 10
# Numbers of distinct rows, and of rows outside the most frequent class, from which a hold-out set replaces folds.
_MIN_ROWS_TO_HOLD_OUT, _MIN_RARE_ROWS_TO_HOLD_OUT = 10_000, 1000
# Number of rows from which folds are used. With 40 rows, they improve predictions a lot if the target is noisy (log
# loss 1.6 to .7 with a fifth of the labels wrong, R2 -.2 to .3 on diabetes), and cost nothing if it is not (.55 on
# friedman); with 15 rows, they cost .05 there.
_MIN_ROWS_TO_FOLD = 30


@dataclass(frozen=True)
class Plan:
    """When a fit stops: by its training loss, by its validation loss and score, or by cross-validation in advance.

    Parameters
    ----------
    max_epochs : int
    stopping : Stopping or None, default=None
        The stopping criterion; None for a chunk of a stream, which trains for exactly `max_epochs`.
    train_rows : int array or None, default=None
        Indices of the training rows; None for all.
    validation : Validation or None, default=None
        Score and loss on the validation rows; None if there are none.
    theta : float, default=1.0
        Factor, from cross-validation, by which raw predictions are shrunk towards the best constant; 1 for none.
    note : str, default=""
        Text to add to the stop reason.
    """

    max_epochs: int
    stopping: Stopping | None = None
    train_rows: np.ndarray | None = None
    validation: Validation | None = None
    theta: float = 1.0
    note: str = ""

    @property
    def is_constant(self) -> bool:
        """Whether there is nothing to learn, because the loss of the best constant prediction is 0."""
        return self.stopping is not None and self.stopping.loss_scale == 0

    def loss(self, history: History) -> float:
        """Return the loss of the trained model, over its last epoch or on the validation rows: the larger of both."""
        if self.validation is None:
            return history.losses[-1]
        # A few validation rows may be fitted well by a model that is bad on all others.
        return max(history.losses[(self.validation.best_epoch or 0) - 1], self.validation.best[1])

    def end(
        self, params: Array, setup: Setup, history: History, random_state: np.random.RandomState, name: str
    ) -> tuple[Array, str]:
        """Return `params`, shrunk if the model is worse than the best constant prediction, and the note to add.

        The model may be worse on the training rows, if mini-batches are noisy and there is nothing to learn; or in
        cross-validation, if there are few rows for many columns. With a learning rate of the user's, it is shrunk
        only if the target is constant. `name` is the name of the estimator, for a warning.
        """
        note, theta = self.note, 0.0 if self.is_constant else self.theta
        if self.stopping is None or not (self.is_constant or isinstance(setup.optimizer, AutomaticOptimizer)):
            return params, note
        if theta < 1:
            constant = best_constant(setup.network, setup.data.target, setup.data.weight)
            params = shrunk(params, setup.network, constant, theta)
        if self.is_constant:
            return params, note
        if theta < 1:
            note += " In cross-validation it was worse than the best constant prediction, so it was shrunk towards it."
        # The check takes a third of an epoch: it is skipped if the loss is far below the constant's, and after Ctrl-C.
        unit, was_interrupted = self.stopping.loss_scale, history.stop_reason.reason is StopReason.INTERRUPTED
        if self.loss(history) < 0.5 * unit or was_interrupted:
            return params, note
        result = no_worse_than_constant(params, setup.network, setup.batches(random_state, for_evaluation=True))
        if result is params or theta < 1:  # in the latter case, the note says so already
            return result, note
        if history.losses[-1] > _FAR_ABOVE_CONSTANT * unit:
            warn_caller(
                f"{name} ended at a loss of {history.losses[-1]:.3g}, above the {unit:.3g} of the best constant "
                "prediction, and was shrunk towards that: too few epochs, or batches that differ too much. Raise "
                "`max_iter` or `batch_size`, or use `solver='adam'`, the default.",
                ConvergenceWarning,
            )
        return result, note + " It was worse than the best constant prediction, so it was shrunk towards it."


def copies_for_validation(data: Dataset, target: Target, options: Options) -> np.ndarray:
    """Return `copies_of_rows` if rows may be held out; else, to save time, numbers that treat all rows as distinct."""
    n_rows = data.n_samples
    may_hold_out = _stops_early(options, target, n_rows) or _asks_folds(options, n_rows)
    return copies_of_rows(data.X, data.target) if may_hold_out and target.validation is None else np.arange(n_rows)


def n_folds_asked(target: Target, options: Options, copies: np.ndarray) -> int:
    """Return how many folds choose the number of epochs, 0 for none; `copies` is from `copies_for_validation`."""
    n_rows = int(copies.max()) + 1
    if _stops_early(options, target, n_rows) or not _asks_folds(options, n_rows):
        return 0
    shares = _ENOUGH_ROWS / n_rows, _ENOUGH_RARE_ROWS / max(1, _n_rare(target, n_rows))
    return min(N_FOLDS, math.ceil(N_FOLDS * max(shares)))


def holds_out_of_blocks(options: Options, n_rows: int) -> bool:
    """Return whether to hold out some of `n_rows` rows in blocks, also where rows in memory would use folds."""
    if not options.is_auto_stopping:
        return bool(options.early_stopping)
    return n_rows >= _MIN_ROWS_TO_HOLD_OUT or _asks_folds(options, n_rows)


def _stops_early(options: Options, target: Target, n_rows: int) -> bool:
    """Return whether a validation set ends training, either given or held out of `n_rows` distinct rows."""
    if not options.is_auto_stopping or target.validation is not None:
        return bool(options.early_stopping)
    return n_rows >= _MIN_ROWS_TO_HOLD_OUT and _n_rare(target, n_rows) >= _MIN_RARE_ROWS_TO_HOLD_OUT


def _asks_folds(options: Options, n_rows: int) -> bool:
    """Return whether folds may choose the number of epochs; with `tol=0` or `warm_start`, the user chooses it."""
    counts_epochs = options.tol == 0 or options.warm_start
    return options.is_auto_stopping and n_rows >= _MIN_ROWS_TO_FOLD and not counts_epochs


def _n_rare(target: Target, n_rows: int) -> int:
    """Return the number of rows outside the most frequent class, or of all rows if there are no class labels."""
    return n_rows if target.labels is None else len(target.labels) - int(np.bincount(target.labels).max())


def make_plan(
    setup: Setup,
    copies: np.ndarray,
    target: Target,
    options: Options,
    state: TrainingState,
    history: History,
    start: Callable[[np.random.RandomState], Array],
    watch: Watch,
    score_on: ScoreOn | None = None,
    holdout: Holdout | None = None,
) -> Plan:
    """Return the plan of a fit that starts from `state` and `history`.

    `copies` is the result of `copies_for_validation`; ``start(random_state)`` returns initial parameters for training
    on a fold, which `watch` follows; `score_on` is the user's own score, if any; `holdout` are the validation rows, if
    the caller has chosen them.
    """
    data = setup.data
    loss_scale = setup.units.of_loss * constant_loss(setup.network, data.target, data.weight)
    is_given, note = holdout is not None, ""
    stops_early = is_given or _stops_early(options, target, int(copies.max()) + 1)
    if stops_early and not is_given:
        holdout, note = _holdout(setup, target, options, state.validation_seed, copies)
    max_epochs, theta, at_the_end = options.max_iter, 1.0, None
    if loss_scale == 0:
        max_epochs, at_the_end = 1, StopReason.CONSTANT()
    elif not is_given and (n_asked := n_folds_asked(target, options, copies)):
        falling = Stopping(_FOLD_TOLERANCE * options.tol, options.n_iter_no_change, loss_scale)
        seed = state.validation_seed
        folds = [*islice(Holdout.folds(data, target, N_FOLDS, seed, copies), n_asked)]
        max_epochs, theta, at_the_end = epochs_by_folds(setup, options, folds, falling, start, seed, watch)
    rule = Stopping(options.tol if at_the_end is None else 0, options.n_iter_no_change, loss_scale, at_the_end)
    _replay(rule, history, stops_early)
    if holdout is None:
        return Plan(max_epochs, rule, theta=theta, note=note)
    validation = _validation(holdout, setup, target, options, state, history, score_on)
    return Plan(max_epochs, rule, holdout.train_rows, validation, note=note)


def _holdout(
    setup: Setup, target: Target, options: Options, seed: int, copies: np.ndarray
) -> tuple[Holdout | None, str]:
    """Return the validation rows, or None and a note why there are none."""
    if target.validation is not None:
        return Holdout(setup.units.of_target(target.validation)), ""
    try:
        return Holdout.split(setup.data, target, options.validation_fraction, seed, copies), ""
    except ValueError as error:
        if not options.is_auto_stopping:
            warn_caller(f"`early_stopping=True` found no rows to hold out, so all rows train: {error}")
        return None, f" Early stopping had no rows to hold out: {error}"


def _validation(
    holdout: Holdout,
    setup: Setup,
    target: Target,
    options: Options,
    state: TrainingState,
    history: History,
    score_on: ScoreOn | None,
) -> Validation:
    scoring = stable_text(options.scoring)
    if state.best_params is not None and state.scoring != scoring:
        raise ValueError(
            f"Continued training needs the same score as before; `scoring` was {state.scoring} and is now "
            f"{scoring}. Fit with `warm_start=False` instead."
        )
    state.scoring = scoring
    is_auto = options.is_auto_stopping
    bound = largest_errors_of(setup.data) if is_auto and target.loss.is_quadratic else None
    score = target.score if score_on is None else None
    evaluate = holdout.evaluator(setup.network, setup.units, score, largest_errors=bound)
    n_rows = holdout.n_rows if is_auto and target.loss.classifies and score_on is None else math.inf
    if score_on is not None:
        evaluate = _with_score(evaluate, score_on(holdout.rows))
    return Validation(evaluate, state.best, state.best_params, n_rows, len(history.losses), state.best_epoch)


def _with_score(
    evaluate: Callable[[Array], tuple[float, float]], score: Callable[[Array], float]
) -> Callable[[Array], tuple[float, float]]:
    def scored(params: Array) -> tuple[float, float]:
        loss = evaluate(params)[1]
        return score(params) if math.isfinite(loss) else math.nan, loss

    return scored


def _replay(rule: Stopping, history: History, stops_early: bool) -> None:
    """Update the stopping criterion with the losses and scores of earlier epochs."""
    losses = history.validation_losses if stops_early else history.losses
    for loss, score in zip_longest(losses, history.validation_scores if stops_early else ()):
        rule.stop_reason(loss, score)
