"""How much memory a fit needs beyond the data: counted by tracemalloc, to which NumPy reports."""

import gc
import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone, is_regressor

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)
from sk_adalr.backends import use_kernels

N_ROWS, N_COLUMNS, N_HIDDEN, BATCH = 2000, 1000, 300, 200
N_PARAMS = (N_COLUMNS + 1) * N_HIDDEN + N_HIDDEN + 1
X = np.random.RandomState(0).standard_normal((N_ROWS, N_COLUMNS))
Y = (X[:, 0] > 0).astype(int)
SHORT = {"max_iter": 2, "tol": 0, "early_stopping": False, "random_state": 0}

#: Vectors of the size of the parameters at the peak, with NumPy's kernels and with those of numba: those that live
#: through the training and no other, the parameters and their gradient included.
N_VECTORS = {
    "automatic adam": ({}, 6, 6),
    "automatic sgd": ({"solver": "sgd"}, 5, 5),
    "literal adam": ({"learning_rate": "hypergradient"}, 7, 6),
    "literal sgd": ({"learning_rate": "hypergradient", "solver": "sgd"}, 5, 4),
    "literal adam, one rate": ({"learning_rate": "hypergradient", "granularity": "global"}, 6, 6),
    "constant adam": ({"learning_rate": "constant"}, 6, 5),
    "constant sgd": ({"learning_rate": "constant", "solver": "sgd"}, 4, 3),
}
#: The rows of a batch, and the activations and gradients of the hidden layer.
BATCH_ELEMENTS = BATCH * (N_COLUMNS + 2 * N_HIDDEN)


@pytest.fixture(autouse=True)
def numpy_kernels():
    """What a test asks for, but never numba loaded in the middle of a fit, whose modules would count."""
    with use_kernels("numpy"):
        yield


def peak(function, *args, **kwargs):
    """Return the largest number of bytes that a call held at once."""
    gc.collect()
    tracemalloc.start()
    try:
        function(*args, **kwargs)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.one_in(2)
@pytest.mark.parametrize("column", ["numpy", "numba"])
@pytest.mark.parametrize("mode", N_VECTORS)
def test_a_mini_batch_fit_needs_a_batch_and_some_vectors(mode, column):
    options, *n_vectors = N_VECTORS[mode]
    if column == "numba":
        pytest.importorskip("numba")
    model = AdaptiveLRMLPClassifier(N_HIDDEN, **SHORT, **options)
    with use_kernels(column):
        clone(model).fit(X[:300], Y[:300])  # compiles
        needed = peak(model.fit, X, Y)
    assert needed < 8 * (1.1 * BATCH_ELEMENTS + (n_vectors[column == "numba"] + 0.1) * N_PARAMS)


def test_float32_needs_half_as_much():
    needed = peak(AdaptiveLRMLPClassifier(N_HIDDEN, **SHORT).fit, X.astype(np.float32), Y)
    assert needed < 4 * (1.1 * BATCH_ELEMENTS + (N_VECTORS["automatic adam"][1] + 0.1) * N_PARAMS) + 4 * X.size


def test_early_stopping_needs_one_vector_more():
    """The best parameters, and a block of rows that are judged."""
    needed = peak(AdaptiveLRMLPClassifier(N_HIDDEN, **SHORT | {"early_stopping": True}).fit, X, Y)
    block = 0.1 * N_ROWS * (2 * N_COLUMNS + N_HIDDEN)
    assert needed < 8 * (1.1 * BATCH_ELEMENTS + block + (N_VECTORS["automatic adam"][1] + 1.1) * N_PARAMS)


@pytest.mark.parametrize(("C", "n_more"), [(np.inf, 0), (1.0, 2)])
def test_a_penalty_in_the_units_of_the_features_needs_two_vectors_more(C, n_more):
    """The weights of the penalty, and their product with the coefficients."""
    n_classes, batch = 150, 50
    labels = np.r_[np.arange(n_classes), np.random.RandomState(0).randint(n_classes, size=N_ROWS - n_classes)]
    model = AdaptiveLRLogisticRegression(solver="adam", C=C, batch_size=batch, max_iter=2, tol=0, random_state=0)
    allowed = N_VECTORS["automatic adam"][1] + n_more + 0.1
    block = 32_768  # of products, in a pass over all parameters
    elements = 1.1 * batch * (N_COLUMNS + 2 * n_classes) + allowed * (N_COLUMNS + 1) * n_classes + block
    assert peak(model.fit, X, labels) < 8 * elements


def test_a_fit_that_goes_on_needs_the_model_before_it_too():
    """Eight vectors of its own: what it started from stays as it is until it has succeeded."""
    model = AdaptiveLRMLPClassifier(N_HIDDEN, **SHORT).fit(X, Y)
    assert peak(model.partial_fit, X, Y) < 8 * (1.1 * BATCH_ELEMENTS + 8.1 * N_PARAMS)


def test_early_stopping_makes_no_copy_of_the_data():
    without = peak(AdaptiveLRMLPClassifier(4, **SHORT).fit, X, Y)
    with_it = peak(AdaptiveLRMLPClassifier(4, **SHORT | {"early_stopping": True}).fit, X, Y)
    assert without < 0.2 * X.nbytes
    assert with_it - without < 0.25 * X.nbytes  # a tenth of the rows, as they are and standardised


@pytest.mark.parametrize(
    "model",
    [
        AdaptiveLRMLPClassifier(4, **SHORT),
        AdaptiveLRLogisticRegression(solver="adam", max_iter=2, tol=0, random_state=0),
    ],
    ids=repr,
)
def test_a_memory_map_stays_on_the_disk(model, tmp_path):
    mapped = np.lib.format.open_memmap(tmp_path / "X.npy", mode="w+", dtype=float, shape=X.shape)
    mapped[...] = X
    mapped.flush()
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert peak(model.fit, mapped, Y) < 0.2 * X.nbytes
    assert peak(model.predict, mapped) < 0.2 * X.nbytes


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    "model",
    [
        AdaptiveLRLinearRegression(),
        AdaptiveLRLinearRegression(solver="adam", random_state=0),
        AdaptiveLRLogisticRegression(),
        AdaptiveLRLogisticRegression(solver="adam", random_state=0),
        AdaptiveLRMLPClassifier(4, random_state=0),
        AdaptiveLRMLPRegressor(4, random_state=0),
    ],
    ids=repr,
)
def test_wide_sparse_data_never_become_dense(model):
    wide = sparse.random_array((500, 200_000), density=1e-4, format="csr", random_state=np.random.default_rng(0))
    dense = 8 * wide.shape[0] * wide.shape[1]
    target = np.asarray(wide.sum(axis=1)).ravel()
    model = clone(model).set_params(max_iter=3, tol=0)
    assert peak(model.fit, wide, target if is_regressor(model) else target > np.median(target)) < 0.1 * dense
    assert peak(model.predict, wide) < 0.1 * dense


#: Copies of the coefficients, and scores of a batch, that a fit of very many classes holds at once.
MANY_CLASSES = {
    "adam": (AdaptiveLRLogisticRegression(solver="adam", max_iter=2, tol=0, random_state=0), 8, 2),
    # Twenty pairs of steps in buffers of twice the length.
    "exact": (AdaptiveLRLogisticRegression(max_iter=2, tol=0), 100, 8),
}


@pytest.mark.one_in(2)
@pytest.mark.parametrize("solver", MANY_CLASSES)
def test_two_thousand_classes_need_some_copies_of_the_coefficients_and_scores(solver):
    n_classes, n_columns = 2000, 20
    rng = np.random.RandomState(0)
    y = np.r_[np.arange(n_classes), rng.randint(n_classes, size=18_000)]
    features = rng.standard_normal((len(y), n_columns))
    model, n_coefs, n_scores = MANY_CLASSES[solver]
    coefs, scores = 8 * (n_columns + 1) * n_classes, 8 * BATCH * n_classes
    allowed = n_coefs * coefs + n_scores * scores
    # One row of scores for each sample, or as many bits for its label, would be twice of that or more.
    assert 8 * len(y) * n_classes > 2 * allowed
    assert peak(model.fit, features, y) < allowed
    if solver == "adam":
        assert peak(model.partial_fit, features, y) < allowed


def test_a_pickle_holds_neither_data_nor_buffers():
    import pickle

    model = AdaptiveLRMLPClassifier(N_HIDDEN, **SHORT).fit(X, Y)
    # The six vectors of the training state at rest, and the coefficients.
    assert len(pickle.dumps(model)) < 8 * 7.1 * N_PARAMS
