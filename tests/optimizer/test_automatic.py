"""The automatic rule: what it promises, checked against plain re-implementations and closed forms."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn.neural_network import MLPClassifier

from sk_adalr import AdaptiveLRMLPClassifier
from sk_adalr.dataset import Batch
from sk_adalr.objectives import HalfSquaredError, Network
from sk_adalr.optimizer import freeze, thaw
from sk_adalr.optimizer.automatic import AUTOMATIC_DIRECTIONS, AutomaticOptimizer, AutomaticState, first_rates
from sk_adalr.parameters import ParameterLayout
from sk_adalr.sparse_rows import SparseRows

LAYOUT = ParameterLayout(((5, 3), (3, 1)), fit_intercept=True)
#: Where the coefficients and the intercepts of the two layers lie.
FIRST, SECOND = [*range(15), 18, 19, 20], [15, 16, 17, 21]

directions = pytest.mark.parametrize("direction", AUTOMATIC_DIRECTIONS)


class LeastSquares:
    """Mini-batches of half the mean squared residual of ``X w = y``."""

    def __init__(self, n_params, seed=0, noise=0.1, batch=20, n=200, dtype=np.float64, factor=1.0):
        rng = np.random.default_rng(seed)
        self.X = rng.normal(size=(n, n_params)).astype(dtype)
        self.y = (self.X @ rng.normal(size=n_params) + noise * rng.normal(size=n)).astype(dtype)
        self.batch, self.factor, self.rng = batch, factor, rng

    def loss(self, params, rows=slice(None), out=None):
        X = self.X[rows]
        residual = X @ params - self.y[rows]
        if out is not None:
            np.multiply(X.T @ residual, self.factor / len(X), out=out, casting="same_kind")
        return self.factor * 0.5 * float(residual @ residual) / len(X)

    def batches(self, n_steps):
        for _ in range(n_steps):
            rows = self.rng.integers(len(self.X), size=self.batch)
            yield lambda params, out=None, rows=rows: self.loss(params, rows, out)

    def optimum(self):
        return self.loss(np.linalg.lstsq(self.X, self.y, rcond=None)[0])


def train(optimizer, params, batches):
    state = optimizer.init(params)
    losses = [optimizer.step(state, params, evaluate) for evaluate in batches]
    return state, losses


def expanded(gradients_at, direction, rates, n_steps, momentum=0.9):
    """The equations of the rule, written out: return the averages and the iterates after each step."""
    mu, decay, epsilon = momentum, 0.99, 1e-5
    average = iterate = np.zeros(LAYOUT.n_params)
    averages, iterates, squares = [], [], []
    for t in range(n_steps):
        g = gradients_at((1 - mu) * iterate + mu * average, t)
        squares.append(g**2)
        weights = decay ** np.arange(t, -1, -1.0)
        mean = np.average(squares, axis=0, weights=weights)
        if direction != "adam":
            mean = mean.copy()
            for layer in (FIRST, SECOND):
                mean[layer] = mean[layer].mean()
        rate = np.empty_like(g)
        rate[FIRST], rate[SECOND] = rates
        iterate = iterate - rate * g / (np.sqrt(mean) + epsilon)
        iterates.append(iterate)
        # The weights 2 / (t + 2) are those of a mean in which each iterate counts as often as its number says.
        average = np.average(iterates, axis=0, weights=np.arange(1, t + 2))
        averages.append(average)
    return averages, iterates


@directions
def test_the_rule_is_its_equations_written_out(direction):
    problem = LeastSquares(LAYOUT.n_params)
    rows = np.random.default_rng(1).integers(200, size=(12, 20))

    def gradient(params, t):
        out = np.empty_like(params)
        problem.loss(params, rows[t], out)
        return out

    momentum = 0.7 if direction in ("momentum", "nesterov") else 0.9
    averages, iterates = expanded(gradient, direction, (1 / 20, 1 / 12), 12, momentum)
    optimizer, params = AutomaticOptimizer(LAYOUT, direction, momentum=0.7), np.zeros(LAYOUT.n_params)
    state = optimizer.init(params)
    for t in range(12):
        optimizer.step(state, params, lambda params, out=None, t=t: problem.loss(params, rows[t], out))
        np.testing.assert_allclose(params, averages[t], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(state.iterate, iterates[t], rtol=1e-9, atol=1e-12)


@directions
def test_noisy_batches_end_near_the_optimum(direction):
    problem = LeastSquares(6, batch=5)
    params = np.zeros(6)
    train(AutomaticOptimizer(ParameterLayout.vector(6), direction), params, problem.batches(2000))
    assert problem.loss(params) < 1.1 * problem.optimum()


@directions
@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_the_unit_of_the_loss_changes_nothing(direction, factor):
    ends = []
    for unit in (1.0, factor):
        params = np.zeros(6)
        optimizer = AutomaticOptimizer(ParameterLayout.vector(6), direction, epsilon=1e-300)
        train(optimizer, params, LeastSquares(6, factor=unit).batches(100))
        ends.append(params)
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-6)


@directions
def test_no_step_is_longer_than_the_decay_of_the_squares_allows(direction):
    problem = LeastSquares(LAYOUT.n_params, batch=1)
    optimizer, params = AutomaticOptimizer(LAYOUT, direction), np.zeros(LAYOUT.n_params)
    state = optimizer.init(params)

    def exploding(params, out=None):
        out[...] = 1e20
        return 1e20

    for t, evaluate in enumerate(problem.batches(100)):
        before = state.iterate.copy()
        optimizer.step(state, params, exploding if t == 50 else evaluate)
        step = abs(state.iterate - before)
        for k, layer in enumerate((FIRST, SECOND)):
            longest = step[layer].max() if direction == "adam" else np.sqrt((step[layer] ** 2).mean())
            assert longest <= 1.000001 * state.rates[k] / np.sqrt(1 - optimizer.beta_2)


@directions
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_thawed_or_pickled_state_goes_on_bitwise(direction, dtype):
    problem = LeastSquares(LAYOUT.n_params, dtype=dtype)
    batches = list(problem.batches(30))
    optimizer, params = AutomaticOptimizer(LAYOUT, direction), np.zeros(LAYOUT.n_params, dtype=dtype)
    state, _ = train(optimizer, params, batches[:13])
    frozen = pickle.loads(pickle.dumps(freeze(state)))
    other, other_params = thaw(AutomaticState, frozen, params), copy.copy(params)
    for evaluate in batches[13:]:
        optimizer.step(state, params, evaluate)
        optimizer.step(other, other_params, evaluate)
    np.testing.assert_array_equal(other_params, params)
    assert params.dtype == dtype


def network_of(widths, fit_intercept=True, activation="relu"):
    return Network(ParameterLayout.of_network(widths, fit_intercept), HalfSquaredError(), activation)


def problem_of(widths, seed=0, n=40):
    rng = np.random.RandomState(seed)
    params = network_of(widths).initial_params(rng, np.float64, 6.0)
    return params, rng.standard_normal((n, widths[0])), rng.standard_normal((n, widths[-1]))


def gradient_of(network, params, batch):
    gradient = np.empty_like(params)
    network.value_and_grad(params, batch, out=gradient, weight_sum=batch.weight_sum)
    return gradient


def changes_written_out(network, params, X, step, activation=lambda a: np.maximum(a, 0)):
    """What each layer's step does to its affine outputs, (n_rows, n_out) each, and the raw prediction."""
    coefs, intercepts = network.layout.unpack(params)
    changes, outputs = [], X
    for W, b, S, s in zip(coefs, intercepts, *network.layout.unpack(step), strict=True):
        changes.append(outputs @ S + s)
        raw = outputs @ W + b
        outputs = activation(raw)
    return changes, raw


@pytest.mark.parametrize(("direction", "factor"), [("adam", 0.3), ("sgd", 1.0)])
def test_with_adam_the_output_layer_starts_smaller_than_that_of_scikit_learn_s_mlp(direction, factor, monkeypatch):
    X, y = np.random.RandomState(0).standard_normal((20, 4)), np.arange(20) % 3
    # One step of length 1e-300 leaves the initial parameters as they were.
    theirs = MLPClassifier((5,), solver="sgd", learning_rate_init=1e-300, random_state=7)
    theirs.partial_fit(X, y, classes=[0, 1, 2])
    starts, init = [], AutomaticOptimizer.init
    monkeypatch.setattr(
        AutomaticOptimizer, "init", lambda self, params: starts.append(params.copy()) or init(self, params)
    )
    AdaptiveLRMLPClassifier((5,), solver=direction, random_state=7).partial_fit(X, y, classes=[0, 1, 2])
    hidden, output = zip(theirs.coefs_, theirs.intercepts_, strict=True)
    expected = [hidden[0], factor * output[0], hidden[1], factor * output[1]]
    np.testing.assert_array_equal(starts[0], np.concatenate([block.ravel() for block in expected]))


def test_the_first_step_moves_the_outputs_of_each_layer_by_its_share():
    params, X, y = problem_of((4, 3, 1))
    network, batch = network_of((4, 3, 1)), Batch(X, y, None, 40.0)
    step = np.sign(gradient_of(network, params, batch))
    (hidden, last), raw = changes_written_out(network, params, X, step)
    for unit in (1.0, 7.0):
        of_hidden, of_last = first_rates(network, params, batch, step, 50, unit)
        share = np.sqrt(50 / 200) * 0.5 / 2
        assert of_hidden * abs(hidden).mean() == pytest.approx(share, rel=1e-12)
        assert of_last * abs(last).mean() == pytest.approx(share * max(unit, abs(raw).mean()), rel=1e-12)


def test_the_size_of_the_direction_does_not_count_nor_do_entries_next_to_zero():
    params, X, y = problem_of((50, 1))
    network, batch = network_of((50, 1)), Batch(X, y, None, 40.0)
    step = np.sign(gradient_of(network, params, batch))
    rates = first_rates(network, params, batch, step, 200)
    np.testing.assert_allclose(first_rates(network, params, batch, 1e-4 * step, 200), rates, rtol=1e-12)
    X[:, 1:45], step[1:45] = 0, 0  # as columns that are rarely there
    few = first_rates(network, params, Batch(X, y, None, 40.0), step, 200)
    step[1:45] = 1e-3  # what a penalty does to them
    np.testing.assert_allclose(first_rates(network, params, Batch(X, y, None, 40.0), step, 200), few, rtol=0.01)


@pytest.mark.parametrize("direction", ["adam", "sgd"])
def test_training_begins_with_the_rates_of_its_first_step(direction):
    params, X, y = problem_of((4, 3, 1))
    network, batch = network_of((4, 3, 1)), Batch(X, y, None, 40.0)
    gradient = gradient_of(network, params, batch)
    steps = gradient / (abs(gradient) + 1e-5)
    if direction == "sgd":
        for layer in network.layout.layers:
            square = np.mean(np.concatenate([gradient[block] for block in layer]) ** 2)
            for block in layer:
                steps[block] = gradient[block] / (np.sqrt(square) + 1e-5)
    optimizer = AutomaticOptimizer(network.layout, direction)
    state = optimizer.init(params)
    evaluate = partial(network.value_and_grad, batch=batch, weight_sum=40.0)
    before = params.copy()
    optimizer.begin(state, params, evaluate, partial(first_rates, network, params, batch, batch_size=200))
    np.testing.assert_allclose(state.rates, first_rates(network, params, batch, steps, 200), rtol=1e-9)
    optimizer.step(state, params, evaluate)
    for rate, layer in zip(state.rates, network.layout.layers, strict=True):
        for block in layer:
            np.testing.assert_allclose(params[block], before[block] - rate * steps[block], rtol=1e-9)


@pytest.mark.parametrize("case", ["no input", "no residual"])
def test_a_layer_that_the_first_step_leaves_alone_has_a_finite_rate(case):
    network = network_of((4, 1), fit_intercept=False)
    X, y = (np.zeros((5, 4)), np.ones((5, 1))) if case == "no input" else (np.ones((5, 4)), np.zeros((5, 1)))
    batch = Batch(X, y, None, 5.0)
    gradient = gradient_of(network, np.zeros(4), batch)
    np.testing.assert_allclose(first_rates(network, np.zeros(4), batch, gradient, 200), [0.5 / 4])


def test_a_weight_counts_as_often_as_a_row():
    params, X, y = problem_of((4, 3, 1))
    times = np.random.RandomState(1).randint(0, 4, size=40)
    network, rows = network_of((4, 3, 1)), np.repeat(np.arange(40), times)
    weighted, repeated = (
        first_rates(network, params, batch, gradient_of(network, params, batch), 200)
        for batch in (
            Batch(X, y, times.astype(float), float(times.sum())),
            Batch(X[rows], y[rows], None, float(len(rows))),
        )
    )
    np.testing.assert_allclose(weighted, repeated, rtol=1e-12)


@pytest.mark.parametrize("with_offset", [False, True])
def test_sparse_rows_have_the_rates_of_dense_ones(with_offset):
    params, X, y = problem_of((30, 1), n=60)
    X = np.where(abs(X) > 1.8, X, 0)
    stored = SparseRows(sparse.csr_array(X), np.full(30, 0.05) if with_offset else None)
    network = network_of((30, 1))
    sparse_rates, dense_rates = (
        first_rates(network, params, batch, gradient_of(network, params, batch), 200)
        for batch in (Batch(rows, y, None, 60.0) for rows in (stored, X - 0.05 * with_offset))
    )
    np.testing.assert_allclose(sparse_rates, dense_rates, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_column_that_is_there_a_thousand_times_trains_as_one(scale):
    """Correlated columns pull together: the rate falls with their number. Independent ones do so by the root of it."""
    rng = np.random.RandomState(0)
    column, y = scale * rng.standard_normal((500, 1)), rng.standard_normal((500, 1))
    rates = []
    for X in (column, np.repeat(column, 1000, axis=1), scale * rng.standard_normal((500, 1000))):
        network = network_of((X.shape[1], 1), fit_intercept=False)
        params, batch = np.zeros(X.shape[1]), Batch(X, y, None, 500.0)
        rates.append(first_rates(network, params, batch, gradient_of(network, params, batch), 200)[0])
    one, copies, independent = rates
    assert copies == pytest.approx(one / 1000, rel=1e-9)
    assert one / 100 < independent < one / 10


def test_columns_of_any_scale_train_alike_without_standardisation():
    """A power of two, so that nothing rounds: the predictions are the same to the bit but for epsilon."""
    _, X, y = problem_of((4, 1))
    predictions = []
    for scale in (1.0, 2.0**10):
        network = network_of((4, 1), fit_intercept=False)
        optimizer, coefs = AutomaticOptimizer(network.layout, epsilon=1e-300), np.zeros(4)
        state, batch = optimizer.init(coefs), Batch(scale * X, y, None, 40.0)
        evaluate = partial(network.value_and_grad, batch=batch, weight_sum=40.0)
        optimizer.begin(state, coefs, evaluate, partial(first_rates, network, coefs, batch, batch_size=200))
        for _ in range(50):
            optimizer.step(state, coefs, evaluate)
        predictions.append(scale * X @ coefs)
    np.testing.assert_allclose(predictions[1], predictions[0], rtol=1e-9)


def test_a_gradient_of_zero_moves_nothing():
    params = np.ones(3)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(3))

    def evaluate(params, out=None):
        out[...] = 0
        return 1.0

    train(optimizer, params, [evaluate] * 5)
    np.testing.assert_array_equal(params, 1.0)


def test_logistic_regression_by_batches_ends_near_the_optimum_of_a_library():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.RandomState(0)
    X = rng.standard_normal((400, 4))
    y = (rng.rand(400) < expit(X @ [1.0, -2.0, 0.5, 0.0])).astype(float)
    reference = LogisticRegression(C=np.inf, fit_intercept=False).fit(X, y)

    def loss_of(coefs, rows=slice(None), out=None):
        scores = X[rows] @ coefs
        if out is not None:
            out[...] = X[rows].T @ (expit(scores) - y[rows]) / len(scores)
        return float(np.mean(np.logaddexp(0, scores) - y[rows] * scores))

    coefs = np.zeros(4)
    rows = rng.randint(400, size=(1500, 20))
    batches = [lambda p, out=None, r=r: loss_of(p, r, out) for r in rows]
    train(AutomaticOptimizer(ParameterLayout.vector(4)), coefs, batches)
    assert loss_of(coefs) < 1.005 * loss_of(reference.coef_[0])
