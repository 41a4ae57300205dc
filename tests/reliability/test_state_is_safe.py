"""Threads, clones and copies: a model depends on its own data and seed alone."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier

X, Y = load_breast_cancer(return_X_y=True)
MODELS = [
    AdaptiveLRLinearRegression(solver="exact"),
    AdaptiveLRLogisticRegression(),
    AdaptiveLRLogisticRegression(solver="sgd", max_iter=10, tol=0, random_state=0),
    AdaptiveLRMLPClassifier(max_iter=5, tol=0, random_state=0),
    AdaptiveLRMLPClassifier(max_iter=5, tol=0, random_state=0, learning_rate="hypergradient", solver="nesterov"),
]
models = pytest.mark.parametrize("model", MODELS, ids=repr)


@models
def test_eight_threads_with_estimators_of_their_own_give_bitwise_the_same_model(model):
    expected = clone(model).fit(X, Y).predict(X)
    with ThreadPoolExecutor(8) as pool:
        fitted = list(pool.map(lambda _: clone(model).fit(X, Y), range(8)))
    for other in fitted:
        np.testing.assert_array_equal(other.predict(X), expected)


@models
def test_a_refit_forgets_the_model_before_it(model):
    model = clone(model).fit(X, Y)
    first = model.predict(X)
    model.fit(X[:50] * 3, Y[:50])
    np.testing.assert_array_equal(model.fit(X, Y).predict(X), first)


@models
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deep", "pickle"]
)
def test_training_a_copy_leaves_the_original_alone(model, copied):
    if "exact" in repr(model) or (model.solver == "auto" and "Logistic" in repr(model)):
        model = clone(model).set_params(solver="adam", max_iter=5, tol=0)
    original = clone(model).fit(X, Y)
    before = original.predict(X)
    copied(original).partial_fit(X * 2, Y)
    np.testing.assert_array_equal(original.predict(X), before)


def test_a_poisoned_batch_is_refused_and_the_model_kept():
    model = AdaptiveLRMLPClassifier(random_state=0).partial_fit(X, Y, classes=[0, 1])
    before = copy.deepcopy(vars(model))
    with pytest.raises(ValueError, match=r"Training cannot go on|non-finite"):
        model.partial_fit(X * 1e250, Y)
    assert all(np.array_equal(a, b) for a, b in zip(model.coefs_, before["coefs_"], strict=True))
    assert model.n_iter_ == before["n_iter_"]
