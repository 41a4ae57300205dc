"""Parameters of the objects that are passed as `solver` and `learning_rate`."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from estimator_cases import ESTIMATORS, blocks, fit, make, problem
from newcomers import Lion, Multiplicative
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sk_adalr import AdaptiveLRLinearRegression
from sk_adalr.checkpoint.callback import _identity
from sk_adalr.directions import DIRECTIONS, SGD, Adam, Momentum, Nesterov
from sk_adalr.learning_rates import LEARNING_RATES, Constant, Global, Hypergradient

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))


class HeavyBall:
    """A class without decorators, base or `__repr__`."""

    def __init__(self, decay=0.5):
        self.decay = decay

    def init(self, params):
        return {"velocity": np.zeros_like(params)}

    def update(self, state, grad, step, *, out):
        state["velocity"][...] = self.decay * state["velocity"] + grad
        out[...] = state["velocity"]


class SearchableHeavyBall(HeavyBall, BaseEstimator):
    """By the habits of scikit-learn."""

    def __init__(self, decay=0.5):
        super().__init__(decay)


@dataclass(frozen=True)
class Negated:
    """A direction that holds another."""

    inner: object

    def init(self, params):
        return self.inner.init(params)

    def update(self, state, grad, step, *, out):
        self.inner.update(state, grad, step, out=out)


class Forgetful(HeavyBall):
    def __init__(self, decay=0.5, secret=1):
        super().__init__(decay)


SETTABLE = [
    ("solver", Momentum(0.1), "momentum", 0.7),
    ("solver", Nesterov(0.1), "momentum", 0.7),
    ("solver", Adam(), "beta_2", 0.9),
    ("solver", Lion(), "beta_2", 0.5),
    ("solver", HeavyBall(), "decay", 0.7),
    ("solver", SearchableHeavyBall(), "decay", 0.7),
    ("solver", Negated(Momentum(0.1)), "inner__momentum", 0.7),
    ("learning_rate", Constant(0.01), "learning_rate_init", 0.02),
    ("learning_rate", Hypergradient(0.01), "granularity", Global()),
    ("learning_rate", Multiplicative(0.01), "step_size", 0.5),
]


@estimators
@pytest.mark.parametrize(("parameter", "value", "own", "new"), SETTABLE, ids=lambda value: type(value).__name__)
def test_a_parameter_of_an_object_is_read_set_and_used(cls, parameter, value, own, new):
    model = make(cls, **{parameter: value})
    name = f"{parameter}__{own}"
    old = model.get_params()[name]
    assert name not in model.get_params(deep=False)
    X, y = problem(cls)
    before = blocks(fit(clone(model), X, y))
    changed = pickle.loads(pickle.dumps(clone(model.set_params(**{name: new}))))
    assert changed.get_params()[name] == new
    assert make(cls, **{parameter: value}).get_params()[name] == old, "the object passed has changed"
    assert not np.array_equal(blocks(fit(changed, X, y)), before)


@pytest.mark.parametrize(
    "changes",
    [
        {"solver__beta_2": 0.5},
        {"solver__momentum__x": 0.5},
        {"learning_rate__step_size": 0.5},
        {"learning_rate__granularity__x": 0.5},
        {"solver": SGD(), "solver__momentum": 0.5},
        {"solver": "momentum", "solver__momentum": 0.5},
        {"solver": Forgetful(), "solver__decay": 0.5},
        {"tol__x": 1},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_a_parameter_that_an_object_does_not_have_is_an_error_that_changes_nothing(changes):
    model = AdaptiveLRLinearRegression(solver=Momentum(0.1), learning_rate=Hypergradient(0.01))
    before = model.get_params()
    with pytest.raises(ValueError, match="Invalid parameter"):
        model.set_params(max_iter=3, **changes)
    assert model.get_params() == before


def test_an_object_and_its_parameter_are_set_together():
    model = AdaptiveLRLinearRegression().set_params(solver__beta_2=0.5, solver=Lion())
    assert model.solver == Lion(beta_2=0.5)


def test_a_grid_search_in_a_pipeline_reaches_them():
    X, y = problem(AdaptiveLRLinearRegression)
    model = make_pipeline(make(AdaptiveLRLinearRegression, solver=Lion(), learning_rate=Multiplicative(0.01)))
    name = "adaptivelrlinearregression"
    grid = {f"{name}__solver__beta_2": [0.5, 0.9], f"{name}__learning_rate__step_size": np.array([0.0, 0.5])}
    scores = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y).cv_results_["mean_test_score"]
    assert len(set(scores)) == 4


@estimators
@pytest.mark.parametrize("options", [{}, {"momentum": 0.1, "beta_1": 0.1, "beta_2": 0.1, "hyper_learning_rate": 0.5}])
def test_the_parameters_of_the_estimator_do_not_replace_those_of_an_object_or_newcomer(cls, options, monkeypatch):
    monkeypatch.setitem(DIRECTIONS, "lion", Lion)
    monkeypatch.setitem(LEARNING_RATES, "multiplicative", Multiplicative)
    X, y = problem(cls)
    expected = blocks(fit(make(cls, solver=Lion(0.9, 0.99), learning_rate=Multiplicative(0.01, 0.02)), X, y))
    by_object = make(cls, solver=Lion(), learning_rate=Multiplicative(0.01), **options)
    by_name = make(cls, solver="lion", learning_rate="multiplicative", learning_rate_init=0.01, **options)
    for model in (by_object, by_name):
        np.testing.assert_array_equal(blocks(fit(model, X, y)), expected)


def test_a_checkpoint_tells_the_parameters_of_an_object_without_text_apart():
    def identity(decay):
        return _identity(AdaptiveLRLinearRegression(solver=HeavyBall(decay)))

    assert identity(0.5) == identity(0.5)
    assert identity(0.5) != identity(0.6)
