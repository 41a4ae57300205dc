"""Who judges a model while it trains on mini-batches, and when it has trained enough."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sk_adalr.backends import beside
from sk_adalr.caller import warn_caller
from sk_adalr.dataset import Dataset
from sk_adalr.estimators.holdout import Holdout, copies_of_rows, largest_errors_of
from sk_adalr.estimators.session import Session
from sk_adalr.estimators.targets import Target
from sk_adalr.objectives import L2Penalty, Network, PenalizedMean
from sk_adalr.parameters import ParameterLayout
from sk_adalr.training import Batches, History, Stopping, Trust, Validation, best_constant, best_epoch, constant_loss
from sk_adalr.training.stopping import FOLDS, FOLDS_STILL_GAIN
from sk_adalr.units import Units


class Judged:
    """How an estimator stops: by its training loss, by rows that do not train, or after epochs that folds count."""

    early_stopping: Any
    validation_fraction: Any
    warm_start: Any
    shuffle: Any
    max_iter: Any
    tol: Any
    n_iter_no_change: Any
    verbose: Any

    #: Rows per class, copies left out, a regressor counting as two, from which ``early_stopping="auto"`` holds some of
    #: them out, and rows that are enough for any number of classes; None where "auto" is not offered.
    _min_rows_to_hold_out: Any = None
    _enough_rows_to_hold_out: Any = None
    #: Rows from which, where it holds none out, folds of them say how many epochs pay.
    _min_rows_to_fold: Any = None
    #: How many folds, and for how many times their median number of epochs all rows train.
    _n_folds: Any = 5
    _epochs_factor: Any = 1
    #: What the loss of a fold must go on falling by, in `tol`.
    _fold_tolerance: Any = 1

    # What the model is, and how its batches are made.
    _hidden_activation: Any
    _start_of: Callable[[Dataset, Network, Units, np.random.RandomState], np.ndarray]
    _penalty: Callable[[Dataset, Units, ParameterLayout], L2Penalty]
    _score_raw: Callable[[np.ndarray, np.ndarray, np.ndarray | None], float]
    _batches: Callable[..., Batches]

    def _appoint_judges(self, session: Session) -> None:
        """Set the rows that do not train, where some judge, and the rule that ends the training."""
        data, target, units, state = session.data, session.target, session.units, session.state
        n_rows = data.n_samples
        may_judge = target.validation is None and (self._stops_early(n_rows, target) or self._is_folded(n_rows))
        copies = copies_of_rows(data) if may_judge else np.arange(n_rows)  # a look at each row takes its time
        n_rows = int(copies.max()) + 1
        stops_early = self._stops_early(n_rows, target)
        is_constant = constant_loss(session.network, data.target, data.weight) == 0
        if stops_early:
            session.holdout, session.note = self._holdout(data, target, units, state.validation_seed, copies)
        if session.holdout is not None:
            bounds_errors = self._is_auto_stopping and target.loss.is_quadratic
            judge = session.holdout.judge(
                session.layout,
                self._hidden_activation,
                units,
                target.loss,
                self._score_raw,
                largest_errors=largest_errors_of(data) if bounds_errors else None,
            )
            session.validation = Validation(judge, state.best, state.best_params)
            if self._is_auto_stopping and target.loss.classifies:
                session.validation.n_rows = session.holdout.n_rows
        elif not is_constant and not stops_early and self._is_folded(n_rows):
            session.paying_epochs, session.theta = self._epochs_by_folds(session, copies)
        if is_constant:
            session.paying_epochs = 1
        tol = self.tol if session.paying_epochs is None else 0  # else the epochs are counted already
        session.stopping = self._stopping(session, session.history, stops_early, tol)

    @property
    def _max_iter(self) -> Any:
        return self.max_iter

    @property
    def _is_auto_stopping(self) -> bool:
        return isinstance(self.early_stopping, str)

    def _stops_early(self, n_rows: int, target: Target) -> bool:
        """Return whether rows that do not train judge the model, of so many, copies left out."""
        if not self._is_auto_stopping:
            return bool(self.early_stopping)
        if target.labels is None:
            n_classes = len(target.attributes.get("classes_", (0, 1)))  # a regressor counts as two
        else:
            n_classes = int(target.shown.sum())  # classes without weight do not count
        enough = min(self._min_rows_to_hold_out * n_classes, self._enough_rows_to_hold_out)
        return target.validation is not None or n_rows >= enough

    def _holdout(
        self, data: Dataset, target: Target, units: Units, seed: int, copies: np.ndarray
    ) -> tuple[Holdout | None, str]:
        """Return the rows that judge, or None and a note that says why there are none."""
        if target.validation is not None:
            return Holdout(units.of_target(target.validation)), ""
        try:
            return Holdout.split(data, target, self.validation_fraction, seed, copies), ""
        except ValueError as error:
            if not self._is_auto_stopping:
                warn_caller(f"`early_stopping=True` found no rows to hold out, so all rows train: {error}")
            return None, f" Early stopping had no rows to hold out: {error}"

    def _stopping(self, session: Session, history: History, stops_early: bool, tol: float) -> Stopping:
        loss_scale = session.units.of_loss * constant_loss(session.network, session.data.target, session.data.weight)
        stopping = Stopping(tol, self.n_iter_no_change, loss_scale)
        # A fit that goes on has already seen these epochs.
        if stops_early:
            for loss, score in zip(history.validation_losses, history.validation_scores, strict=True):
                stopping.stop_reason(loss, score)
        else:
            for loss in history.losses:
                stopping.stop_reason(loss)
        return stopping

    def _is_folded(self, n_rows: int) -> bool:
        """Return whether folds of the rows say how many epochs pay; they do not where the user counts epochs."""
        counts_epochs = self.tol == 0 or self.warm_start
        return self._is_auto_stopping and n_rows >= self._min_rows_to_fold and not counts_epochs

    def _reason_of_folds(self, paying_epochs: float, n_epochs: int) -> str:
        """Say why a fit ended whose epochs are counted by folds."""
        if paying_epochs == math.inf:
            return FOLDS_STILL_GAIN.format(self._n_folds)
        return FOLDS.format(n_epochs, {1: "as many", 2: "twice as many"}[self._epochs_factor], self._n_folds)

    def _epochs_by_folds(self, session: Session, copies: np.ndarray) -> tuple[float, float]:
        """Return how many epochs pay, from the median of those after which the loss of each fold is lowest.

        Infinitely many, if that is the last one still; folds that cannot change that are left out. Beside it, how far
        to trust the model then, by the median again: 1 where it is better on the fold than a constant prediction. All
        follows from the seed: a fit that goes on from a checkpoint finds the same.
        """
        data, target, units, network = session.data, session.target, session.units, session.network
        mean_loss = PenalizedMean(network, self._penalty(data, units, network.layout))
        constant = best_constant(network, data.target, data.weight)
        epochs, thetas = [], []
        for fold in Holdout.folds(data, target, self._n_folds, session.state.validation_seed, copies):
            random_state = np.random.RandomState(session.state.validation_seed)
            params = beside(self._start_of(data, network, units, random_state), data.X)
            judge = fold.judge(network.layout, self._hidden_activation, units, target.loss)
            trust = Trust(network, judge, constant)
            best = best_epoch(
                session.optimizer,
                mean_loss,
                self._batches(session, shuffle=self.shuffle, rows=fold.train_rows, random_state=random_state),
                params,
                trust,
                stopping=self._stopping(session, History(), stops_early=False, tol=self._fold_tolerance * self.tol),
                max_epochs=self._max_iter,
            )
            epochs.append(best)
            thetas.append(trust.theta())
            if self.verbose:
                print(f"Fold {len(epochs)} of {self._n_folds}: the loss of its rows is lowest after {best} epochs")
            if 2 * epochs.count(self._max_iter) > self._n_folds:
                return math.inf, 1.0
        return self._epochs_factor * int(np.median(epochs)), float(np.median(thetas))
