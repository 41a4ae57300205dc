import numpy as np
import pytest
from oracles import central_difference, relative_error
from scipy import sparse

from sk_adalr.dataset import Batch
from sk_adalr.objectives import (
    ACTIVATIONS,
    BinomialLogLoss,
    HalfSquaredError,
    L2Penalty,
    MultinomialLogLoss,
    Network,
    PenalizedMean,
    predict_raw,
)
from sk_adalr.parameters import ParameterLayout
from sk_adalr.standardization import Standardization

N_ROWS, N_FEATURES = 7, 4
LOSSES = {
    "squared-1": (HalfSquaredError(), 1),
    "squared-3": (HalfSquaredError(), 3),
    "binomial-1": (BinomialLogLoss(), 1),
    "binomial-3": (BinomialLogLoss(), 3),
    "multinomial-3": (MultinomialLogLoss(), 3),
}
STORAGES = ["dense", "csr", "centred-sparse"]
PENALTIES = {
    "none": L2Penalty(0.0),
    "fixed": L2Penalty(0.7),
    "per_batch": L2Penalty(0.7, per_batch=True),
}
WEIGHT = np.array([0.5, 2.0, 0.0, 1.0, 3.0, 0.25, 1.0])

losses = pytest.mark.parametrize("loss", LOSSES)
storages = pytest.mark.parametrize("storage", STORAGES)
intercepts = pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
weights = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["equal", "weighted"])
activations = pytest.mark.parametrize("activation", ACTIVATIONS)


def dense_features():
    rng = np.random.RandomState(11)
    X = rng.standard_normal((N_ROWS, N_FEATURES))
    X[rng.uniform(size=X.shape) < 0.4] = 0
    return X


def features(storage):
    X = dense_features()
    if storage == "dense":
        return X
    if storage == "csr":
        return sparse.csr_array(X)
    return Standardization(np.linspace(-1, 1, N_FEATURES), np.linspace(0.5, 2, N_FEATURES)).transform(
        sparse.csr_array(X)
    )


def make_batch(loss, storage="dense", weight=None):
    loss, n_outputs = LOSSES[loss]
    rng = np.random.RandomState(12)
    target = {
        HalfSquaredError: rng.standard_normal((N_ROWS, n_outputs)),
        BinomialLogLoss: rng.randint(2, size=(N_ROWS, n_outputs)).astype(float),
        MultinomialLogLoss: rng.randint(3, size=N_ROWS),
    }[type(loss)]
    return Batch(features(storage), target, weight, float(N_ROWS) if weight is None else float(weight.sum()))


def make_network(loss, hidden=(), activation="identity", fit_intercept=True):
    loss, n_outputs = LOSSES[loss]
    return Network(ParameterLayout.of_network([N_FEATURES, *hidden, n_outputs], fit_intercept), loss, activation)


def start(network):
    return np.random.RandomState(13).uniform(-1, 1, network.layout.n_params)


def gradient_error(objective, network, batch):
    params = start(network)
    grad = np.full_like(params, np.nan)
    objective.value_and_grad(params, batch, out=grad)
    return relative_error(grad, central_difference(lambda w: objective.value_and_grad(w, batch), params))


@weights
@intercepts
@storages
@losses
def test_gradient_of_a_linear_predictor(loss, storage, fit_intercept, weight):
    network = make_network(loss, fit_intercept=fit_intercept)
    assert gradient_error(network, network, make_batch(loss, storage, weight)) < 1e-7


@weights
@storages
@activations
@losses
def test_gradient_of_a_network(loss, activation, storage, weight):
    network = make_network(loss, (5, 3), activation)
    assert gradient_error(network, network, make_batch(loss, storage, weight)) < 1e-7


@pytest.mark.parametrize("penalty", PENALTIES)
@weights
@intercepts
@losses
def test_gradient_of_the_penalised_mean(loss, fit_intercept, weight, penalty):
    network = make_network(loss, (3,), "tanh", fit_intercept)
    objective = PenalizedMean(network, PENALTIES[penalty])
    assert gradient_error(objective, network, make_batch(loss, weight=weight)) < 1e-7


@losses
def test_gradient_of_a_penalty_with_weights_of_its_own(loss):
    network = make_network(loss)
    factors = np.linspace(0.1, 3, network.layout.n_coefs)
    objective = PenalizedMean(network, L2Penalty(0.7, coef_weights=factors))
    assert gradient_error(objective, network, make_batch(loss)) < 1e-7


def straightforward_raw(network, params, X, activation):
    apply = {
        "identity": lambda a: a,
        "relu": lambda a: np.where(a > 0, a, 0),
        "tanh": np.tanh,
        "logistic": lambda a: 1 / (1 + np.exp(-a)),
    }[activation]
    coefs, intercepts = network.layout.unpack(params)
    for i, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        X = X @ coef + intercept
        if i < len(coefs) - 1:
            X = apply(X)
    return X


@storages
@activations
def test_raw_prediction_is_the_composition_of_affine_layers_and_activations(activation, storage):
    network = make_network("squared-3", (5, 2), activation)
    params = start(network)
    X = dense_features()
    if storage == "centred-sparse":
        X = (X - np.linspace(-1, 1, N_FEATURES)) / np.linspace(0.5, 2, N_FEATURES)
    raw = predict_raw(*network.layout.unpack(params), features(storage), activation)
    np.testing.assert_allclose(raw, straightforward_raw(network, params, X, activation), rtol=1e-12, atol=1e-14)


@activations
def test_value_is_the_loss_of_the_raw_prediction(activation):
    network = make_network("squared-3", (5, 2), activation)
    params, batch = start(network), make_batch("squared-3", weight=WEIGHT)
    raw = straightforward_raw(network, params, batch.X, activation)
    expected = 0.5 * WEIGHT @ ((raw - batch.target) ** 2).sum(axis=1)
    assert network.value_and_grad(params, batch) == pytest.approx(expected, rel=1e-12)


@storages
def test_value_and_gradient_of_blocks_of_rows_add_up(storage):
    network = make_network("multinomial-3", (3,), "tanh")
    params, batch = start(network), make_batch("multinomial-3", storage)
    whole, parts = np.empty_like(params), np.zeros_like(params)
    value = network.value_and_grad(params, batch, out=whole)
    part_values = []
    for rows in (slice(0, 3), slice(3, N_ROWS)):
        out = np.empty_like(params)
        block = Batch(batch.X[rows], batch.target[rows], None, float(len(batch.target[rows])))
        part_values.append(network.value_and_grad(params, block, out=out))
        parts += out
    assert sum(part_values) == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(parts, whole, rtol=1e-12, atol=1e-14)


def test_value_is_the_same_with_and_without_gradient():
    network = make_network("binomial-3", (3,), "relu")
    params, batch = start(network), make_batch("binomial-3", weight=WEIGHT)
    with_grad = network.value_and_grad(params, batch, out=np.empty_like(params))
    assert network.value_and_grad(params, batch) == pytest.approx(with_grad, rel=1e-14)


@storages
def test_parameters_and_rows_stay_as_they_were(storage):
    network = make_network("squared-3", (3,), "tanh")
    params, batch = start(network), make_batch("squared-3", storage, WEIGHT.copy())
    target = batch.target.copy()
    PenalizedMean(network, L2Penalty(0.3)).value_and_grad(params, batch, out=np.empty_like(params))
    np.testing.assert_array_equal(params, start(network))
    np.testing.assert_array_equal(batch.target, target)
    np.testing.assert_array_equal(batch.weight, WEIGHT)
    probe = np.eye(N_FEATURES)
    np.testing.assert_array_equal(batch.X @ probe, features(storage) @ probe)


@storages
def test_float32_gradients_are_float32_and_close_to_float64(storage):
    network = make_network("multinomial-3", (3,), "tanh")
    batch = make_batch("multinomial-3", storage)
    exact = np.empty(network.layout.n_params)
    network.value_and_grad(start(network), batch, out=exact)
    X = features(storage) if storage != "dense" else batch.X.astype(np.float32)
    if storage == "csr":
        X = X.astype(np.float32)
    elif storage == "centred-sparse":
        X = Standardization(np.linspace(-1, 1, N_FEATURES), np.linspace(0.5, 2, N_FEATURES)).transform(
            sparse.csr_array(dense_features().astype(np.float32))
        )
    out = np.empty(network.layout.n_params, dtype=np.float32)
    params = start(network).astype(np.float32)
    network.value_and_grad(params, Batch(X, batch.target, None, batch.weight_sum), out=out)
    assert predict_raw(*network.layout.unpack(params), X, "tanh").dtype == np.float32
    np.testing.assert_allclose(out, exact, atol=1e-6 * np.abs(exact).max() * N_ROWS)  # rounding of float32


@pytest.mark.parametrize(("activation", "bound_factor"), [("relu", 6.0), ("logistic", 2.0)])
def test_initial_parameters_are_those_of_scikit_learn_s_mlp(activation, bound_factor):
    from sklearn.neural_network import MLPClassifier

    X, y = np.random.RandomState(0).standard_normal((20, 4)), np.arange(20) % 3
    # One step of length 1e-300 leaves the initial parameters as they were.
    mlp = MLPClassifier((5, 3), activation=activation, solver="sgd", learning_rate_init=1e-300, random_state=7)
    mlp.partial_fit(X, y, classes=[0, 1, 2])
    network = make_network("multinomial-3", (5, 3), activation)
    params = network.initial_params(np.random.RandomState(7), np.float64, bound_factor)
    expected = np.concatenate([block.ravel() for block in (*mlp.coefs_, *mlp.intercepts_)])
    np.testing.assert_array_equal(params, expected)


def test_prediction_in_blocks_equals_prediction_at_once(monkeypatch):
    network = make_network("squared-3", (3,), "relu")
    blocks = network.layout.unpack(start(network))
    at_once = predict_raw(*blocks, dense_features(), "relu")
    monkeypatch.setattr("sk_adalr.objectives.network._BLOCK_ELEMENTS", 3 * N_FEATURES)
    np.testing.assert_allclose(predict_raw(*blocks, dense_features(), "relu"), at_once, rtol=1e-13)


def test_prediction_of_chosen_standardised_rows():
    network = make_network("squared-3")
    blocks = network.layout.unpack(start(network))
    units, rows = Standardization(np.full(N_FEATURES, 0.5), np.full(N_FEATURES, 2.0)), np.array([5, 0, 3])
    expected = predict_raw(*blocks, (dense_features()[rows] - 0.5) / 2, "identity")
    actual = predict_raw(*blocks, dense_features(), "identity", rows=rows, standardization=units)
    np.testing.assert_allclose(actual, expected, rtol=1e-13)
