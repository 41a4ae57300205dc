"""A target, or one output of several, that is constant: the model predicts it exactly, and says nothing about it."""

import warnings

import numpy as np
import pytest
from estimator_cases import MLP, REGRESSORS, SOLVERS
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRMLPRegressor

regressors = pytest.mark.parametrize("cls", REGRESSORS.values(), ids=list(REGRESSORS))
solvers = pytest.mark.parametrize("solver", SOLVERS.values(), ids=list(SOLVERS))
rules = pytest.mark.parametrize("rule", ["constant", "hypergradient"])
CONSTANTS = [0.0, 1.0, 1000.0, -1e6, 1e6 / 3, 0.1, 1e-200]

rng = np.random.RandomState(0)
X = rng.standard_normal((200, 3))
Y = X @ [1.0, -2.0, 0.5]


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def model_of(cls, **params):
    return cls(**{"random_state": 0, **({"hidden_layer_sizes": (8,)} if cls in MLP.values() else {}), **params})


def with_constant(c, dtype=np.float64):
    return np.column_stack([Y, np.full(len(Y), c)]).astype(dtype)


@pytest.mark.one_in(2)
@regressors
@solvers
@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("standardize", [True, False])
def test_a_constant_alone_is_exact_and_warns_of_nothing(cls, solver, early_stopping, standardize):
    model = model_of(cls, early_stopping=early_stopping, standardize=standardize, **solver)
    for c in CONSTANTS:
        np.testing.assert_array_equal(clone(model).fit(X, np.full(200, c)).predict(5 * X), c)


@regressors
@rules
@pytest.mark.parametrize("solver", ["sgd", "momentum", "nesterov", "adam"])
def test_a_constant_alone_is_exact_with_rates_of_the_user_s_own(cls, rule, solver):
    # A penalty must not be taken for something to learn either.
    model = model_of(cls, learning_rate=rule, solver=solver, alpha=10.0).fit(X, np.full(200, 1000.0))
    np.testing.assert_array_equal(model.predict(5 * X), 1000.0)
    assert model.n_iter_ == 1
    assert "constant" in model.stop_reason_


def test_a_constant_alone_needs_no_other_solver():
    model = AdaptiveLRMLPRegressor(early_stopping=True, random_state=0).fit(X, np.full(200, 1000.0))
    np.testing.assert_array_equal(model.predict(X), 1000.0)


@regressors
@pytest.mark.parametrize(
    ("solver", "c"), [*(("auto", c) for c in CONSTANTS[2:]), *((s, 0.0) for s in ("auto", "sgd", "nesterov", "adam"))]
)
def test_a_constant_beside_others_is_exact_and_does_them_no_harm(cls, solver, c):
    model = model_of(cls, solver=solver)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alone, both = clone(model).fit(X, Y), clone(model).fit(X, with_constant(c))
    prediction = both.predict(X)
    np.testing.assert_array_equal(prediction[:, 1], c)
    error = np.mean((prediction[:, 0] - Y) ** 2) / Y.var()
    # Initial weights depend on the number of outputs, and epochs on those: errors are .0006 to .005.
    assert error <= max(2 * np.mean((alone.predict(X) - Y) ** 2) / Y.var(), 0.01)
    # In units of the varying output, whatever the magnitude of the constant.
    assert both.loss_ < 0.05 * Y.var()


def test_the_cases_of_the_report():
    y = np.c_[X[:, 0], np.full(200, 1e6)]
    np.testing.assert_array_equal(AdaptiveLRMLPRegressor(random_state=0).fit(X, y).predict(X)[:, 1], 1e6)
    y = np.c_[1e-6 * X[:, 0], np.zeros(200)]
    model = AdaptiveLRMLPRegressor(random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.predict(X)[:, 1], 0.0)
    assert model.score(X, y) > 0.99
    model = AdaptiveLRLinearRegression(random_state=0).partial_fit(X, np.full(200, 1000.0))
    np.testing.assert_array_equal(model.predict(X[:1]), 1000.0)


@regressors
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", ["auto", "adam"])
@pytest.mark.parametrize("weighted", [False, True])
def test_storage_dtype_and_weights_do_not_matter(cls, storage, dtype, solver, weighted):
    weight = rng.uniform(0.1, 3, 200) if weighted else None
    features = storage(X.astype(dtype))
    for c in (0.1, 1e6 / 3, -7.0):
        model = model_of(cls, solver=solver, max_iter=30, tol=0).fit(features, with_constant(c), sample_weight=weight)
        np.testing.assert_array_equal(model.predict(features)[:, 1], dtype(c))


@regressors
@pytest.mark.parametrize("solver", ["auto", "sgd", "adam"])
@pytest.mark.parametrize("c", [1e6 / 3, -0.7])
def test_what_is_constant_up_to_rounding_is_predicted_up_to_rounding(cls, solver, c):
    y = c * (1 + 1e-15 * rng.standard_normal(200))
    for target in (y, np.column_stack([Y, y])):
        model = model_of(cls, solver=solver, max_iter=30, tol=0).fit(X, target)
        prediction = model.predict(5 * X).reshape(200, -1)[:, -1]
        np.testing.assert_allclose(prediction, c, rtol=1e-14)  # the spread itself
        model = model_of(cls, solver=solver)
        for chunk in (slice(0, 100), slice(100, 200)):
            model.partial_fit(X[chunk], target[chunk])
        prediction = model.predict(5 * X).reshape(200, -1)[:, -1]
        np.testing.assert_allclose(prediction, c, rtol=1e-14)


def test_rows_without_weight_do_not_make_a_constant_vary():
    y, weight = with_constant(3.0), np.ones(200)
    y[:5, 1], weight[:5] = 100.0, 0.0
    for cls in REGRESSORS.values():
        model = model_of(cls, solver="adam", max_iter=30, tol=0).fit(X, y, sample_weight=weight)
        np.testing.assert_array_equal(model.predict(X)[:, 1], 3.0)


def test_dead_pixels_of_an_autoencoder_stay_dead():
    pixels = load_digits().data[:300] * 0.1
    dead = pixels.std(axis=0) == 0
    model = AdaptiveLRMLPRegressor((16,), random_state=0, max_iter=40, tol=0).fit(pixels, pixels)
    np.testing.assert_array_equal(model.predict(pixels)[:, dead], 0.0)
    alone = AdaptiveLRMLPRegressor((16,), random_state=0, max_iter=40, tol=0).fit(pixels, pixels[:, ~dead])
    # The same but for the random numbers of the start; measured .27 and .27 of the variance.
    errors = [np.square(pixels[:, ~dead] - p).mean() for p in (model.predict(pixels)[:, ~dead], alone.predict(pixels))]
    assert errors[0] < 1.1 * errors[1]


@regressors
@pytest.mark.parametrize("c", [1000.0, 0.0])
def test_without_an_intercept_a_constant_is_a_target_like_any_other(cls, c):
    if cls in MLP.values():
        pytest.skip("networks have intercepts")
    features = np.column_stack([X, np.ones(200)])
    expected = LinearRegression(fit_intercept=False).fit(features, np.full(200, c)).predict(features)
    for params in ({}, {"solver": "adam"}, {"solver": "adam", "early_stopping": True}):
        model = cls(fit_intercept=False, random_state=0, **params).fit(features, np.full(200, c))
        np.testing.assert_allclose(model.predict(features), expected, rtol=0.2)  # `tol` is 1e-4 of the loss


# Streams


@regressors
@pytest.mark.parametrize("solver", ["auto", "sgd", "adam"])
@pytest.mark.parametrize("size", [1, 2, 50])
@pytest.mark.parametrize("several", [False, True])
def test_a_constant_of_a_stream_is_exact_after_each_chunk(cls, solver, size, several):
    target = with_constant(1000.0) if several else np.full(200, 1000.0)
    model = model_of(cls, solver=solver)
    for start in range(0, 4 * size, size):
        model.partial_fit(X[start : start + size], target[start : start + size])
        np.testing.assert_array_equal(model.predict(5 * X).reshape(200, -1)[:, -1], 1000.0)


@pytest.mark.one_in(3)
@regressors
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("c", [0.0, 3.0, 1000.0])
@pytest.mark.parametrize("several", [False, True])
def test_a_stream_learns_a_target_that_begins_to_vary(cls, standardize, c, several):
    varying = c + 0.3 * X[:, 1]
    constant = np.full(200, c)
    late = [np.column_stack([Y, part]) if several else part for part in (constant, varying)]
    model = model_of(cls, solver="adam", standardize=standardize)
    for target, passes in zip(late, (3, 60), strict=True):
        for _ in range(passes):
            for chunk in np.split(np.arange(200), 4):
                model.partial_fit(X[chunk], target[chunk])
    from_start = model_of(cls, solver="adam", standardize=standardize)
    for _ in range(60):
        for chunk in np.split(np.arange(200), 4):
            from_start.partial_fit(X[chunk], late[1][chunk])
    errors = [
        np.mean((m.predict(X).reshape(200, -1)[:, -1] - varying) ** 2) / varying.var() for m in (model, from_start)
    ]
    assert errors[0] < max(0.02, 1.5 * errors[1])


@regressors
def test_single_rows_of_a_target_that_varies_train(cls):
    model = model_of(cls, solver="adam")
    order = np.random.RandomState(1).randint(0, 200, 1500)
    for i in order:
        model.partial_fit(X[i : i + 1], Y[i : i + 1])
    assert model.score(X, Y) > 0.9


@regressors
def test_an_output_that_varies_once_goes_on_where_the_others_were(cls):
    model = model_of(cls, solver="adam")
    for _ in range(30):
        model.partial_fit(X, with_constant(5.0))
    before = model.predict(X)[:, 0]
    model.partial_fit(X, np.column_stack([Y, 5 + Y]))
    assert np.mean((model.predict(X)[:, 0] - before) ** 2) < 0.05 * Y.var()


def test_a_fitted_model_forgets_nothing_over_a_chunk_of_one_value():
    fitted = AdaptiveLRLinearRegression(solver="auto").fit(X, Y)
    fitted.set_params(solver="sgd", learning_rate="constant", learning_rate_init=1e-6)
    before = fitted.predict(X)
    fitted.partial_fit(X[:1], Y[:1]).partial_fit(X[1:5], np.full(4, Y[0])).partial_fit(X, Y)
    np.testing.assert_allclose(fitted.predict(X), before, rtol=0.01, atol=0.01)  # some steps of 1e-6


# Fits that go on


@regressors
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"solver": "sgd"}], ids=str)
@pytest.mark.parametrize("several", [False, True])
def test_a_warm_start_learns_what_was_constant(cls, params, several):
    varying = np.column_stack([Y, 3 + X[:, 1]]) if several else Y
    constant = np.column_stack([Y, np.full(200, 3.0)]) if several else np.full(200, 3.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = model_of(cls, warm_start=True, **params).fit(X, constant).fit(X, varying)
        expected = model_of(cls, **params).fit(X, varying)
        assert model.score(X, varying) > min(0.95, expected.score(X, varying) - 0.02)


@regressors
def test_a_warm_start_of_a_constant_stays_exact(cls):
    model = model_of(cls, warm_start=True)
    for _ in range(3):
        np.testing.assert_array_equal(model.fit(X, np.full(200, 1e6 / 3)).predict(X), 1e6 / 3)


@pytest.mark.parametrize("varies", [False, True])
def test_validation_data_may_differ_from_a_constant(varies):
    y_val = Y[:50] if varies else np.full(50, 7.0)
    model = AdaptiveLRMLPRegressor((4,), early_stopping=True, random_state=0)
    model.fit(X, np.full(200, 1000.0), X_val=X[:50], y_val=y_val)
    np.testing.assert_array_equal(model.predict(X), 1000.0)


@regressors
@pytest.mark.parametrize("solver", ["auto", "exact", "adam"])
def test_a_target_of_single_precision_far_from_zero_is_no_constant(cls, solver):
    """At 1e6 float32 resolves a twentieth of its deviation."""
    if cls in MLP.values() and solver != "adam":
        pytest.skip("networks have no such solver")
    y = (1e6 + 0.5 * Y).astype(np.float32)
    options = {"hidden_layer_sizes": (20,)} if cls in MLP.values() else {}
    model = cls(solver=solver, random_state=0, **options).fit(X.astype(np.float32), y)
    distance = model.predict(X.astype(np.float32)).astype(float) - y
    assert (distance**2).mean() < 0.01 * y.astype(float).var()
