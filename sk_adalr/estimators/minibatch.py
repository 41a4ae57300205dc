"""Training an estimator on mini-batches: from its parameters to a trainer, and back to fitted attributes."""

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from sk_adalr.backends import Array, beside, fitted_array, to_host
from sk_adalr.caller import warn_caller
from sk_adalr.dataset import Dataset
from sk_adalr.estimators.classes_without_rows import ruled_out
from sk_adalr.estimators.judging import Judged
from sk_adalr.estimators.report import Report
from sk_adalr.estimators.session import Session
from sk_adalr.estimators.standardized import Standardized
from sk_adalr.estimators.targets import Target
from sk_adalr.learning_rates import GRANULARITIES
from sk_adalr.names import check_choice, check_number, default_rate, make_direction, make_learning_rate
from sk_adalr.objectives import Network, PenalizedMean
from sk_adalr.optimizer import Optimizer
from sk_adalr.optimizer.automatic import AUTOMATIC_DIRECTIONS, AutomaticOptimizer
from sk_adalr.parameters import ParameterLayout
from sk_adalr.training import (
    Batches,
    History,
    Trainer,
    TrainingState,
    best_constant,
    no_worse_than_constant,
    shrunk,
)
from sk_adalr.training.stopping import CONSTANT, FOLDS_STILL_GAIN, INTERRUPTED, MAX_ITER_MADE, MAX_ITER_REACHED
from sk_adalr.units import Units

# Where there is nothing to learn, automatic fits end near the loss of the constant (at most 1.04 times it, in some 70
# fits); where the rate is wrong for a rare class, of 20 in 20000 rows, at 1.6 to 15 times it.
_FAR_ABOVE_CONSTANT = 1.3


class MiniBatchTraining(Judged, Standardized):
    """How the estimators train with a direction and a learning rate.

    A subclass says what the model is.
    """

    # Parameters that every estimator has, beside those of `Judged`.
    solver: Any
    learning_rate: Any
    granularity: Any
    learning_rate_init: Any
    hyper_learning_rate: Any
    batch_size: Any
    random_state: Any
    momentum: Any
    beta_1: Any
    beta_2: Any
    epsilon: Any
    verbose: Any

    # Fitted attributes that training goes on from.
    _training: dict[str, Any] | None
    loss_curve_: list[float]
    learning_rate_curve_: np.ndarray
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None

    #: Values of `solver` that name no direction.
    _other_solvers: tuple[str, ...] = ("auto",)

    # What the model is.
    _hidden_sizes: Any
    _initial_params: Callable[[Network, np.random.RandomState, Any], np.ndarray]
    _coef_attributes: Callable[[ParameterLayout, np.ndarray, Target], dict[str, Any]]

    def _shape_n_iter(self, n_iter: int) -> Any:
        """Return ``n_iter_``."""
        return n_iter

    @property
    def _minibatch_solver(self) -> Any:
        return "adam" if isinstance(self.solver, str) and self.solver == "auto" else self.solver

    def _make_optimizer(self, layout: ParameterLayout) -> Optimizer | AutomaticOptimizer:
        solver = self._minibatch_solver
        direction = make_direction(
            solver,
            "solver",
            others=self._other_solvers,
            momentum=self.momentum,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
        )
        rule = self.learning_rate
        rate = self.learning_rate_init
        if isinstance(rate, str) and rate == "auto":
            rate = None
        elif isinstance(rate, str):
            raise ValueError(f"`learning_rate_init` must be 'auto' or a number greater than 0; got {rate!r}.")
        if isinstance(rule, str) and rule == "auto":
            if isinstance(solver, str) and solver in AUTOMATIC_DIRECTIONS:
                check_choice("granularity", self.granularity, GRANULARITIES)
                if rate is not None:
                    check_number("learning_rate_init", rate, 0, strict=True)
                # Its moments have constants of their own: Adam's defaults suit a rate that is tuned.
                return AutomaticOptimizer(layout, solver, self.granularity, rate, momentum=self.momentum)
            rule = "hypergradient"  # the automatic rule knows nothing of other directions
        if rate is None:
            rate = default_rate(direction, linear=not self._hidden_sizes)
        learning_rate = make_learning_rate(rule, self.granularity, rate, self.hyper_learning_rate, others=("auto",))
        return Optimizer(direction, learning_rate, layout)

    def _train(
        self,
        data: Dataset,
        target: Target,
        report: Report,
        *,
        resume: bool,
        max_epochs: int,
        n_restored: int = 0,
        partial: bool = False,
    ) -> dict[str, Any]:
        """Return all fitted attributes after at most `max_epochs` epochs, `n_restored` of which a checkpoint made."""
        session = self._session(data, target, resume=resume or n_restored > 0, is_chunk=partial)
        if not partial:
            self._appoint_judges(session)
        max_epochs = int(min(max_epochs, math.inf if session.paying_epochs is None else session.paying_epochs))

        def on_epoch(history: History, params: Array) -> bool:
            # A copy, for training goes on.
            return report(history, lambda: copy.deepcopy(self._fitted(session, params, session.freeze())))

        params = self._run(session, max_epochs - n_restored, on_epoch)
        if session.paying_epochs is not None and session.history.stop_reason == MAX_ITER_MADE:
            session.history.stop_reason = (
                CONSTANT if session.is_constant else self._reason_of_folds(session.paying_epochs, max_epochs)
            )
        self._warn_if_bad(session)
        training = session.freeze()
        params = self._bounded(session, params)
        if session.stopping is not None:  # a stream may yet show what it has not shown
            params = ruled_out(params, session.layout, target)
        del session.state, session.network  # their buffers make room for the model in the user's units
        return self._fitted(session, params, training)

    def _session(self, data: Dataset, target: Target, *, resume: bool, is_chunk: bool) -> Session:
        """Return what trains on these data, and from where it starts."""
        sizes = [data.X.shape[1], *self._hidden_sizes, target.n_outputs]
        layout = ParameterLayout.of_network(sizes, self._has_intercept)
        network = Network(layout, target.loss, self._hidden_activation)
        optimizer = self._make_optimizer(layout)
        goes_on = resume
        if resume and self._training:
            units, goes_on = self._units_of_more(Units.thaw(self._training["units"]), data, target, is_chunk)
            if goes_on and self._has_more_to_learn(target, is_chunk):
                units, goes_on = self._units(data, target, is_chunk), False
        else:
            units = self._units(data, target, is_chunk)
            if resume:
                units = self._units_of_fitted(units, layout)
        return Session(
            data=units.of_target(data),
            target=target,
            units=units,
            layout=layout,
            network=network,
            optimizer=optimizer,
            state=self._training_state(optimizer, network, units, data, goes_on),
            # What was learned of less than there is to learn would be no measure of progress.
            history=self._history() if goes_on or (resume and is_chunk) else History(),
            is_chunk=is_chunk,
        )

    def _has_more_to_learn(self, target: Target, is_chunk: bool) -> bool:
        """Return whether training begins anew, for classes or answers that the fit before had no rows of.

        A stream goes on, unless that fit had nothing to learn.
        """
        shown = (self._training or {}).get("shown")
        if shown is None or not (target.shown & ~shown).any():
            return False
        return not is_chunk or shown.sum() <= (target.labels is not None)

    def _run(self, session: Session, max_epochs: int, on_epoch: Callable[[History, Array], bool]) -> Array:
        """Train, and return the parameters to keep."""
        mean_loss = PenalizedMean(session.network, self._penalty(session.data, session.units, session.layout))
        rows = None if session.holdout is None else session.holdout.train_rows
        batches = self._batches(session, shuffle=self.shuffle, rows=rows)
        return Trainer(session.optimizer, mean_loss, session.units.of_loss, on_epoch).run(
            batches,
            session.state.params,
            session.state.optimizer_state,
            session.history,
            max_epochs=max_epochs,
            stopping=session.stopping,
            validation=session.validation,
        )

    def _batches(
        self,
        session: Session,
        *,
        shuffle: bool,
        rows: np.ndarray | None = None,
        random_state: np.random.RandomState | None = None,
    ) -> Batches:
        return Batches(
            session.data,
            self._auto_batch_size(session.is_chunk) if isinstance(self.batch_size, str) else self.batch_size,
            shuffle=shuffle,
            random_state=session.state.random_state if random_state is None else random_state,
            rows=rows,
            standardization=session.units.inputs,
        )

    def _auto_batch_size(self, is_chunk: bool) -> int:
        return 200

    def _bounded(self, session: Session, params: Array) -> Array:
        """Return `params`, shrunk if the automatic rule ended above the loss of the best constant prediction.

        On the rows of the fit, where there is nothing to learn and mini-batches lead a little way from it; or on
        folds, where there are too few rows for so many columns. A rate of the user's own does what it is told. A
        target that is constant itself is predicted as it is.
        """
        stopping = session.stopping
        if session.is_constant:
            constant = best_constant(session.network, session.data.target, session.data.weight)
            return shrunk(params, session.network, constant, 0.0)
        if stopping is None or not isinstance(session.optimizer, AutomaticOptimizer):
            return params
        if session.theta < 1:
            constant = best_constant(session.network, session.data.target, session.data.weight)
            params = shrunk(params, session.network, constant, session.theta)
            session.note += (
                " On unseen rows it is worse than the best constant prediction, towards which the model is shrunk."
            )
        # Far below it, a look would be wasted: it costs a third of an epoch. And an answer to Ctrl-C is a quick one.
        if session.loss < 0.5 * stopping.loss_scale or session.history.stop_reason == INTERRUPTED:
            return params
        bounded = no_worse_than_constant(params, session.network, self._batches(session, shuffle=False))
        if bounded is not params and session.theta == 1:  # else it has been said
            session.note += " The model is shrunk towards the best constant prediction, than which it was worse."
            if session.history.losses[-1] > _FAR_ABOVE_CONSTANT * stopping.loss_scale:
                warn_caller(
                    f"{type(self).__name__} ended at a loss of {session.history.losses[-1]:.3g}, above the "
                    f"{stopping.loss_scale:.3g} of the best constant prediction, and was shrunk towards that: too few "
                    "epochs, or batches that differ too much. Raise `max_iter` or `batch_size`, or use "
                    "`solver='adam'`, the default.",
                    ConvergenceWarning,
                )
        return bounded

    def _fitted(self, session: Session, params: Array, training: dict[str, Any]) -> dict[str, Any]:
        """Return all fitted attributes of a model with `params`, whose training state at rest is `training`."""
        layout, target, solver = session.layout, session.target, self._minibatch_solver
        return {
            **self._coef_attributes(layout, session.units.to_user(to_host(params), layout), target),
            **target.attributes,
            **history_attributes(session.history, session.note),
            "n_iter_": self._shape_n_iter(len(session.history.losses)),
            "solver_": solver if isinstance(solver, str) else repr(solver),
            "_dtype": params.dtype.name,
            "_seen_weight": session.data.seen_weight,
            "_training": training,
        }

    def _warn_if_bad(self, session: Session) -> None:
        """Warn if a fit had too few epochs, or ended far from where a constant prediction is already."""
        history, stopping = session.history, session.stopping
        if stopping is None or session.is_constant:
            return
        if history.stop_reason in (MAX_ITER_REACHED, FOLDS_STILL_GAIN.format(self._n_folds)):
            stop_early = ", set `early_stopping=True` to stop where held-out rows no longer gain,"
            is_judged = session.validation is not None or session.paying_epochs is not None
            self._warn_not_converged("," if is_judged or self.early_stopping is True else stop_early)
        # A rate of the user's own is too high; the automatic rule bounds its loss itself.
        has_own_rate = not isinstance(session.optimizer, AutomaticOptimizer)
        if has_own_rate and history.losses[-1] > 2 * max(stopping.loss_scale, 0.01 * session.units.of_loss):
            low, _, high = history.learning_rate_curve()[-1]
            warn_caller(
                f"{type(self).__name__} ended at a loss of {history.losses[-1]:.3g}, far above the "
                f"{stopping.loss_scale:.3g} of the best constant prediction (learning rates between {low:.3g} and "
                f"{high:.3g}). Lower `learning_rate_init`, or leave it and `learning_rate` at 'auto'.",
                ConvergenceWarning,
            )

    def _warn_not_converged(self, advice: str = ",") -> None:
        warn_caller(
            f"{type(self).__name__} reached `max_iter` ({self._max_iter}) before the criterion of `tol` was met. "
            f"Raise `max_iter`{advice} or set `tol=0` if that many iterations were what you wanted.",
            ConvergenceWarning,
        )

    def _training_state(
        self, optimizer: Optimizer | AutomaticOptimizer, network: Network, units: Units, data: Dataset, resume: bool
    ) -> TrainingState:
        """Return where to start, beside the data: anew, from a fitted model, or exactly where training ended."""
        layout = network.layout
        if resume and self._training is not None:
            if self._training["params"].shape != (layout.n_params,):
                raise ValueError(
                    "A model that goes on training needs the same architecture as before; it had "
                    f"{self._training['params'].size} parameters and would now have {layout.n_params}. Fit with "
                    "`warm_start=False` instead."
                )
            return TrainingState.thaw(self._training, optimizer, data.X)
        random_state = check_random_state(self.random_state)
        if resume:
            params = units.from_user(self._params(layout), layout)
        else:
            params = self._start_of(data, network, units, random_state)
        with np.errstate(over="ignore"):  # a rate beyond float32 is judged where it leads
            return TrainingState.start(optimizer, beside(params, data.X), random_state)

    def _start_of(
        self, data: Dataset, network: Network, units: Units, random_state: np.random.RandomState
    ) -> np.ndarray:
        """Return the parameters from which training starts anew."""
        params = units.unit_less(self._initial_params(network, random_state, data.X.dtype), network.layout)
        intercepts = network.layout.unpack(params)[1]
        if intercepts and units.outputs is None:
            intercepts[-1][...] += network.loss.start(data.target, data.weight, len(intercepts[-1]))
        return params

    def _history(self) -> History:
        by_layer = getattr(self, "layer_learning_rate_curve_", None)
        return History(
            losses=list(self.loss_curve_),
            validation_scores=list(self.validation_scores_ or []),
            validation_losses=list(self.validation_loss_curve_ or []),
            n_rows_seen=getattr(self, "t_", 0),
            earlier_learning_rates=fitted_array(self.learning_rate_curve_),
            earlier_layer_learning_rates=None if by_layer is None else fitted_array(by_layer),
        )


def history_attributes(history: History, note: str) -> dict[str, Any]:
    """Return the fitted attributes that tell how training went; `note` is added to the reason of its end."""
    attributes = {
        "loss_": history.losses[-1],
        "loss_curve_": history.losses,
        "learning_rate_curve_": history.learning_rate_curve(),
        "validation_scores_": history.validation_scores or None,
        "validation_loss_curve_": history.validation_losses or None,
        "stop_reason_": (history.stop_reason + note).strip(),
    }
    layer_curve = history.layer_learning_rate_curve()
    if layer_curve is not None:
        attributes["layer_learning_rate_curve_"] = layer_curve
    return attributes
