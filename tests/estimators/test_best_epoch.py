"""Which epoch a fit keeps, by fits that end there."""

import pickle

import numpy as np
import pytest
from estimator_cases import CLASSIFIERS, ESTIMATORS, LINEAR, MLP, blocks, fit, make, needs_callbacks, problem

from sk_adalr.checkpoint import Checkpoint
from sk_adalr.training import Validation

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
networks = pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))
# At a rate that large, and with half of the labels wrong, the last epoch is not the best.
ROUGH = {"solver": "adam", "learning_rate": "constant", "learning_rate_init": 0.3, "early_stopping": True}


def rough(cls, n_rows=60):
    X, y = problem(cls, n_rows)
    rng = np.random.RandomState(1)
    return X, np.where(rng.rand(n_rows) < 0.4, rng.permutation(y), y)


@estimators
@pytest.mark.parametrize("judges", ["held out", "of the user"])
def test_a_fit_that_ends_at_the_best_epoch_has_the_same_parameters(cls, judges):
    X, y = rough(cls)
    own = {"X_val": X[40:], "y_val": y[40:]} if judges == "of the user" else {}
    model = fit(make(cls, max_iter=40, **ROUGH), X, y, **own)
    assert model.best_epoch_ < 40, "the best epoch must not be the last for this test to mean anything"
    until_then = fit(make(cls, max_iter=model.best_epoch_, **ROUGH), X, y, **own)
    np.testing.assert_array_equal(blocks(until_then), blocks(model))
    assert until_then.best_epoch_ == model.best_epoch_
    before = fit(make(cls, max_iter=model.best_epoch_ - 1, **ROUGH), X, y, **own) if model.best_epoch_ > 1 else None
    assert before is None or (blocks(before) != blocks(model)).any()


@estimators
def test_the_best_epoch_has_the_highest_score_and_of_equal_ones_the_lowest_loss(cls):
    model = fit(make(cls, max_iter=40, **ROUGH), *rough(cls))
    order = sorted(range(40), key=lambda i: (-model.validation_scores_[i], model.validation_loss_curve_[i]))
    assert model.best_epoch_ == order[0] + 1


def test_where_the_loss_decides_between_equal_accuracies_the_epoch_is_the_one_that_is_kept():
    epochs = [(0.80, 1.0), (0.815, 1.1), (0.79, 0.9), (0.70, 2.0)]
    validation = Validation(lambda params: epochs[params[0]], n_rows=100)
    kept = []
    for epoch in range(4):
        validation(np.array([epoch]))
        kept.append((validation.best_epoch, validation.best_params[0] + 1))
    assert kept == [(1, 1), (1, 1), (3, 3), (3, 3)]


@estimators
def test_without_rows_that_judge_it_is_the_last_epoch(cls):
    assert fit(make(cls, solver="adam", max_iter=7), *problem(cls)).best_epoch_ == 7


@networks
def test_of_folds_it_is_the_number_of_epochs_that_all_rows_trained_for(cls):
    model = fit(make(cls, early_stopping="auto", learning_rate="auto", tol=1e-4, max_iter=60), *rough(cls))
    assert "folds" in model.stop_reason_
    assert model.best_epoch_ == model.n_iter_ < 60


@pytest.mark.parametrize("cls", LINEAR.values(), ids=list(LINEAR))
def test_where_there_are_no_epochs_there_is_none(cls):
    X, y = problem(cls)
    model = fit(make(cls), X, y)
    assert fit(model.set_params(learning_rate="auto", solver="auto"), X, y).best_epoch_ is None
    classes = {"classes": [0, 1]} if cls in CLASSIFIERS.values() else {}
    assert cls().partial_fit(X, y, **classes).best_epoch_ is None


@estimators
def test_a_warm_start_counts_the_epochs_before_it(cls):
    X, y = rough(cls)
    straight = fit(make(cls, max_iter=40, **ROUGH), X, y)
    parts = make(cls, max_iter=8, warm_start=True, **ROUGH)
    for _ in range(5):
        parts = pickle.loads(pickle.dumps(fit(parts, X, y)))
    assert parts.best_epoch_ == straight.best_epoch_
    np.testing.assert_array_equal(blocks(parts), blocks(straight))


@estimators
def test_epochs_that_nobody_judged_count_too(cls):
    X, y = rough(cls)
    model = fit(make(cls, max_iter=5, warm_start=True, **{**ROUGH, "early_stopping": False}), X, y)
    assert model.best_epoch_ == 5
    fit(model.set_params(early_stopping=True, max_iter=20), X, y)
    scores, losses = model.validation_scores_, model.validation_loss_curve_
    assert model.best_epoch_ == 6 + min(range(20), key=lambda i: (-scores[i], losses[i]))


@networks
def test_a_partial_fit_leaves_the_best_epoch_for_the_last_and_a_fit_goes_back_to_it(cls):
    X, y = rough(cls)
    model = fit(make(cls, max_iter=20, warm_start=True, **ROUGH), X, y)
    best, params = model.best_epoch_, blocks(model).copy()
    model.partial_fit(X, y)
    assert model.best_epoch_ == model.n_iter_ == 21
    model.set_params(learning_rate_init=1e3, max_iter=1)  # an epoch that cannot be the best
    fit(model, X, y)
    assert model.best_epoch_ == best
    np.testing.assert_array_equal(blocks(model), params)


@needs_callbacks
@networks
def test_a_fit_that_goes_on_from_its_file_keeps_the_same_epoch(cls, tmp_path):
    X, y = rough(cls)
    straight = fit(make(cls, max_iter=40, **ROUGH), X, y)
    file = tmp_path / "fit.checkpoint"
    fit(make(cls, max_iter=30, **ROUGH).set_callbacks(Checkpoint(file)), X, y)
    for _ in range(2):  # the second time the file has all epochs
        model = fit(make(cls, max_iter=40, **ROUGH).set_callbacks(Checkpoint(file)), X, y)
        assert model.best_epoch_ == straight.best_epoch_
        np.testing.assert_array_equal(blocks(model), blocks(straight))


@needs_callbacks
def test_a_callback_sees_the_best_epoch_so_far():
    cls, seen = MLP["AdaptiveLRMLPRegressor"], []

    class Watching:
        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name == "epoch":
                seen.append(fitted_estimator.best_epoch_)

    model = fit(make(cls, max_iter=20, **ROUGH).set_callbacks(Watching()), *rough(cls))
    assert seen == [1 + int(np.argmax(model.validation_scores_[:n])) for n in range(1, 21)]
