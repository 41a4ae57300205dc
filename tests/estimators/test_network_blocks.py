"""Networks visit blocks of rows where they lie: as a fit of the same rows in memory, or a stream of the blocks."""

import tracemalloc
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from estimator_cases import needs_callbacks
from scipy import sparse
from sklearn.datasets import load_digits, make_classification, make_friedman1
from sklearn.model_selection import train_test_split

from sk_adalr import AdaptiveLRMLPClassifier as Classifier
from sk_adalr import AdaptiveLRMLPRegressor as Regressor
from sk_adalr.callbacks.base import EpochCallback
from sk_adalr.checkpoint import Checkpoint
from sk_adalr.objectives import ElementwiseLoss
from sk_adalr.training import block_batches

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pd = pytest.importorskip("pandas")

#: Multiples of the batch size, so that the batches of blocks in order are those of all rows in order.
LENGTHS = (200, 0, 300, 100, 400)
OPTIONS = {"batch_size": 100, "hidden_layer_sizes": (20,), "random_state": 0}
ONCE = {**OPTIONS, "tol": 0, "max_iter": 4, "early_stopping": False}


@pytest.fixture(autouse=True)
def local_scheduler():
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.fixture
def one_block_at_a_time(monkeypatch):
    """However small it is."""
    monkeypatch.setattr(block_batches, "_LEAST_ROWS", 0)


@dataclass(frozen=True)
class LogCosh(ElementwiseLoss):
    def losses(self, raw, target):
        return np.logaddexp(raw - target, target - raw) - np.log(2)

    def gradient(self, raw, target):
        return np.tanh(raw - target)

    def hessian(self, raw, target):
        return 1 - np.tanh(raw - target) ** 2


def rows(n=1000, p=6, dtype=np.float64):
    """Return features in units of their own, one of them constant, a score and weights."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(n, p))
    X = Z * 10.0 ** rng.uniform(-2, 2, p) + 5
    X[:, 3] = 7
    return X.astype(dtype), Z @ rng.normal(size=p), rng.choice([0.5, 1.0, 3.0], n)


def lazily(array, lengths=LENGTHS):
    return None if array is None else da.from_array(array, chunks=(lengths, *array.shape[1:]))


def chunks_of(*arrays, lengths=LENGTHS):
    ends = np.cumsum(lengths)
    return lambda: [
        tuple(None if array is None else array[end - length : end] for array in arrays)
        for end, length in zip(ends, lengths, strict=True)
    ]


def prediction(model, X):
    return model.predict_proba(X) if isinstance(model, Classifier) else model.predict(X)


TARGETS = {
    "binary": (Classifier(), lambda u: (u > 0).astype(int)),
    "classes": (Classifier(), lambda u: np.digitize(u, [-1, 1])),
    "words": (Classifier(), lambda u: np.array(["low", "middle", "high"])[np.digitize(u, [-1, 1])]),
    "balanced": (Classifier(class_weight="balanced"), lambda u: np.digitize(u, [-2, 2])),
    "one class": (Classifier(), lambda u: np.full(len(u), 3)),
    "numbers": (Regressor(), lambda u: 1e3 + u),
    "outputs": (Regressor(), lambda u: np.column_stack([u, 1e3 * u**2])),
    "constant": (Regressor(), lambda u: np.full(len(u), 3.3)),
    "as they are": (Regressor(standardize=False), lambda u: u),
    "counts": (Regressor(loss="poisson"), lambda u: np.round(np.exp(u / 3))),
    "amounts": (Regressor(loss="gamma"), lambda u: np.exp(u / 3)),
    "own loss": (Regressor(loss=LogCosh()), lambda u: 3 + u),
    "literal rule": (Classifier(learning_rate="hypergradient"), lambda u: (u > 0).astype(int)),
}


@pytest.mark.one_in(2)
@pytest.mark.usefixtures("one_block_at_a_time")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", TARGETS)
def test_blocks_in_order_are_trained_on_as_all_rows_in_order(name, weighted):
    X, u, weight = rows()
    model, make_target = TARGETS[name]
    options = {**model.get_params(deep=False), **ONCE, "shuffle": False}
    arrays = X, make_target(u), weight if weighted else None
    whole = type(model)(**options).fit(*arrays)
    fits = (
        type(model)(**options).fit(*map(lazily, arrays)),
        type(model)(**options).fit_chunks(chunks_of(*arrays)),
    )
    for fitted in fits:
        # What starts a loss of one's own, the best constant, is found from quantiles.
        rtol = 1e-5 if name == "own loss" else 1e-9
        scale = np.abs(prediction(whole, X)).max()
        np.testing.assert_allclose(prediction(fitted, X), prediction(whole, X), atol=rtol * scale)
        np.testing.assert_allclose(fitted.loss_curve_, whole.loss_curve_, rtol=rtol)
        assert (fitted.n_iter_, fitted.t_, fitted.stop_reason_) == (whole.n_iter_, whole.t_, whole.stop_reason_)
        assert fitted._seen_weight == pytest.approx(whole._seen_weight)
        assert all(type(array) is np.ndarray for array in fitted.coefs_)


@pytest.mark.usefixtures("one_block_at_a_time")
def test_float32_stays():
    X, u, _ = rows(dtype=np.float32)
    y = (u > 0).astype(int)
    whole = Classifier(**ONCE, shuffle=False).fit(X, y)
    model = Classifier(**ONCE, shuffle=False).fit(lazily(X), lazily(y))
    assert model.coefs_[0].dtype == np.float32
    np.testing.assert_allclose(model.predict_proba(X), whole.predict_proba(X), atol=1e-4)


@pytest.mark.usefixtures("one_block_at_a_time")
def test_sparse_blocks_are_trained_on_as_the_sparse_matrix():
    X, u, _ = rows()
    X[np.abs(X - 5) < 1] = 0
    y = (u > 0).astype(int)
    lazy = lazily(X).map_blocks(sparse.csr_array, dtype=float, meta=sparse.csr_array((0, 0)))
    whole = Classifier(**ONCE, shuffle=False).fit(sparse.csr_array(X), y)
    model = Classifier(**ONCE, shuffle=False).fit(lazy, lazily(y))
    np.testing.assert_allclose(model.predict_proba(X), whole.predict_proba(X), atol=1e-9)


@pytest.mark.usefixtures("one_block_at_a_time")
def test_rows_without_weight_are_no_rows():
    X, u, weight = rows()
    y = (u > 0).astype(int)
    weight[::10] = 0
    kept = weight > 0
    lengths = [int(part.sum()) for part in np.split(kept, np.cumsum(LENGTHS)[:-1])]
    some = [lazily(array[kept], tuple(lengths)) for array in (X, y, weight)]
    np.testing.assert_array_equal(
        Classifier(**ONCE).fit(lazily(X), lazily(y), lazily(weight)).coefs_[0], Classifier(**ONCE).fit(*some).coefs_[0]
    )


@pytest.mark.usefixtures("one_block_at_a_time")
@pytest.mark.parametrize("learning_rate", ["auto", "hypergradient"])
def test_the_rule_goes_on_from_block_to_block_as_in_a_stream(learning_rate):
    X, u, _ = rows()
    X, y = (X - X.mean(axis=0)) / (X.std(axis=0) + 1), np.digitize(u, [-1, 1])
    options = {**ONCE, "learning_rate": learning_rate, "standardize": False, "shuffle": False}
    model = Classifier(**options).fit(lazily(X), lazily(y))
    stream = Classifier(**options)
    for _ in range(4):
        for X_block, y_block in chunks_of(X, y)():
            if len(y_block):
                stream.partial_fit(X_block, y_block, classes=[0, 1, 2])
    for ours, theirs in zip(model.coefs_ + model.intercepts_, stream.coefs_ + stream.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def visits(model, X, y, lengths):
    """Return the rows of each visit of a fit, by the numbers in their first column."""
    seen, visited = [], block_batches.VisitedRows.visited

    def watched(self, random_state):
        for data in visited(self, random_state):
            seen.append(data.X[:, 0].astype(int).tolist())
            yield data

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_batches.VisitedRows, "visited", watched)
        model.fit(lazily(X, lengths), lazily(y, lengths))
    return seen


@pytest.mark.usefixtures("one_block_at_a_time")
def test_every_epoch_visits_each_block_once_in_an_order_of_its_own():
    X = np.column_stack([np.arange(800), np.random.default_rng(0).normal(size=800)])
    seen = visits(Classifier(**ONCE), X, (X[:, 1] > 0).astype(int), (100,) * 8)
    blocks = [tuple(rows) for rows in seen]
    epochs = [blocks[start : start + 8] for start in range(0, 32, 8)]
    assert {tuple(sorted(epoch)) for epoch in epochs} == {tuple(tuple(range(s, s + 100)) for s in range(0, 800, 100))}
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_small_blocks_come_several_at_a_time():
    X = np.column_stack([np.arange(800), np.random.default_rng(0).normal(size=800)])
    assert [len(visit) for visit in visits(Classifier(**ONCE), X, np.arange(800) < 300, (10,) * 80)] == [800] * 4


def test_held_out_rows_of_all_blocks_judge_and_do_not_train():
    X = np.column_stack([np.arange(12_000), np.random.default_rng(0).normal(size=12_000)])
    y = (X[:, 1] > 0).astype(int)
    model = Classifier(**OPTIONS, max_iter=3, tol=0)
    seen = visits(model, X, y, (1000,) * 12)
    epochs = np.split(np.concatenate(seen), 3)
    held_out = np.setdiff1d(np.arange(12_000), epochs[0])
    assert len({tuple(np.sort(rows)) for rows in epochs}) == 1
    assert sum(map(len, seen)) == model.t_ == 3 * (12_000 - len(held_out))
    assert np.bincount(held_out // 1000).tolist() == [100] * 12
    assert len(model.validation_scores_) == 3
    assert model.validation_scores_[model.best_epoch_ - 1] == model.score(X[held_out], y[held_out])


def test_no_more_rows_are_held_out_than_are_in_memory_at_a_time(one_block_at_a_time):
    X, u, _ = rows(n=2000)
    model = Classifier(**OPTIONS, max_iter=1, tol=0, early_stopping=True, validation_fraction=0.5)
    model.fit(lazily(X, (100,) * 20), lazily((u > 0).astype(int), (100,) * 20))
    assert model.t_ == pytest.approx(1900, abs=20)


@pytest.mark.parametrize("seed", range(1, 6))  # with which none of 30 rows is held out
def test_where_no_row_is_held_out_all_train_until_max_iter(seed):
    """Without rows in memory there are no folds, which say elsewhere when to stop."""
    X, u, _ = rows(n=30)
    model = Classifier(**{**OPTIONS, "random_state": seed}, max_iter=3, validation_fraction=1e-3)
    model.fit_chunks(lambda: [(X[:15], u[:15] > 0), (X[15:], u[15:] > 0)])
    assert (model.t_, model.n_iter_, model.validation_scores_) == (90, 3, None)


def test_validation_rows_of_the_user_judge_instead():
    X, u, weight = rows(n=1500)
    y = np.digitize(u, [-1, 1])
    judges = {"X_val": X[1000:], "y_val": y[1000:], "sample_weight_val": weight[1000:]}
    options = {**OPTIONS, "early_stopping": True, "shuffle": False, "scoring": "balanced_accuracy"}
    whole = Classifier(**options).fit(X[:1000], y[:1000], **judges)
    model = Classifier(**options).fit(lazily(X[:1000]), lazily(y[:1000]), **judges)
    np.testing.assert_allclose(model.validation_scores_, whole.validation_scores_)
    np.testing.assert_allclose(model.predict_proba(X), whole.predict_proba(X), atol=1e-6)


def test_a_scorer_gets_held_out_rows_as_they_were():
    X, u, _ = rows(n=1500)
    y, seen = np.array(["no", "yes"])[(u > 0).astype(int)], []

    def scorer(model, X, y):
        seen.append((X, y))
        return model.score(X, y)

    Classifier(**OPTIONS, max_iter=2, tol=0, early_stopping=True, scoring=scorer).fit(
        lazily(X, (500,) * 3), lazily(y, (500,) * 3)
    )
    places = [np.flatnonzero((row == X).all(axis=1))[0] for row in seen[0][0]]
    assert len(places) == 150
    np.testing.assert_array_equal(y[places], seen[0][1])


def digits():
    return *load_digits(return_X_y=True), Classifier


def labelled():
    return *make_classification(8000, 10, n_informative=6, n_classes=3, flip_y=0.05, random_state=0), Classifier


def numbers():
    return *make_friedman1(8000, noise=1.0, random_state=0), Regressor


@pytest.mark.usefixtures("one_block_at_a_time")
@pytest.mark.parametrize("data", [digits, labelled, numbers])
def test_unseen_rows_are_predicted_as_by_the_fit_in_memory(data):
    X, y, model = data()
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    size = -(-len(y) // 6)
    lengths = (*(size,) * 5, len(y) - 5 * size)
    options = {"random_state": 0, "early_stopping": True}
    whole = model(**options).fit(X, y).score(X_test, y_test)
    score = model(**options).fit(lazily(X, lengths), lazily(y, lengths)).score(X_test, y_test)
    # Two standard errors of the difference of accuracies; those of R2 are smaller.
    assert abs(score - whole) <= 2 * (2 * whole * (1 - whole) / len(y_test)) ** 0.5


@pytest.mark.usefixtures("one_block_at_a_time")
def test_blocks_sorted_by_label_warn():
    X, y = load_digits(return_X_y=True)
    order = np.argsort(y, kind="stable")
    lengths = (300,) * 5 + (297,)
    with pytest.warns(
        UserWarning, match=r"5 of the 6 blocks have no row of the class 0, though .* about 30 each.*forg"
    ):
        Classifier(**ONCE).fit(lazily(X[order], lengths), lazily(y[order], lengths))


def test_sorted_blocks_that_come_all_at_once_do_not_warn():
    X, y = load_digits(return_X_y=True)
    order = np.argsort(y, kind="stable")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Classifier(**ONCE).fit(lazily(X[order], (599,) * 3), lazily(y[order], (599,) * 3))


@pytest.mark.usefixtures("one_block_at_a_time")
def test_shuffled_blocks_do_not_warn_even_of_rare_classes():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2000, 3)), rng.choice(200, 2000, p=np.r_[0.801, np.full(199, 0.001)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Classifier(**ONCE).fit(lazily(X, (50,) * 40), lazily(y, (50,) * 40))


def test_one_chunk_is_in_memory_at_a_time():
    n, p, n_blocks = 10_000, 20, 20

    def chunks():
        for seed in range(n_blocks):
            X = np.random.default_rng(seed).normal(size=(n, p))
            yield X, (X[:, 0] > 0).astype(int)

    def block(seed):
        return np.random.default_rng(seed).normal(size=(n, p))

    lazy = da.concatenate([da.from_delayed(dask.delayed(block)(seed), (n, p), float) for seed in range(n_blocks)])
    options = {**OPTIONS, "max_iter": 2, "tol": 0, "batch_size": 2000}
    y = (lazy[:, 0] > 0).astype(int)
    for fit in (lambda: Classifier(**options).fit_chunks(chunks), lambda: Classifier(**options).fit(lazy, y)):
        tracemalloc.start()
        fit()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 6 * 8 * n * p  # a block as it comes, as it trains, held-out rows and what judges them


@pytest.mark.usefixtures("one_block_at_a_time")
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_warm_start_goes_on_as_if_nothing_had_been(early_stopping):
    X, u, _ = rows()
    arrays = lazily(X), lazily((u > 0).astype(int))
    options = {**OPTIONS, "tol": 0, "early_stopping": early_stopping}
    model = Classifier(**options, max_iter=3, warm_start=True).fit(*arrays)
    model.set_params(max_iter=4).fit(*arrays)
    whole = Classifier(**options, max_iter=7).fit(*arrays)
    assert model.n_iter_ == 7
    assert model.loss_curve_ == whole.loss_curve_
    assert model.validation_scores_ == whole.validation_scores_
    np.testing.assert_array_equal(model.coefs_[0], whole.coefs_[0])


class Crash(Exception):
    pass


class CrashAfter(EpochCallback):
    """Fail at the end of an epoch."""

    def __init__(self, n_epochs):
        super().__init__()
        self.n_epochs = n_epochs

    def _epoch(self, estimator, context, model):
        if context.task_id + 1 == self.n_epochs:
            raise Crash


@needs_callbacks
@pytest.mark.usefixtures("one_block_at_a_time")
@pytest.mark.parametrize("as_chunks", [False, True])
def test_a_fit_goes_on_from_its_checkpoint_to_bitwise_the_same_model(tmp_path, as_chunks):
    X, y, _ = rows()

    def fit(model):
        return model.fit_chunks(chunks_of(X, y)) if as_chunks else model.fit(lazily(X), lazily(y))

    options = {**OPTIONS, "max_iter": 8, "tol": 0, "early_stopping": True}
    whole = fit(Regressor(**options))
    with pytest.raises(Crash):
        fit(Regressor(**options).set_callbacks(Checkpoint(tmp_path / "fit"), CrashAfter(5)))
    again = fit(Regressor(**options).set_callbacks(Checkpoint(tmp_path / "fit")))
    assert again.loss_curve_ == whole.loss_curve_
    np.testing.assert_array_equal(again.coefs_[1], whole.coefs_[1])


@needs_callbacks
def test_a_checkpoint_of_other_blocks_is_left_alone(tmp_path):
    X, u, _ = rows()
    model = Regressor(**ONCE).set_callbacks(Checkpoint(tmp_path / "fit"))
    model.fit(lazily(X), lazily(u))
    with pytest.warns(UserWarning, match="is that of a fit to other data"):
        model.fit(lazily(X + 1), lazily(u))
    with pytest.warns(UserWarning, match="is that of a fit to other data"):
        model.fit_chunks(chunks_of(X, u + 1))


def test_a_dataframe_of_words_is_fitted_with_its_names():
    X, u, weight = rows()
    frame = pd.DataFrame(X, columns=list("abcdef")).assign(label=np.where(u > 0, "yes", "no"), weight=weight)
    lazy = dd.from_pandas(frame, npartitions=4)
    model = Classifier(**ONCE).fit(lazy[list("abcdef")], lazy.label, lazy.weight)
    assert list(model.feature_names_in_) == list("abcdef")
    score = model.score(lazy[list("abcdef")], lazy.label, lazy.weight)
    assert score == pytest.approx(model.score(frame[list("abcdef")], frame.label, frame.weight))
    assert score > 0.8


@pytest.mark.parametrize(
    ("model", "y", "error", "message"),
    [
        (Classifier(backend="cupy"), lambda u: u > 0, ValueError, "`backend='cupy'` needs arrays in memory"),
        (
            Classifier(),
            lambda u: np.eye(2, dtype=int)[(u > 0) * 1],
            ValueError,
            r"Block \d: a label matrix.*partial_fit",
        ),
        (Regressor(loss="gamma"), lambda u: u, ValueError, "gamma"),
        (Regressor(ensemble=True), lambda u: u, ValueError, "`ensemble=True` has folds of rows in memory"),
        (
            Classifier(early_stopping=True, validation_fraction=1e-6),
            lambda u: u > 0,
            ValueError,
            "no rows to hold out",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused(model, y, error, message):
    X, u, _ = rows()
    with pytest.raises(error, match=message):
        model.fit(lazily(X), lazily(y(u)))
    assert not hasattr(model, "coefs_")


def test_a_float32_target_far_from_zero_is_no_constant(rng):
    """Its numbers are .06 apart, and deviate by 1."""
    X = rng.standard_normal((2000, 3)).astype(np.float32)
    y = (1e6 + X[:, 0]).astype(np.float32)
    model = Regressor(random_state=0)
    model.fit_chunks(lambda: ((X[start : start + 500], y[start : start + 500]) for start in range(0, 2000, 500)))
    assert model.score(X, y) > 0.95
