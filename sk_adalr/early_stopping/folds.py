"""The best number of epochs, by cross-validation."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import numpy as np

from sk_adalr.backends import Array
from sk_adalr.early_stopping.holdout import Holdout, largest_errors_of
from sk_adalr.early_stopping.shrinkage import FoldEvaluator, best_constant
from sk_adalr.options import Options
from sk_adalr.training import (
    AnyBatches,
    DivergedError,
    History,
    Setup,
    Stop,
    Stopping,
    StopReason,
    Trainer,
    Validation,
)

#: Called after each epoch of a trial; True stops the trial.
OnEpoch: TypeAlias = Callable[[History, Array], bool]
#: Returns a context manager for the training on one fold; entering it gives the `OnEpoch`.
Watch: TypeAlias = Callable[[], AbstractContextManager[OnEpoch]]


class EpochChoice(NamedTuple):
    """Number of epochs, stop reason, and the factor `theta` that shrinks predictions to a constant (1: unchanged)."""

    max_epochs: int
    theta: float
    reason: Stop


def best_epoch(
    setup: Setup,
    batches: AnyBatches,
    params: Array,
    evaluate: Callable[[Array], tuple[float, float]],
    *,
    stopping: Stopping,
    max_epochs: int,
    on_epoch: OnEpoch = lambda history, params: False,
) -> int | None:
    """Return the number of epochs, at most `max_epochs`, after which the validation loss is lowest.

    Parameters
    ----------
    setup : Setup
        Trains the initial parameters `params` (n_params,) in place.
    batches : Batches or BlockBatches
        Batches of the training rows.
    evaluate : callable
        ``evaluate(params) -> (score, loss)`` on the validation rows.
    stopping : Stopping
        The stopping criterion for the validation loss.
    on_epoch : callable, default=a function that returns False
        Called after each epoch; True stops training.

    Returns
    -------
    int or None
        `max_epochs` if training diverges in the first epoch, so that the actual fit reports this. None if `on_epoch`
        stopped training.
    """
    history = History()
    # Only the loss decides, because scores of few rows often do not change from epoch to epoch.
    validation = Validation(lambda params: (math.nan, evaluate(params)[1]))
    with suppress(DivergedError), np.errstate(over="ignore"):  # of a rate too large for float32
        Trainer(setup.optimizer, setup.objective, 1.0, on_epoch, setup.first_rates, is_trial=True).run(
            batches,
            params,
            setup.optimizer.init(params),
            history,
            max_epochs=max_epochs,
            stopping=stopping,
            validation=validation,
        )
    if history.stop_reason.reason is StopReason.CALLBACK:
        return None
    losses = history.validation_losses
    return int(np.argmin(losses)) + 1 if losses else max_epochs


def epochs_by_folds(
    setup: Setup,
    options: Options,
    folds: Sequence[Holdout],
    stopping: Stopping,
    start: Callable[[np.random.RandomState], Array],
    seed: int,
    watch: Watch,
) -> EpochChoice:
    """Return the number of epochs to train for: the median over folds of the epoch with the lowest validation loss.

    If that is `max_iter` on most folds, so is the result, and the remaining folds are skipped. The shrinkage `theta`
    is a median, too: it is 1 on a fold where the model is better than a constant prediction. The result depends only
    on the seed, so that a fit that continues from a checkpoint gets the same. If a callback stops a trial, the result
    is one epoch, so that there is a model.
    """
    constant = best_constant(setup.network, setup.data.target, setup.data.weight)
    bound = largest_errors_of(setup.data) if setup.network.loss.is_quadratic else None
    epochs: list[int] = []
    thetas: list[float] = []
    for fold in folds:
        random_state = np.random.RandomState(seed)
        params = start(random_state)
        evaluate = fold.evaluator(setup.network, setup.units, largest_errors=bound)
        evaluator = FoldEvaluator(setup.network, evaluate, constant)
        with watch() as on_epoch:
            best = best_epoch(
                setup,
                setup.batches(random_state, rows=fold.train_rows),
                params,
                evaluator,
                stopping=replace(stopping),
                max_epochs=options.max_iter,
                on_epoch=on_epoch,
            )
        if best is None:
            return EpochChoice(1, 1.0, StopReason.CALLBACK())
        epochs.append(best)
        thetas.append(evaluator.theta())
        if options.verbose:
            print(f"Fold {len(epochs)} of {len(folds)}: the loss of its rows is lowest after {best} epochs")
        if 2 * epochs.count(options.max_iter) > len(folds):
            return EpochChoice(options.max_iter, 1.0, StopReason.FOLDS_STILL_GAIN(n_folds=len(folds)))
    n_epochs = int(np.median(epochs))
    return EpochChoice(n_epochs, float(np.median(thetas)), StopReason.FOLDS(n_epochs=n_epochs, n_folds=len(folds)))
