"""Training that goes on - by warm_start, by partial_fit, from a file - goes on as if it had never stopped."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from estimator_cases import (
    CLASSIFIERS,
    ESTIMATORS,
    LINEAR,
    MLP,
    REGRESSORS,
    SOLVERS,
    blocks,
    fit,
    make,
    problem,
    same_state,
)
from sklearn.base import clone

from sk_adalr.learning_rates import GRANULARITIES

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
MINI_BATCH = {name: options for name, options in SOLVERS.items() if name != "auto"}
regressors = pytest.mark.parametrize("cls", REGRESSORS.values(), ids=list(REGRESSORS))
mini_batch = pytest.mark.parametrize("options", MINI_BATCH.values(), ids=list(MINI_BATCH))
all_solvers = pytest.mark.parametrize("options", SOLVERS.values(), ids=list(SOLVERS))
granularities = pytest.mark.parametrize("granularity", GRANULARITIES)


def fitted(estimator):
    """Return all that training moved: the fitted attributes, without the parameters of the constructor."""
    return {name: value for name, value in vars(estimator).items() if name not in estimator.get_params()}


def without_penalty(cls):
    """Rows that partial_fit gets again count again, so a linear model's penalty weighs less than in one fit."""
    return {"C": np.inf} if "C" in cls().get_params() else {"alpha": 0.0}


@pytest.mark.one_in(3)
@estimators
@mini_batch
@granularities
@pytest.mark.parametrize("early_stopping", [False, True], ids=["", "early stopping"])
def test_five_epochs_and_five_more_are_ten_epochs_bitwise(cls, options, granularity, early_stopping):
    X, y = problem(cls)
    options = {**options, "granularity": granularity, "early_stopping": early_stopping}
    straight = fit(make(cls, max_iter=10, **options), X, y)
    halves = fit(make(cls, max_iter=5, warm_start=True, **options), X, y)
    fit(halves, X, y)
    assert same_state(fitted(straight), fitted(halves))


@estimators
@pytest.mark.parametrize("early_stopping", [False, True], ids=["", "early stopping"])
def test_a_continued_fit_stops_where_one_straight_fit_stops(cls, early_stopping):
    X, y = problem(cls)
    options = {
        "solver": "adam",
        "tol": 1e-2,
        "n_iter_no_change": 4,
        "early_stopping": early_stopping,
        "learning_rate_init": 0.05,
    }
    straight = fit(make(cls, max_iter=500, **options), X, y)
    assert 5 < straight.n_iter_ < 500
    parts = make(cls, max_iter=len(straight.loss_curve_) - 2, warm_start=True, **options)
    fit(parts, X, y)
    parts.max_iter = 500
    fit(parts, X, y)
    assert same_state(fitted(straight), fitted(parts))


@estimators
@mini_batch
def test_partial_fit_over_full_chunks_is_one_longer_fit_bitwise(cls, options):
    X, y = problem(cls, raw_units=False)
    options = {**options, **without_penalty(cls)}
    whole = fit(make(cls, max_iter=3, **options, shuffle=False, standardize=False), X, y)
    parts = make(cls, **options, shuffle=False, standardize=False)
    classes = {"classes": np.unique(y)} if cls in CLASSIFIERS.values() else {}
    for _ in range(3):
        parts.partial_fit(X, y, **classes)
    np.testing.assert_array_equal(blocks(whole), blocks(parts))
    assert whole.loss_curve_ == parts.loss_curve_


@estimators
@mini_batch
def test_partial_fit_batch_by_batch_is_one_fit_bitwise(cls, options):
    X, y = problem(cls, raw_units=False)
    options = {**options, "shuffle": False, "standardize": False, **without_penalty(cls)}
    whole = fit(make(cls, max_iter=3, **options), X, y)
    parts = make(cls, **options)
    classes = {"classes": np.unique(y)} if cls in CLASSIFIERS.values() else {}
    # The automatic rule wants batches of about the same size: as 4 of 15 rows, not 3 of 16 and one of 12.
    size = -(-len(y) // -(-len(y) // 16)) if options.get("learning_rate") == "auto" else 16
    for _ in range(3):
        for start in range(0, len(y), size):
            parts.partial_fit(X[start : start + size], y[start : start + size], **classes)
    np.testing.assert_array_equal(blocks(whole), blocks(parts))


@estimators
@mini_batch
@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
def test_partial_fit_keeps_the_units_of_the_first_chunk(cls, options, shuffle):
    # The same rows in every call: the frozen scaling is then the one that a straight fit uses.
    X, y = problem(cls)
    options = {**options, **without_penalty(cls)}
    whole = fit(make(cls, max_iter=4, **options, shuffle=shuffle), X, y)
    parts = make(cls, **options, shuffle=shuffle)
    classes = {"classes": np.unique(y)} if cls in CLASSIFIERS.values() else {}
    for _ in range(4):
        parts.partial_fit(X, y, **classes)
    np.testing.assert_array_equal(blocks(whole), blocks(parts))


@pytest.mark.parametrize("cls", LINEAR.values(), ids=list(LINEAR))
@pytest.mark.parametrize("chunk_rows", [60, 1000])
def test_a_stream_is_penalised_as_its_rows_at_once(cls, chunk_rows):
    """However it is cut into chunks: shorter ones would else shrink the coefficients more."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((6000, 3))
    noise = rng.logistic(size=6000)
    y = (X @ [1, -2, 3] + noise > 0).astype(int) if cls in CLASSIFIERS.values() else X @ [1, -2, 3] + noise
    penalty = {"C": 1e-2} if "C" in cls().get_params() else {"alpha": 2000.0}
    at_once = [cls(**strength).fit(X, y) for strength in (penalty, without_penalty(cls))]
    streams = [cls(**strength, random_state=0) for strength in (penalty, without_penalty(cls))]
    classes = {"classes": [0, 1]} if cls in CLASSIFIERS.values() else {}
    for start in range(0, len(y), chunk_rows):
        rows = slice(start, start + chunk_rows)
        for stream in streams:
            stream.partial_fit(X[rows], y[rows], **classes)
    shrinkage, expected = (np.divide(*(np.linalg.norm(m.coef_) for m in models)) for models in (streams, at_once))
    assert shrinkage == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("cls", LINEAR.values(), ids=list(LINEAR))
@pytest.mark.parametrize("start", [{"solver": "auto", "learning_rate": "auto"}, {}], ids=["exact", "mini-batch"])
def test_the_rows_of_a_fit_count_in_the_penalty_of_the_calls_after_it(cls, start):
    X, y = problem(cls)
    strengths = []
    for weight in (1.0, 1e3):
        model = fit(make(cls, **start), X, y, sample_weight=np.full(len(y), weight))
        model.set_params(solver="adam").partial_fit(X, y)
        strengths.append(model._seen_weight)
    assert strengths == [2 * len(y), 1001 * len(y)]


def stream(n_rows=3000):
    """Return rows of a regression whose targets lie far from zero."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n_rows, 5))
    return X, 1e3 * (X @ rng.standard_normal(5)) + 1e5


def partial_fits(cls, X, y, chunks):
    model = cls(solver="adam", random_state=0)
    for chunk in chunks:
        model.partial_fit(X[chunk], y[chunk])
    return model


@regressors
@pytest.mark.parametrize("n_equal", [1, 300])
def test_the_first_chunk_whose_target_varies_gives_it_its_unit(cls, n_equal):
    X, y = stream()
    y[:n_equal] = 0.0
    rest = [slice(start, start + 100) for start in range(n_equal, len(X), 100)]
    model = partial_fits(cls, X, y, [slice(0, n_equal), *rest])
    assert model.score(X[n_equal:], y[n_equal:]) > 0.98
    assert model.n_iter_ == 1 + len(rest)
    anew = partial_fits(cls, X, y, rest)
    assert anew.score(X[n_equal:], y[n_equal:]) == pytest.approx(model.score(X[n_equal:], y[n_equal:]), abs=0.01)


@regressors
def test_equal_targets_have_no_unit_and_a_single_row_gives_them_their_magnitude(cls):
    X, y = stream(40)
    y[:20], y[20] = 7.0, -9.0
    model = partial_fits(cls, X, y, [slice(0, 10), slice(10, 20)])
    assert model._training["units"]["outputs"]["target"]["scale"] == 0
    model.partial_fit(X[20:21], y[20:21])  # another target, but no other beside it
    assert model._training["units"]["outputs"]["target"]["scale"] == 9.0
    model.partial_fit(X[21:], y[21:])
    assert model._training["units"]["outputs"]["target"]["scale"] == 9.0
    assert model.n_iter_ == 4


@estimators
def test_partial_fit_of_another_chunk_goes_on_from_the_first(cls):
    X, y = problem(cls, n_rows=200)
    classes = {"classes": np.unique(y)} if cls in CLASSIFIERS.values() else {}
    model = make(cls, learning_rate_init=0.02)
    for _ in range(30):
        for chunk in (slice(0, 100), slice(100, 200)):
            model.partial_fit(X[chunk], y[chunk], **classes)
    assert model.n_iter_ == len(model.loss_curve_) == 60
    assert model.score(X, y) > 0.85


@estimators
@mini_batch
def test_a_pickled_model_goes_on_bitwise(cls, options):
    X, y = problem(cls)
    model = fit(make(cls, **options, warm_start=True, early_stopping=True), X, y)
    loaded = pickle.loads(pickle.dumps(model))
    assert same_state(vars(model), vars(loaded))
    fit(model, X, y)
    fit(loaded, X, y)
    assert same_state(fitted(model), fitted(loaded))


@estimators
def test_a_model_saved_by_joblib_goes_on_bitwise(cls):
    X, y = problem(cls)
    model = fit(make(cls, solver="adam", warm_start=True), X, y)
    file = io.BytesIO()
    joblib.dump(model, file)
    loaded = joblib.load(file)
    assert same_state(fitted(fit(model, X, y)), fitted(fit(loaded, X, y)))


@estimators
@all_solvers
def test_a_copied_model_does_not_follow_the_original(cls, options):
    X, y = problem(cls)
    model = fit(make(cls, **options, warm_start=True), X, y)
    copied = copy.deepcopy(model)
    before = pickle.dumps(vars(copied))
    fit(model, X, y)
    assert pickle.dumps(vars(copied)) == before


@estimators
@all_solvers
def test_training_on_does_not_change_what_was_handed_out(cls, options):
    X, y = problem(cls)
    model = fit(make(cls, **options, warm_start=True), X, y)
    kept, before = dict(vars(model)), copy.deepcopy(vars(model))
    fit(model, X, y)
    assert same_state(kept, before)


@estimators
@all_solvers
def test_without_warm_start_each_fit_starts_anew(cls, options):
    X, y = problem(cls)
    model = fit(make(cls, **options), X, y)
    first = copy.deepcopy(fitted(model))
    assert same_state(first, fitted(fit(model, X, y)))


@estimators
@all_solvers
def test_the_same_seed_gives_the_same_model(cls, options):
    X, y = problem(cls)
    models = [fit(make(cls, **options, random_state=5), X, y) for _ in range(2)]
    assert same_state(*map(fitted, models))


@estimators
def test_another_seed_gives_another_order(cls):
    X, y = problem(cls)
    one, other = (blocks(fit(make(cls, solver="adam", random_state=seed), X, y)) for seed in (0, 1))
    assert not np.array_equal(one, other)


@estimators
def test_warm_start_with_another_solver_goes_on_from_the_parameters(cls):
    X, y = problem(cls)
    model = fit(make(cls, solver="adam", warm_start=True, learning_rate_init=0.05, max_iter=60), X, y)
    last = model.loss_
    model.set_params(solver="sgd", learning_rate_init=1e-6, max_iter=1)
    # One pass at a rate of nothing: the loss where adam ended, and adam's last epoch did not change much.
    assert fit(model, X, y).loss_ < 1.05 * last


@pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
def test_warm_start_refuses_other_classes(cls):
    X, y = problem(cls)
    model = fit(make(cls, solver="adam", warm_start=True), X, y)
    with pytest.raises(ValueError, match="same target as before; `classes` was"):
        model.fit(X, y + 1)


@estimators
def test_warm_start_refuses_other_features(cls):
    X, y = problem(cls)
    model = fit(make(cls, solver="adam", warm_start=True), X, y)
    with pytest.raises(ValueError, match=r"features|architecture"):
        model.fit(X[:, :2], y)


@estimators
@mini_batch
def test_a_clone_is_unfitted_and_fits_the_same(cls, options):
    X, y = problem(cls)
    model = fit(make(cls, **options), X, y)
    other = clone(model)
    assert not hasattr(other, "loss_curve_")
    assert same_state(fitted(model), fitted(fit(other, X, y)))


@pytest.mark.parametrize("goes_on", ["partial_fit", "warm_start"])
def test_training_goes_on_after_folds_have_ended_it(goes_on):
    """Folds counted the epochs; rows that say the opposite are still learned."""
    X, y = problem(MLP["AdaptiveLRMLPClassifier"], 100)
    model = MLP["AdaptiveLRMLPClassifier"](random_state=0).fit(X, y)
    assert "folds" in model.stop_reason_
    before = model.learning_rate_curve_[-1]
    if goes_on == "partial_fit":
        for _ in range(200):
            model.partial_fit(X, 1 - y)
    else:
        model.set_params(warm_start=True, tol=0, max_iter=200).fit(X, 1 - y)
    np.testing.assert_array_equal(model.learning_rate_curve_[-1], before)
    assert model.score(X, 1 - y) > 0.9
