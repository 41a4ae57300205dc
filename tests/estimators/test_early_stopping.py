import numpy as np
import pytest
from estimator_cases import CLASSIFIERS, ESTIMATORS, REGRESSORS, blocks, fit, make, problem
from sklearn.metrics import accuracy_score

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))


@estimators
def test_a_score_and_a_loss_are_recorded_after_each_epoch(cls):
    model = fit(make(cls, solver="adam", early_stopping=True, max_iter=7), *problem(cls))
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == model.n_iter_ == 7


@estimators
def test_without_early_stopping_there_are_no_scores(cls):
    model = fit(make(cls, solver="adam"), *problem(cls))
    assert model.validation_scores_ is None
    assert model.validation_loss_curve_ is None


@estimators
def test_scores_that_stand_still_end_the_fit_and_the_reason_says_so(cls):
    model = make(cls, solver="adam", early_stopping=True, max_iter=5000, tol=1e-3, learning_rate_init=0.05)
    model.fit(*problem(cls))
    assert model.n_iter_ < 5000
    assert "validation" in model.stop_reason_


@estimators
def test_the_parameters_with_the_best_score_are_kept(cls):
    # At a rate that large the later epochs are worse; the model that is kept is that of the best one.
    X, y = problem(cls)
    model = make(cls, solver="adam", early_stopping=True, max_iter=40, learning_rate_init=0.3)
    fit(model, X, y)
    best = max(range(40), key=lambda epoch: (model.validation_scores_[epoch], -model.validation_loss_curve_[epoch]))
    assert best < 39, "the best epoch must not be the last for this test to mean anything"
    until_best = fit(model.set_params(max_iter=best + 1), X, y)
    straight = blocks(until_best).copy()
    np.testing.assert_array_equal(straight, blocks(fit(model.set_params(max_iter=40), X, y)))


@pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
def test_the_score_of_a_classifier_is_the_accuracy_on_rows_that_do_not_train(cls):
    X, y = problem(cls)
    # labels that nothing explains: what trains is learnt by heart or not, what is held out stays at chance
    y = np.random.RandomState(0).randint(2, size=len(y))
    held_out = fit(make(cls, solver="adam", early_stopping=True, validation_fraction=0.25, max_iter=1), X, y)
    n_held_out = 15
    hits = held_out.validation_scores_[0] * n_held_out
    assert hits == pytest.approx(round(hits), abs=1e-9)
    assert 0 <= hits <= n_held_out


@pytest.mark.parametrize("cls", REGRESSORS.values(), ids=list(REGRESSORS))
def test_the_score_of_a_regressor_does_not_depend_on_the_units_of_y(cls):
    X, y = problem(cls)
    options = {"solver": "adam", "early_stopping": True, "max_iter": 20}
    one = fit(make(cls, **options), X, y)
    other = fit(make(cls, **options), X, 1024 * y)
    np.testing.assert_array_equal(one.validation_scores_, other.validation_scores_)


@pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
def test_validation_scores_use_the_sample_weights(cls):
    # Half the rows say the opposite of the other half, with next to no weight: they cannot lower a weighted score.
    X, y = problem(cls, n_rows=200)
    X, y = np.vstack([X, X]), np.r_[y, 1 - y]
    weight = np.r_[np.ones(200), np.full(200, 1e-9)]
    model = make(cls, solver="adam", early_stopping=True, max_iter=60, learning_rate_init=0.02)
    model = fit(model, X, y, sample_weight=weight)
    assert max(model.validation_scores_) > 0.85
    assert accuracy_score(y, model.predict(X)) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
def test_where_a_stratified_split_is_impossible_training_goes_on_and_says_so(cls):
    X, y = problem(cls)
    y = np.r_[0, np.ones(len(y) - 1)].astype(int)  # a class of one row cannot be on both sides
    model = fit(make(cls, solver="adam", early_stopping=True), X, y)
    assert model.n_iter_ == 5
    assert model.validation_scores_ is None
    assert "Early stopping had no rows to hold out" in model.stop_reason_


@estimators
def test_where_there_are_too_few_rows_training_goes_on_and_says_so(cls):
    X, y = problem(cls)
    rows = [int(np.argmin(y)), int(np.argmax(y))]
    model = fit(make(cls, solver="adam", early_stopping=True), X[rows], y[rows])
    assert model.validation_scores_ is None
    assert "Early stopping had no rows to hold out" in model.stop_reason_


@estimators
def test_the_order_of_a_fit_without_split_is_that_of_a_fit_without_early_stopping(cls):
    X, y = problem(cls)
    rows = [int(np.argmin(y)), int(np.argmax(y))]
    with_request = fit(make(cls, solver="adam", early_stopping=True, batch_size=1), X[rows], y[rows])
    without = fit(make(cls, solver="adam", batch_size=1), X[rows], y[rows])
    np.testing.assert_array_equal(blocks(with_request), blocks(without))
