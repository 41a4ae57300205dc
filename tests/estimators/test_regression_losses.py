"""Losses of the regressors beside squared errors, against those of scikit-learn."""

import warnings

import numpy as np
import pytest
from estimator_cases import REGRESSORS, blocks, fit
from scipy import optimize, sparse
from sklearn.linear_model import GammaRegressor, PoissonRegressor
from sklearn.metrics import d2_tweedie_score, mean_gamma_deviance, mean_poisson_deviance
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRMLPRegressor
from sk_adalr.dataset import Batch
from sk_adalr.objectives import ElementwiseLoss, HalfPoissonDeviance, Network
from sk_adalr.parameters import ParameterLayout

regressors = pytest.mark.parametrize("cls", REGRESSORS.values(), ids=list(REGRESSORS))
links = pytest.mark.parametrize(
    ("name", "peer", "power"),
    [("poisson", PoissonRegressor, 1), ("gamma", GammaRegressor, 2)],
    ids=["poisson", "gamma"],
)


def claims(name, n_rows=400):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n_rows, 5))
    mean = np.exp(X @ [0.5, -0.3, 0.2, 0.0, 0.4] + 0.5)
    y = rng.poisson(mean).astype(float) if name == "poisson" else rng.gamma(2, mean / 2)
    return X, y, rng.uniform(0.2, 2, n_rows)


@links
@pytest.mark.parametrize("solver", ["auto", "exact"])
@pytest.mark.parametrize("alpha", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("as_array", [np.asarray, sparse.csr_array])
def test_coefficients_are_those_of_scikit_learn(name, peer, power, solver, alpha, weighted, fit_intercept, as_array):
    X, y, weight = claims(name)
    weight = weight if weighted else None
    total = len(y) if weight is None else weight.sum()
    options = {"solver": "newton-cholesky", "tol": 1e-12, "fit_intercept": fit_intercept}
    expected = peer(alpha=alpha / total, **options).fit(X, y, weight)
    model = AdaptiveLRLinearRegression(alpha, loss=name, solver=solver, fit_intercept=fit_intercept, tol=1e-9)
    model.fit(as_array(X), y, weight)
    np.testing.assert_allclose(model.coef_, expected.coef_, atol=1e-7)
    assert model.intercept_ == pytest.approx(expected.intercept_, abs=1e-7)
    np.testing.assert_allclose(model.predict(X), expected.predict(X), rtol=1e-6)
    if fit_intercept:
        assert model.score(X, y, weight) == pytest.approx(expected.score(X, y, weight), abs=1e-10)


@links
def test_the_score_is_the_share_of_the_deviance_that_is_explained(name, peer, power):
    X, y, weight = claims(name)
    model = AdaptiveLRMLPRegressor(loss=name, random_state=0, max_iter=30).fit(X, y, weight)
    for w in (None, weight):
        expected = d2_tweedie_score(y, model.predict(X), sample_weight=w, power=power)
        assert model.score(X, y, w) == pytest.approx(expected, rel=1e-6)


@links
@regressors
@pytest.mark.parametrize("unit", [2.0**-40, 2.0**40])
def test_predictions_have_the_unit_of_the_target(cls, name, peer, power, unit):
    X, y, _ = claims(name)
    options = {"loss": name, "random_state": 0, "solver": "adam", "max_iter": 10, "alpha": 0.0}
    one, other = fit(cls(**options), X, y), fit(cls(**options), X, y * unit)
    np.testing.assert_allclose(other.predict(X), one.predict(X) * unit, rtol=1e-9)


@links
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_the_penalty_of_mini_batches_is_that_of_the_optimum(name, peer, power, solver):
    """A penalty as strong as this one would be another one by 2.5 if the units of the target were forgotten."""
    X, y, _ = claims(name, 2000)
    y = y * 10
    best = AdaptiveLRLinearRegression(20_000.0, loss=name).fit(X, y)
    model = AdaptiveLRLinearRegression(20_000.0, loss=name, solver=solver, random_state=0, tol=1e-6, max_iter=300)
    fit(model, X, y)
    np.testing.assert_allclose(model.coef_, best.coef_, atol=0.1 * np.abs(best.coef_).max())


def test_a_poisson_network_has_the_loss_and_gradient_of_scikit_learn_s():
    """One step of plain gradient descent from the same coefficients."""
    X, y, _ = claims("poisson")
    options = {"hidden_layer_sizes": (6,), "activation": "tanh", "alpha": 0.0, "batch_size": len(y), "max_iter": 1}
    options |= {"solver": "sgd", "momentum": 0.0, "random_state": 0}
    try:
        peer = MLPRegressor(loss="poisson", learning_rate_init=0.1, **options)
    except TypeError:
        pytest.skip("this version of scikit-learn has no other loss")
    start = MLPRegressor(learning_rate_init=1e-30, **options)
    fit(start, X, y)
    fit(peer, X, y)
    layout = ParameterLayout.of_network([5, 6, 1])
    params = np.concatenate([array.ravel() for array in (*start.coefs_, *start.intercepts_)])
    grad = np.empty_like(params)
    network = Network(layout, HalfPoissonDeviance(), "tanh")
    value = network.value_and_grad(params, Batch(X, y[:, None], None, len(y)), out=grad, weight_sum=float(len(y)))
    assert value == pytest.approx(peer.loss_, rel=1e-10)
    stepped = np.concatenate([array.ravel() for array in (*peer.coefs_, *peer.intercepts_)])
    np.testing.assert_allclose(params - 0.1 * grad, stepped, atol=1e-12)


@regressors
def test_targets_outside_the_domain_are_refused(cls):
    X, y, _ = claims("poisson")
    assert 0 in y
    with pytest.raises(ValueError, match=r"`loss='gamma'` needs targets above 0; got 0\."):
        cls(loss="gamma").fit(X, y)
    with pytest.raises(ValueError, match=r"`loss='poisson'` needs targets of at least 0; got -1\."):
        cls(loss="poisson").fit(X, y - 1)
    model = cls(loss="poisson").fit(X, y)
    with pytest.raises(ValueError, match="at least 0"):
        model.score(X, y - 1)


@regressors
@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        ("huber", ValueError, "use 'squared_error', or write it as a class"),
        ("mse", ValueError, "must be one of 'squared_error', 'poisson', 'gamma'"),
        (HalfPoissonDeviance, TypeError, r"pass `HalfPoissonDeviance\(\)`, an object"),
        (None, TypeError, "an instance of a subclass of sk_adalr.objectives.ElementwiseLoss; got None"),
    ],
    ids=["a name from elsewhere", "an unknown name", "a class", "None"],
)
def test_what_is_no_loss_is_refused(cls, loss, error, message):
    with pytest.raises(error, match=message):
        cls(loss=loss).fit([[1.0], [2.0]], [1.0, 2.0])


@regressors
@pytest.mark.parametrize(
    "loss", ["poisson", "gamma", "squared_error", "nonsense", None, HalfPoissonDeviance()], ids=str
)
def test_the_tags_say_which_targets_a_loss_takes_and_refuse_nothing(cls, loss):
    expected = loss in ("poisson", "gamma") or isinstance(loss, HalfPoissonDeviance)
    assert cls(loss=loss).__sklearn_tags__().target_tags.positive_only == expected


@regressors
def test_counts_that_are_all_zero_are_predicted_as_next_to_nothing(cls):
    X, y, _ = claims("poisson")
    model = cls(loss="poisson", random_state=0).fit(X, 0 * y)
    assert ((model.predict(X) >= 0) & (model.predict(X) < 1e-6)).all()


def test_an_optimum_at_infinity_is_said():
    X = np.repeat(np.eye(2), 50, axis=0)
    y = np.append(np.random.RandomState(0).poisson(3.0, 50), np.zeros(50))
    model = AdaptiveLRLinearRegression(loss="poisson").fit(X, y)
    assert "optimum is at infinity" in model.stop_reason_
    assert "Set `alpha` above 0." in model.stop_reason_
    assert "infinity" not in AdaptiveLRLinearRegression(1.0, loss="poisson").fit(X, y).stop_reason_


@regressors
def test_a_fitted_model_keeps_the_loss_it_was_fitted_with(cls):
    X, y, _ = claims("poisson")
    model = cls(loss="poisson", random_state=0).fit(X, y)
    expected = model.predict(X)
    model.set_params(loss="squared_error")
    np.testing.assert_array_equal(model.predict(X), expected)
    with pytest.raises(ValueError, match="needs the same target as before; `loss` was 'poisson' and is now"):
        model.set_params(warm_start=True).fit(X, y)


class Pinball(ElementwiseLoss):
    """Nearly that of a quantile: without curvature but for a strip around the target."""

    def __init__(self, share=0.5, width=1e-3):
        self.share, self.width = share, width

    def losses(self, raw, target):
        z = (raw - target) / self.width
        return self.width * (np.logaddexp(0, z) - self.share * z)

    def gradient(self, raw, target):
        return 1 / (1 + np.exp(-(raw - target) / self.width)) - self.share

    def hessian(self, raw, target):
        p = 1 / (1 + np.exp(-(raw - target) / self.width))
        return p * (1 - p) / self.width


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("width", [1e4, 1.0, 0.1])
def test_a_loss_without_curvature_far_from_the_target_is_minimised(width, share, seed):
    """Against linear programming: this loss exceeds that of a quantile by at most log(2) times its width."""
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((120, 3))
    y = 100 * (X @ [1.0, -2.0, 0.5] + rng.standard_t(3, 120))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = AdaptiveLRLinearRegression(loss=Pinball(share, width)).fit(X, y)
    design = np.column_stack([X, np.ones(120)])
    costs = np.concatenate([np.zeros(4), np.full(120, share), np.full(120, 1 - share)])
    equal = np.column_stack([design, np.eye(120), -np.eye(120)])
    bounds = [(None, None)] * 4 + [(0, None)] * 240
    best = optimize.linprog(costs, A_eq=equal, b_eq=y, bounds=bounds).fun / 120
    error = y - model.predict(X)
    is_minimised = np.mean(np.where(error > 0, share * error, (share - 1) * error)) <= best + np.log(2) * width
    assert is_minimised
    assert not caught, "neither of an overflow nor of no convergence"


def test_the_parameters_of_a_loss_are_parameters_of_the_model():
    X, y, _ = claims("gamma")
    model = AdaptiveLRLinearRegression(loss=Pinball())
    assert model.get_params()["loss__share"] == 0.5
    search = GridSearchCV(model, {"loss__share": [0.3, 0.7]}, cv=2).fit(X, y)
    assert search.best_estimator_.loss.share in (0.3, 0.7)
    assert model.loss.share == 0.5
    with pytest.raises(ValueError, match="Its parameters are `share`, `width`"):
        model.set_params(loss__delta=1.0)


def test_a_loss_of_one_s_own_is_the_built_in_one_if_it_says_the_same():
    class Poisson(ElementwiseLoss):
        def losses(self, raw, target):
            return (
                np.exp(raw) - target * raw + np.where(target > 0, target * np.log(np.maximum(target, 1)) - target, 0)
            )

        def gradient(self, raw, target):
            return np.exp(raw) - target

        def hessian(self, raw, target):
            return np.exp(raw)

        def predict(self, raw):
            return np.exp(raw)

    X, y, weight = claims("poisson")
    own, built_in = (
        AdaptiveLRLinearRegression(1.0, loss=loss, tol=1e-9).fit(X, y, weight) for loss in (Poisson(), "poisson")
    )
    np.testing.assert_allclose(blocks(own), blocks(built_in), atol=1e-8)
    np.testing.assert_allclose(own.predict(X), built_in.predict(X), rtol=1e-7)
    assert own.score(X, y) == pytest.approx(built_in.score(X, y), rel=1e-8)


@pytest.mark.one_in(3)
@links
@pytest.mark.parametrize("chunk", [1, 7, 100])
@pytest.mark.parametrize("alpha", [0.0, 30.0])
def test_a_stream_of_a_linear_model_ends_near_the_optimum_of_all_rows(name, peer, power, chunk, alpha):
    X, y, weight = claims(name, 1000)
    X = X * [1.0, 1e3, 1e-3, 1.0, 10.0] + [0.0, 2000.0, 0.0, 50.0, 0.0]
    best = AdaptiveLRLinearRegression(alpha, loss=name).fit(X, y, weight)
    model = AdaptiveLRLinearRegression(alpha, loss=name)
    for start in range(0, len(y), chunk):
        rows = slice(start, start + chunk)
        model.partial_fit(sparse.csr_array(X[rows]) if start == 50 * chunk else X[rows], y[rows], weight[rows])
    assert model.solver_ == "qr"
    X, y, _ = claims(name, 3000)
    X = X * [1.0, 1e3, 1e-3, 1.0, 10.0] + [0.0, 2000.0, 0.0, 50.0, 0.0]
    assert model.score(X[1000:], y[1000:]) > best.score(X[1000:], y[1000:]) - 0.01


def test_a_stream_may_begin_with_counts_that_are_all_zero():
    X, y, _ = claims("poisson", 2000)
    y[:20] = 0
    X = np.column_stack([X, np.arange(2000) < 20])
    for unit in (1.0, 0.1, 1e6):
        model = AdaptiveLRLinearRegression(1e-6 * unit, loss="poisson")
        for start in range(0, 2000, 20):
            model.partial_fit(X[start : start + 20], unit * y[start : start + 20])
        best = AdaptiveLRLinearRegression(1e-6 * unit, loss="poisson").fit(X, unit * y)
        assert model.score(X, unit * y) > best.score(X, unit * y) - 0.01


def test_a_stream_of_counts_follows_a_drift():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((4000, 2))
    coef = np.where(np.arange(4000)[:, None] < 2000, [0.5, -0.5], [-0.5, 0.5])
    y = rng.poisson(np.exp((X * coef).sum(axis=1)))
    model = AdaptiveLRLinearRegression(loss="poisson", half_life=200)
    for start in range(0, 4000, 50):
        model.partial_fit(X[start : start + 50], y[start : start + 50])
    np.testing.assert_allclose(model.coef_, [-0.5, 0.5], atol=0.15)
    with pytest.raises(ValueError, match="nor for several counts or amounts"):
        AdaptiveLRLinearRegression(loss="poisson", half_life=200).partial_fit(X, np.column_stack([y, y]))


class Careless(ElementwiseLoss):
    """Twice a squared error, whose second derivative is a number and whose loss may be what a test makes of it."""

    def __init__(self, broken=False):
        self.broken = broken

    def losses(self, raw, target):
        return np.nan * raw if self.broken else (raw - target) ** 2

    def gradient(self, raw, target):
        return 2 * (raw - target)

    def hessian(self, raw, target):
        return 2.0


@pytest.mark.parametrize("solver", ["auto", "exact"])
def test_a_second_derivative_may_be_a_number(solver):
    X, y, weight = claims("gamma")
    model = AdaptiveLRLinearRegression(loss=Careless(), solver=solver, tol=1e-9).fit(X, y, weight)
    np.testing.assert_allclose(model.coef_, AdaptiveLRLinearRegression().fit(X, y, weight).coef_, atol=1e-9)


@pytest.mark.parametrize("solver", ["auto", "exact", "adam"])
def test_a_loss_that_is_no_number_is_an_error(solver):
    X, y, _ = claims("gamma")
    with pytest.raises(ValueError, match=r"loss.*(nan|not finite|non-finite)"):
        AdaptiveLRLinearRegression(loss=Careless(broken=True), solver=solver).fit(X, y)


class PoissonLikelihood(ElementwiseLoss):
    """Without the terms of the target alone, which the likelihood of other libraries leaves out, too."""

    def losses(self, raw, target):
        return np.exp(raw) - target * raw

    def gradient(self, raw, target):
        return np.exp(raw) - target

    def hessian(self, raw, target):
        return np.exp(raw)


@regressors
@pytest.mark.parametrize("solver", ["auto", "exact", "adam"])
def test_a_loss_below_zero_is_refused(cls, solver):
    """`score` would be 0 of the best model, too, and `tol` relative to a negative loss never met."""
    if cls is AdaptiveLRMLPRegressor and solver == "exact":
        pytest.skip("no solver of networks")
    X, y, _ = claims("poisson")
    with pytest.raises(ValueError, match=r"loss must be at least 0, but .* is -\d+.*Let `losses` subtract"):
        cls(loss=PoissonLikelihood(), solver=solver).fit(X, 20 + y)


class ExpandedSquare(ElementwiseLoss):
    """The squared error as a difference of large terms, whose round-off error may be below zero."""

    def losses(self, raw, target):
        return 0.5 * (raw * raw - 2 * raw * target + target * target)

    def gradient(self, raw, target):
        return raw - target

    def hessian(self, raw, target):
        return np.ones_like(raw)


@regressors
@pytest.mark.parametrize(("unit", "dtype"), [(1.0, "d"), (1e6, "d"), (1e9, "d"), (1e6, "f"), (1e9, "f")])
def test_a_loss_that_is_below_zero_by_round_off_error_is_not_refused(cls, unit, dtype):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)).astype(dtype), (unit * (1 + 1e-9 * rng.random(200))).astype(dtype)
    model = cls(loss=ExpandedSquare(), max_iter=3, tol=0).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, rtol=1e-2)


class Cauchy(ElementwiseLoss):
    """Not convex: far from the target its second derivative is negative."""

    def losses(self, raw, target):
        return np.log1p((raw - target) ** 2)

    def gradient(self, raw, target):
        return 2 * (raw - target) / (1 + (raw - target) ** 2)

    def hessian(self, raw, target):
        square = (raw - target) ** 2
        return 2 * (1 - square) / (1 + square) ** 2


@pytest.mark.parametrize("solver", ["auto", "exact"])
def test_a_loss_that_is_not_convex_ends_where_it_is_flat(solver):
    X, y, _ = claims("gamma")
    model = AdaptiveLRLinearRegression(loss=Cauchy(), solver=solver, tol=1e-6).fit(X, 3 * y)
    slopes = np.column_stack([X, np.ones(len(y))]).T @ Cauchy().gradient(model.predict(X), 3 * y) / len(y)
    np.testing.assert_allclose(slopes, 0, atol=1e-4)
    assert model.loss_ < model.loss_curve_[0]


@pytest.mark.parametrize("solver", ["auto", "exact"])
@pytest.mark.parametrize("unit", [1e3, 1e5, 1e7])
@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_single_precision_reports_the_deviance_of_large_targets(loss, unit, solver):
    """Next to the target all but the last digits of a deviance cancel, more than float32 has."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)).astype(np.float32)
    mean = unit * np.exp(0.3 * X[:, 0] + 0.1 * X[:, 1])
    y = rng.poisson(mean) if loss == "poisson" else mean * (1 + 1e-3 * rng.normal(size=300))
    model = AdaptiveLRLinearRegression(loss=loss, solver=solver).fit(X, y.astype(np.float32))
    deviance = mean_poisson_deviance if loss == "poisson" else mean_gamma_deviance
    predicted = np.exp(X.astype(float) @ model.coef_.astype(float) + float(model.intercept_))
    assert model.loss_ == pytest.approx(deviance(y.astype(np.float32).astype(float), predicted) / 2, rel=1e-3)
