"""Properties that hold for any data: drawn at random, more of them in the long run."""

import numpy as np
import pytest
from estimator_cases import blocks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone, is_regressor
from sklearn.metrics import log_loss

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

#: At their optimum: short of it a solution depends on every rounding on the way. The exact solver leaves a gradient of
#: `tol`, so on nearly dependent columns it ends `tol` times their condition away. With the penalty in units of `X`,
#: columns of units far apart take several classes thousands of iterations.
CONVERGED = {
    "linear": AdaptiveLRLinearRegression(tol=1e-11),
    "linear exact": AdaptiveLRLinearRegression(solver="exact", tol=1e-11),
    "logistic": AdaptiveLRLogisticRegression(tol=1e-8, max_iter=20_000),
}
FULL_BATCH = {
    **CONVERGED,
    "MLP": AdaptiveLRMLPClassifier((4,), max_iter=5, tol=0, batch_size=1000, random_state=0),
    "MLP regressor": AdaptiveLRMLPRegressor((4,), max_iter=5, tol=0, batch_size=1000, random_state=0),
}
MODELS = {
    "linear": AdaptiveLRLinearRegression(),
    "linear exact": AdaptiveLRLinearRegression(solver="exact"),
    "linear adam": AdaptiveLRLinearRegression(solver="adam", random_state=0),
    "linear sgd": AdaptiveLRLinearRegression(solver="sgd", random_state=0),
    "logistic": AdaptiveLRLogisticRegression(),
    "logistic adam": AdaptiveLRLogisticRegression(solver="adam", random_state=0),
    "MLP": AdaptiveLRMLPClassifier((10,), random_state=0),
    "MLP regressor": AdaptiveLRMLPRegressor((10,), random_state=0),
}


def properties(models, n=10):
    """Check a property on `n` examples for each model, and on a thousand in the long run."""

    def decorate(test):
        each = pytest.mark.parametrize("name", models)
        some, many = (
            settings(max_examples=count, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
            for count in (n, 1000)
        )

        @each
        @pytest.mark.parametrize("profile", [some, pytest.param(many, marks=pytest.mark.long)], ids=["some", "many"])
        def run(name, profile):
            profile(given(problems(models[name]))(lambda problem: test(models[name], *problem)))()

        run.__doc__ = test.__doc__
        return run

    return decorate


@st.composite
def problems(draw, model):
    """Draw features of any units and kinds, a target that they explain in part, and the generator they came from."""
    rng = np.random.RandomState(draw(st.integers(0, 2**32 - 1)))
    n_rows, n_columns = draw(st.integers(4, 60)), draw(st.integers(1, 8))
    kinds = ["normal", "heavy", "integers", "binary", "rare", "constant", "repeated"]
    columns = []
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=n_columns, max_size=n_columns)):
        columns.append(
            {
                "normal": lambda: rng.standard_normal(n_rows),
                "heavy": lambda: rng.standard_t(1.5, n_rows),
                "integers": lambda: rng.randint(-5, 100, n_rows),
                "binary": lambda: rng.rand(n_rows) < 0.5,
                "rare": lambda: rng.rand(n_rows) < 0.05,
                "constant": lambda: np.full(n_rows, rng.standard_normal()),
                "repeated": lambda: columns[0] if columns else rng.standard_normal(n_rows),
            }[kind]().astype(float)
        )
    Z = np.column_stack(columns)
    scale = 10.0 ** rng.uniform(-draw(st.integers(0, 8)), draw(st.integers(0, 8)), n_columns)
    offset = draw(st.sampled_from([0.0, 1.0, 1e3])) * rng.standard_normal(n_columns)
    X = (Z + offset) * scale
    deviation = Z.std(axis=0)
    signal = (Z - Z.mean(axis=0)) / np.where(deviation > 0, deviation, 1) @ rng.standard_normal(n_columns)
    signal += draw(st.sampled_from([0.0, 0.1, 3.0])) * rng.standard_normal(n_rows) + 1e-3 * np.arange(n_rows)
    if is_regressor(model):
        return X, (signal + draw(st.sampled_from([0.0, 100.0]))) * 10.0 ** draw(st.integers(-12, 12)), rng
    n_classes = draw(st.integers(2, 4))
    y = np.digitize(signal, np.quantile(signal, np.arange(1, n_classes) / n_classes))
    y[:2] = 0, 1
    return X, y, rng


def fitted(model, X, y, **kwargs):
    return clone(model).fit(X, y, **kwargs)


def answer(model, X):
    return model.predict(X) if is_regressor(model) else model.predict_proba(X)


def same(one, other, y, tolerance):
    """Assert that predictions agree, to a tolerance in units of the target or of a probability."""
    unit = np.abs(y - y.mean()).max() if one.ndim == 1 else 1.0
    np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * unit)


def agree(one, X, other, X_other, y):
    """Assert that two fits are the same model: the rows of `X` are those of `X_other` in the columns of the other.

    A network's course of few steps is known to rounding, a least-squares optimum to `tol` times the condition. The
    objective of a logistic model can be flat, with the penalty in units of `X`: of two minima that differ by rounding
    alone, the probabilities then differ by its root. What both reached is the minimum.
    """
    precision = 1e-9 if "MLP" in repr(one) else 1e-4 if hasattr(one, "C") else 1e-5
    same(answer(one, X), answer(other, X_other), y, precision)
    if hasattr(one, "C"):
        constant = losses(one, X, y)[1]
        assert abs(penalized(one, X, y) - penalized(other, X_other, y)) <= 1e-6 * constant


def penalized(model, X, y):
    """Return the objective of a logistic regression."""
    return log_loss(y, model.predict_proba(X)) + 0.5 * (model.coef_**2).sum() / (model.C * len(y))


def finite(value):
    if isinstance(value, dict | list | tuple):
        return all(map(finite, value.values() if isinstance(value, dict) else value))
    value = np.asarray(value)
    return value.dtype.kind not in "fc" or np.isfinite(value).all()


def losses(model, X, y):
    """Return the mean loss of a model, and that of the constant prediction."""
    if is_regressor(model):
        return 0.5 * np.mean((model.predict(X) - y) ** 2), 0.5 * y.var()
    counts = np.unique(y, return_counts=True)[1] / len(y)
    return log_loss(y, model.predict_proba(X).astype(float)), -(counts * np.log(counts)).sum()


@properties(MODELS)
def test_the_training_loss_is_never_above_that_of_the_constant_prediction(model, X, y, rng):
    """With default settings, to the rounding of the model in the user's units."""
    model = fitted(model, X, y)
    loss, constant = losses(model, X, y)
    assert loss <= (1 + 1e-9) * constant, f"{loss:g} > {constant:g}; {model.stop_reason_}"


@properties({name: model for name, model in MODELS.items() if "exact" not in name}, n=5)
def test_the_training_loss_is_never_above_that_of_the_constant_prediction_after_few_epochs(model, X, y, rng):
    solver = {} if "MLP" in repr(model) else {"solver": "adam"}
    model = fitted(clone(model).set_params(max_iter=3, **solver), X, y)
    loss, constant = losses(model, X, y)
    assert loss <= (1 + 1e-9) * constant, f"{loss:g} > {constant:g}; {model.stop_reason_}"


@properties(MODELS)
def test_predictions_and_fitted_attributes_are_finite(model, X, y, rng):
    model = fitted(model, X, y)
    assert all(finite(value) for name, value in vars(model).items() if name.endswith("_")), model.stop_reason_
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        if hasattr(model, method):
            assert finite(getattr(model, method)(X))


@properties(FULL_BATCH)
def test_the_order_of_the_rows_does_not_matter_to_a_full_batch(model, X, y, rng):
    order = rng.permutation(len(y))
    agree(fitted(model, X, y), X, fitted(model, X[order], y[order]), X, y)


@properties(CONVERGED)
def test_the_order_of_the_columns_does_not_matter(model, X, y, rng):
    order = rng.permutation(X.shape[1])
    agree(fitted(model, X, y), X, fitted(model, X[:, order], y), X[:, order], y)


@properties({name: CONVERGED[name] for name in ("linear", "linear exact")})
def test_units_and_origins_of_the_columns_do_not_matter_without_penalty(model, X, y, rng):
    unit, origin = 2.0 ** rng.randint(-30, 30, X.shape[1]), rng.standard_normal(X.shape[1])
    changed = (X + origin * np.abs(X).max(axis=0)) * unit
    agree(fitted(model, X, y), X, fitted(model, changed, y), changed, y)


@properties({"linear adam": MODELS["linear adam"]})
def test_the_common_unit_and_the_origins_of_the_columns_do_not_matter_to_mini_batches(model, X, y, rng):
    """Columns that share one unit keep their relative scale, so that units of their own would be another problem.

    As for sparse features, the losses agree, not all predictions.
    Columns that are zero in more than nine rows of ten keep their origin: their zeros bound their scale.
    """
    unit, origin = 2.0 ** rng.randint(-30, 30), rng.standard_normal(X.shape[1])
    origin[np.mean(X != 0, axis=0) < 0.1] = 0.0
    changed = (X + origin * np.abs(X).max(axis=0)) * unit
    loss, constant = losses(fitted(model, X, y), X, y)
    assert abs(losses(fitted(model, changed, y), changed, y)[0] - loss) <= 0.01 * constant


SGD = {"solver": "sgd", "learning_rate": "constant", "learning_rate_init": 0.01, "random_state": 0}
SHORT = {
    **{name: MODELS[name] for name in ("linear adam", "MLP", "MLP regressor")},
    "linear sgd": AdaptiveLRLinearRegression(**SGD),
    "logistic sgd": AdaptiveLRLogisticRegression(**SGD),
    "MLP sgd": AdaptiveLRMLPClassifier((10,), **SGD),
}


@properties(SHORT)
def test_sparse_features_take_the_steps_of_dense_ones(model, X, y, rng):
    model = clone(model).set_params(max_iter=5, tol=0)
    rows = sparse.csr_array(X)
    same(answer(fitted(model, X, y), X), answer(fitted(model, rows, y), rows), y, 1e-9)


@properties(CONVERGED)
def test_sparse_features_lead_to_the_optimum_of_dense_ones(model, X, y, rng):
    rows = sparse.csr_array(X)
    agree(fitted(model, X, y), X, fitted(model, rows, y), rows, y)


@properties({name: MODELS[name] for name in ("linear sgd", "logistic adam")})
def test_sparse_features_train_as_low_a_loss_as_dense_ones(model, X, y, rng):
    """The predictions themselves may differ."""
    model = clone(model).set_params(max_iter=200, tol=0)
    rows = sparse.csr_array(X)
    loss, constant = losses(fitted(model, X, y), X, y)
    assert abs(losses(fitted(model, rows, y), rows, y)[0] - loss) <= 0.01 * constant


@properties(FULL_BATCH)
def test_a_weight_is_a_repetition(model, X, y, rng):
    weight = rng.randint(1, 4, len(y))
    weighted = fitted(model, X, y, sample_weight=weight)
    repeated = fitted(model, np.repeat(X, weight, axis=0), np.repeat(y, weight))
    same(answer(weighted, X), answer(repeated, X), y, 1e-9 if "MLP" in repr(model) else 1e-5)


@properties(MODELS, n=5)
def test_a_model_in_two_halves_is_the_model_in_one(model, X, y, rng):
    if "adam" not in repr(model) and "MLP" not in repr(model):
        model = clone(model).set_params(solver="adam", random_state=0)
    whole = fitted(clone(model).set_params(max_iter=6, tol=0), X, y)
    halves = clone(model).set_params(max_iter=3, tol=0, warm_start=True)
    halves.fit(X, y).fit(X, y)
    np.testing.assert_array_equal(blocks(whole), blocks(halves))


def test_the_constant_prediction_is_the_bound_that_it_is_called():
    """A step too small to learn anything stays above it: `partial_fit` ends where its one pass ends."""
    model = AdaptiveLRLinearRegression(solver="sgd", learning_rate="constant", learning_rate_init=1e-12)
    X, y = np.random.RandomState(0).standard_normal((2, 50, 1))
    loss = 0.5 * np.mean((model.partial_fit(X, y.ravel()).predict(X) - y.ravel()) ** 2)
    assert loss > 1.001 * 0.5 * y.var()
