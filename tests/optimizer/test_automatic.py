"""The automatic rule: what it promises, checked against plain re-implementations and closed forms."""

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit

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


def train(optimizer, params, batches, horizon=None):
    state = optimizer.init(params)
    if horizon is not None:
        optimizer.expect(state, horizon)
    losses = [optimizer.step(state, params, evaluate) for evaluate in batches]
    return state, losses


def expanded(gradients_at, direction, rates, n_steps, horizon=None, momentum=0.9):
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
        left = 1.0 if horizon is None else 1 - t / horizon
        iterate = iterate - left * rate * g / (np.sqrt(mean) + epsilon)
        iterates.append(iterate)
        # The weights 2 / (t + 2) are those of a mean in which each iterate counts as often as its number says.
        average = np.average(iterates, axis=0, weights=np.arange(1, t + 2))
        averages.append(average)
    return averages, iterates


@directions
@pytest.mark.parametrize("horizon", [None, 12])
def test_the_rule_is_its_equations_written_out(direction, horizon):
    problem = LeastSquares(LAYOUT.n_params)
    rows = np.random.default_rng(1).integers(200, size=(12, 20))

    def gradient(params, t):
        out = np.empty_like(params)
        problem.loss(params, rows[t], out)
        return out

    momentum = 0.7 if direction in ("momentum", "nesterov") else 0.9
    averages, iterates = expanded(gradient, direction, (1 / 10, 1 / 6), 12, horizon, momentum)
    optimizer, params = AutomaticOptimizer(LAYOUT, direction, momentum=0.7), np.zeros(LAYOUT.n_params)
    state = optimizer.init(params)
    if horizon is not None:
        optimizer.expect(state, horizon)
    for t in range(12):
        optimizer.step(state, params, lambda params, out=None, t=t: problem.loss(params, rows[t], out))
        np.testing.assert_allclose(params, averages[t], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(state.iterate, iterates[t], rtol=1e-9, atol=1e-12)


@directions
def test_the_rates_fall_linearly_to_zero_over_a_known_number_of_steps_and_stay_otherwise(direction):
    optimizer, params = AutomaticOptimizer(LAYOUT, direction), np.zeros(LAYOUT.n_params)
    problem = LeastSquares(LAYOUT.n_params)
    state = optimizer.init(params)
    first = optimizer.rates(state).copy()
    for evaluate in problem.batches(5):
        optimizer.step(state, params, evaluate)
        np.testing.assert_array_equal(optimizer.rates(state), first)
    optimizer.expect(state, 10)  # from now on: 15 in all
    for t, evaluate in enumerate(problem.batches(10), start=5):
        optimizer.step(state, params, evaluate)
        np.testing.assert_allclose(optimizer.rates(state), first * (1 - t / 15), rtol=1e-12)
    before = state.iterate.copy()
    for evaluate in problem.batches(3):  # beyond the end nothing moves but the average
        optimizer.step(state, params, evaluate)
    np.testing.assert_array_equal(state.iterate, before)


@directions
@pytest.mark.parametrize("horizon", [None, 2000])
def test_noisy_batches_end_near_the_optimum(direction, horizon):
    problem = LeastSquares(6, batch=5)
    params = np.zeros(6)
    train(AutomaticOptimizer(ParameterLayout.vector(6), direction), params, problem.batches(2000), horizon)
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
@pytest.mark.parametrize("horizon", [None, 30])
def test_a_thawed_or_pickled_state_goes_on_bitwise(direction, dtype, horizon):
    problem = LeastSquares(LAYOUT.n_params, dtype=dtype)
    batches = list(problem.batches(30))
    optimizer, params = AutomaticOptimizer(LAYOUT, direction), np.zeros(LAYOUT.n_params, dtype=dtype)
    state, _ = train(optimizer, params, batches[:13], horizon)
    frozen = pickle.loads(pickle.dumps(freeze(state)))
    other, other_params = thaw(AutomaticState, frozen, params), copy.copy(params)
    if horizon is not None:  # whoever goes on says again how long
        optimizer.expect(other, horizon - 13)
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


def test_the_rates_are_those_of_the_inputs_of_each_layer_written_out():
    params, X, y = problem_of((4, 3, 1))
    network = network_of((4, 3, 1))
    (W, V), (b, c) = network.layout.unpack(params)
    hidden = np.maximum(X @ W + b, 0)
    raw = abs(hidden @ V + c).mean()
    inputs = [1 + abs(X).sum(axis=1).mean(), max(3, 1 + hidden.sum(axis=1).mean())]
    batch = Batch(X, y, None, 40.0)
    for unit in (1.0, 7.0):
        expected = np.sqrt(50 / 200) / (2 * np.array(inputs)) * [1, max(unit, raw)]
        np.testing.assert_allclose(first_rates(network, params, batch, 50, unit), expected, rtol=1e-12)


def test_columns_that_are_zero_in_the_first_rows_have_a_finite_rate():
    network = network_of((4, 1), fit_intercept=False)
    batch = Batch(np.zeros((5, 4)), np.zeros((5, 1)), None, 5.0)
    np.testing.assert_allclose(first_rates(network, np.zeros(4), batch, 200), [1 / 4])


def test_a_weight_counts_as_often_as_a_row():
    params, X, y = problem_of((4, 3, 1))
    times = np.random.RandomState(1).randint(0, 4, size=40)
    network, rows = network_of((4, 3, 1)), np.repeat(np.arange(40), times)
    weighted = first_rates(network, params, Batch(X, y, times.astype(float), float(times.sum())), 200)
    repeated = first_rates(network, params, Batch(X[rows], y[rows], None, float(len(rows))), 200)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-12)


@pytest.mark.parametrize("with_offset", [False, True])
def test_sparse_rows_have_the_rates_of_dense_ones_or_of_a_bound(with_offset):
    params, X, y = problem_of((30, 1), n=60)
    X = np.where(abs(X) > 1.8, X, 0)
    offset = np.full(30, 0.05) if with_offset else None
    stored = SparseRows(sparse.csr_array(X), offset)
    network = network_of((30, 1))
    rates = first_rates(network, params, Batch(stored, y, None, 60.0), 200)
    bound = 1 + abs(X).sum(axis=1).mean() + (30 * 0.05 if with_offset else 0)
    raw = abs((X - 0.05 * with_offset) @ params[:30] + params[30]).mean()
    assert rates[0] == pytest.approx(max(1, raw) / bound, rel=1e-12)
    dense = 1 + abs(X - 0.05 * with_offset).sum(axis=1).mean()
    assert 0.8 * bound < dense <= bound * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("activation", ["relu", "tanh", "identity"])
def test_a_step_moves_the_outputs_of_no_layer_by_more_than_its_share(seed, activation):
    """The bound that gives the rates their unit: one step of Adam, whose components are at most 1, on any network."""
    rng = np.random.RandomState(seed)
    widths = tuple(rng.randint(1, 40, size=rng.randint(2, 5)))
    network = network_of(widths, activation=activation)
    params = network.initial_params(rng, np.float64, 6.0)
    X, y = 10.0 ** rng.randint(-3, 4) * rng.standard_normal((50, widths[0])), rng.standard_normal((50, widths[-1]))
    rates = first_rates(network, params, Batch(X, y, None, 50.0), 200)
    functions = {"relu": lambda a: np.maximum(a, 0), "tanh": np.tanh, "identity": lambda a: a}
    coefs, intercepts = network.layout.unpack(params)
    inputs = X
    for k, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        step = rng.choice([-1.0, 1.0], size=W.shape), rng.choice([-1.0, 1.0], size=b.shape)
        change = rates[k] * abs(inputs @ step[0] + step[1])
        outputs = inputs @ W + b
        # Of the last layer as a multiple of what training begins with, where that is above 1.
        unit = max(1, abs(outputs).mean()) if k == len(coefs) - 1 else 1
        assert change.mean(axis=0).max() <= unit / len(coefs) * (1 + 1e-9)
        inputs = functions[activation](outputs)


def test_columns_of_any_scale_train_alike_without_standardisation():
    """A power of two, so that nothing rounds: the predictions are the same to the bit but for epsilon."""
    _, X, y = problem_of((4, 1))
    predictions = []
    for scale in (1.0, 2.0**10):
        network = network_of((4, 1), fit_intercept=False)
        optimizer, coefs = AutomaticOptimizer(network.layout, epsilon=1e-300), np.zeros(4)
        state = optimizer.init(coefs)
        batch = Batch(scale * X, y, None, 40.0)
        optimizer.begin(state, lambda network=network, batch=batch: first_rates(network, np.zeros(4), batch, 200))
        for _ in range(50):
            optimizer.step(
                state,
                coefs,
                lambda p, out=None, network=network, batch=batch: network.value_and_grad(
                    p, batch, out=out, weight_sum=40.0
                ),
            )
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
    train(AutomaticOptimizer(ParameterLayout.vector(4)), coefs, batches, 1500)
    assert loss_of(coefs) < 1.005 * loss_of(reference.coef_[0])
