"""Validation data of the user's own: they judge, and a pipeline transforms them as it transforms X."""

import copy
import re
import warnings

import numpy as np
import pytest
import sklearn
from estimator_cases import CLASSIFIERS, ESTIMATORS, MLP, blocks, fit, make, problem, same_state
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return train_test_split(X, y, random_state=0)


def test_the_last_score_is_that_of_the_model_on_the_validation_data(cancer):
    X, X_val, y, y_val = cancer
    model = AdaptiveLRMLPClassifier(early_stopping=True, max_iter=30, random_state=0)
    model.fit(X, y, X_val=X_val, y_val=y_val)
    assert max(model.validation_scores_) == model.score(X_val, y_val)
    best = max(
        range(len(model.validation_scores_)),
        key=lambda i: (model.validation_scores_[i], -model.validation_loss_curve_[i]),
    )
    assert model.validation_loss_curve_[best] == pytest.approx(log_loss(y_val, model.predict_proba(X_val)), rel=1e-9)


def test_validation_data_do_not_train(cancer):
    X, X_val, y, y_val = cancer
    options = {"early_stopping": True, "max_iter": 1, "tol": 0, "random_state": 0}
    one = AdaptiveLRMLPClassifier(**options).fit(X, y, X_val=X_val, y_val=y_val)
    other = AdaptiveLRMLPClassifier(**options).fit(X, y, X_val=X_val[::-1] * 2, y_val=y_val)
    plain = AdaptiveLRMLPClassifier(**{**options, "early_stopping": False}).fit(X, y)
    np.testing.assert_array_equal(one.coefs_[0], other.coefs_[0])
    np.testing.assert_array_equal(one.coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize("model", [AdaptiveLRLogisticRegression(), AdaptiveLRMLPClassifier()], ids=repr)
def test_a_pipeline_transforms_validation_data_as_it_transforms_the_features(cancer, model):
    X, X_val, y, y_val = cancer
    model = sklearn.clone(model).set_params(early_stopping=True, max_iter=20, tol=0, random_state=0)
    with sklearn.config_context(enable_metadata_routing=True):
        steps = [("scale", StandardScaler()), ("model", model.set_fit_request(X_val=True, y_val=True))]
        pipeline = Pipeline(steps, transform_input=["X_val"]).fit(X, y, X_val=X_val, y_val=y_val)
    assert max(pipeline[-1].validation_scores_) == pipeline.score(X_val, y_val)


def test_regression_outputs_are_judged_in_their_own_units():
    X, y = load_diabetes(return_X_y=True)
    model = AdaptiveLRMLPRegressor(early_stopping=True, max_iter=30, random_state=0)
    model.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    best = int(np.argmax(model.validation_scores_))
    half_mse = 0.5 * np.mean((model.predict(X[300:]) - y[300:]) ** 2)
    assert model.validation_scores_[best] == pytest.approx(model.score(X[300:], y[300:]), rel=1e-9)
    assert model.validation_loss_curve_[best] == pytest.approx(half_mse, rel=1e-9)


def test_validation_data_without_early_stopping_are_refused(cancer):
    X, X_val, y, y_val = cancer
    with pytest.raises(ValueError, match="early_stopping=True"):
        AdaptiveLRMLPClassifier(early_stopping=False).fit(X, y, X_val=X_val, y_val=y_val)


def test_one_half_of_the_validation_data_is_refused(cancer):
    X, X_val, y, _ = cancer
    with pytest.raises(ValueError, match="`X_val` and `y_val` must be passed together"):
        AdaptiveLRMLPClassifier(early_stopping=True).fit(X, y, X_val=X_val)


def test_an_unknown_class_in_the_validation_data_is_refused(cancer):
    X, X_val, y, y_val = cancer
    with pytest.raises(ValueError, match="outside `classes`"):
        AdaptiveLRMLPClassifier(early_stopping=True).fit(X, y, X_val=X_val, y_val=y_val + 1)


# Weights

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
EARLY = {"early_stopping": True, "max_iter": 12, "learning_rate_init": 0.1}


def parts(cls):
    """Return rows to train on, rows to judge, and weights of the latter, some of them zero."""
    X, y = problem(cls, 90)
    return (X[:60], y[:60]), (X[60:], y[60:]), np.random.RandomState(0).randint(0, 4, size=30).astype(float)


@estimators
def test_a_weight_of_a_validation_row_is_a_repetition(cls):
    train, (X_val, y_val), weight = parts(cls)
    weighted = fit(make(cls, **EARLY), *train, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    rows = np.repeat(np.arange(30), weight.astype(int))
    repeated = fit(make(cls, **EARLY), *train, X_val=X_val[rows], y_val=y_val[rows])
    plain = fit(make(cls, **EARLY), *train, X_val=X_val, y_val=y_val)
    np.testing.assert_allclose(weighted.validation_scores_, repeated.validation_scores_, rtol=1e-9)
    np.testing.assert_allclose(weighted.validation_loss_curve_, repeated.validation_loss_curve_, rtol=1e-9)
    np.testing.assert_array_equal(blocks(weighted), blocks(repeated))
    assert not np.allclose(weighted.validation_loss_curve_, plain.validation_loss_curve_, rtol=1e-3)


@estimators
def test_the_weighted_score_and_loss_are_those_of_the_model_that_is_kept(cls):
    train, (X_val, y_val), weight = parts(cls)
    model = fit(make(cls, **EARLY), *train, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    kept = model.best_epoch_ - 1
    assert model.validation_scores_[kept] == pytest.approx(model.score(X_val, y_val, weight), rel=1e-9)
    if cls in CLASSIFIERS.values():
        loss = log_loss(y_val, model.predict_proba(X_val), sample_weight=weight)
    else:
        loss = 0.5 * np.average((model.predict(X_val) - y_val) ** 2, weights=weight)
    assert model.validation_loss_curve_[kept] == pytest.approx(loss, rel=1e-9)


@estimators
def test_validation_rows_without_weight_do_not_judge(cls):
    train, (X_val, y_val), weight = parts(cls)
    rows, far = weight > 0, X_val * 1e6
    one = fit(
        make(cls, **EARLY),
        *train,
        X_val=np.where(rows[:, None], X_val, far),
        y_val=y_val,
        sample_weight_val=weight,
    )
    other = fit(make(cls, **EARLY), *train, X_val=X_val[rows], y_val=y_val[rows], sample_weight_val=weight[rows])
    assert one.validation_loss_curve_ == other.validation_loss_curve_
    np.testing.assert_array_equal(blocks(one), blocks(other))


@estimators
@pytest.mark.parametrize("unit", [2.0**-40, 1.0, 2.0**40])
def test_the_unit_of_the_validation_weights_does_not_matter_and_equal_ones_are_none(cls, unit):
    train, (X_val, y_val), weight = parts(cls)
    for one, other in ((weight * unit, weight), (np.full(30, 3 * unit), None)):
        models = [
            fit(make(cls, **EARLY), *train, X_val=X_val, y_val=y_val, sample_weight_val=given)
            for given in (one, other)
        ]
        assert models[0].validation_loss_curve_ == models[1].validation_loss_curve_


def test_what_counts_as_chance_follows_the_weights_of_the_validation_rows():
    """Half a standard error of 100 rows that count is .02; that of the rows with next to no weight would be .002."""
    X, y = problem(AdaptiveLRMLPClassifier, 10_100)
    X, y = X[:, :1], np.where(np.random.RandomState(0).rand(10_100) < 0.2, 1 - y, y)
    weight = np.r_[np.ones(100), np.full(10_000, 1e-9)]
    rows = {"X_val": X, "y_val": y, "sample_weight_val": weight}
    options = {"early_stopping": "auto", "learning_rate": "constant", "learning_rate_init": 0.3, "max_iter": 30}
    model = fit(make(AdaptiveLRMLPClassifier, **options), X[:200], y[:200], **rows)
    few = fit(make(AdaptiveLRMLPClassifier, **options), X[:200], y[:200], X_val=X[:100], y_val=y[:100])
    np.testing.assert_allclose(model.validation_scores_, few.validation_scores_, rtol=1e-6)
    assert model.best_epoch_ == few.best_epoch_
    scores = np.array(model.validation_scores_)
    assert scores[model.best_epoch_ - 1] < scores.max() < scores[model.best_epoch_ - 1] + 0.02


def test_class_weights_do_not_weigh_the_validation_rows_but_leave_out_those_of_weight_zero():
    X, y = problem(AdaptiveLRMLPClassifier, 90, n_classes=3)
    weight = np.random.RandomState(0).uniform(0.5, 2, 30)
    options = {"class_weight": {0: 0, 1: 1, 2: 5}, **EARLY}
    model = fit(
        make(AdaptiveLRMLPClassifier, **options),
        X[:60], y[:60], X_val=X[60:], y_val=y[60:], sample_weight_val=weight
    )  # fmt: skip
    rows = y[60:] > 0
    score = model.score(X[60:][rows], y[60:][rows], weight[rows])
    assert model.validation_scores_[model.best_epoch_ - 1] == pytest.approx(score, rel=1e-12)
    with pytest.raises(ValueError, match="nothing to validate on"):
        model.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:], sample_weight_val=1.0 * ~rows)


@pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))
def test_a_pipeline_hands_on_the_weights_of_the_validation_rows(cls):
    (X, y), (X_val, y_val), weight = parts(cls)
    requests = {"X_val": True, "y_val": True, "sample_weight_val": True}
    with sklearn.config_context(enable_metadata_routing=True):
        steps = [("scale", StandardScaler()), ("model", make(cls, **EARLY).set_fit_request(**requests))]
        pipeline = Pipeline(steps, transform_input=["X_val"])
        fit(pipeline, X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    model = pipeline[-1]
    expected = model.score(pipeline[:1].transform(X_val), y_val, weight)
    assert model.validation_scores_[model.best_epoch_ - 1] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(29), r"`sample_weight_val` must have one entry for each of the 30 samples; got shape \(29,\)"),
        (-np.ones(30), "`sample_weight_val` must not be negative; got -1"),
        (np.full(30, np.nan), "sample_weight_val contains NaN"),
        (np.zeros(30), "The weights are all zero"),
    ],
)
def test_weights_of_validation_rows_are_checked_as_those_of_the_others(weight, message):
    train, (X_val, y_val), _ = parts(AdaptiveLRMLPRegressor)
    with pytest.raises(ValueError, match=message):
        AdaptiveLRMLPRegressor().fit(*train, X_val=X_val, y_val=y_val, sample_weight_val=weight)


def test_weights_of_validation_rows_without_the_rows_are_refused():
    train, (X_val, _), weight = parts(AdaptiveLRMLPRegressor)
    with pytest.raises(ValueError, match="`sample_weight_val` has the weights of validation rows; pass `X_val`"):
        AdaptiveLRMLPRegressor().fit(*train, sample_weight_val=weight)
    with pytest.raises(ValueError, match="must be passed together"):
        AdaptiveLRMLPRegressor().fit(*train, X_val=X_val, sample_weight_val=weight)


# Divergence

DIVERGED = re.compile(r"became non-finite at epoch \d+ \(learning rates .*\).*lower `learning_rate_init`")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("judges", ["held out", "of the user"])
@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_a_fit_that_diverges_before_its_judges_names_epoch_and_rates(cls, judges, storage, dtype):
    X, y = problem(cls)
    X = storage(X.astype(dtype))
    own = {"X_val": X[:20], "y_val": y[:20]} if judges == "of the user" else {}
    for solver in ("sgd", "momentum"):
        options = {"solver": solver, "learning_rate": "constant", "learning_rate_init": 1e200, "max_iter": 50}
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            with pytest.raises(ValueError, match=DIVERGED):
                fit(make(cls, early_stopping=True, **options), X, y, **own)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    "cls", [AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression, AdaptiveLRMLPRegressor, AdaptiveLRMLPClassifier]
)
def test_predictions_of_validation_data_that_overflow_say_so_and_leave_the_model_as_it_was(cls, storage, dtype):
    X, y = problem(cls)
    X = X.astype(dtype)
    model = fit(make(cls, early_stopping=True, activation="relu") if "MLP" in cls.__name__ else make(cls), X, y)
    # the rate is so high that what training rows bear is too much for rows far out
    rate, far = (1e150, 1e170) if dtype is np.float64 else (1e17, 1e25)
    model.set_params(early_stopping=True, solver="sgd", learning_rate="constant", learning_rate_init=rate, max_iter=1)
    model.set_params(batch_size=len(y))
    before = copy.deepcopy(vars(model))
    message = r"The loss of the validation data became non-finite at epoch 1 \(learning rates .*extreme values in"
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with pytest.raises(ValueError, match=message):
            model.fit(storage(X), y, X_val=storage((X[:20] * dtype(far)).astype(dtype)), y_val=y[:20])
    assert same_state(before, vars(model))


@pytest.mark.parametrize("cls", [AdaptiveLRMLPClassifier, AdaptiveLRMLPRegressor])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_folds_that_diverge_leave_it_to_the_fit_to_say_so(cls, dtype):
    X, y = problem(cls)
    options = {"solver": "sgd", "learning_rate": "constant", "learning_rate_init": 1e200}
    model = make(cls, early_stopping="auto", tol=1e-4, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with pytest.raises(ValueError, match=DIVERGED):
            model.fit(X.astype(dtype), y)
