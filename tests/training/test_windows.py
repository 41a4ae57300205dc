"""Many steps in one compiled call are, bit by bit, those that NumPy makes one by one."""

import numpy as np
import pytest
from scipy import sparse

from sk_adalr.backends import use_kernels
from sk_adalr.backends.kernels.reference import REFERENCE
from sk_adalr.dataset import Dataset
from sk_adalr.directions import DIRECTIONS
from sk_adalr.learning_rates import Constant, Hypergradient, PerLayer
from sk_adalr.objectives import (
    BinomialLogLoss,
    HalfSquaredError,
    L2Penalty,
    MultinomialLogLoss,
    Network,
    PenalizedMean,
    pairwise_sum,
)
from sk_adalr.optimizer import Optimizer, freeze
from sk_adalr.optimizer.automatic import AutomaticOptimizer
from sk_adalr.parameters import ParameterLayout
from sk_adalr.standardization import Standardization
from sk_adalr.training import Batches, History, Trainer
from sk_adalr.training.windows import Window, many_steps

RATES = {"constant": Constant(0.005), "hypergradient": Hypergradient(0.005, 1e-6)}
KINDS = [(direction, rate) for direction in DIRECTIONS for rate in RATES] + [("adam", "automatic")]
WEIGHTS = {
    "equal": None,
    "weighted": np.linspace(0.5, 2, 230),
    "some without": np.where(np.arange(230) % 100 < 40, 0, 1.0),
}

kinds = pytest.mark.parametrize(("direction", "rate"), KINDS)
losses = pytest.mark.parametrize("loss", [BinomialLogLoss(), HalfSquaredError()], ids=["binomial", "squared"])
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(autouse=True)
def numba():
    pytest.importorskip("numba", reason="the extra `fast` is not installed")


class Problem:
    """CSR rows whose columns are as many as three leaves of a pairwise sum, and a model of them."""

    def __init__(self, loss, direction="adam", rate="constant", dtype=np.float64, weight=None, fit_intercept=True):
        rng = np.random.default_rng(0)
        self.X = sparse.random_array((230, 300), density=0.05, format="csr", random_state=rng, dtype=dtype)
        self.X.data += dtype(0.5)
        target = (self.X @ rng.standard_normal(300) > 0).astype(dtype)[:, None]
        self.data = Dataset(self.X, target, None if weight is None else weight.astype(dtype))
        layout = ParameterLayout(((300, 1),), fit_intercept)
        weights = rng.random(300).astype(dtype)
        self.objective = PenalizedMean(Network(layout, loss, "identity"), L2Penalty(0.3, coef_weights=weights))
        if rate == "automatic":
            self.optimizer = AutomaticOptimizer(layout, direction)
        else:
            self.optimizer = Optimizer(DIRECTIONS[direction](), RATES.get(rate, rate), layout)
        self.start = rng.standard_normal(layout.n_params).astype(dtype)

    def many(self):
        return many_steps(self.objective, self.optimizer, self.start)

    def train(self, kernels, *, batch_size=20, shuffle=True, n_epochs=3, is_centered=True):
        """Return parameters, state at rest and losses after some epochs."""
        units = Standardization(np.linspace(-1, 1, 300), np.linspace(1, 2, 300)) if is_centered else None
        order = np.random.RandomState(0)
        batches = Batches(self.data, batch_size, shuffle=shuffle, random_state=order, standardization=units)
        params, history = self.start.copy(), History()
        state = self.optimizer.init(params)
        with use_kernels(kernels):
            assert (self.many() is None) == (kernels == "numpy")
            Trainer(self.optimizer, self.objective).run(batches, params, state, history, max_epochs=n_epochs)
        return params, freeze(state), history.losses

    def assert_columns_agree(self, **options):
        expected, found = (self.train(kernels, **options) for kernels in ("numpy", "numba"))
        np.testing.assert_equal(found, expected)
        assert not np.array_equal(found[0], self.start)


@kinds
@losses
@dtypes
def test_many_steps_in_one_call_are_those_of_one_by_one(direction, rate, loss, dtype):
    Problem(loss, direction, rate, dtype).assert_columns_agree()


@losses
@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=list(WEIGHTS))
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("is_centered", [True, False])
@pytest.mark.parametrize("shuffle", [True, False])
def test_so_they_are_with_weights_and_without_intercept_or_centre(loss, weight, fit_intercept, is_centered, shuffle):
    problem = Problem(loss, weight=weight, fit_intercept=fit_intercept)
    problem.assert_columns_agree(is_centered=is_centered, shuffle=shuffle)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 129, 229])
def test_so_they_are_for_any_batch_size(batch_size):
    Problem(BinomialLogLoss()).assert_columns_agree(batch_size=batch_size)


def test_so_they_are_where_the_penalty_is_none_and_where_it_falls_with_the_weight_of_a_batch():
    for penalty in (L2Penalty(0.0), L2Penalty(3.0, per_batch=True)):
        problem = Problem(HalfSquaredError())
        problem.objective = PenalizedMean(problem.objective.network, penalty)
        problem.assert_columns_agree()


def test_so_they_are_where_training_diverges():
    problem = Problem(HalfSquaredError(), "sgd", Constant(1e200))
    for kernels in ("numpy", "numba"):
        with pytest.raises(ValueError, match="non-finite at epoch 1"):
            problem.train(kernels)


def test_the_model_of_one_window_is_that_of_many(monkeypatch):
    problem = Problem(BinomialLogLoss(), "adam", "automatic")
    expected = problem.train("numba")
    monkeypatch.setattr("sk_adalr.training.batches._WINDOW_ENTRIES", 600)
    np.testing.assert_equal(problem.train("numba"), expected)


def test_the_first_rates_of_a_window_are_those_of_its_first_batch():
    problem, seen = Problem(BinomialLogLoss(), "adam", "automatic", weight=WEIGHTS["some without"]), []

    def first_rates(params, batch, direction):
        seen.append((batch.X @ np.eye(300), batch.target, batch.weight, batch.weight_sum, direction.copy()))
        return np.array([0.1])

    for kernels in ("numpy", "numba"):
        batches = Batches(problem.data, 20, shuffle=False, random_state=np.random.RandomState(0))
        params = problem.start.copy()
        trainer = Trainer(problem.optimizer, problem.objective, first_rates=first_rates)
        with use_kernels(kernels):
            trainer.run(batches, params, problem.optimizer.init(params), History(), max_epochs=1)
    assert len(seen) == 2
    np.testing.assert_equal(seen[1], seen[0])


@pytest.mark.parametrize("batch_size", [1, 3, 8, 100, 129, 500])
@dtypes
def test_the_sums_of_batches_are_bitwise_those_of_each_alone(batch_size, dtype):
    values = np.random.RandomState(0).standard_normal(1234).astype(dtype)
    window = Window(None, np.arange(1234), None, None, batch_size)
    parts = np.split(values.astype(np.float64), np.arange(batch_size, 1234, batch_size))
    np.testing.assert_array_equal(window.sums(values), [np.add.reduce(part) for part in parts])


def test_a_large_batch_weighs_the_same_in_a_window():
    weight = np.exp(12 * np.random.RandomState(0).standard_normal(20_000)).astype(np.float32)
    data = Dataset(sparse.csr_array(np.ones((20_000, 1), dtype=np.float32)), np.ones((20_000, 1), np.float32), weight)
    batches = Batches(data, 9_000, shuffle=False, random_state=np.random.RandomState(0))
    in_windows = np.concatenate([window.weight_sums for window in batches.windows()])
    np.testing.assert_array_equal(in_windows, [batch.weight_sum for batch in batches.epoch()])


@dtypes
def test_compiled_sums_are_bitwise_those_of_numpy(dtype):
    from sk_adalr.backends.kernels.fused import csr_steps

    values = np.random.RandomState(0).standard_normal(40_000).astype(dtype)
    for n in (*range(300), 1000, 1023, 1025, 8192, 8193, 39_999):
        assert csr_steps.pairwise_sum(values[:n], csr_steps.tree(n)) == pairwise_sum(values[:n])
        assert n > 8192 or pairwise_sum(values[:n]) == np.add.reduce(values[:n])


def test_numpy_makes_its_steps_one_by_one():
    assert not REFERENCE.csr_steps


class Halved(HalfSquaredError):
    def residual(self, raw, target, weight, scale=1.0, bias=None):
        return super().residual(raw, target, weight, 0.5 * scale, bias)


@pytest.mark.parametrize(
    "problem",
    [
        Problem(Halved()),
        Problem(HalfSquaredError(), "adam", Hypergradient(0.05, 1e-3, PerLayer())),
        Problem(HalfSquaredError(), "sgd", "automatic"),
    ],
    ids=["a loss that overrides the residual", "rates that need a pass of their own", "a direction of layers"],
)
def test_what_the_kernels_do_not_have_is_made_step_by_step(problem):
    with use_kernels("numba"):
        assert problem.many() is None


def test_a_model_of_several_outputs_is_trained_step_by_step():
    layout = ParameterLayout(((300, 3),))
    for loss in (MultinomialLogLoss(), HalfSquaredError(), BinomialLogLoss()):
        with use_kernels("numba"):
            objective = PenalizedMean(Network(layout, loss, "identity"), L2Penalty(0.0))
            assert many_steps(objective, Problem(HalfSquaredError()).optimizer, np.zeros(903)) is None
