from dataclasses import dataclass, field

import numpy as np
import pytest

from sk_adalr.dataset import Dataset
from sk_adalr.directions import SGD
from sk_adalr.learning_rates import Constant, Hypergradient
from sk_adalr.objectives import HalfSquaredError, L2Penalty, Network, PenalizedMean
from sk_adalr.optimizer import Optimizer
from sk_adalr.parameters import ParameterLayout
from sk_adalr.training import Batches, History, Stopping, Trainer, Validation

LAYOUT = ParameterLayout(((2, 1),), fit_intercept=False)


@dataclass(frozen=True)
class CtrlC:
    """A direction that is interrupted before step `at`."""

    at: int

    def init(self, params):
        return {}

    def update(self, state, grad, step, *, out):
        if step == self.at:
            raise KeyboardInterrupt
        np.copyto(out, grad)


@dataclass
class Run:
    """A least-squares problem of 10 rows, and one run of the trainer on it."""

    direction: object = field(default_factory=SGD)
    rate: object = field(default_factory=lambda: Constant(0.1))
    batch_size: int = 4
    weight: object = None
    on_epoch: object = None
    history: History = field(default_factory=History)

    def __post_init__(self):
        rng = np.random.RandomState(0)
        self.X = rng.standard_normal((10, 2))
        self.y = self.X @ [[1.0], [-2.0]] + 0.1 * rng.standard_normal((10, 1))
        self.params = np.zeros(2)

    def __call__(self, max_epochs, **options):
        optimizer = Optimizer(self.direction, self.rate, LAYOUT)
        objective = PenalizedMean(Network(LAYOUT, HalfSquaredError(), "identity"), L2Penalty(0.0))
        trainer = Trainer(optimizer, objective, **({} if self.on_epoch is None else {"on_epoch": self.on_epoch}))
        data = Dataset(self.X, self.y, self.weight)
        batches = Batches(data, self.batch_size, shuffle=False, random_state=np.random.RandomState(0))
        self.state = optimizer.init(self.params)
        return trainer.run(batches, self.params, self.state, self.history, max_epochs=max_epochs, **options)

    def without_ctrl_c(self, max_epochs):
        """Run with KeyboardInterrupt as a failure: it would end the whole run of pytest."""
        try:
            return self(max_epochs)
        except KeyboardInterrupt:
            pytest.fail("the model so far was lost")


def plain_epochs(run, n_epochs):
    """Mini-batch gradient descent in four lines; returns the parameters and the mean losses as visited."""
    w, losses = np.zeros((2, 1)), []
    weight = np.ones(10) if run.weight is None else run.weight
    for _ in range(n_epochs):
        total = 0.0
        for rows in (slice(0, 4), slice(4, 8), slice(8, 10)):
            residual = run.X[rows] @ w - run.y[rows]
            total += 0.5 * weight[rows] @ residual[:, 0] ** 2
            w = w - 0.1 * run.X[rows].T @ (weight[rows, None] * residual) / weight[rows].sum()
        losses.append(total / weight.sum())
    return w[:, 0], losses


@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 3, 10)], ids=["equal", "weighted"])
def test_an_epoch_is_a_step_per_batch_and_its_loss_is_the_mean_as_visited(weight):
    run = Run(weight=weight)
    params = run(5)
    expected_params, expected_losses = plain_epochs(run, 5)
    np.testing.assert_allclose(params, expected_params, rtol=1e-12)
    np.testing.assert_allclose(run.history.losses, expected_losses, rtol=1e-12)


def test_max_epochs_ends_the_run_and_says_so():
    run = Run()
    run(3, stopping=Stopping(1e-12, 10))
    assert len(run.history.losses) == 3
    assert "`max_iter`" in run.history.stop_reason


def test_the_stopping_rule_ends_the_run_and_says_why():
    run = Run()
    run(1000, stopping=Stopping(1e-4, 3))
    assert len(run.history.losses) < 1000
    assert "`tol`" in run.history.stop_reason


def test_on_epoch_sees_every_epoch_and_may_end_the_run():
    seen = []

    def on_epoch(history, params):
        seen.append((len(history.losses), params.copy()))
        return len(seen) == 3

    run = Run(on_epoch=on_epoch)
    params = run(100)
    assert [n for n, _ in seen] == [1, 2, 3]
    np.testing.assert_array_equal(seen[-1][1], params)
    assert run.history.stop_reason == "A callback asked to stop."


def test_a_history_that_goes_on_is_appended_to():
    run = Run(history=History(losses=[9.0], learning_rates=[(1.0, 1.0, 1.0)]))
    run(2)
    assert len(run.history.losses) == len(run.history.learning_rates) == 3


@pytest.mark.parametrize("rate", [Constant(0.1), Hypergradient(0.1, 0.01)], ids=["one rate", "two rates"])
def test_the_history_records_smallest_median_and_largest_rate(rate):
    run = Run(rate=rate)
    run(4)
    rates = run.state.rate_state["rates"]
    assert run.history.learning_rates[-1] == (rates.min(), np.median(rates), rates.max())


def test_validation_keeps_the_parameters_with_the_best_score():
    target = np.array([0.5, -1.0])
    scores = []

    def evaluate(params):
        distance = float(np.abs(params - target).sum())
        scores.append((-distance, params.copy()))
        return -distance, distance

    run = Run()
    best = run(30, validation=Validation(evaluate))
    expected = max(scores, key=lambda entry: entry[0])[1]
    assert not np.array_equal(expected, scores[-1][1]), "the best must not be the last for this test to mean anything"
    np.testing.assert_array_equal(best, expected)


def test_among_equal_scores_validation_keeps_the_lowest_loss():
    losses = iter([3.0, 1.0, 2.0])
    validation = Validation(lambda params: (0.5, next(losses)))
    for value in (1.0, 2.0, 3.0):
        validation(np.array([value]))
    np.testing.assert_array_equal(validation.best_params, [2.0])


def test_divergence_names_the_epoch_and_the_rates():
    with pytest.raises(
        ValueError, match=r"became non-finite at epoch \d+ \(learning rates between 1e\+200 and 1e\+200\)"
    ):
        Run(rate=Constant(1e200))(10)


def test_divergence_says_what_to_do():
    with pytest.raises(ValueError, match=r"Standardise the features .* lower `learning_rate_init`"):
        Run(rate=Constant(1e200))(10)


def test_ctrl_c_keeps_the_model_so_far_with_a_warning():
    run = Run(CtrlC(at=8))  # the second batch of the third epoch
    with pytest.warns(UserWarning, match="interrupted"):
        params = run(100)
    straight = Run()
    straight_params = straight(2)
    first_batch = straight.X[:4].T @ (straight.X[:4] @ straight_params - straight.y[:4, 0]) / 4
    np.testing.assert_allclose(params, straight_params - 0.1 * first_batch, rtol=1e-12)
    assert run.history.stop_reason.startswith("Interrupted by the user")


def test_ctrl_c_between_two_epochs_keeps_the_model_so_far():
    run, straight = Run(CtrlC(at=7)), Run()
    with pytest.warns(UserWarning, match="interrupted"):
        params = run.without_ctrl_c(100)
    np.testing.assert_array_equal(params, straight(2))
    assert run.history.stop_reason.startswith("Interrupted by the user")


def test_ctrl_c_before_the_first_step_is_passed_on():
    with pytest.raises(KeyboardInterrupt):
        Run(CtrlC(at=1))(100)
