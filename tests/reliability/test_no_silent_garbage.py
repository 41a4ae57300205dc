"""Hostile inputs: a right model or a clear error, never silent garbage.

"Right" is the score that the same estimator reaches on well-scaled dense float64 columns, less .05, which is 20 of
the 400 rows. Every estimator that should not care for the units of its features is in the table: without penalty, or
standardised inside.
"""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone, is_regressor
from sklearn.exceptions import ConvergenceWarning

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)

N_ROWS, N_COLUMNS = 400, 8
RNG = np.random.RandomState(0)
X = RNG.randn(N_ROWS, N_COLUMNS)
U = X @ RNG.randn(N_COLUMNS)
Y = U + 0.1 * RNG.randn(N_ROWS)
BINARY = (U + 0.3 * RNG.randn(N_ROWS) > 0).astype(int)
CLASSES = np.digitize(U, [-1, 1])

MODELS = {
    "linear": (AdaptiveLRLinearRegression(), Y),
    "linear exact": (AdaptiveLRLinearRegression(solver="exact"), Y),
    "linear sgd": (AdaptiveLRLinearRegression(solver="sgd", random_state=0), Y),
    "linear adam": (AdaptiveLRLinearRegression(solver="adam", random_state=0), Y),
    "linear literal": (AdaptiveLRLinearRegression(learning_rate="hypergradient", random_state=0), Y),
    "logistic": (AdaptiveLRLogisticRegression(C=np.inf), BINARY),
    "multinomial": (AdaptiveLRLogisticRegression(C=np.inf), CLASSES),
    "logistic nesterov": (AdaptiveLRLogisticRegression(solver="nesterov", C=np.inf, random_state=0), BINARY),
    "MLP": (AdaptiveLRMLPClassifier(hidden_layer_sizes=20, max_iter=60, random_state=0), BINARY),
    "MLP sgd": (AdaptiveLRMLPClassifier(hidden_layer_sizes=20, solver="sgd", max_iter=60, random_state=0), CLASSES),
    "MLP regressor": (AdaptiveLRMLPRegressor(hidden_layer_sizes=20, max_iter=60, random_state=0), Y),
}


def with_column(value):
    changed = X.copy()
    changed[:, 0] = value
    return changed


def int64_indices():
    matrix = sparse.csr_array(X)
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)
    return matrix


INPUTS = {
    **{f"X * {s:g}": X * s for s in (1e-300, 1e-100, 1e-30, 1e-8, 1e-2, 1e2, 1e8, 1e30, 1e100, 1e300)},
    **{f"X + {o:g}": X + o for o in (1e2, 1e4, 1e6, 1e8)},
    "columns of scale 1e-8 to 1e8": X * np.logspace(-8, 8, N_COLUMNS),
    "columns of scale 1e-100 to 1e100": X * np.logspace(-100, 100, N_COLUMNS),
    "a constant column of 1e6": np.hstack([X, np.full((N_ROWS, 1), 1e6)]),
    "a column of zeros": np.hstack([X, np.zeros((N_ROWS, 1))]),
    "columns twice": np.hstack([X, X]),
    "collinear columns": np.hstack([X, X @ RNG.randn(N_COLUMNS, 3)]),
    "float32": X.astype(np.float32),
    **{f"float32 * {s:g}": (X * s).astype(np.float32) for s in (1e-30, 1e-8, 1e8, 1e30)},
    "float32 + 1e4": (X + 1e4).astype(np.float32),
    "float16": X.astype(np.float16),
    "longdouble": X.astype(np.longdouble),
    "big endian": X.astype(">f8"),
    "integers": np.round(X * 100).astype(int),
    "int8": np.clip(np.round(X * 30), -127, 127).astype(np.int8),
    "objects": X.astype(object),
    "Fortran order": np.asfortranarray(X),
    "every second row of a larger array": np.repeat(X, 2, axis=0)[::2],
    "lists": X.tolist(),
    **{f: sparse.csr_array(X).asformat(f) for f in ("csr", "csc", "coo", "lil", "dok", "bsr")},
    "CSR with int64 indices": int64_indices(),
    **{f"CSR * {s:g}": sparse.csr_array(X * s) for s in (1e-8, 1e8)},
    "CSR columns of scale 1e-8 to 1e8": sparse.csr_array(X * np.logspace(-8, 8, N_COLUMNS)),
}


def fitted(model, features, target):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(model).fit(features, target)


@pytest.fixture(scope="module")
def right_score():
    return {name: fitted(model, X, y).score(X, y) for name, (model, y) in MODELS.items()}


@pytest.mark.parametrize("features", INPUTS)
@pytest.mark.parametrize("name", MODELS)
def test_features_of_any_unit_and_format_give_a_right_model(name, features, right_score):
    model, y = MODELS[name]
    model = fitted(model, INPUTS[features], y)
    assert model.score(INPUTS[features], y) >= right_score[name] - 0.05
    for attribute, value in vars(model).items():
        if attribute.endswith("_") and isinstance(value, float | list | np.ndarray):
            for array in value if isinstance(value, list) else [value]:
                array = np.asarray(array)
                assert array.dtype.kind != "f" or np.isfinite(array).all(), attribute


@pytest.mark.parametrize("factor", [1e-300, 1e-100, 1e-20, 1e-4, 1e20, 1e100])
@pytest.mark.parametrize("name", [name for name, (model, _) in MODELS.items() if is_regressor(model)])
def test_targets_of_any_unit_give_the_same_model(name, factor, right_score):
    model = fitted(MODELS[name][0], X, Y * factor)
    # R2 of the prediction over the factor: the metric itself cannot square 1e-300.
    residual = Y - model.predict(X) / factor
    assert 1 - np.mean(residual**2) / Y.var() == pytest.approx(right_score[name], abs=1e-6)


@pytest.mark.parametrize("offset", [1e4, 1e8])
@pytest.mark.parametrize("name", [name for name, (model, _) in MODELS.items() if is_regressor(model)])
def test_an_offset_of_the_target_does_not_matter(name, offset, right_score):
    assert fitted(MODELS[name][0], X, Y + offset).score(X, Y + offset) >= right_score[name] - 0.01


@pytest.mark.parametrize("rate", [1e-12, 1e-6, 1e-3, 1.0, 1e3, 1e8])
@pytest.mark.parametrize("name", ["linear sgd", "linear adam", "logistic nesterov", "MLP", "MLP sgd", "MLP regressor"])
def test_any_initial_rate_gives_a_right_model_in_the_automatic_mode(name, rate, right_score):
    model, y = MODELS[name]
    model = fitted(clone(model).set_params(learning_rate_init=rate), X, y)
    assert model.score(X, y) >= right_score[name] - 0.01


@pytest.mark.parametrize("name", MODELS)
def test_cauchy_features_give_no_garbage(name):
    model, y = MODELS[name]
    features = np.random.RandomState(0).standard_cauchy((N_ROWS, N_COLUMNS))
    model = fitted(model, features, y)
    chance = 0.0 if is_regressor(model) else np.bincount(y).max() / N_ROWS
    assert model.score(features, y) >= chance - 0.05
