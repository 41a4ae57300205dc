"""How long training pays, by trials on folds of the rows."""

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

#: After each epoch of a trial; True asks to stop.
OnEpoch: TypeAlias = Callable[[History, Array], bool]
#: Whoever follows the trials: a context around each.
Watch: TypeAlias = Callable[[], AbstractContextManager[OnEpoch]]


class EpochChoice(NamedTuple):
    """How many epochs to train for and why, and how far to trust the model then: 1 wholly, 0 not at all."""

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
    """Return the number of epochs after which the loss on other rows is lowest, `max_epochs` at most.

    Parameters
    ----------
    setup : Setup
        Trains `params` (n_params,) in place, anew.
    batches : Batches or BlockBatches
        Of the rows that train.
    evaluate : callable
        ``evaluate(params) -> (score, loss)`` on the other rows.
    stopping : Stopping
        Says when their loss has not fallen for long enough.
    on_epoch : callable, default=a function that returns False
        Called after each epoch; True asks to stop.

    Returns
    -------
    int or None
        `max_epochs` where not even the first epoch ends well: the training that counts then says why. None where
        `on_epoch` asked to stop.
    """
    history = History()
    # The loss alone decides; scores of few rows would stand still.
    validation = Validation(lambda params: (math.nan, evaluate(params)[1]))
    with suppress(DivergedError), np.errstate(over="ignore"):  # of a rate beyond float32
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
    """Return the best number of epochs: the median of those after which the loss of each fold is lowest.

    The most there may be, if that is the last one still; folds that cannot change that are left out. Beside it, how
    far to trust the model then, by the median again: 1 where it is better on the fold than a constant prediction. All
    follows from the seed: a fit that continues from a checkpoint finds the same. Where a callback asks to stop, the
    model gets a single epoch, so that there is one.
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
