"""The automatic rule: what it promises, checked against plain re-implementations and closed forms."""

import copy
import math
import pickle

import numpy as np
import pytest
from sklearn.metrics import log_loss

from sk_adalr import AdaptiveLRLogisticRegression
from sk_adalr.optimizer import freeze, thaw
from sk_adalr.optimizer.automatic import EVENTS, AutomaticOptimizer, AutomaticState
from sk_adalr.optimizer.automatic.first_rate import first_rate, line_minimum
from sk_adalr.optimizer.automatic.rates import adapt_groups
from sk_adalr.parameters import ParameterLayout

DIRECTIONS = ("adam", "momentum", "nesterov", "sgd")
GRANULARITIES = ("parameter", "layer", "global")
HINTS = (None, 1e-12, 1e-6, 1e-3, 0.3, 1.0, 1e3, 1e8)
LAYOUT = ParameterLayout(((5, 3), (3, 1)), fit_intercept=True)


class LeastSquares:
    """Mini-batches of half the mean squared residual of ``X w = y``."""

    def __init__(self, n_params, seed=0, noise=0.1, batch=20, n=200, dtype=np.float64, factor=1.0):
        rng = np.random.default_rng(seed)
        self.X = rng.normal(size=(n, n_params)).astype(dtype)
        self.y = (self.X @ rng.normal(size=n_params) + noise * rng.normal(size=n)).astype(dtype)
        self.batch, self.factor, self.rng = batch, factor, rng

    def loss(self, params, rows=slice(None), out=None):
        X = self.X[rows]
        with np.errstate(invalid="ignore"):  # some tests make the parameters infinite
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


def parabola(rate):
    return 3.0 - 2.0 * rate + 4.0 * rate**2  # lowest at 1/4


@pytest.mark.parametrize("hint", HINTS)
def test_the_probe_finds_the_minimum_of_a_parabola_from_any_hint(hint):
    assert first_rate(parabola, 3.0, 2.0, hint) == pytest.approx(0.25, rel=1e-9)


def test_the_probe_stops_before_losses_that_are_not_finite():
    rate = line_minimum(lambda rate: 1 - rate if rate < 0.1 else math.inf, 1.0, 1e-3)
    assert 0.04 <= rate < 0.1


def test_the_probe_does_not_trust_a_hint_behind_a_barrier():
    def loss_at(rate):
        return 2.9 if rate > 1e6 else parabola(rate)  # a dead network: slightly better than the start

    assert first_rate(loss_at, 3.0, 2.0, 1e8) == pytest.approx(0.25, rel=1e-9)


def test_the_probe_returns_zero_if_no_rate_decreases_the_loss():
    assert line_minimum(lambda rate: 1.0 + rate, 1.0, 0.5) == 0


def test_the_first_step_moves_by_half_the_minimum_along_the_gradient():
    # For L = |w|^2 / 2 the minimum along the gradient is at rate 1.
    params = np.array([3.0, -4.0])

    def evaluate(params, out=None):
        if out is not None:
            out[...] = params
        return 0.5 * float(params @ params)

    optimizer = AutomaticOptimizer(ParameterLayout.vector(2), "sgd", "global")
    train(optimizer, params, [evaluate])
    np.testing.assert_allclose(params, [1.5, -2.0], rtol=1e-12)


def expected_params(problem, params, direction, n_steps):
    """Train by the rule as the documentation states it: allocating, float64, one rate per parameter, no guard.

    The first eight directions are judged by the batches that follow them. Rates move in every eighth step. Adam's
    stays as it is after 50 steps; the others' is checked in every 25th, and never exceeds what was found.
    """
    b1, share, multiple = (0.95, 0.06, 1.5) if direction == "adam" else (0.9, 0.5, 1)
    x, z = params.copy(), params.copy()
    v, m, scale = np.zeros_like(x), np.ones_like(x), np.zeros_like(x)
    d = mean_norm = log_rate = None
    smoothed = 0.0
    fractions = np.array([1, 2, 4, 8, 16, 32]) / 32
    changes, cap = np.zeros(6), np.inf
    for t, evaluate in enumerate(problem.batches(n_steps)):
        y = (1 - b1) * z + b1 * x
        if 1 <= t <= 8:
            rate = np.exp(log_rate)
            start = y + share * rate * d
            changes += [evaluate(start - fraction * rate * d) - evaluate(start) for fraction in fractions]
        if t == 8:
            best = fractions[changes.argmin()] if changes.min() < 0 else 1 / 64
            if multiple * best < 1:
                log_rate = cap = log_rate + np.log(multiple * best)
        g = np.empty_like(y)
        loss = evaluate(y, g)
        smoothed += max(0.15, 1 / (t + 1)) * (loss - smoothed)
        if d is not None and t % 8 == 0:
            scale = np.maximum(np.abs(g * d), 0.96 * scale)
            change = 0.12 * g * d / scale
            p = np.log(m) + change
            m = np.clip(np.exp(p - p.mean()), 1 / 20, 20)
        if direction == "adam":
            v = 0.95 * v + 0.05 * g**2
            u = g / (np.sqrt(v / (1 - 0.95 ** (t + 1))) + 1e-5)
        else:
            norm = np.linalg.norm(g)
            mean_norm = norm if t == 0 else mean_norm
            u = g * min(1, 2 * mean_norm / norm)
            mean_norm += max(0.05, 1 / (t + 1)) * (min(norm, 2 * mean_norm) - mean_norm)
        if t == 0:
            # The minimum along u of a quadratic loss, from its slope and its value at two rates.
            curvature = 2 * (evaluate(y - u) - loss + g @ u)
            log_rate = np.log(g @ u / curvature)
        d = m * u
        rate = np.exp(log_rate)
        if t == 50:
            cap = log_rate
        if (8 <= t < 50 and t % 8 == 0) or (t >= 50 and direction != "adam" and t % 25 == 0):
            g2 = np.empty_like(g)
            trial = evaluate(y - rate * d, g2)
            cosine = (g2 @ d) / (np.linalg.norm(g2) * np.linalg.norm(d))
            if trial > loss + max(loss, smoothed):
                log_rate -= np.log(4)
                rate /= 4
            else:
                log_rate = min(log_rate + 0.24 * cosine, cap)
        c = 2 / (t + 2)
        z = z - share * rate / (1 - b1 + b1 * c) * d
        x = x + c * (z - x)
    return x


@pytest.mark.parametrize("batch", [3, 20], ids=["the first directions overfit", "or do not"])
@pytest.mark.parametrize("direction", ["adam", "sgd"])
def test_training_follows_the_documented_rule(direction, batch):
    params = np.zeros(6)
    expected = expected_params(LeastSquares(6, batch=batch, noise=3.0), params, direction, 180)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(6), direction)
    state, _ = train(optimizer, params, LeastSquares(6, batch=batch, noise=3.0).batches(180))
    assert state.n_restarts == 0
    np.testing.assert_allclose(params, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("direction", "batch_size"), [("adam", 20), ("adam", 50), *((direction, 200) for direction in DIRECTIONS)]
)
def test_batches_of_fewer_rows_than_columns_train(direction, batch_size):
    # Along a direction of its own the loss of such a batch falls to nothing, while that of all other rows rises.
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 300))
    y = (X @ rng.standard_normal((300, 5)) / 8 + rng.gumbel(size=(2000, 5))).argmax(axis=1)
    model = AdaptiveLRLogisticRegression(solver=direction, batch_size=batch_size, max_iter=3, tol=0, random_state=0)
    assert log_loss(y, model.fit(X, y).predict_proba(X)) < 0.75 * np.log(5)  # of the constant prediction


def test_the_result_is_the_average_of_the_iterates_weighted_by_their_number():
    optimizer = AutomaticOptimizer(ParameterLayout.vector(4))
    params = np.ones(4)
    state = optimizer.init(params)
    iterates = []
    for evaluate in LeastSquares(4).batches(30):
        optimizer.step(state, params, evaluate)
        iterates.append(state.iterate.copy())
    weights = np.arange(1, 31)
    np.testing.assert_allclose(
        optimizer.result(state, params), np.average(iterates, axis=0, weights=weights), rtol=1e-12
    )


@pytest.mark.parametrize(("direction", "interpolation"), [("adam", 0.95), ("sgd", 0.9), ("momentum", 0.7)])
def test_the_gradient_is_taken_between_the_iterate_and_the_average(direction, interpolation):
    optimizer = AutomaticOptimizer(ParameterLayout.vector(4), direction, momentum=0.7)
    params = np.ones(4)
    state = optimizer.init(params)
    for evaluate in LeastSquares(4).batches(5):
        points = []

        def recorded(at, out=None, evaluate=evaluate, points=points):
            if out is not None:
                points.append(at.copy())
            return evaluate(at, out)

        expected = (1 - interpolation) * state.iterate + interpolation * params
        optimizer.step(state, params, recorded)
        np.testing.assert_allclose(points[0], expected, rtol=1e-12)


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("hint", HINTS)
def test_any_hint_trains_to_the_noise_floor(direction, granularity, hint):
    problem = LeastSquares(LAYOUT.n_params)
    params = np.zeros(LAYOUT.n_params)
    train(AutomaticOptimizer(LAYOUT, direction, granularity, hint), params, problem.batches(600))
    # The noise floor is 0.005 times (1 - 22 / 200); the start is about 10.
    assert problem.loss(params) < 1.3 * problem.optimum()


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("break_at", [1, 30, 80])
def test_training_resumed_from_a_pickle_is_bitwise_the_same(direction, granularity, break_at):
    optimizer = AutomaticOptimizer(LAYOUT, direction, granularity)
    batches = list(LeastSquares(LAYOUT.n_params).batches(100))
    straight = np.zeros(LAYOUT.n_params)
    train(optimizer, straight, batches)

    params = np.zeros(LAYOUT.n_params)
    state, _ = train(optimizer, params, batches[:break_at])
    params, frozen = pickle.loads(pickle.dumps((params, freeze(state))))
    state = thaw(AutomaticState, frozen, params)
    for evaluate in batches[break_at:]:
        optimizer.step(state, params, evaluate)
    np.testing.assert_array_equal(params, straight)


def test_a_copy_of_the_state_trains_on_its_own():
    optimizer = AutomaticOptimizer(ParameterLayout.vector(4))
    batches = list(LeastSquares(4).batches(20))
    params = np.zeros(4)
    state, _ = train(optimizer, params, batches[:10])
    copied = copy.deepcopy((state, params))
    for evaluate in batches[10:]:
        optimizer.step(state, params, evaluate)
    for evaluate in batches[10:]:
        optimizer.step(*copied, evaluate)
    np.testing.assert_array_equal(copied[1], params)


def test_a_frozen_state_holds_arrays_and_numbers_only():
    state, _ = train(AutomaticOptimizer(LAYOUT), np.zeros(LAYOUT.n_params), LeastSquares(LAYOUT.n_params).batches(3))
    assert all(isinstance(value, np.ndarray | int | float) for value in freeze(state).values())


@pytest.mark.parametrize("exponent", [-40, 40])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_scaling_the_loss_changes_nothing(direction, exponent):
    # A power of two scales exactly; epsilon is the only absolute number of the rule.
    results = []
    for factor in (1.0, 2.0**exponent):
        params = np.zeros(6)
        optimizer = AutomaticOptimizer(ParameterLayout.vector(6), direction, epsilon=1e-300)
        train(optimizer, params, LeastSquares(6, factor=factor).batches(100))
        results.append(params)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-9)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_params_and_state_keep_their_dtype(direction, dtype):
    params = np.zeros(6, dtype=dtype)
    problem = LeastSquares(6, dtype=dtype)
    state, _ = train(AutomaticOptimizer(ParameterLayout.vector(6), direction), params, problem.batches(100))
    on_host = ("log_rates", "log_rate_caps", "changes")
    arrays = [value for name, value in vars(state).items() if isinstance(value, np.ndarray) and name not in on_host]
    assert {array.dtype for array in (params, *arrays)} == {np.dtype(dtype)}


def test_float32_trains_to_the_loss_of_float64():
    losses = []
    for dtype in (np.float32, np.float64):
        params = np.zeros(6, dtype=dtype)
        problem = LeastSquares(6, dtype=dtype)
        train(AutomaticOptimizer(ParameterLayout.vector(6)), params, problem.batches(300))
        losses.append(problem.loss(params))
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_params_are_updated_in_place():
    params = np.zeros(6)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(6))
    state, _ = train(optimizer, params, LeastSquares(6).batches(3))
    assert optimizer.result(state, params) is params
    assert params.any()


def test_the_state_has_eight_vectors_and_six_at_rest():
    params = np.zeros(LAYOUT.n_params)
    state, _ = train(AutomaticOptimizer(LAYOUT), params, LeastSquares(LAYOUT.n_params).batches(3))

    def n_vectors(values):
        return sum(np.size(value) == LAYOUT.n_params for value in values)

    assert n_vectors([params, *vars(state).values()]) == 8
    assert n_vectors([params, *freeze(state).values()]) == 6


@pytest.mark.parametrize("damage", [1e8, np.inf, np.nan])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_diverged_iterate_restarts_from_the_average_at_half_the_rate(direction, damage):
    problem = LeastSquares(6)
    params = np.zeros(6)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(6), direction)
    state, _ = train(optimizer, params, problem.batches(101))
    rate, average = state.log_rates.copy(), params.copy()
    state.iterate += damage
    state.is_at_point = False
    evaluate = next(problem.batches(1))
    loss = optimizer.step(state, params, evaluate)
    assert "at half the rate" in EVENTS[state.event]
    assert optimizer.note(state) == "1 restarts"
    assert loss == evaluate(average)
    np.testing.assert_allclose(state.log_rates, rate - np.log(2))
    for evaluate in problem.batches(300):
        optimizer.step(state, params, evaluate)
    assert problem.loss(params) < 1.3 * problem.optimum()


def diagonal_quadratic(curvature):
    """Return the evaluation of sum(curvature * w^2) / 2."""

    def evaluate(params, out=None):
        if out is not None:
            np.multiply(curvature, params, out=out)
        return 0.5 * float(curvature @ params**2)

    return evaluate


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_loss_that_grows_too_slowly_for_a_spike_restarts_too(direction):
    evaluate = diagonal_quadratic(np.array([1.0, 2.0]))
    params = np.ones(2)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(2), direction)
    state, _ = train(optimizer, params, [evaluate] * 51)
    losses = []
    for swing in 0.1 * 1.1 ** np.arange(100):
        # An iterate that swings around the average, further each time, as behind a rate that is too high.
        state.iterate[...] = params + swing * (-1) ** len(losses)
        state.is_at_point = False
        losses.append(optimizer.step(state, params, evaluate))
        if state.n_restarts:
            break
    assert "at half the rate" in EVENTS[state.event]
    np.testing.assert_array_less(np.divide(losses[-1], state.first_loss), 5)


@pytest.mark.parametrize("direction", ["momentum", "nesterov", "sgd"])
def test_a_rate_may_only_fall_once_it_is_found(direction):
    problem = LeastSquares(6)
    params = np.zeros(6)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(6), direction)
    state, _ = train(optimizer, params, problem.batches(50))
    found = state.log_rates.copy()
    rates = []
    for evaluate in problem.batches(300):
        optimizer.step(state, params, evaluate)
        rates.append(state.log_rates[0])
    assert max(rates) <= found[0]
    assert min(rates) < found[0]


@pytest.mark.parametrize("direction", ["momentum", "nesterov", "sgd"])
def test_a_found_rate_falls_where_the_curvature_becomes_higher(direction):
    params = np.ones(2)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(2), direction)
    state, _ = train(optimizer, params, [diagonal_quadratic(np.array([1.0, 2.0]))] * 50)
    found = state.log_rates.copy()
    steep = diagonal_quadratic(np.array([10.0, 20.0]))
    for _ in range(500):
        optimizer.step(state, params, steep)
    assert state.log_rates[0] < found[0] - math.log(4)
    assert steep(params) < 1e-6


def test_the_rate_of_adam_stays_as_it_is_once_it_is_found():
    problem = LeastSquares(6)
    params = np.zeros(6)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(6))
    state, _ = train(optimizer, params, problem.batches(50))
    found = state.log_rates.copy()
    for evaluate in problem.batches(100):
        optimizer.step(state, params, evaluate)
    np.testing.assert_array_equal(state.log_rates, found)


def test_a_set_with_rare_features_that_is_fitted_to_zero_stays_fitted():
    # Gradients vanish by many orders of magnitude, and those of a rare feature are zero in most batches.
    rng = np.random.default_rng(0)
    X = (rng.random((400, 600)) < 0.01).astype(np.float64)
    y = rng.integers(2, size=400) * 2.0 - 1

    def loss_on(rows):
        def evaluate(params, out=None):
            margin = y[rows] * (X[rows] @ params)
            if out is not None:
                out[...] = -X[rows].T @ (y[rows] / (1 + np.exp(np.minimum(margin, 700)))) / len(rows)
            return float(np.logaddexp(0, -margin).mean())

        return evaluate

    params = np.zeros(600)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(600))
    state = optimizer.init(params)
    losses = []
    for _ in range(100):
        for rows in np.array_split(rng.permutation(400), 4):
            optimizer.step(state, params, loss_on(rows))
        losses.append(loss_on(np.arange(400))(params))
    assert max(losses[50:]) <= 1.1 * losses[49]
    assert losses[-1] < losses[49] < 0.1


def test_a_hard_batch_changes_neither_the_rate_nor_the_place():
    problem = LeastSquares(6)
    params = np.zeros(6)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(6))
    state, _ = train(optimizer, params, problem.batches(101))
    rate, iterate = state.log_rates.copy(), state.iterate.copy()

    def hard(at, out=None):
        return 1e3 + problem.loss(at, out=out)

    optimizer.step(state, params, hard)
    assert "hard batch" in EVENTS[state.event]
    np.testing.assert_array_equal(state.log_rates, rate)
    assert np.abs(state.iterate - iterate).max() < 0.1
    # The smoothed loss, which the hard batch has raised, is no slow divergence either.
    for evaluate in problem.batches(20):
        optimizer.step(state, params, evaluate)
    assert state.n_restarts == 0
    np.testing.assert_array_equal(state.log_rates, rate)


@pytest.mark.parametrize("n_steps", [0, 10])
def test_a_batch_without_a_finite_loss_anywhere_raises(n_steps):
    problem = LeastSquares(6)
    params = np.zeros(6)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(6))
    state, _ = train(optimizer, params, problem.batches(n_steps))
    before = params.copy()

    def poisoned(at, out=None):
        if out is not None:
            out[...] = np.nan
        return math.nan

    with pytest.raises(FloatingPointError, match="not finite"):
        optimizer.step(state, params, poisoned)
    np.testing.assert_array_equal(params, before)


def test_a_gradient_that_overflows_when_squared_raises():
    def steep(at, out=None):
        if out is not None:
            out[...] = 1e25
        return 1.0

    params = np.zeros(6, dtype=np.float32)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(6))
    with pytest.raises(FloatingPointError, match="not finite"):
        optimizer.step(optimizer.init(params), params, steep)


def test_a_step_too_long_for_its_own_batch_quarters_the_rate():
    # A cliff that the first batches do not have: the trial step of the next one lands behind it.
    def evaluate(params, out=None, cliff=math.inf):
        behind = np.abs(params).max() > cliff
        if out is not None:
            out[...] = params - 1
        return 1e6 if behind else 0.5 * float((params - 1) @ (params - 1))

    optimizer = AutomaticOptimizer(ParameterLayout.vector(2), "sgd", "global")
    params = np.zeros(2)
    state, _ = train(optimizer, params, [evaluate] * 16)  # the next one makes a trial step
    params[...] = state.iterate[...] = 0
    state.is_at_point = False
    state.mean_norm = 2.0  # the gradient there is not shortened
    rate = state.log_rates.copy()
    optimizer.step(state, params, lambda at, out=None: evaluate(at, out, cliff=0.9))
    assert "quartered" in EVENTS[state.event]
    np.testing.assert_allclose(state.log_rates, rate - np.log(4))


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_training_waits_for_the_first_gradient(direction):
    def flat(at, out=None):
        if out is not None:
            out[...] = 0
        return 1.0

    problem = LeastSquares(6)
    params = np.zeros(6)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(6), direction)
    state, _ = train(optimizer, params, [flat, flat])
    assert state.step == 0
    assert not params.any()
    assert not optimizer.rates(state).any()
    for evaluate in problem.batches(300):
        optimizer.step(state, params, evaluate)
    assert problem.loss(params) < 1.3 * problem.optimum()


@pytest.mark.parametrize(("granularity", "n_rates"), [("global", 1), ("layer", 2), ("parameter", LAYOUT.n_params)])
def test_rates_are_positive_and_as_many_as_the_granularity_says(granularity, n_rates):
    optimizer = AutomaticOptimizer(LAYOUT, granularity=granularity)
    state, _ = train(optimizer, np.zeros(LAYOUT.n_params), LeastSquares(LAYOUT.n_params).batches(60))
    rates = optimizer.rates(state)
    assert rates.shape == (n_rates,)
    assert (rates > 0).all()
    assert len(np.unique(rates)) == n_rates


def test_the_rates_of_parameters_differ_by_a_bounded_factor_with_mean_one():
    optimizer = AutomaticOptimizer(ParameterLayout.vector(6))
    problem = LeastSquares(6)
    state, _ = train(optimizer, np.zeros(6), problem.batches(500))
    assert 1 / 20 <= state.multipliers.min() < state.multipliers.max() <= 20
    assert np.log(state.multipliers).mean() == pytest.approx(0, abs=1e-12)


def test_rates_at_their_bound_do_not_drag_the_others_down():
    # The gradient of one parameter in twenty always agrees with the last one; those of the others are noise.
    rng = np.random.default_rng(0)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(20))

    def evaluate(params, out=None):
        if out is not None:
            out[...] = rng.standard_normal(20)
            out[0] = -1
        return 1.0 - 1e-3 * params[0]

    state, _ = train(optimizer, np.zeros(20), [evaluate] * 8000)
    assert state.multipliers[0] == pytest.approx(20, rel=0.01)
    assert np.exp(np.log(state.multipliers).mean()) == pytest.approx(1, abs=0.1)


def test_a_parameter_without_gradient_never_moves():
    problem = LeastSquares(6)
    problem.X[:, 2] = 0
    for direction in DIRECTIONS:
        params = np.full(6, 0.5)
        train(AutomaticOptimizer(ParameterLayout.vector(6), direction), params, problem.batches(100))
        assert params[2] == 0.5


@pytest.mark.parametrize("offset", [-100.0, 0.0])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_loss_may_be_zero_or_negative(direction, offset):
    problem = LeastSquares(6, noise=0)
    start = problem.loss(np.zeros(6))

    def shifted(at, out=None):
        return problem.loss(at, out=out) - start + offset

    params = np.zeros(6)
    train(AutomaticOptimizer(ParameterLayout.vector(6), direction), params, [shifted] * 300)
    assert problem.loss(params) < 1e-2 * start


def test_badly_scaled_parameters_train_as_well_as_well_scaled_ones():
    # Adam's direction does not see the scale of a column; the loss is within a factor of that of equal scales.
    problem = LeastSquares(6)
    problem.X *= np.logspace(-2, 2, 6)
    problem.y = problem.X @ np.linalg.lstsq(problem.X, problem.y, rcond=None)[0]
    params = np.zeros(6)
    train(AutomaticOptimizer(ParameterLayout.vector(6)), params, problem.batches(1000))
    assert problem.loss(params) < 0.05 * problem.loss(np.zeros(6))


@pytest.mark.parametrize(("direction", "n_checks"), [("adam", 0), ("sgd", 2)])
def test_a_step_costs_one_gradient_once_the_rate_is_found(direction, n_checks):
    counts = []

    def counted(evaluate):
        def count(at, out=None):
            counts[-1] += 1
            return evaluate(at, out)

        return count

    optimizer = AutomaticOptimizer(ParameterLayout.vector(6), direction)
    params = np.zeros(6)
    state = optimizer.init(params)
    for evaluate in LeastSquares(6).batches(100):
        counts.append(0)
        optimizer.step(state, params, counted(evaluate))
    assert counts[1:8] == [1 + 7] * 7  # the seven are forward passes
    assert counts[8] == 2 + 7
    assert counts[9:50] == [1, 1, 1, 1, 1, 1, 1, 2] * 5 + [1]
    assert sum(counts[50:]) == 50 + n_checks


# The guard and the trial step, at their bounds.


@pytest.mark.parametrize(("height", "is_spike"), [(3.9, False), (4.1, True)])
def test_a_loss_is_a_spike_from_four_times_the_scale_of_losses_on(height, is_spike):
    evaluate = diagonal_quadratic(np.array([1.0, 2.0]))
    params = np.ones(2)
    optimizer = AutomaticOptimizer(ParameterLayout.vector(2))
    state, _ = train(optimizer, params, [evaluate] * 51)
    scale = max(abs(state.first_loss), abs(state.smoothed_loss))
    calls = []

    def evaluate_once_high(point, out=None):
        calls.append(point)
        loss = evaluate(point, out)
        return state.smoothed_loss + height * scale if len(calls) == 1 else loss

    optimizer.step(state, params, evaluate_once_high)
    assert state.n_restarts == is_spike


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_trial_step_that_leads_too_far_up_is_quartered_and_so_are_the_rates(direction):
    layout = ParameterLayout.vector(2)
    optimizer = AutomaticOptimizer(layout, direction)
    state = optimizer.init(np.ones(2))
    state.step, state.first_loss, state.smoothed_loss = 10, 1.0, 1.0
    state.log_rates[...] = math.log(0.5)
    state.direction[...] = state.grad[...] = 1.0
    for loss, expected, left in ((1.9, 0.5, "moved"), (2.1, 0.125, 0.125)):
        state.point[...] = 1.0
        before = state.log_rates.copy()

        def evaluate(point, out, loss=loss):
            out[...] = [1.0, -1.0]  # across the direction: the rates have no reason to move
            return loss

        assert adapt_groups(state, [[slice(None)]], evaluate, 1.0) == [pytest.approx(expected)]
        after = before if left == "moved" else np.log([left])
        np.testing.assert_allclose(state.log_rates, after)
