"""One pass over a stream: what `partial_fit` with `solver="auto"` knows after each chunk."""

import pickle

import numpy as np
import pytest
from estimator_cases import ESTIMATORS, same_state
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LinearRegression, Ridge

from sk_adalr import AdaptiveLRLinearRegression

# Predictions of the same least-squares problem by two ways: rounding, times the condition of the columns (below 1e4).
CLOSE = {"rtol": 1e-8, "atol": 1e-8}


def in_chunks(model, X, y, sizes, sample_weight=None):
    """Return `model` after one call for each chunk; the last size repeats."""
    start, sizes = 0, list(sizes)
    while start < X.shape[0]:
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        rows = slice(start, start + size)
        model.partial_fit(X[rows], y[rows], None if sample_weight is None else sample_weight[rows])
        start += size
    return model


def oracle(alpha, fit_intercept=True):
    if alpha:
        return Ridge(alpha, fit_intercept=fit_intercept, solver="svd")
    return LinearRegression(fit_intercept=fit_intercept)


def rows_of(seed, n_rows, n_features, n_outputs=1, offset=0.0):
    """Return columns of different scales, targets that depend on them, weights, and rows to predict."""
    rng = np.random.RandomState(seed)
    scale = 10.0 ** rng.uniform(-2, 2, n_features)
    X = rng.standard_normal((n_rows, n_features)) * scale + offset * scale
    Y = rng.standard_normal((n_rows, n_outputs)) + (X / scale) @ rng.standard_normal((n_features, n_outputs))
    new = rng.standard_normal((20, n_features)) * scale + offset * scale
    return X, Y[:, 0] if n_outputs == 1 else Y, rng.uniform(0.1, 3, n_rows), new


@pytest.mark.parametrize("alpha", [0.0, 1e-6, 1.0, 1e3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(("n_rows", "n_features", "n_outputs"), [(300, 6, 1), (60, 20, 3), (8, 20, 1), (10, 30, 2)])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_stream_ends_at_the_solution_of_all_rows(alpha, fit_intercept, n_rows, n_features, n_outputs, size):
    X, y, weight, new = rows_of(0, n_rows, n_features, n_outputs)
    model = in_chunks(AdaptiveLRLinearRegression(alpha=alpha, fit_intercept=fit_intercept), X, y, [size], weight)
    expected = oracle(alpha, fit_intercept).fit(X, y, weight)
    np.testing.assert_allclose(model.predict(X), expected.predict(X), **CLOSE)
    np.testing.assert_allclose(model.predict(new), expected.predict(new), **CLOSE)
    assert model.coef_.shape == expected.coef_.shape
    assert np.shape(model.intercept_) == np.shape(expected.predict(X)[0]) or not fit_intercept
    residual = (expected.predict(X) - y).reshape(n_rows, -1)
    objective = (weight @ residual**2).sum() + alpha * (expected.coef_**2).sum()
    assert model.loss_ == pytest.approx(objective / 2 / weight.sum(), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_how_a_stream_is_cut_does_not_matter(seed):
    rng = np.random.RandomState(seed)
    n_rows, n_features = rng.randint(2, 200), rng.randint(1, 30)
    X, y, weight, new = rows_of(seed, n_rows, n_features, rng.randint(1, 3), offset=rng.choice([0, 10, 1e3]))
    alpha = rng.choice([0.0, 1e-3, 10.0])
    X[:, rng.rand(n_features) < 0.2] = 0.1  # constant columns
    storage = sparse.csr_array if rng.rand() < 0.5 else np.asarray
    at_once, cut = (
        in_chunks(AdaptiveLRLinearRegression(alpha=alpha), storage(X), y, sizes, weight)
        for sizes in ([n_rows], rng.randint(1, 40, 200))
    )
    # Three more digits than the offset costs.
    np.testing.assert_allclose(cut.predict(new), at_once.predict(new), rtol=1e-8, atol=1e-8 * np.abs(y).max())
    np.testing.assert_allclose(cut.predict(new), oracle(alpha).fit(X, y, weight).predict(new), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", [1, 13, 500])
def test_an_offset_of_a_million_deviations_costs_no_digits_of_the_predictions(size):
    X, y, weight, new = rows_of(1, 500, 5)
    scale = X.std(axis=0)
    model = in_chunks(AdaptiveLRLinearRegression(), X + 1e6 * scale, y + 1e6, [size], weight)
    expected = LinearRegression().fit(X, y, weight).predict(new) + 1e6
    # The rows themselves are rounded by 1e-10 of a deviation.
    np.testing.assert_allclose(model.predict(new + 1e6 * scale), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("size", [1, 10, 60])
def test_dependent_columns_give_the_solution_of_least_norm(size):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((60, 4)) + 5
    X = np.column_stack([X, X[:, 0] + X[:, 1], X[:, 2], np.ones(60)])
    y = X @ rng.standard_normal(7) + rng.standard_normal(60)
    model = in_chunks(AdaptiveLRLinearRegression(), X, y, [size])
    expected = LinearRegression().fit(X, y)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=0, atol=1e-9)
    outside = rng.standard_normal((5, 7))
    np.testing.assert_allclose(model.predict(outside), expected.predict(outside), rtol=0, atol=1e-8)


@pytest.mark.parametrize("alpha", [0.0, 1e-3])
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array])
def test_an_unknown_level_of_a_one_hot_column_is_predicted_as_by_scikit_learn(alpha, storage):
    X = np.eye(4)[np.random.RandomState(0).permutation([0] * 60 + [1] * 20 + [2] * 15 + [3] * 5)]
    y = X @ [0.0, 10, 20, 90]
    model = in_chunks(AdaptiveLRLinearRegression(alpha=alpha), storage(X), y, [1, 30, 7])
    expected = oracle(alpha).fit(X, y).predict(np.zeros((1, 4)))
    np.testing.assert_allclose(model.predict(np.zeros((1, 4))), expected, rtol=1e-9)


@pytest.mark.parametrize("size", [1, 50, 200])
@pytest.mark.parametrize("value", [1000.0, 1e6, 0.1, 0.0])
def test_a_constant_target_is_predicted_exactly(size, value):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((200, 3))
    alone = in_chunks(AdaptiveLRLinearRegression(), X, np.full(200, value), [size])
    np.testing.assert_array_equal(alone.predict(rng.standard_normal((5, 3))), value)
    beside = in_chunks(AdaptiveLRLinearRegression(), X, np.column_stack([X[:, 0], np.full(200, value)]), [size])
    np.testing.assert_array_equal(beside.predict(X)[:, 1], value)
    nearly = value * (1 + 1e-15 * rng.standard_normal(200))
    predicted = in_chunks(AdaptiveLRLinearRegression(), X, nearly, [size]).predict(X)
    np.testing.assert_allclose(predicted, value, rtol=1e-14, atol=0)


def test_rows_passed_twice_count_twice():
    X, y, _, new = rows_of(0, 40, 5)
    twice = in_chunks(AdaptiveLRLinearRegression(alpha=3.0), np.vstack([X, X]), np.concatenate([y, y]), [40])
    weighted = Ridge(3.0).fit(X, y, np.full(40, 2.0))
    np.testing.assert_allclose(twice.predict(new), weighted.predict(new), **CLOSE)


def test_single_precision_is_kept_and_accumulated_in_double():
    X, y, _, new = rows_of(0, 3000, 5)
    model = in_chunks(AdaptiveLRLinearRegression(), X.astype(np.float32), y, [1, 10])
    assert model.coef_.dtype == np.float32
    assert model.predict(new.astype(np.float32)).dtype == np.float32
    # The rows are rounded to 6e-8 of their values.
    np.testing.assert_allclose(model.predict(new), LinearRegression().fit(X, y).predict(new), rtol=0, atol=1e-5)


def test_each_call_knows_the_loss_of_all_rows_so_far():
    X, y, _, _ = rows_of(0, 90, 4)
    model = in_chunks(AdaptiveLRLinearRegression(), X, y, [30])
    expected = []
    for n in (30, 60, 90):
        residual = LinearRegression().fit(X[:n], y[:n]).predict(X[:n]) - y[:n]
        expected.append(0.5 * np.mean(residual**2))
    np.testing.assert_allclose(model.loss_curve_, expected, rtol=1e-10)
    assert (model.n_iter_, model.solver_, model.learning_rate_curve_.shape) == (3, "qr", (0, 3))


@pytest.mark.parametrize("alpha", [0.0, 5.0])
@pytest.mark.parametrize("size", [1, 9, 1000])
def test_a_row_weighs_half_after_a_half_life(alpha, size):
    X, y, weight, new = rows_of(0, 300, 4)
    model = in_chunks(AdaptiveLRLinearRegression(alpha=alpha, half_life=50), X, y, [size], weight)
    decayed = weight * 0.5 ** ((299 - np.arange(300)) / 50)
    np.testing.assert_allclose(model.predict(new), oracle(alpha).fit(X, y, decayed).predict(new), **CLOSE)


def test_with_a_half_life_a_stream_follows_a_drift():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((4000, 3))
    y = np.where(np.arange(4000) < 2000, X @ [1, 2, 3], X @ [3, 2, 1])
    follows, remembers = (in_chunks(AdaptiveLRLinearRegression(half_life=h), X, y, [100]) for h in (100, None))
    np.testing.assert_allclose(follows.coef_, [3, 2, 1], atol=1e-3)  # 20 half-lives: a millionth
    assert np.abs(remembers.coef_ - [3, 2, 1]).max() > 0.5


@pytest.mark.parametrize("options", [{"solver": "adam"}, {"learning_rate": "constant"}, {"early_stopping": True}])
def test_a_half_life_needs_the_summary(options):
    X, y, _, _ = rows_of(0, 40, 5)
    with pytest.raises(ValueError, match="`half_life` needs a summary of all rows"):
        AdaptiveLRLinearRegression(half_life=10, **options).partial_fit(X, y)


@pytest.mark.parametrize("half_life", [0, -1, np.nan, "auto"])
def test_an_impossible_half_life_is_refused(half_life):
    X, y, _, _ = rows_of(0, 40, 5)
    with pytest.raises((ValueError, TypeError), match="`half_life` must be"):
        AdaptiveLRLinearRegression(half_life=half_life).partial_fit(X, y)


def test_a_pickled_or_cloned_stream_is_the_same_or_new():
    X, y, _, _ = rows_of(0, 100, 5)
    model = in_chunks(AdaptiveLRLinearRegression(), X[:50], y[:50], [10])
    loaded = pickle.loads(pickle.dumps(model))
    assert same_state(vars(in_chunks(loaded, X[50:], y[50:], [10])), vars(in_chunks(model, X[50:], y[50:], [10])))
    assert not hasattr(clone(model), "coef_")


def test_the_summary_is_made_of_arrays_numbers_and_dicts_and_is_never_changed():
    X, y, _, _ = rows_of(0, 100, 5)
    model = AdaptiveLRLinearRegression().partial_fit(X[:50], y[:50])
    kept = model._summary["rows"]
    before = pickle.dumps(kept)
    assert all(isinstance(value, np.ndarray | float | bool) for value in kept.values())
    model.partial_fit(X[50:], y[50:])
    assert pickle.dumps(kept) == before


def test_another_intercept_in_the_middle_of_a_stream_is_refused():
    X, y, _, _ = rows_of(0, 40, 5)
    model = AdaptiveLRLinearRegression().partial_fit(X, y).set_params(fit_intercept=False)
    with pytest.raises(ValueError, match="needs the same `fit_intercept` as before"):
        model.partial_fit(X, y)


def test_a_named_solver_takes_over_where_the_stream_is_and_forgets_its_summary():
    X, y, _, _ = rows_of(0, 200, 5)
    model = AdaptiveLRLinearRegression(random_state=0).partial_fit(X, y)
    score = model.score(X, y)
    model.set_params(solver="adam").partial_fit(X, y)
    assert model.score(X, y) > score - 0.05
    assert model._summary is None
    assert model._seen_weight == 400


@pytest.mark.parametrize("Estimator", ESTIMATORS.values())
def test_a_chunk_without_weight_is_no_chunk(Estimator):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(0, 2, 60)
    options = {"classes": [0, 1]} if is_classifier(Estimator()) else {}
    model = Estimator(random_state=0).partial_fit(X[:30], y[:30], **options)
    before = pickle.loads(pickle.dumps(model))
    model.partial_fit(X[30:31], y[30:31], sample_weight=[0.0])
    assert same_state(vars(model), vars(before))
    with pytest.raises(ValueError, match="all zero"):
        Estimator().partial_fit(X, y, sample_weight=np.zeros(60), **options)
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit([[np.nan, 0, 0]], [0], sample_weight=[0.0])


@pytest.mark.parametrize("Estimator", ESTIMATORS.values(), ids=list(ESTIMATORS))
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize("constant", [448.41, -1e6])
def test_a_column_that_is_constant_in_the_first_chunk_is_learned_when_it_varies(Estimator, storage, constant):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((3000, 3))
    X[:200, 0] = 0
    y = X[:, 0] + 0.3 * X[:, 1]
    y = (y > 0).astype(int) if is_classifier(Estimator()) else y
    model = Estimator(solver="adam", random_state=0)
    classes = {"classes": [0, 1]} if is_classifier(model) else {}
    X[:, 0] += constant
    X = storage(X)
    for start in range(0, 3000, 200):
        model.partial_fit(X[start : start + 200], y[start : start + 200], **classes)
    # Without the first column, it is about .6 for labels and .1 for numbers.
    assert model.score(X[2000:], y[2000:]) > 0.95
