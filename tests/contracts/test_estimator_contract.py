"""What every estimator is held to with every solver, whatever it stands for: a newcomer joins by its name."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from estimator_cases import CLASSIFIERS, ESTIMATORS, SOLVERS, blocks, fit, make, problem
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from sk_adalr import AdaptiveLRLinearRegression
from sk_adalr.learning_rates import GRANULARITIES

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
solvers = pytest.mark.parametrize("options", SOLVERS.values(), ids=list(SOLVERS))


def raw_prediction(model, X):
    return model.decision_function(X) if hasattr(model, "decision_function") else model.predict(X)


def assert_same_predictions(one, other, X, rtol):
    expected = raw_prediction(other, X)
    np.testing.assert_allclose(raw_prediction(one, X), expected, rtol=rtol, atol=rtol * np.abs(expected).max())


@estimators
@solvers
@settings(max_examples=5)
@given(repeats=st.lists(st.integers(0, 3), min_size=30, max_size=30), scale=st.sampled_from([1.0, 0.25]))
def test_a_weight_is_a_repetition(cls, options, repeats, scale):
    repeats = np.array(repeats)
    X, y = problem(cls, n_rows=30)
    repeats[[y.argmin(), y.argmax()]] += 1  # both classes, and a target that varies
    options = {**options, "batch_size": 1000}
    weighted = fit(make(cls, **options), X, y, sample_weight=repeats.astype(float))
    repeated = fit(make(cls, **options), np.repeat(X, repeats, axis=0), np.repeat(y, repeats))
    assert_same_predictions(weighted, repeated, X, rtol=1e-7)  # scikit-learn's own tolerance
    assert weighted.n_iter_ == repeated.n_iter_


@estimators
@solvers
@settings(max_examples=5)
@given(order=st.permutations(range(40)))
def test_the_order_of_the_rows_of_a_full_batch_does_not_matter(cls, options, order):
    X, y = problem(cls, n_rows=40)
    options = {**options, "batch_size": 1000}
    one, other = fit(make(cls, **options), X, y), fit(make(cls, **options), X[order], y[order])
    assert_same_predictions(one, other, X, rtol=1e-9)  # sums in another order


@estimators
@solvers
def test_all_weights_times_a_power_of_two_change_no_bit_without_penalty(cls, options):
    X, y = problem(cls)
    # the same labels whatever the features: without penalty, separable classes have no optimum
    y = y if cls not in CLASSIFIERS.values() else np.random.RandomState(0).randint(2, size=len(y))
    weight = np.random.RandomState(0).uniform(0.5, 2, len(y))
    options = {**options, **({"C": np.inf} if "C" in cls().get_params() else {"alpha": 0.0})}
    one, other = (fit(make(cls, **options), X, y, sample_weight=w) for w in (weight, weight * 2.0**300))
    np.testing.assert_array_equal(blocks(one), blocks(other))


@estimators
@solvers
def test_sparse_features_train_the_same_model(cls, options):
    X, y = problem(cls)
    dense = fit(make(cls, **options), X, y)
    for storage in (sparse.csr_array, sparse.csr_matrix, sparse.csc_array, sparse.coo_array):
        other = fit(make(cls, **options), storage(X), y)
        assert_same_predictions(other, dense, X, rtol=1e-8)  # columns are centred before or after the product
        np.testing.assert_allclose(raw_prediction(other, storage(X)), raw_prediction(other, X), rtol=1e-10, atol=1e-10)


@estimators
@solvers
def test_int64_indices_of_sparse_features_train_the_same_model(cls, options):
    X, y = problem(cls)
    X = sparse.csr_array(X)
    wide = X.copy()
    wide.indices, wide.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    np.testing.assert_array_equal(blocks(fit(make(cls, **options), wide, y)), blocks(fit(make(cls, **options), X, y)))


@estimators
@solvers
def test_memory_layout_does_not_matter_bitwise(cls, options, tmp_path):
    X, y = problem(cls)
    expected = blocks(fit(make(cls, **options), X, y))
    mapped = np.memmap(tmp_path / "X", dtype=X.dtype, mode="w+", shape=X.shape)
    mapped[:] = X
    read_only = X.copy()
    read_only.setflags(write=False)
    for same in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], mapped, read_only, X.tolist()):
        np.testing.assert_array_equal(blocks(fit(make(cls, **options), same, y)), expected)


@estimators
@solvers
def test_training_lowers_the_loss(cls, options):
    n_epochs = 100 if options.get("learning_rate") == "constant" else 20  # nothing finds a better rate than .01 for it
    model = fit(make(cls, **options, max_iter=n_epochs), *problem(cls, n_rows=120))
    assert model.score(*problem(cls, n_rows=120)) > (0.5 if cls in CLASSIFIERS.values() else 0.0)
    assert model.loss_curve_[-1] <= model.loss_curve_[0]


@pytest.mark.parametrize("options", [o for name, o in SOLVERS.items() if "auto" in name], ids=str)
@pytest.mark.parametrize("rate", ["auto", 0.1])
@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_the_automatic_rule_stays_at_the_optimum_however_long_it_trains(diabetes, granularity, options, rate):
    X, y = diabetes
    options = {
        **options,
        "granularity": granularity,
        "learning_rate_init": rate,
        "batch_size": 1000,
        "max_iter": 1500,
        "tol": 0,
    }
    model = fit(AdaptiveLRLinearRegression(**options), X, y)
    optimum = 0.5 * np.mean((y - LinearRegression().fit(X, y).predict(X)) ** 2)
    assert 0.5 * np.mean((y - model.predict(X)) ** 2) < 1.01 * optimum


@estimators
@solvers
@pytest.mark.parametrize("unit", [1e-100, 1e-6, 1e6, 1e100], ids=str)
def test_units_of_the_features_do_not_matter_without_penalty(cls, options, unit):
    X, y = problem(cls)
    options = {**options, **({"C": 1e300} if "C" in cls().get_params() else {})}
    y = y if cls not in CLASSIFIERS.values() else np.random.RandomState(0).randint(2, size=len(y))
    one, other = fit(make(cls, **options), X, y), fit(make(cls, **options), X * unit, y)
    expected = raw_prediction(one, X)
    # rounding of X * unit, in columns with an offset of up to a hundred deviations
    np.testing.assert_allclose(raw_prediction(other, X * unit), expected, atol=1e-8 * np.abs(expected).max())


@estimators
@solvers
def test_estimators_of_their_own_train_the_same_in_threads(cls, options):
    X, y = problem(cls)
    expected = blocks(fit(make(cls, **options), X, y))
    # Catching warnings is not safe in threads: it is done once, around them all.
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning), ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: make(cls, **options).fit(X, y), range(8)))
    for model in models:
        np.testing.assert_array_equal(blocks(model), expected)
