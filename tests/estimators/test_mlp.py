"""With a constant rate and no standardising the network is scikit-learn's, coefficient by coefficient."""

import warnings

import numpy as np
import pytest
from estimator_cases import blocks, fit
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sk_adalr import AdaptiveLRMLPClassifier, AdaptiveLRMLPRegressor

COMMON = {
    "hidden_layer_sizes": (7, 5),
    "batch_size": 40,
    "max_iter": 12,
    "shuffle": False,
    "random_state": 3,
    "tol": 0,
    "alpha": 0.05,
}
# scikit-learn adds Adam's epsilon before the bias correction, we after it as in the paper: with an epsilon far below
# any gradient the two agree.
SOLVERS = {
    "sgd": {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False, "learning_rate_init": 0.1},
    "momentum": {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": False, "learning_rate_init": 0.05},
    "nesterov": {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": True, "learning_rate_init": 0.05},
    "adam": {"solver": "adam", "learning_rate_init": 0.01, "epsilon": 1e-30},
}


def ours(cls, solver, **params):
    shared = {name: value for name, value in SOLVERS[solver].items() if name not in ("solver", "nesterovs_momentum")}
    rate = {"learning_rate": "constant", "standardize": False}
    return cls(**{**COMMON, **shared, **rate, "solver": solver, **params})


def theirs(cls, solver, **params):
    return cls(**{**COMMON, **SOLVERS[solver], **params})


def assert_same_network(ours, theirs, X, y):
    fit(ours, X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs.fit(X, y)
    # The same sums in another order: rounding of 1e-16 per update, which relu and adam stretch a little.
    np.testing.assert_allclose(blocks(ours), blocks(theirs), rtol=1e-8, atol=1e-10)
    # The sums of losses: theirs clips probabilities at the precision of the dtype.
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-8)


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "logistic"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_multiclass_equals_scikit_learn_s(iris, solver, activation):
    models = (
        ours(AdaptiveLRMLPClassifier, solver, activation=activation),
        theirs(MLPClassifier, solver, activation=activation),
    )
    assert_same_network(*models, *iris)


@pytest.mark.parametrize("solver", SOLVERS)
def test_binary_equals_scikit_learn_s(breast_cancer, solver):
    X, y = breast_cancer
    assert_same_network(ours(AdaptiveLRMLPClassifier, solver), theirs(MLPClassifier, solver), X[:150, :8], y[:150])


@pytest.mark.parametrize("solver", SOLVERS)
def test_multilabel_equals_scikit_learn_s(iris, solver):
    X, y = iris
    labels = np.column_stack([y == 0, y > 0, X[:, 0] > 0]).astype(int)
    assert_same_network(ours(AdaptiveLRMLPClassifier, solver), theirs(MLPClassifier, solver), X, labels)


@pytest.mark.parametrize("solver", SOLVERS)
def test_regression_equals_scikit_learn_s(diabetes, solver):
    X, y = diabetes
    y = y[:150] / 100
    # one output: scikit-learn averages over several where the objective adds
    assert_same_network(ours(AdaptiveLRMLPRegressor, solver), theirs(MLPRegressor, solver), X[:150], y)


def test_the_weighted_loss_equals_scikit_learn_s(iris):
    X, y = iris
    weight = np.random.RandomState(0).uniform(0.2, 3, len(y))
    mine, other = ours(AdaptiveLRMLPClassifier, "momentum"), theirs(MLPClassifier, "momentum")
    fit(mine, X, y, sample_weight=weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        other.fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(blocks(mine), blocks(other), rtol=1e-8, atol=1e-10)


def test_predictions_equal_scikit_learn_s(iris):
    X, y = iris
    mine, other = ours(AdaptiveLRMLPClassifier, "adam"), theirs(MLPClassifier, "adam")
    fit(mine, X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        other.fit(X, y)
    np.testing.assert_array_equal(mine.predict(X), other.predict(X))
    np.testing.assert_allclose(mine.predict_proba(X), other.predict_proba(X), rtol=1e-7)
    np.testing.assert_allclose(mine.predict_log_proba(X), other.predict_log_proba(X), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("sizes", "shapes"), [((3, 2), [(4, 3), (3, 2), (2, 3)]), (5, [(4, 5), (5, 3)]), ((), [(4, 3)])]
)
def test_a_network_has_the_hidden_layers_that_are_asked_for(iris, sizes, shapes):
    model = fit(AdaptiveLRMLPClassifier(sizes, max_iter=1, tol=0), *iris)
    assert [coef.shape for coef in model.coefs_] == shapes
    assert [intercept.shape for intercept in model.intercepts_] == [shape[1:] for shape in shapes]
    assert (model.n_layers_, model.n_outputs_) == (len(shapes) + 1, 3)


def test_a_network_without_hidden_layer_is_the_linear_predictor(iris):
    from sk_adalr import AdaptiveLRLogisticRegression

    # Without penalty and from zero they would be the same; from another start they meet at the optimum of the loss.
    X, y = iris
    y = np.where(np.random.RandomState(0).uniform(size=len(y)) < 0.3, (y + 1) % 3, y)
    options = {"solver": "nesterov", "learning_rate": "constant", "learning_rate_init": 0.3}
    options |= {"batch_size": 1000, "max_iter": 1500, "tol": 0}
    network = fit(AdaptiveLRMLPClassifier((), alpha=0.0, random_state=0, **options), X, y)
    linear = fit(AdaptiveLRLogisticRegression(C=np.inf, **options), X, y)
    np.testing.assert_allclose(network.predict_proba(X), linear.predict_proba(X), atol=1e-7)


def test_decision_function_is_the_raw_prediction_and_the_labels_follow_from_it(iris, breast_cancer):
    X, y = iris
    model = fit(AdaptiveLRMLPClassifier((4,), max_iter=2, tol=0), X, y)
    raw = model.decision_function(X)
    np.testing.assert_array_equal(model.classes_[raw.argmax(axis=1)], model.predict(X))
    X, y = breast_cancer
    model = fit(AdaptiveLRMLPClassifier((4,), max_iter=2, tol=0), X, y)
    np.testing.assert_array_equal(model.classes_[(model.decision_function(X) > 0).astype(int)], model.predict(X))


def test_partial_fit_takes_its_arguments_in_the_order_of_scikit_learn_s():
    import inspect

    def order(cls):
        return list(inspect.signature(cls.partial_fit).parameters)

    assert order(AdaptiveLRMLPClassifier) == order(MLPClassifier)
