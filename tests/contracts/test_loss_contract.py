"""What every loss of the regressors is held to, with every way to train: a newcomer joins by its name."""

import pickle
import warnings

import numpy as np
import pytest
from estimator_cases import REGRESSORS, blocks, fit, make, run_check
from oracles import central_difference
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRMLPRegressor
from sk_adalr.objectives import LOSSES, Loss

losses = pytest.mark.parametrize("name", list(LOSSES))
regressors = pytest.mark.parametrize("cls", REGRESSORS.values(), ids=list(REGRESSORS))
#: All rows at once, by Newton's method or a factorisation, and by first-order steps.
solvers = pytest.mark.parametrize("solver", ["auto", "exact"])
ways = pytest.mark.parametrize(
    ("cls", "options"),
    [
        (AdaptiveLRLinearRegression, {"solver": "auto", "learning_rate": "auto"}),
        (AdaptiveLRLinearRegression, {"solver": "exact", "learning_rate": "auto"}),
        (AdaptiveLRLinearRegression, {"learning_rate": "auto"}),
        (AdaptiveLRMLPRegressor, {"learning_rate": "auto"}),
        (AdaptiveLRMLPRegressor, {}),
    ],
    ids=["linear", "linear exact", "linear mini-batches", "network", "network of a literal rule"],
)


def amounts(n_rows=80, n_outputs=1):
    """Return columns in units of their own, and positive targets, which every loss takes."""
    rng = np.random.RandomState(0)
    Z = rng.standard_normal((n_rows, 4))
    mean = np.exp(0.4 * Z[:, :n_outputs] - 0.3 * Z[:, [3]] + 1)
    y = rng.gamma(4, mean / 4)
    X = Z * [1.0, 50.0, 0.01, 3.0] + [0.0, 200.0, -1.0, 5.0]
    return X, y[:, 0] if n_outputs == 1 else y


def assert_close(one, other, X, rtol):
    expected = other.predict(X)
    np.testing.assert_allclose(one.predict(X), expected, rtol=rtol, atol=rtol * np.abs(expected).max())


@losses
def test_gradient_and_hessian_are_the_derivatives_of_losses_that_are_not_negative(name):
    loss, (_, target) = LOSSES[name](), amounts(12)
    assert isinstance(loss, Loss)
    raw = np.random.RandomState(1).standard_normal(12)
    assert (loss.losses(raw, target) >= 0).all()
    expected = central_difference(lambda u: loss.losses(u, target).sum(), raw)
    np.testing.assert_allclose(loss.gradient(raw, target), expected, rtol=1e-6, atol=1e-8)
    expected = central_difference(lambda u: loss.gradient(u, target).sum(), raw)
    np.testing.assert_allclose(loss.hessian(raw, target), expected, rtol=1e-6, atol=1e-8)


@losses
@solvers
@pytest.mark.parametrize("alpha", [0.0, 3.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("as_array", [np.asarray, sparse.csr_array])
def test_a_full_batch_solver_ends_where_the_objective_is_flat(name, solver, alpha, fit_intercept, weighted, as_array):
    """The objective in standardised columns, by its formula; its slope there by central differences."""
    X, y = amounts()
    X = X - X.mean(axis=0)  # without an intercept, offsets alone would be fitted
    weight = np.random.RandomState(1).uniform(0.5, 2, len(y)) if weighted else None
    model = AdaptiveLRLinearRegression(alpha, loss=name, solver=solver, fit_intercept=fit_intercept, tol=1e-9)
    model.fit(as_array(X), y, weight)
    loss, w = LOSSES[name](), np.ones(len(y)) if weight is None else weight
    scale = X.std(axis=0)

    def objective(params):
        raw = X @ (params[:4] / scale) + params[4] * fit_intercept
        return np.average(loss.losses(raw, y), weights=w) + alpha / 2 / w.sum() * np.sum((params[:4] / scale) ** 2)

    solution = np.append(model.coef_ * scale, model.intercept_)
    assert model.loss_ == pytest.approx(objective(solution), rel=1e-9)
    start = objective(np.append(np.zeros(4), loss.constant(y[:, None], weight, 1) * fit_intercept))
    np.testing.assert_allclose(central_difference(objective, solution), 0, atol=1e-5 * start)


@losses
@ways
def test_a_weight_is_a_repetition(cls, options, name):
    X, y = amounts()
    repeats = np.random.RandomState(2).randint(0, 3, len(y))
    options = {**options, "loss": name, "batch_size": 1000}
    weighted = fit(make(cls, **options), X, y, sample_weight=repeats.astype(float))
    repeated = fit(make(cls, **options), np.repeat(X, repeats, axis=0), np.repeat(y, repeats))
    assert_close(weighted, repeated, X, rtol=1e-6)


@losses
@ways
def test_sparse_features_train_the_same_model(cls, options, name):
    X, y = amounts()
    dense, other = (fit(make(cls, **options, loss=name), kind, y) for kind in (X, sparse.csr_array(X)))
    assert_close(other, dense, X, rtol=1e-6)


@losses
@solvers
def test_outputs_of_a_linear_model_are_as_if_alone(name, solver):
    X, y = amounts(n_outputs=3)
    y = y * [1.0, 100.0, 1.0]
    options = {"loss": name, "solver": solver, "alpha": 1.0, "tol": 1e-8}
    joint = AdaptiveLRLinearRegression(**options).fit(X, y)
    alone = [AdaptiveLRLinearRegression(**options).fit(X, column) for column in y.T]
    np.testing.assert_allclose(joint.predict(X), np.column_stack([m.predict(X) for m in alone]), rtol=1e-5)
    assert joint.loss_ == pytest.approx(sum(m.loss_ for m in alone), rel=1e-6)
    assert np.mean([m.score(X, column) for m, column in zip(alone, y.T, strict=True)]) == pytest.approx(
        joint.score(X, y), rel=1e-5
    )


@losses
def test_mini_batches_come_close_to_the_optimum(name):
    X, y = amounts(600)
    best = AdaptiveLRLinearRegression(loss=name).fit(X, y)
    constant = LOSSES[name]().constant_value(y[:, None], None)
    for solver in ("adam", "sgd"):
        model = fit(AdaptiveLRLinearRegression(loss=name, solver=solver, random_state=0), X, y)
        loss = LOSSES[name]()
        raw = X @ model.coef_ + model.intercept_
        assert np.mean(loss.losses(raw, y)) <= best.loss_ + 0.05 * (constant - best.loss_)


@losses
@pytest.mark.parametrize("n_rows", [40, 300, 10_000], ids=["no rows to spare", "folds", "held out"])
def test_the_default_network_judges_itself(name, n_rows):
    X, y = amounts(n_rows)
    model = fit(AdaptiveLRMLPRegressor(loss=name, random_state=0, max_iter=30), X, y)
    assert (model.validation_scores_ is not None) == (n_rows == 10_000)
    X, y = amounts(4000)
    assert model.score(X[3000:], y[3000:]) > -0.1  # next to the constant, or better


@losses
@ways
def test_a_constant_target_is_predicted_as_it_is(cls, options, name):
    X, _ = amounts()
    model = fit(make(cls, **{**options, "loss": name, "max_iter": 50}), X, np.full(len(X), 7.0))
    np.testing.assert_allclose(model.predict(X), 7.0, rtol=1e-6)


@losses
@ways
def test_float32_is_kept(cls, options, name):
    X, y = amounts()
    X = X.astype(np.float32)
    single = fit(make(cls, **options, loss=name), X, y)
    assert blocks(single).dtype == np.float32
    assert single.predict(X).dtype == np.float32
    double = fit(make(cls, **options, loss=name), X.astype(float), y)
    assert_close(single, double, X, rtol=2e-2 if "MLP" in cls.__name__ else 1e-3)  # steps add up their rounding


@losses
@ways
def test_training_goes_on_bitwise(cls, options, name):
    if options.get("solver") in ("auto", "exact"):
        pytest.skip("all rows at once have no epochs")
    X, y = amounts()
    whole = fit(make(cls, **options, loss=name, max_iter=6), X, y)
    parts = make(cls, **options, loss=name, max_iter=3, warm_start=True)
    fit(parts, X, y)
    parts = pickle.loads(pickle.dumps(parts))
    fit(parts, X, y)
    np.testing.assert_array_equal(blocks(parts), blocks(whole))


@losses
@regressors
def test_a_stream_learns(cls, name):
    X, y = amounts(600)
    model = cls(loss=name, random_state=0)
    for _ in range(5):
        for rows in np.array_split(np.arange(600), 6):
            model.partial_fit(X[rows], y[rows])
    assert model.score(X, y) > 0


@losses
@regressors
def test_the_loss_is_a_parameter_like_any_other(cls, name):
    X, y = amounts()
    by_name, by_object = (fit(make(cls, loss=loss), X, y) for loss in (name, LOSSES[name]()))
    np.testing.assert_array_equal(blocks(by_name), blocks(by_object))
    assert clone(by_object).get_params()["loss"] == LOSSES[name]()
    assert repr(by_name) == repr(pickle.loads(pickle.dumps(by_name)))


def failing(estimator):
    if estimator.__sklearn_tags__().target_tags.positive_only:
        return {"check_regressor_multioutput": "it makes negative targets, whatever the tag `positive_only` says"}
    return {}


#: Of squared errors, test_check_estimator has all solvers.
OTHERS = [name for name in LOSSES if name != "squared_error"]


@parametrize_with_checks([AdaptiveLRLinearRegression(loss=name) for name in OTHERS], expected_failed_checks=failing)
def test_scikit_learn_s_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        run_check(check, estimator)


@pytest.mark.long
@parametrize_with_checks(
    [AdaptiveLRMLPRegressor(loss=name, hidden_layer_sizes=(10,), early_stopping=False) for name in OTHERS],
    expected_failed_checks=failing,
)
def test_scikit_learn_s_checks_of_networks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        run_check(check, estimator)
