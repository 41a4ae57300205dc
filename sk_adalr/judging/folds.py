"""How long training pays, by trials on folds of the rows."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from sk_adalr.backends import Array
from sk_adalr.judging.holdout import Holdout, largest_errors_of
from sk_adalr.judging.shrinkage import Trust, best_constant
from sk_adalr.options import Options
from sk_adalr.targets import Target
from sk_adalr.training import Batches, DivergedError, History, Setup, Stopping, Trainer, Validation


def best_epoch(
    setup: Setup,
    batches: Batches,
    params: Array,
    judge: Callable[[Array], tuple[float, float]],
    *,
    stopping: Stopping,
    max_epochs: int,
) -> int:
    """Return the number of epochs after which the loss on other rows is lowest, `max_epochs` at most.

    Parameters
    ----------
    setup : Setup
        Trains `params` (n_params,) in place, anew.
    batches : Batches
        Of the rows that train.
    judge : callable
        ``judge(params) -> (score, loss)`` on the other rows.
    stopping : Stopping
        Says when their loss has not fallen for long enough.

    Returns
    -------
    int
        `max_epochs` where not even the first epoch ends well: the training that counts then says why.
    """
    history = History()
    # The loss alone decides; scores of few rows would stand still.
    validation = Validation(lambda params: (math.nan, judge(params)[1]))
    with suppress(DivergedError), np.errstate(over="ignore"):  # of a rate beyond float32
        Trainer(setup.optimizer, setup.objective, first_rates=setup.first_rates, is_trial=True).run(
            batches,
            params,
            setup.optimizer.init(params),
            history,
            max_epochs=max_epochs,
            stopping=stopping,
            validation=validation,
        )
    losses = history.validation_losses
    return int(np.argmin(losses)) + 1 if losses else max_epochs


def epochs_by_folds(
    setup: Setup,
    target: Target,
    options: Options,
    folds: Sequence[Holdout],
    stopping: Stopping,
    start: Callable[[np.random.RandomState], Array],
    seed: int,
) -> tuple[float, float]:
    """Return the best number of epochs: the median of those after which the loss of each fold is lowest.

    Infinitely many, if that is the last one still; folds that cannot change that are left out. Beside it, how far
    to trust the model then, by the median again: 1 where it is better on the fold than a constant prediction. All
    follows from the seed: a fit that continues from a checkpoint finds the same.
    """
    constant = best_constant(setup.network, setup.data.target, setup.data.weight)
    bound = largest_errors_of(setup.data) if target.loss.is_quadratic else None
    epochs, thetas = [], []
    for fold in folds:
        random_state = np.random.RandomState(seed)
        params = start(random_state)
        judge = fold.judge(setup.network.layout, setup.activation, setup.units, target.loss, largest_errors=bound)
        trust = Trust(setup.network, judge, constant)
        best = best_epoch(
            setup,
            setup.batches(random_state, rows=fold.train_rows),
            params,
            trust,
            stopping=replace(stopping),
            max_epochs=options.max_iter,
        )
        epochs.append(best)
        thetas.append(trust.theta())
        if options.verbose:
            print(f"Fold {len(epochs)} of {len(folds)}: the loss of its rows is lowest after {best} epochs")
        if 2 * epochs.count(options.max_iter) > len(folds):
            return math.inf, 1.0
    return int(np.median(epochs)), float(np.median(thetas))
