"""The callbacks of this package: what a fit was, in a file or for TensorBoard, and trials that are given up."""

import csv
import sys
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from estimator_cases import ESTIMATORS, fit, make, needs_callbacks, problem
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRMLPClassifier, AdaptiveLRMLPRegressor
from sk_adalr.callbacks import CSVLogger, OptunaPruning, SummaryLogger
from sk_adalr.checkpoint import Checkpoint

pytestmark = needs_callbacks
SOLVERS = [{"solver": "adam"}, {"solver": "auto", "learning_rate": "auto", "tol": 1e-4, "max_iter": 50}]
JUDGED = {"early_stopping": True, "max_iter": 4}
LOSSES = ("loss", "validation_score", "validation_loss")
RATES = ("learning_rate/min", "learning_rate/median", "learning_rate/max")


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def column(path, name):
    return [float(row[name]) for row in rows(path)]


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
@pytest.mark.parametrize("options", SOLVERS, ids=str)
def test_the_file_has_the_history_of_the_fit(cls, options, tmp_path):
    path = tmp_path / "fit.csv"
    model = fit(make(cls, **options).set_callbacks(CSVLogger(path)), *problem(cls))
    assert column(path, "epoch") == [*range(1, len(model.loss_curve_) + 1)]
    assert column(path, "loss") == model.loss_curve_
    if len(model.learning_rate_curve_):  # a factorisation has none
        names = ("learning_rate_min", "learning_rate_median", "learning_rate_max")
        np.testing.assert_array_equal(np.transpose([column(path, name) for name in names]), model.learning_rate_curve_)
    seconds = column(path, "seconds")
    assert seconds == sorted(seconds)


def test_the_file_has_validation_scores_where_rows_are_held_out(tmp_path):
    path = tmp_path / "fit.csv"
    model = make(AdaptiveLRMLPClassifier, **JUDGED).set_callbacks(CSVLogger(path))
    fit(model, *problem(AdaptiveLRMLPClassifier))
    assert column(path, "validation_score") == model.validation_scores_
    assert column(path, "validation_loss") == model.validation_loss_curve_
    fit(model.set_params(early_stopping=False), *problem(AdaptiveLRMLPClassifier))
    assert {row["validation_score"] for row in rows(path)} == {""}


def test_a_row_is_there_when_its_epoch_has_ended(tmp_path):
    path, seen = tmp_path / "fit.csv", []

    class Reader(CSVLogger):
        def _epoch(self, estimator, context, model):
            super()._epoch(estimator, context, model)
            seen.append(len(rows(path)))

    fit(make(AdaptiveLRMLPRegressor).set_callbacks(Reader(path)), *problem(AdaptiveLRMLPRegressor))
    assert seen == [1, 2, 3, 4, 5]


def test_a_second_fit_replaces_the_file_or_adds_to_it(tmp_path):
    X, y = problem(AdaptiveLRMLPClassifier)
    replaced, continued = tmp_path / "replaced.csv", tmp_path / "continued.csv"
    model = make(AdaptiveLRMLPClassifier, max_iter=2, warm_start=True)
    model.set_callbacks(CSVLogger(replaced), CSVLogger(continued, append=True))
    fit(fit(model, X, y), X, y)
    assert column(replaced, "epoch") == [3, 4]
    assert column(continued, "epoch") == [1, 2, 3, 4]
    assert column(continued, "loss") == model.loss_curve_


def test_a_fit_that_goes_on_from_a_checkpoint_goes_on_in_the_file(tmp_path):
    X, y = problem(AdaptiveLRMLPClassifier)
    path = tmp_path / "fit.csv"
    for max_iter in (2, 5):
        model = make(AdaptiveLRMLPClassifier, max_iter=max_iter)
        fit(model.set_callbacks(Checkpoint(tmp_path / "checkpoint"), CSVLogger(path, append=True)), X, y)
    assert column(path, "loss") == model.loss_curve_
    assert len(model.loss_curve_) == 5


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_each_fit_of_a_search_has_a_file_in_a_folder(n_jobs, tmp_path):
    X, y = problem(AdaptiveLRMLPClassifier)
    watched = make(AdaptiveLRMLPClassifier).set_callbacks(CSVLogger(tmp_path))
    search = GridSearchCV(watched, {"alpha": [1e-4, 1e-2]}, cv=2, n_jobs=n_jobs)
    fit(search, X, y)
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"fit-{n}.csv" for n in range(1, 6)]
    assert all(column(file, "epoch") == [1, 2, 3, 4, 5] for file in tmp_path.iterdir())
    curves = [column(file, "loss") for file in tmp_path.iterdir()]
    assert search.best_estimator_.loss_curve_ in curves


class Writer:
    """Keeps scalars: what a `SummaryWriter` has that is needed."""

    made: ClassVar = []

    def __init__(self):
        self.scalars, self.is_closed = {}, False
        Writer.made.append(self)

    def add_scalar(self, tag, scalar_value, global_step=None):
        self.scalars.setdefault(tag, {})[global_step] = scalar_value

    def close(self):
        self.is_closed = True


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
@pytest.mark.parametrize("options", [*SOLVERS, {"early_stopping": True}], ids=str)
def test_the_writer_has_the_history_of_the_fit(cls, options):
    writer = Writer()
    model = fit(make(cls, **options).set_callbacks(SummaryLogger(writer)), *problem(cls))
    names = ("loss_curve_", "validation_scores_", "validation_loss_curve_")
    curves = {tag: getattr(model, name) for tag, name in zip(LOSSES, names, strict=True)}
    curves |= dict(zip(RATES, model.learning_rate_curve_.T.tolist(), strict=True))
    assert writer.scalars == {tag: dict(enumerate(curve, 1)) for tag, curve in curves.items() if curve}
    assert not writer.is_closed


def test_steps_of_a_fit_that_continues_go_on():
    writer = Writer()
    model = make(AdaptiveLRMLPClassifier, max_iter=2, warm_start=True).set_callbacks(SummaryLogger(writer))
    X, y = problem(AdaptiveLRMLPClassifier)
    fit(fit(model, X, y), X, y)
    assert [*writer.scalars["loss"]] == [1, 2, 3, 4]


@pytest.mark.parametrize("make_writer", [Writer, lambda: Writer()], ids=["class", "function"])
def test_each_fit_of_a_search_has_a_writer_that_is_closed_in_the_end(make_writer, monkeypatch):
    monkeypatch.setattr(Writer, "made", [])
    watched = make(AdaptiveLRMLPClassifier).set_callbacks(SummaryLogger(make_writer))
    search = fit(GridSearchCV(watched, {"alpha": [1e-4, 1e-2]}, cv=2), *problem(AdaptiveLRMLPClassifier))
    assert len(Writer.made) == 5
    assert all([*writer.scalars["loss"]] == [1, 2, 3, 4, 5] and writer.is_closed for writer in Writer.made)
    assert [*Writer.made[-1].scalars["loss"].values()] == search.best_estimator_.loss_curve_


def test_a_fit_that_fails_makes_no_writer(monkeypatch):
    monkeypatch.setattr(Writer, "made", [])
    with pytest.raises(ValueError, match="NaN"):
        AdaptiveLRMLPClassifier().set_callbacks(SummaryLogger(Writer)).fit([[np.nan], [1.0]], [0, 1])
    assert not Writer.made


def test_what_writes_no_scalars_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"`writer` must have a method `add_scalar"):
        SummaryLogger(str(tmp_path))


@pytest.mark.parametrize("library", ["torch.utils.tensorboard", "tensorboardX"])
def test_tensorboard_reads_what_was_written(library, tmp_path):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    writer = pytest.importorskip(library).SummaryWriter(str(tmp_path))
    model = make(AdaptiveLRMLPClassifier, **JUDGED).set_callbacks(SummaryLogger(writer))
    fit(model, *problem(AdaptiveLRMLPClassifier))
    events = reading.EventAccumulator(str(tmp_path)).Reload()  # while the writer is open
    assert {*events.Tags()["scalars"]} == {*LOSSES, *RATES}
    written = [(event.step, event.value) for event in events.Scalars("loss")]
    np.testing.assert_allclose(written, [*enumerate(model.loss_curve_, 1)], rtol=1e-6)  # of float32
    writer.close()


@pytest.mark.parametrize(
    "make_callback", [CSVLogger, lambda path: OptunaPruning(Trial()), lambda path: SummaryLogger(Writer())]
)
def test_other_estimators_are_refused(make_callback, tmp_path):
    pipeline = make_pipeline(StandardScaler(), make(AdaptiveLRMLPClassifier))
    pipeline.set_callbacks(make_callback(tmp_path / "fit.csv"))
    with pytest.raises(TypeError, match="set it on the last step"):
        pipeline.fit(*problem(AdaptiveLRMLPClassifier))


class Pruned(Exception):
    pass


class Trial:
    """A trial that is given up after some reports."""

    def __init__(self, most=100, direction="MAXIMIZE"):
        self.most, self.values = most, {}
        self.study = SimpleNamespace(direction=SimpleNamespace(name=direction))

    def report(self, value, step):
        self.values[step] = value

    def should_prune(self):
        return len(self.values) >= self.most


@pytest.mark.parametrize(
    ("monitor", "direction", "curve"),
    [
        ("validation_score", "MAXIMIZE", "validation_scores_"),
        ("validation_loss", "MINIMIZE", "validation_loss_curve_"),
        ("loss", "MINIMIZE", "loss_curve_"),
    ],
)
def test_a_trial_gets_each_epoch(monitor, direction, curve):
    trial = Trial(direction=direction)
    model = make(AdaptiveLRMLPRegressor, **JUDGED).set_callbacks(OptunaPruning(trial, monitor))
    fit(model, *problem(AdaptiveLRMLPRegressor))
    assert trial.values == dict(enumerate(getattr(model, curve), 1))


def test_a_trial_that_is_given_up_ends_the_fit_and_leaves_the_estimator_as_it_was(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", SimpleNamespace(TrialPruned=Pruned))
    trial = Trial(most=2)
    model = make(AdaptiveLRMLPClassifier, **JUDGED).set_callbacks(OptunaPruning(trial))
    with pytest.raises(Pruned, match="after 2 epochs"):
        fit(model, *problem(AdaptiveLRMLPClassifier))
    assert list(trial.values) == [1, 2]
    assert not hasattr(model, "loss_curve_")


def test_what_cannot_be_monitored_is_refused():
    with pytest.raises(ValueError, match="`monitor` must be one of"):
        OptunaPruning(Trial(), "accuracy")
    with pytest.raises(ValueError, match="whose direction is 'maximize'"):
        OptunaPruning(Trial(direction="MINIMIZE"))
    with pytest.raises(ValueError, match="whose direction is 'minimize'"):
        OptunaPruning(Trial(), "loss")
    model = AdaptiveLRLinearRegression().set_callbacks(OptunaPruning(Trial()))
    with pytest.raises(ValueError, match="needs rows that are held out"):
        model.fit(*problem(AdaptiveLRLinearRegression))


def test_optuna_prunes_a_study():
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    X, y = problem(AdaptiveLRMLPClassifier)

    def objective(trial):
        alpha = trial.suggest_float("alpha", 1e-4, 1e4, log=True)
        model = clone(make(AdaptiveLRMLPClassifier, alpha=alpha, **JUDGED))
        fit(model.set_callbacks(OptunaPruning(trial)), X, y)
        return model.best_validation_score_

    pruner = optuna.pruners.ThresholdPruner(lower=2.0)  # no accuracy is as good
    study = optuna.create_study(direction="maximize", pruner=pruner)
    study.optimize(objective, n_trials=3)
    assert [trial.state.name for trial in study.trials] == ["PRUNED"] * 3
    study.pruner = optuna.pruners.NopPruner()
    study.optimize(objective, n_trials=2)
    assert [len(trial.intermediate_values) for trial in study.trials] == [1, 1, 1, 4, 4]
