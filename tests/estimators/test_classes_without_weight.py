"""A class whose weights are all zero stays a class, whose probability is next to nothing."""

import warnings

import numpy as np
import pytest
from estimator_cases import CLASSIFIERS, blocks
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from sk_adalr import AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier

classifiers = pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
storages = pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array])
full_batch = pytest.mark.parametrize("solver", ["auto", "exact"])
# How many classes, and which of them have no weight.
CASES = [(2, [0]), (2, [1]), (3, [0]), (3, [2]), (3, [0, 2]), (4, [1]), (4, [3]), (5, [0, 4])]
some_without = pytest.mark.parametrize(("n_classes", "without"), CASES)
EPS = np.finfo(float).eps


def problem(n_classes, without, n_rows=160, seed=0):
    rng = np.random.RandomState(seed)
    y = np.arange(n_rows) % n_classes
    X = rng.standard_normal((n_rows, 3)) + rng.standard_normal((n_classes, 3))[y]
    weight = np.where(np.isin(y, without), 0.0, rng.uniform(0.5, 2, n_rows))
    return X, y, weight


def fit(model, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*args, **kwargs)


def network(**params):
    return AdaptiveLRMLPClassifier(**{"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 40, **params})


MODELS = {
    "logistic": AdaptiveLRLogisticRegression(),
    "logistic exact": AdaptiveLRLogisticRegression(solver="exact"),
    "logistic adam": AdaptiveLRLogisticRegression(solver="adam", random_state=0),
    "logistic judged": AdaptiveLRLogisticRegression(solver="sgd", early_stopping=True, random_state=0),
    "logistic literal": AdaptiveLRLogisticRegression(solver="adam", learning_rate="hypergradient", random_state=0),
    "network": network(),
    "network judged": network(early_stopping=True),
    "network to the end": network(early_stopping=False),
    "network literal": network(solver="sgd", learning_rate="constant"),
}
models = pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))


@pytest.mark.one_in(3)
@models
@storages
@some_without
def test_it_has_its_column_and_next_to_no_probability(model, storage, n_classes, without):
    X, y, weight = problem(n_classes, without)
    names = np.array(list("abcde"))[y]
    fitted = fit(clone(model), storage(X), names, sample_weight=weight)
    np.testing.assert_array_equal(fitted.classes_, np.unique(names))
    far = storage(np.vstack([X, 100 * X]))
    probability = fitted.predict_proba(far)
    assert probability.shape == (320, n_classes)
    assert (probability[:, without] <= 2 * EPS).all()
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-12)
    assert np.isfinite(fitted.predict_log_proba(far)).all()
    assert not np.isin(fitted.predict(far), np.array(list("abcde"))[without]).any()
    assert np.isfinite(fitted.loss_)


@pytest.mark.one_in(2)
@models
@some_without
def test_a_class_weight_of_zero_is_a_sample_weight_of_zero(model, n_classes, without):
    X, y, _ = problem(n_classes, without)
    class_weight = {k: 0.0 if k in without else 1.5 for k in range(n_classes)}
    by_class = fit(clone(model).set_params(class_weight=class_weight), X, y)
    by_row = fit(clone(model), X, y, sample_weight=np.array([class_weight[k] for k in y]))
    np.testing.assert_array_equal(blocks(by_class), blocks(by_row))
    np.testing.assert_array_equal(by_class.classes_, np.arange(n_classes))


@pytest.mark.one_in(2)
@full_batch
@storages
@some_without
@pytest.mark.parametrize("C", [0.1, np.inf])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_probabilities_are_those_of_scikit_learn(solver, storage, n_classes, without, C, fit_intercept):
    if np.inf == C and not fit_intercept and n_classes - len(without) == 1:
        pytest.skip("the optimum may lie at infinity")
    X, y, weight = problem(n_classes, without)
    options = {"C": C, "fit_intercept": fit_intercept}
    ours = AdaptiveLRLogisticRegression(tol=1e-8, solver=solver, **options).fit(storage(X), y, sample_weight=weight)
    theirs = LogisticRegression(tol=1e-10, max_iter=100_000, **options).fit(X, y, sample_weight=weight)
    probabilities = ours.predict_proba(storage(X)), theirs.predict_proba(X)
    if np.inf == C and fit_intercept:  # lbfgs stops on its way to infinity
        losses = [log_loss(y, p, sample_weight=weight, labels=np.arange(n_classes)) for p in probabilities]
        assert losses[0] <= losses[1] + 1e-9
    else:  # to what lbfgs leaves
        np.testing.assert_allclose(*probabilities, atol=2e-6)


@full_batch
@pytest.mark.parametrize(("n_classes", "without"), [(4, [1]), (4, [3]), (5, [0, 4])])
@pytest.mark.parametrize("C", [0.1, np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_the_other_classes_are_those_of_a_fit_without_its_rows(solver, n_classes, without, C, dtype, class_weight):
    X, y, weight = problem(n_classes, without)
    rows, others = weight > 0, np.setdiff1d(np.arange(n_classes), without)
    model = AdaptiveLRLogisticRegression(C=C, solver=solver, tol=1e-8, class_weight=class_weight)
    ours = clone(model).fit(X.astype(dtype), y, sample_weight=weight)
    deleted = clone(model).fit(X[rows].astype(dtype), y[rows], sample_weight=weight[rows])
    atol = 1e-7 if dtype == np.float64 else 1e-5  # rounding of float32
    np.testing.assert_allclose(ours.coef_[others], deleted.coef_, atol=atol)
    intercept = ours.intercept_[others] - ours.intercept_[others].mean()
    np.testing.assert_allclose(intercept, deleted.intercept_, atol=10 * atol)


@full_batch
def test_two_classes_left_of_three_are_two_classes_of_half_the_penalty(solver):
    # Both have coefficients then: w/2 and -w/2, whose squares add up to half of that of w.
    X, y, weight = problem(3, [1])
    rows = weight > 0
    three = AdaptiveLRLogisticRegression(C=0.1, tol=1e-8, solver=solver).fit(X, y, sample_weight=weight)
    two = LogisticRegression(C=0.2, tol=1e-10).fit(X[rows], y[rows], sample_weight=weight[rows])
    np.testing.assert_allclose(three.predict_proba(X)[:, [0, 2]], two.predict_proba(X), atol=1e-6)  # lbfgs
    np.testing.assert_allclose(three.coef_[2] - three.coef_[0], two.coef_[0], atol=1e-5)


@models
def test_no_warning_says_that_a_class_alone_did_not_converge(model):
    X, y, weight = problem(3, [0, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = clone(model).fit(X, y, sample_weight=weight)
    assert (fitted.predict(X) == 1).all()
    assert fitted.n_iter_ == 1


# One label at all


@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"solver": "sgd", "learning_rate": "constant"}])
def test_a_network_fits_a_single_label_as_scikit_learn_s_does(params):
    X = problem(2, [])[0]
    y = np.full(len(X), "a")
    ours, theirs = network(**params).fit(X, y), MLPClassifier((8,), max_iter=500).fit(X, y)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_array_equal(ours.predict_proba(X), np.ones((len(X), 1)))
    stream = network().partial_fit(X, y, classes=["a"])
    np.testing.assert_array_equal(stream.predict(X), y)


def test_a_linear_model_refuses_a_single_label_as_scikit_learn_s_does():
    X = problem(2, [])[0]
    for model in (AdaptiveLRLogisticRegression(), LogisticRegression()):
        with pytest.raises(ValueError, match="at least 2 classes"):
            model.fit(X, np.zeros(len(X)))


@classifiers
def test_class_weights_that_are_all_zero_are_refused(cls):
    X, y, _ = problem(3, [])
    with pytest.raises(ValueError, match="`class_weight` is 0 for every class"):
        cls(class_weight={0: 0, 1: 0, 2: 0}).fit(X, y)


# Beside others


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", ["logistic", "logistic adam", "network", "network judged"])
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.filterwarnings("ignore:`early_stopping=True` found no rows")  # of two classes, one of one row
def test_bagging_never_raises_over_rare_rows(name, binary):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((100, 4))
    y = np.r_[np.zeros(50), np.ones(47), np.full(3, 2)].astype(int)
    y = (y == 2).astype(int) if binary else y
    for seed in range(20):
        bag = fit(BaggingClassifier(clone(MODELS[name]).set_params(max_iter=2), 3, random_state=seed), X, y)
        np.testing.assert_allclose(bag.predict_proba(X).sum(axis=1), 1, rtol=1e-12)


@models
@pytest.mark.parametrize(("n_classes", "without"), [(2, [1]), (3, [2])])
def test_a_soft_vote_beside_scikit_learn_s_works(model, n_classes, without):
    X, y, weight = problem(n_classes, without)
    vote = VotingClassifier([("ours", clone(model)), ("theirs", LogisticRegression())], voting="soft")
    assert fit(vote, X, y, sample_weight=weight).predict_proba(X).shape == (len(X), n_classes)


# Label matrices, validation data, and models that go on


def test_a_label_without_weight_for_one_answer_is_the_other_answer():
    X, y, _ = problem(3, [])
    labels = np.column_stack([y == 0, y == 1])
    weight = 1.0 * (y != 1)  # the second label is never there
    by_row = fit(network(), X, labels.astype(int), sample_weight=weight)
    by_class = fit(network(class_weight=[{0: 1, 1: 1}, {0: 1, 1: 0}]), X, labels.astype(int))
    np.testing.assert_array_equal(blocks(by_row), blocks(by_class))
    assert by_row.predict_proba(X).shape == (len(X), 2)
    assert not by_row.predict(X[y != 1])[:, 1].any()


def test_rows_of_a_class_without_class_weight_do_not_judge():
    X, y, _ = problem(3, [])
    X_val, y_val, _ = problem(3, [], seed=1)
    model = network(class_weight={0: 0, 1: 1, 2: 1}, early_stopping=True)
    rows = y_val != 0
    one = fit(clone(model), X, y, X_val=X_val, y_val=y_val)
    other = fit(clone(model), X, y, X_val=X_val[rows], y_val=y_val[rows])
    np.testing.assert_array_equal(blocks(one), blocks(other))
    with pytest.raises(ValueError, match="nothing to validate on"):
        clone(model).fit(X, y, X_val=X_val[~rows], y_val=y_val[~rows])


@models
@pytest.mark.parametrize(("n_classes", "without"), [(2, [1]), (3, [2]), (3, [0, 1])])
def test_a_warm_start_learns_a_class_that_gets_weight(model, n_classes, without):
    X, y, weight = problem(n_classes, without)
    model = clone(model).set_params(warm_start=True)
    warm, cold = fit(fit(clone(model), X, y, sample_weight=weight), X, y), fit(clone(model), X, y)
    # Training begins anew, or ends in the same optimum.
    np.testing.assert_allclose(warm.predict_proba(X), cold.predict_proba(X), atol=1e-3)
    again = fit(warm, X, y, sample_weight=weight)
    assert np.isfinite(again.predict_proba(X)).all()


@pytest.mark.parametrize("name", ["logistic", "logistic adam", "network to the end"])
@pytest.mark.parametrize(("n_classes", "without"), [(2, [1]), (3, [2])])
def test_a_stream_learns_a_class_that_gets_weight(name, n_classes, without):
    X, y, weight = problem(n_classes, without)
    fitted = fit(clone(MODELS[name]), X, y, sample_weight=weight)
    for _ in range(60):
        fitted.partial_fit(X, y)
    assert fitted.score(X, y) > LogisticRegression().fit(X, y).score(X, y) - 0.03
    np.testing.assert_array_equal(fitted.classes_, np.arange(n_classes))


@classifiers
def test_a_chunk_without_weight_for_a_class_is_a_chunk_without_its_rows(cls):
    X, y, weight = problem(3, [1])
    rows = weight > 0
    one, other = cls(random_state=0), cls(random_state=0)
    for _ in range(3):
        one.partial_fit(X, y, classes=[0, 1, 2], sample_weight=weight)
        other.partial_fit(X[rows], y[rows], classes=[0, 1, 2], sample_weight=weight[rows])
    np.testing.assert_array_equal(blocks(one), blocks(other))


@full_batch
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("little", [1e-6, 1e-9, 1e-12, 1e-15])
@pytest.mark.parametrize(("n", "n_classes"), [(3, 2), (12, 2), (12, 3)])
def test_a_class_that_weighs_next_to_nothing_keeps_its_share(n, n_classes, little, dtype, solver):
    """With so strong a penalty the model is the constant one: the shares of the classes, by weight."""
    for seed in range(5):
        X = np.random.default_rng(seed).normal(size=(n, 2)).astype(dtype)
        y = np.arange(1, n + 1) % n_classes
        weight = np.where(y == 0, little, 1.0)
        model = AdaptiveLRLogisticRegression(C=1e-6, solver=solver, tol=1e-8).fit(X, y, weight)
        shares = np.bincount(y, weight) / weight.sum()
        expected = np.tile(np.log(shares), (n, 1))
        np.testing.assert_allclose(model.predict_log_proba(X), expected, rtol=1e-3, atol=1e-4)
