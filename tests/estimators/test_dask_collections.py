"""Fits, predictions and scores of dask collections: as those of rows in memory."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from block_cases import case, difference
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pd = pytest.importorskip("pandas")

Linear, Logistic = AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression


@pytest.fixture(autouse=True)
def local_scheduler():
    with dask.config.set(scheduler="synchronous"):
        yield


def lazily(array, lengths=(70, 100, 130)):
    return da.from_array(array, chunks=(lengths, *array.shape[1:]))


def labelled(n=300, p=5):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p))
    return X, np.digitize(X @ np.arange(p) + rng.logistic(size=n), [-2, 2]), rng.uniform(size=n)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("seed", range(120, 180))
def test_a_fit_of_dask_arrays_is_that_of_arrays(seed):
    given = case(seed)
    arrays = given.X, given.y, given.weight
    whole = clone(given.model).fit(*arrays)
    model = clone(given.model).fit(*(None if a is None else lazily(a, given.lengths) for a in arrays))
    assert difference(model, whole, given.X) <= given.tolerance
    assert type(model.coef_) is np.ndarray
    assert model.n_features_in_ == given.X.shape[1]


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_blocks_may_have_unknown_lengths_and_be_empty(scheduler):
    X, y, _ = labelled()
    kept = (X[:, 0] > 0) & (np.arange(300) >= 70)
    lazy_X, lazy_y = lazily(X), lazily(y)
    lazy_kept = lazily(kept)
    with dask.config.set(scheduler=scheduler):
        model = Logistic().fit(lazy_X[lazy_kept], lazy_y[lazy_kept])
    assert difference(model, Logistic().fit(X[kept], y[kept]), X) <= 1e-9


def test_rows_may_be_cut_into_blocks_of_columns():
    X, y, _ = labelled()
    model = Logistic().fit(da.from_array(X, chunks=(100, 2)), da.from_array(y, chunks=100))
    assert difference(model, Logistic().fit(X, y), X) <= 1e-9


def test_blocks_may_be_sparse():
    X, y, _ = labelled()
    X[X < 0.5] = 0
    lazy = lazily(X).map_blocks(sparse.csr_array, dtype=float, meta=sparse.csr_array((0, 0)))
    for model, target in ((Logistic(), y), (Linear(alpha=1.0), y + X[:, 0])):
        fitted = clone(model).fit(lazy, lazily(target))
        assert difference(fitted, clone(model).fit(sparse.csr_array(X), target), X) <= 1e-9
        np.testing.assert_allclose(fitted.predict(lazy).compute(), fitted.predict(X))


def test_a_dataframe_is_fitted_with_its_names_and_words_for_labels():
    X, y, weight = labelled()
    frame = pd.DataFrame(X, columns=list("abcde")).assign(label=np.array(["x", "yy", "z"])[y], weight=weight)
    lazy = dd.from_pandas(frame, npartitions=4)
    lazy, frame = lazy[lazy.a > -0.5], frame[frame.a > -0.5]
    columns = list("abcde")
    model = Logistic().fit(lazy[columns], lazy.label, lazy.weight)
    whole = Logistic().fit(frame[columns], frame.label, frame.weight)
    assert difference(model, whole, frame[columns].to_numpy()) <= 1e-9
    assert list(model.feature_names_in_) == columns
    np.testing.assert_array_equal(model.predict(lazy[columns]).compute(), whole.predict(frame[columns]))
    score = model.score(lazy[columns], lazy.label, lazy.weight)
    assert score == pytest.approx(whole.score(frame[columns], frame.label, frame.weight))


def test_columns_of_one_parquet_file_have_the_same_blocks(tmp_path):
    """Where few columns of a file are read, as of a target, dask joins its blocks."""
    pytest.importorskip("pyarrow")
    X, y, _ = labelled()
    frame = pd.DataFrame(X, columns=list("abcde")).assign(label=y)
    dd.from_pandas(frame, npartitions=6).to_parquet(tmp_path / "rows")
    lazy = dd.read_parquet(tmp_path / "rows")
    assert len(lazy.label.to_delayed()) < 6
    model = Logistic().fit(lazy[list("abcde")], lazy.label)
    assert difference(model, Logistic().fit(X, y), X) <= 1e-9
    assert model.predict(lazy[["a", "b", "c", "d", "e"]]).numblocks == (6,)
    assert model.score(lazy[list("abcde")], lazy.label) == pytest.approx(model.score(frame[list("abcde")], y))


def test_a_number_weighs_every_row():
    X, y, _ = labelled()
    model = Linear(alpha=5.0).fit(lazily(X), lazily(y), 2.0)
    np.testing.assert_allclose(model.coef_, Linear(alpha=5.0).fit(X, y, 2.0).coef_)


def test_the_fitted_model_has_nothing_of_dask():
    X, y, _ = labelled()
    model = Logistic().fit(lazily(X), lazily(y))
    again = pickle.loads(pickle.dumps(model))
    assert b"dask" not in pickle.dumps(model)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_callbacks_hear_of_every_iteration(capsys):
    X, y, _ = labelled()
    model = Logistic(verbose=True).fit(lazily(X), lazily(y))
    assert capsys.readouterr().out.count("Epoch") == model.n_iter_[0]


def test_a_model_fitted_to_arrays_goes_on_with_dask_arrays():
    X, y, _ = labelled()
    model = Logistic(warm_start=True).fit(X, y)
    assert model.fit(lazily(X), lazily(y)).n_iter_[0] <= 1


MODELS = {
    "regression": (Linear(), lambda X, y: y + X[:, 0]),
    "outputs": (Linear(), lambda X, y: np.column_stack([y + X[:, 0], X[:, 1]])),
    "counts": (Linear(loss="poisson"), lambda X, y: y),
    "binary": (Logistic(), lambda X, y: y > 0),
    "classes": (Logistic(), lambda X, y: np.array(["a", "bb", "c"])[y]),
    "network": (AdaptiveLRMLPClassifier(max_iter=2, tol=0, early_stopping=False), lambda X, y: y),
    "float32": (Linear(), lambda X, y: (y + X[:, 0]).astype(np.float32)),
    "network of outputs": (
        AdaptiveLRMLPRegressor(max_iter=2, tol=0, early_stopping=False),
        lambda X, y: np.column_stack([y + X[:, 0], X[:, 1]]),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_lazy_and_say_what_they_will_be(name):
    X, y, _ = labelled()
    model, make_target = MODELS[name]
    X = X.astype(np.float32) if name == "float32" else X
    model = clone(model).fit(X, make_target(X, y))
    # An empty block among others.
    lazy = lazily(X, (70, 0, 100, 130)).rechunk({1: 2})
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        if hasattr(model, method):
            result, expected = getattr(model, method)(lazy), getattr(model, method)(X)
            assert isinstance(result, da.Array)
            assert (result.dtype, result.shape) == (expected.dtype, expected.shape)
            assert (result.compute() == expected).all() or np.allclose(result.compute(), expected, rtol=1e-5)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_rows_in_memory(name, weighted):
    X, y, weight = labelled()
    model, make_target = MODELS[name]
    target = make_target(X, y)
    model = clone(model).fit(X, target)
    weight = weight if weighted else None
    score = model.score(lazily(X), lazily(target), None if weight is None else lazily(weight))
    assert score == pytest.approx(model.score(X, target, weight), rel=1e-6)


def test_blocks_without_weight_do_not_score():
    X, y, weight = labelled()
    weight[:70] = 0
    for model, target in ((Logistic(), y), (Linear(), y + X[:, 0])):
        model.fit(X, target)
        score = model.score(lazily(X), lazily(target), lazily(weight))
        assert score == pytest.approx(model.score(X, target, weight))
        assert model.score(lazily(X), lazily(target), 2) == pytest.approx(model.score(X, target))


@pytest.mark.filterwarnings("ignore:The `numpy.may_share_memory` function")
def test_cross_validation_cuts_dask_arrays_without_loading_the_features(monkeypatch):
    X, y, _ = labelled()
    lazy_X, lazy_y = lazily(X), lazily(y)
    seen = []
    fit = Logistic.fit

    def watched(self, X, y):
        seen.append(type(X))
        return fit(self, X, y)

    monkeypatch.setattr(Logistic, "fit", watched)
    scores = cross_val_score(Logistic(), lazy_X, lazy_y)
    assert set(seen) == {da.Array}
    np.testing.assert_allclose(scores, cross_val_score(Logistic(), X, y))


@pytest.mark.filterwarnings("ignore:The `numpy.may_share_memory` function")
def test_a_scaler_that_loads_the_rows_is_noticed():
    X, y, _ = labelled()
    with pytest.raises(TypeError, match=r"or all be in memory; `X` is a numpy.ndarray"):
        make_pipeline(StandardScaler(), Logistic()).fit(lazily(X), lazily(y))


def test_features_of_another_model_are_refused_before_anything_is_computed():
    X, y, _ = labelled()
    model = Logistic().fit(X, y)
    with pytest.raises(ValueError, match="X has 4 features"):
        model.predict(lazily(X[:, 1:]))


def never(*args):
    raise AssertionError("something was computed")


def unread(shape, chunks):
    return da.from_array(np.zeros(shape), chunks=chunks).map_blocks(
        never, dtype=float, meta=np.zeros((0,) * len(shape))
    )


@pytest.mark.parametrize(
    ("model", "X", "y", "error", "message"),
    [
        (Logistic(), unread((9, 2), (3, 2)), np.zeros(9), TypeError, "or all be in memory; `y` is a numpy.ndarray"),
        (Logistic(), np.zeros((9, 2)), unread((9,), 3), TypeError, "or all be in memory; `X` is a numpy.ndarray"),
        (Logistic(), unread((9, 2), (3, 2)), unread((9,), 9), ValueError, "`X` has 3 blocks of rows, and `y` has 1"),
        (Logistic(solver="adam"), unread((9, 2), (3, 2)), unread((9,), 3), ValueError, "call `partial_fit`"),
        (Logistic(penalty_units="standardized"), unread((9, 2), (3, 2)), unread((9,), 3), ValueError, "in memory"),
        (Logistic(C="auto"), unread((9, 2), (3, 2)), unread((9,), 3), ValueError, "`C='auto'` needs rows in memory"),
        (AdaptiveLRMLPClassifier(backend="cupy"), unread((9, 2), (3, 2)), unread((9,), 3), ValueError, "in memory"),
        (AdaptiveLRMLPClassifier(), np.zeros((9, 2)), unread((9,), 3), TypeError, "`X` is a numpy.ndarray"),
    ],
)
def test_what_cannot_be_fitted_is_refused_before_anything_is_computed(model, X, y, error, message):
    with pytest.raises(error, match=message):
        model.fit(X, y)


def test_blocks_of_unequal_lengths_are_refused_with_both():
    X, y, _ = labelled()
    with pytest.raises(ValueError, match=r"Block 1 of `X` has 100 rows, and that of `y` has 130.*rechunk"):
        Logistic().fit(lazily(X), lazily(y, (70, 130, 100)))
    # Where lengths are not known, they are found in the first pass.
    X, y = lazily(X)[lazily(np.ones(300, bool))], lazily(y)[lazily(np.arange(300) > 0)]
    with pytest.raises(ValueError, match=r"Block 0 of `X` has 70 rows, and that of `y` has 69"):
        Logistic().fit(X, y)


def test_columns_that_are_no_numbers_are_refused_by_name():
    frame = dd.from_pandas(pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"], "c": [0, 1]}), npartitions=1)
    for call in (lambda: Logistic().fit(frame, frame.c), lambda: Logistic().fit(np.eye(3), [0, 1, 1]).predict(frame)):
        with pytest.raises(TypeError, match="`X` has columns that are not numeric: 'b'"):
            call()


def test_the_lines_for_a_network_train_it():
    X, y, _ = labelled()
    lazy_X, lazy_y = lazily(X), lazily(y)
    model = AdaptiveLRMLPClassifier(random_state=0)
    for i in range(lazy_y.npartitions):
        X_block, y_block = dask.compute(lazy_X.partitions[i], lazy_y.partitions[i])
        model.partial_fit(X_block, y_block, classes=[0, 1, 2])
    assert model.score(lazy_X, lazy_y) > 1 / 3


def test_a_fit_of_arrays_imports_no_dask():
    code = (
        "import sys, numpy as np; from sk_adalr import AdaptiveLRLogisticRegression as Model;"
        "from sk_adalr import AdaptiveLRMLPClassifier as Network;"
        "X = np.random.default_rng(0).normal(size=(50, 2)); y = (X[:, 0] > 0).astype(int);"
        "model = Model().fit(X, y); model.predict(X), model.score(X, y);"
        "model.fit_chunks(lambda: [(X, y)]); Network(max_iter=1).fit_chunks(lambda: [(X, y)]);"
        "print('dask' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "False"
