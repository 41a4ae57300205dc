"""Validation data of the user's own: they judge, and a pipeline transforms them as it transforms X."""

import copy
import re
import warnings

import numpy as np
import pytest
import sklearn
from estimator_cases import ESTIMATORS, fit, make, problem, same_state
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
