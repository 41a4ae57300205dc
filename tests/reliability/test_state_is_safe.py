"""Threads, clones, copies, failures: a model depends on its own data and seed alone, and is whole or as before."""

import copy
import pickle
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from estimator_cases import same_state
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)

X, Y = load_breast_cancer(return_X_y=True)
MODELS = [
    AdaptiveLRLinearRegression(solver="exact"),
    AdaptiveLRLogisticRegression(),
    AdaptiveLRLogisticRegression(solver="sgd", max_iter=10, tol=0, random_state=0),
    AdaptiveLRMLPClassifier(max_iter=5, tol=0, random_state=0),
    AdaptiveLRMLPClassifier(max_iter=5, tol=0, random_state=0, learning_rate="hypergradient", solver="nesterov"),
    AdaptiveLRMLPRegressor(max_iter=5, tol=0, random_state=0),
]
models = pytest.mark.parametrize("model", MODELS, ids=repr)
STREAMS = [model for model in MODELS if "exact" not in repr(model)]
streams = pytest.mark.parametrize("model", STREAMS, ids=repr)


@pytest.fixture(autouse=True)
def counted(request, cell):
    cell("state", request.node.callspec.params["model"], "right")


def state(model):
    return {name: value for name, value in vars(model).items() if name not in model.get_params()}


def first_batch(model, X=X, y=Y):
    classes = {} if "Regress" in repr(model) and "Logistic" not in repr(model) else {"classes": [0, 1]}
    return clone(model).partial_fit(X, y, **classes)


def refused(call, *args, match=".", **kwargs):
    """Assert that a call fails and leaves its model bitwise as it was."""
    before = copy.deepcopy(vars(call.__self__))
    with pytest.raises((ValueError, TypeError), match=match):
        call(*args, **kwargs)
    assert same_state(vars(call.__self__), before)


@models
def test_eight_threads_with_estimators_of_their_own_give_bitwise_the_same_model(model):
    expected = clone(model).fit(X, Y).predict(X)
    with ThreadPoolExecutor(8) as pool:
        fitted = list(pool.map(lambda _: clone(model).fit(X, Y), range(8)))
    for other in fitted:
        np.testing.assert_array_equal(other.predict(X), expected)


@models
def test_eight_threads_predict_with_one_model(model):
    model = clone(model).fit(X, Y)
    expected = model.predict(X)
    with ThreadPoolExecutor(8) as pool:
        for predicted in pool.map(lambda _: model.predict(X), range(16)):
            np.testing.assert_array_equal(predicted, expected)


@models
def test_a_refit_forgets_the_model_before_it(model):
    model = clone(model).fit(X, Y)
    first = model.predict(X)
    model.fit(X[:50] * 3, Y[:50])
    np.testing.assert_array_equal(model.fit(X, Y).predict(X), first)


@models
def test_a_refit_after_a_failure_is_the_fit_without_it(model):
    expected = state(clone(model).fit(X, Y))
    model = clone(model).fit(X[:50], Y[:50])
    for bad in (np.where(X > 500, np.nan, X), X[:, 0], X[:-1]):
        refused(model.fit, bad, Y)
    assert same_state(state(model.fit(X, Y)), expected)


@streams
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deep", "pickle"]
)
def test_training_a_copy_leaves_the_original_alone(model, copied):
    if model.solver == "auto" and "Logistic" in repr(model):
        model = clone(model).set_params(solver="adam", max_iter=5, tol=0)
    original = clone(model).fit(X, Y)
    before = original.predict(X)
    copied(original).partial_fit(X * 2, Y)
    np.testing.assert_array_equal(original.predict(X), before)


@streams
def test_a_copy_in_the_middle_of_training_goes_on_bitwise(model):
    model = first_batch(model)
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    expected = state(model.partial_fit(X[::-1], Y[::-1]))
    for other in copies:
        assert same_state(state(other.partial_fit(X[::-1], Y[::-1])), expected)


@streams
def test_a_clone_has_nothing_of_the_original(model):
    model = first_batch(model)
    assert state(clone(model)) == {}


@streams
@pytest.mark.parametrize("factor", [1e200, 1e250, 1e300, -1e280])
def test_a_poisoned_batch_is_refused_and_the_model_kept_or_it_is_harmless(model, factor):
    model = first_batch(model)
    before = copy.deepcopy(vars(model))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            model.partial_fit(X * factor, Y)
        except ValueError as error:
            assert "non-finite" in str(error) or "cannot go on" in str(error)  # noqa: PT017
            assert same_state(vars(model), before)
    assert np.isfinite(model.predict(X)).all()
    assert same_state(state(model.partial_fit(X, Y)), state(model))


@streams
def test_a_batch_of_infinite_targets_or_weights_is_refused_and_the_model_kept(model):
    model = first_batch(model)
    refused(model.partial_fit, X, Y, sample_weight=np.full(len(Y), np.inf), match="infinity")
    refused(model.partial_fit, X, np.where(Y == 1, np.nan, Y), match="NaN")


@streams
def test_a_batch_of_other_columns_or_classes_is_refused_and_the_model_kept(model):
    model = first_batch(model)
    refused(model.partial_fit, X[:, :-1], Y, match="features")
    if hasattr(model, "classes_"):
        refused(model.partial_fit, X, Y + 1, match="outside `classes`")
        refused(model.partial_fit, X, Y, classes=[0, 1, 2], match="must not change")
    else:
        refused(model.partial_fit, X, np.column_stack([Y, Y]), match="same")


@streams
def test_a_warm_start_on_other_data_is_refused_and_the_model_kept(model):
    model = clone(model).set_params(warm_start=True).fit(X, Y)
    refused(model.fit, X[:, :-1], Y, match="features|architecture|same")
    if hasattr(model, "classes_"):
        refused(model.fit, X, Y + 1, match="same target as before")


@models
def test_a_fit_changes_neither_the_data_nor_the_parameters(model):
    model = clone(model)
    params, features, target = repr(model), X.copy(), Y.copy()
    model.fit(features, target)
    assert repr(model) == params
    np.testing.assert_array_equal(features, X)
    np.testing.assert_array_equal(target, Y)


@models
def test_one_estimator_fitted_in_two_threads_is_one_of_both_models(model):
    # scikit-learn's estimators are not made for this. But a mixture of two fits would be silent garbage.
    halves = [(X[:300], Y[:300]), (X[300:], Y[300:])]
    expected = [state(clone(model).fit(*half)) for half in halves]
    shared = clone(model)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=shared.fit, args=half) for half in halves]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert any(same_state(state(shared), one) for one in expected)
