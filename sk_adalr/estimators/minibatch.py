"""Training on mini-batches: set up the trainer for a job, run it, and return fitted attributes."""

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from sk_adalr.backends import Array, beside, fitted_array, to_host
from sk_adalr.caller import warn_caller
from sk_adalr.early_stopping import Holdout, Plan, copies_for_validation, make_plan
from sk_adalr.estimators.classes_without_rows import ruled_out
from sk_adalr.estimators.job import Job, history_attributes
from sk_adalr.estimators.network_blocks import with_held_out_rows
from sk_adalr.estimators.scoring import score_of_user
from sk_adalr.objectives import Network, PenalizedMean
from sk_adalr.optimizer import freeze
from sk_adalr.optimizer.automatic import AutomaticOptimizer
from sk_adalr.parameters import ParameterLayout
from sk_adalr.rows import in_rows
from sk_adalr.training import History, Setup, StopReason, Trainer, TrainingState, VisitedRows, thaw_units
from sk_adalr.units import UnitChoice, Units

MakeHoldout: TypeAlias = Callable[[Setup], Holdout]


class Trained(NamedTuple):
    """A model after training, or after one of its epochs, in the units of training.

    Attributes
    ----------
    units : Units
    layout : ParameterLayout
    params : array of shape (n_params,)
    history : History
        The course of training.
    note : str
        What to append to ``stop_reason_``.
    state : dict
        The frozen training state, from which training can continue.
    """

    units: Units
    layout: ParameterLayout
    params: Array
    history: History
    note: str
    state: dict[str, Any]


def train(
    job: Job[Any], *, is_chunk: bool = False, auto_batch_size: int = 200, make_holdout: MakeHoldout | None = None
) -> dict[str, Any]:
    """Return all fitted attributes after a fit, or after one pass over a chunk of a stream.

    ``make_holdout(setup)``, if given, returns the validation rows.
    """
    job = replace(job, data=replace(job.data, X=in_rows(job.data.X)))
    # The buffers of training are freed when `_trained` returns, before the model is copied to the user's units.
    return _fitted(job, _trained(job, is_chunk, auto_batch_size, make_holdout))


def train_chunk(job: Job[Any]) -> dict[str, Any]:
    """Return all fitted attributes after one epoch on the rows of a chunk."""
    return train(job, is_chunk=True)


def _trained(job: Job[Any], is_chunk: bool, auto_batch_size: int, make_holdout: MakeHoldout | None) -> Trained:
    """Return the trained model."""
    setup, state, history = _start(job, is_chunk, auto_batch_size)
    units, layout, plan = setup.units, setup.network.layout, Plan(max_epochs=1)
    if not is_chunk:
        if isinstance(job.data.X, VisitedRows):
            job = with_held_out_rows(job, state.validation_seed)
            setup = replace(setup, data=units.of_target(job.data))
        plan = _plan(job, setup, state, history, None if make_holdout is None else make_holdout(setup))
        state.shown = job.target.shown
        job.progress.expect(plan.max_epochs - job.n_restored)

    def at_rest() -> dict[str, Any]:
        if plan.validation is not None:
            state.best, state.best_params = plan.validation.best, plan.validation.best_params
            state.best_epoch = plan.validation.best_epoch
        return freeze(state, share=True)

    def on_epoch(history: History, params: Array) -> bool:
        def fitted() -> dict[str, Any]:
            # A copy, because training continues in place.
            return copy.deepcopy(_fitted(job, Trained(units, layout, params, history, plan.note, at_rest())))

        return job.progress(history, fitted)

    batches = setup.batches(state.random_state, rows=plan.train_rows)
    params = Trainer(setup.optimizer, setup.objective, units.of_loss, on_epoch, setup.first_rates).run(
        batches,
        state.params,
        state.optimizer_state,
        history,
        max_epochs=plan.max_epochs - job.n_restored,
        stopping=plan.stopping,
        validation=plan.validation,
    )
    del batches  # frees their buffer before `plan.end` allocates another
    _warn_if_bad(job, setup, plan, history)
    training = at_rest()
    params, note = plan.end(params, setup, history, state.random_state, job.name)
    if job.target.lacks_classes and not is_chunk:  # in a stream, a later chunk may have rows of them
        params = ruled_out(params, layout, job.target)
    return Trained(units, layout, params, history, note, training)


def _plan(job: Job[Any], setup: Setup, state: TrainingState, history: History, holdout: Holdout | None) -> Plan:
    """Return how the fit is validated, on `holdout` if given; training on folds is reported as parts of the fit."""

    def start(random_state: np.random.RandomState) -> Array:
        return _anew(job, setup, random_state)

    score_on = None
    if job.options.scorer is not None:
        score_on = partial(score_of_user, job, setup.units, setup.network.layout, history)
    if isinstance(job.data.X, VisitedRows):  # duplicates are not searched: only `copies.max() + 1` is used
        copies = np.array([job.data.n_samples - 1])
    elif holdout is not None:
        copies = np.arange(job.data.n_samples)
    else:
        copies = copies_for_validation(job.data, job.target, job.options)
    watch = partial(job.progress.part, "fold", "fold epoch", job.options.max_iter)
    return make_plan(setup, copies, job.target, job.options, state, history, start, watch, score_on, holdout)


def _start(job: Job[Any], is_chunk: bool, auto_batch_size: int) -> tuple[Setup, TrainingState, History]:
    """Return the setup, the initial state and the history of training so far."""
    model, options, data, before = job.model, job.options, job.data, job.before
    sizes = [data.X.shape[1], *model.hidden_sizes, job.target.n_outputs]
    layout = ParameterLayout.of_network(sizes, model.fit_intercept)
    network = Network(layout, job.target.loss, model.activation)
    training = None if before is None else before["_training"]
    units, goes_on = _units(job, layout, training, is_chunk)
    setup = Setup(
        data=units.of_target(data),
        units=units,
        objective=PenalizedMean(network, model.penalty(data, units, layout)),
        optimizer=options.make_optimizer(layout, is_linear=not model.hidden_sizes),
        batch_size=auto_batch_size if isinstance(options.batch_size, str) else options.batch_size,
        shuffle=options.shuffle,
    )
    if before is None or not goes_on:
        random_state = check_random_state(options.random_state)
        state = _first_state(setup.optimizer, _anew(job, setup, random_state), random_state)
    elif training is None:
        random_state = check_random_state(options.random_state)
        params = units.from_user(model.params(before, layout), layout)
        state = _first_state(setup.optimizer, beside(params, data.X), random_state)
    else:
        state = _state_of_before(training, setup)
    state.units = units
    # If a fit starts over, its earlier losses, for fewer classes or outputs, are not comparable with the new ones.
    history = History() if before is None or not (goes_on or is_chunk) else _history(before)
    return setup, state, history


def _units(
    job: Job[Any], layout: ParameterLayout, training: dict[str, Any] | None, is_chunk: bool
) -> tuple[Units, bool]:
    """Return the units of training, and whether training continues from the previous model."""
    choice = UnitChoice(
        job.target.loss,
        standardize=job.options.standardize,
        center=job.model.fit_intercept,
        is_chunk=is_chunk,
        penalty=float(np.mean(job.model.curvature(job.data))),
        penalty_unit=job.model.penalty_unit,
    )
    if job.before is None:
        return choice.of_first(job.data), False
    if training is None:
        return choice.of_fitted(job.data, job.model.params(job.before, layout), layout), True
    units, goes_on = choice.of_more(thaw_units(training["units"]), job.data)
    if goes_on and _has_more_to_learn(job, training, is_chunk):
        return choice.of_first(job.data), False
    return units, goes_on


def _has_more_to_learn(job: Job[Any], training: dict[str, Any], is_chunk: bool) -> bool:
    """Return whether training restarts, because the data have classes that the previous fit lacked.

    In a label matrix, these are labels that were constant in that fit. Training on a stream nevertheless continues,
    unless that fit had only one class, or only constant labels.
    """
    shown = training["shown"]
    if shown is None or not (job.target.shown & ~shown).any():
        return False
    return not is_chunk or shown.sum() <= (job.target.labels is not None)


def _anew(job: Job[Any], setup: Setup, random_state: np.random.RandomState) -> Array:
    """Return the initial parameters of a new training, (n_params,)."""
    data, units, network = job.data, setup.units, setup.network
    params = units.unit_less(job.model.start(network, random_state, data.X.dtype), network.layout)
    coefs, intercepts = network.layout.unpack(params)
    for block in (coefs[-1], *intercepts[-1:]):
        block *= setup.optimizer.output_factor
    if intercepts and units.outputs is None and network.loss.starts_at_constant:
        intercepts[-1][...] += network.loss.constant(data.target, data.weight, len(intercepts[-1]))
    return beside(params, data.X)


def _first_state(optimizer: Any, params: Array, random_state: np.random.RandomState) -> TrainingState:
    with np.errstate(over="ignore"):  # a rate beyond float32 is reported once the loss diverges
        return TrainingState.start(optimizer, params, random_state)


def _state_of_before(training: dict[str, Any], setup: Setup) -> TrainingState:
    """Return the state in which training ended, on the device of the data."""
    layout = setup.network.layout
    n_params = training["params"].size
    if n_params != layout.n_params:
        raise ValueError(
            f"Continued training needs the same architecture as before; it had {n_params} parameters and "
            f"would now have {layout.n_params}. Fit with `warm_start=False` instead."
        )
    return TrainingState.thaw(training, setup.optimizer, setup.data.X)


def _history(before: Any) -> History:
    """Return the history of training that is stored in the fitted attributes `before`."""
    by_layer = before.get("layer_learning_rate_curve_")
    return History(
        losses=list(before["loss_curve_"]),
        validation_scores=list(before["validation_scores_"] or []),
        validation_losses=list(before["validation_loss_curve_"] or []),
        best_epoch=before.get("best_epoch_"),
        n_rows_seen=before.get("t_", 0),
        earlier_learning_rates=fitted_array(before["learning_rate_curve_"]),
        earlier_layer_learning_rates=None if by_layer is None else fitted_array(by_layer),
    )


def _fitted(job: Job[Any], trained: Trained) -> dict[str, Any]:
    """Return all fitted attributes of a trained model."""
    units, layout, params, history, note, state = trained
    direction = job.options.direction
    return {
        **job.model.attributes(layout, units.to_user(to_host(params), layout), job.target, history),
        **job.target.attributes,
        **history_attributes(history, note),
        "solver_": direction if isinstance(direction, str) else repr(direction),
        "_dtype": params.dtype.name,
        "_seen_weight": job.data.seen_weight,
        "_training": state,
    }


def _warn_if_bad(job: Job[Any], setup: Setup, plan: Plan, history: History) -> None:
    """Warn if a fit had too few epochs, or a loss far above that of the best constant prediction."""
    stopping = plan.stopping
    if stopping is None or plan.is_constant:
        return
    if history.stop_reason.reason in (StopReason.MAX_ITER_REACHED, StopReason.FOLDS_STILL_GAIN):
        stop_early = ", set `early_stopping=True` to stop where held-out rows no longer gain,"
        is_validated = plan.validation is not None or stopping.at_the_end is not None
        job.warn_not_converged("," if is_validated or job.options.early_stopping is True else stop_early)
    # The loss is only that high if a given learning rate is too high: `plan.end` bounds it for the automatic rule.
    has_own_rate = not isinstance(setup.optimizer, AutomaticOptimizer)
    if has_own_rate and history.losses[-1] > 2 * max(stopping.loss_scale, 0.01 * setup.units.of_loss):
        low, _, high = history.learning_rate_curve()[-1]
        warn_caller(
            f"{job.name} ended at a loss of {history.losses[-1]:.3g}, far above the {stopping.loss_scale:.3g} of the "
            f"best constant prediction (learning rates between {low:.3g} and {high:.3g}). Lower `learning_rate_init`, "
            "or leave it and `learning_rate` at 'auto'.",
            ConvergenceWarning,
        )
