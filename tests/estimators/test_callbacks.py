"""scikit-learn's callbacks: one task per epoch or iteration, alone and inside searches and pipelines."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since version 1.9")

MODELS = [
    AdaptiveLRLinearRegression(solver="adam", max_iter=6, tol=0, random_state=0),
    AdaptiveLRLinearRegression(solver="exact"),
    AdaptiveLRLogisticRegression(max_iter=6, tol=0),
    AdaptiveLRMLPClassifier(max_iter=6, tol=0, random_state=0),
    AdaptiveLRMLPRegressor(max_iter=6, tol=0, random_state=0),
]
models = pytest.mark.parametrize("model", MODELS, ids=repr)


class Recorder:
    """Counts tasks, and asks to stop at the end of a given epoch."""

    def __init__(self, stop_after=None):
        self.stop_after, self.begun, self.ended, self.is_set_up = stop_after, 0, 0, False

    def setup(self, estimator, context):
        self.is_set_up = True

    def teardown(self, estimator, context):
        self.is_set_up = False

    def on_fit_task_begin(self, estimator, context):
        self.begun += context.task_name == "epoch"

    def on_fit_task_end(self, estimator, context):
        self.ended += context.task_name == "epoch"
        return self.ended == self.stop_after


def data(model):
    return (load_diabetes if "Regressor" in repr(model) or "Linear" in repr(model) else load_breast_cancer)(
        return_X_y=True
    )


@models
def test_there_is_a_task_for_each_epoch_or_iteration(model):
    model = clone(model)
    recorder = Recorder()
    model.set_callbacks(recorder).fit(*data(model))
    assert recorder.begun == recorder.ended == model.n_iter_ > 1
    assert not recorder.is_set_up


@models
def test_a_callback_that_returns_true_ends_the_fit_with_a_usable_model(model):
    X, y = data(model)
    model = clone(model)
    model.set_callbacks(Recorder(stop_after=2)).fit(X, y)
    assert model.n_iter_ == 2
    assert "callback" in model.stop_reason_.lower()
    assert np.isfinite(model.score(X, y))


def test_a_callback_that_ends_a_fit_whose_folds_still_gain_warns_of_nothing(recwarn):
    model = AdaptiveLRMLPClassifier(max_iter=3, random_state=0).set_callbacks(Recorder(stop_after=2))
    model.fit(*data(model))
    assert model.n_iter_ == 2
    assert "callback" in model.stop_reason_.lower()
    assert not recwarn.list


@models
def test_a_callback_changes_no_bit_of_the_model(model):
    X, y = data(model)
    model = clone(model)
    watched = model.set_callbacks(Recorder()).fit(X, y).predict(X)
    np.testing.assert_array_equal(model.set_callbacks().fit(X, y).predict(X), watched)


def test_the_callback_is_torn_down_after_a_fit_that_fails():
    recorder = Recorder()
    with pytest.raises(ValueError, match="NaN"):
        AdaptiveLRMLPClassifier().set_callbacks(recorder).fit([[np.nan], [1.0]], [0, 1])
    assert not recorder.is_set_up


@pytest.mark.parametrize("model", MODELS[2:4], ids=repr)
def test_the_scoring_monitor_logs_the_score_of_the_model_so_far(model):
    X, y = data(model)
    model = clone(model)
    monitor = callback.ScoringMonitor(scoring="accuracy")
    model.set_callbacks(monitor).fit(X, y)
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == model.n_iter_
    assert scores[-1] == model.score(X, y)


def test_the_progress_bar_runs_alone_and_nested_in_a_search(capsys):
    pytest.importorskip("rich")
    X, y = load_breast_cancer(return_X_y=True)
    AdaptiveLRMLPClassifier(max_iter=3, tol=0).set_callbacks(callback.ProgressBar()).fit(X, y)
    assert "AdaptiveLRMLPClassifier" in capsys.readouterr().out
    pipeline = make_pipeline(StandardScaler(), AdaptiveLRMLPClassifier(max_iter=2, tol=0))
    search = GridSearchCV(pipeline, {"adaptivelrmlpclassifier__alpha": [1e-4, 1e-2]}, n_jobs=2, cv=2)
    search.set_callbacks(callback.ProgressBar()).fit(X, y)
    assert "GridSearchCV" in capsys.readouterr().out
