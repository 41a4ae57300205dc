"""Fits of memory maps: as those of arrays, and without a copy, however the map is stored and the rows are weighted."""

import resource
import subprocess
import sys
import tracemalloc

import joblib
import numpy as np
import pytest

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression
from sk_adalr.backends import use_kernels

N_ROWS, N_COLUMNS = 60_000, 100
VECTOR = 8 * N_ROWS
#: Of blocks of rows that are read at a time, whatever the number of rows.
BLOCKS = 25e6

LINEAR, LOGISTIC = AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression
#: Model, kind of target, and the vectors with an entry per row that it needs at most, beside past predictions.
MODELS = {
    "least squares": (LINEAR(), "one", 6),
    "ridge": (LINEAR(alpha=10.0), "one", 6),
    "least squares, outputs": (LINEAR(), "several", 6),
    "newton": (LOGISTIC(), "binary", 6),
    "newton, class weights": (LOGISTIC(class_weight="balanced"), "binary", 6),
    "classes": (LOGISTIC(), "classes", 6),
    # Up to ten past steps, in float64, for each output, and the vectors of `docs/large_data.rst`.
    "exact least squares": (LINEAR(solver="exact", max_iter=5), "one", 12 + 10),
    "exact, outputs": (LINEAR(solver="exact", max_iter=5), "several", 3 * (12 + 10)),
    "exact": (LOGISTIC(solver="exact", max_iter=5), "binary", 14 + 22),
}


def features(dtype, offset="one"):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_ROWS, N_COLUMNS), dtype=np.float32).astype(dtype)
    X[:, 3] += 2010
    X[:, 5] = 7
    if offset == "all":
        X += 1e6 if dtype == np.float64 else 1e3
    return X


def target(kind, seed=0):
    rng = np.random.default_rng(seed)
    u = features(np.float32)[:, :3] @ [1.0, -1.0, 0.5]
    if kind == "binary":
        return (u + rng.logistic(size=N_ROWS) > 0).astype(int)
    if kind == "classes":
        return np.digitize(u + rng.logistic(size=N_ROWS), [-1, 1])
    noise = rng.standard_normal((N_ROWS, 3))
    return u + noise[:, 0] if kind == "one" else u[:, None] + noise


def mapped(X, folder, order="C"):
    path = folder / f"{X.dtype}{order}{X[0, 0]:.3f}.npy"
    np.save(path, np.asfortranarray(X) if order == "F" else X)
    return np.load(path, mmap_mode="r")


@pytest.fixture(autouse=True)
def any_map_is_large(monkeypatch):
    monkeypatch.setattr("sk_adalr.rows._SMALL_MAP", 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("maps")


def peak(function, *args, **kwargs):
    tracemalloc.start()
    try:
        with use_kernels("numpy"):
            function(*args, **kwargs)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.one_in(2)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "weights",
    ["some zero", *(pytest.param(weights, marks=pytest.mark.long) for weights in ("equal", "weighted"))],
)
@pytest.mark.parametrize(("dtype", "order"), [(np.float32, "C"), (np.float64, "F")])
@pytest.mark.parametrize("name", MODELS)
def test_a_fit_keeps_vectors_and_blocks_and_no_copy(name, dtype, order, weights, folder):
    model, kind, n_vectors = MODELS[name]
    X = mapped(features(dtype), folder, order)
    assert n_vectors * VECTOR + BLOCKS < 1.2 * X.nbytes or "exact" in name
    weight = None if weights == "equal" else np.random.default_rng(1).uniform(0.5, 2, N_ROWS)
    if weights == "some zero":
        weight[::7] = 0
    y = target(kind)
    assert peak(model.fit, X, y, sample_weight=weight) < n_vectors * VECTOR + BLOCKS
    assert peak(model.predict, X) < 4 * np.size(model.predict(X)) * 8 + BLOCKS
    assert peak(model.score, X, y) < 6 * np.size(model.predict(X)) * 8 + BLOCKS


@pytest.mark.one_in(2)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weights", ["weighted", "some zero"])
@pytest.mark.parametrize(
    ("model", "kind", "most"),
    [
        (LINEAR(alpha=1.0), "one", 6),
        (LOGISTIC(), "binary", 6),
        (LOGISTIC(class_weight="balanced"), "binary", 6.3),
        (LINEAR(loss="poisson"), "counts", 6),
    ],
    ids=["ridge", "newton", "newton, class weights", "poisson"],
)
def test_each_row_more_takes_at_most_six_numbers(model, kind, most, weights, dtype, tmp_path):
    """What grows with the rows, told from blocks of rows by two numbers of rows."""
    sizes = 150_000, 350_000
    rng = np.random.default_rng(0)
    X = rng.standard_normal((sizes[1], 10)).astype(dtype)
    y = X[:, 0] + rng.logistic(size=sizes[1])
    y = {"one": y, "binary": (y > 0).astype(int), "counts": rng.poisson(np.exp(X[:, 0]))}[kind]
    weight = rng.uniform(0.5, 2, sizes[1])
    if weights == "some zero":
        weight[::7] = 0
    X[:, 3] += 2010
    X = mapped(X, tmp_path)
    peaks = [peak(model.fit, X[:n], y[:n], sample_weight=weight[:n]) for n in sizes]
    assert (peaks[1] - peaks[0]) / 8 / (sizes[1] - sizes[0]) <= most


@pytest.mark.one_in(3)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("weights", ["equal", "some zero"])
@pytest.mark.parametrize(("dtype", "order"), [(np.float32, "F"), (np.float64, "C")])
@pytest.mark.parametrize("offset", ["one", "all"])
@pytest.mark.parametrize("name", MODELS)
def test_a_fit_of_a_map_equals_that_of_an_array(name, dtype, order, offset, weights, folder):
    model, kind, _ = MODELS[name]
    X, y = features(dtype, offset)[:3000], target(kind)[:3000]
    weight = None if weights == "equal" else np.random.default_rng(1).uniform(0.5, 2, 3000)
    if weight is not None:
        weight[::7] = 0
    expected = model.fit(X, y, sample_weight=weight)
    coef, raw = expected.coef_.copy(), expected.predict(X)
    model.fit(mapped(X, folder, order), y, sample_weight=weight)
    tolerance = 1e-9 if dtype == np.float64 else 2e-4
    np.testing.assert_allclose(model.coef_, coef, rtol=0, atol=tolerance)
    if kind in ("one", "several"):
        np.testing.assert_allclose(model.predict(X), raw, rtol=0, atol=20 * tolerance * np.abs(X).max() ** 0.5)


@pytest.mark.parametrize("name", ["ridge", "newton", "classes"])
def test_rows_of_weight_0_are_as_if_they_were_not_there(name, folder):
    model, kind, _ = MODELS[name]
    X, y, weight = features(np.float64)[:3000], target(kind)[:3000], np.random.default_rng(1).uniform(0.5, 2, 3000)
    weight[::7] = 0
    kept = weight > 0
    coef = model.fit(X[kept], y[kept], sample_weight=weight[kept]).coef_.copy()
    X[~kept] = 1e200  # whose square overflows
    np.testing.assert_allclose(
        model.fit(mapped(X, folder), y, sample_weight=weight).coef_, coef, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("model", [LINEAR(alpha=1.0), LOGISTIC(), LINEAR(solver="adam", max_iter=2)], ids=repr)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_map_of_joblib_or_a_view_of_one_is_a_map(model, folder):
    joblib.dump(features(np.float32), folder / "X.joblib")
    X = joblib.load(folder / "X.joblib", mmap_mode="r")
    y = target("binary")
    views = [np.asarray(X), np.asarray(X)[10:].view(np.ndarray), np.asarray(X)[::2]]
    for view in views if model.solver == "auto" else views[:2]:  # mini-batches want their rows side by side
        assert peak(model.fit, view, y[: len(view)]) < 6 * VECTOR + BLOCKS
    assert peak(model.predict, np.asarray(X)[:, :]) < 4 * VECTOR + BLOCKS


@pytest.mark.parametrize(("model", "kind"), [(LINEAR(), "one"), (LOGISTIC(), "binary"), (LOGISTIC(), "classes")])
@pytest.mark.parametrize("order", ["C", "F"])
def test_partial_fit_over_slices_copies_none_of_them(model, kind, order, folder):
    X, y = mapped(features(np.float32), folder, order), target(kind)
    model = type(model)()
    options = {} if kind == "one" else {"classes": np.unique(y)}
    for start in range(0, N_ROWS, N_ROWS // 2):
        rows = slice(start, start + N_ROWS // 2)
        assert peak(model.partial_fit, X[rows], y[rows], **options) < 8 * VECTOR + BLOCKS


def test_a_wide_map_is_not_copied_either(folder):
    X = mapped(np.random.default_rng(0).standard_normal((100, 60_000), dtype=np.float32), folder)
    y = X[:, :3].sum(axis=1)
    model = LINEAR(alpha=1.0)
    assert peak(model.fit, X, y) < 0.6 * X.nbytes + BLOCKS
    expected = LINEAR(alpha=1.0).fit(np.array(X), y)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=0, atol=1e-9)


def test_a_map_of_integers_is_copied_with_a_word_of_what_to_do(folder):
    X = mapped(np.random.default_rng(0).integers(100, size=(100_000, 100), dtype=np.int16), folder)
    with pytest.warns(
        UserWarning, match=r"a memory map of int16, which is copied .* float64: 0\.08 GB\. Save it as float32"
    ):
        LINEAR().fit(X, X[:, 0])


CODE = """
import re, resource, sys
import numpy as np
from sk_adalr import AdaptiveLRLinearRegression as Linear, AdaptiveLRLogisticRegression as Logistic
rng = np.random.default_rng(0)
small = rng.standard_normal((90, 3)), rng.integers(0, 2, 90), np.arange(90) % 3
Linear().fit(*small[:2]), Logistic().fit(*small[:2]), Logistic(solver="exact").fit(small[0], small[2])
X = np.load(sys.argv[1], mmap_mode="r")
u, case = np.load(sys.argv[2]), sys.argv[3]
weight = rng.uniform(0.5, 2, len(u)) if "weighted" in case else None
y = u + rng.standard_normal(len(u)) if "regression" in case else (u > 0).astype(int) + ("classes" in case) * (u > 1)
y = np.column_stack([y, -y, y**2]) if "outputs" in case else y
model = Linear(alpha=10.0 * ("ridge" in case)) if "regression" in case else Logistic()
held = int(re.search(r"VmData:\\s+(\\d+)", open("/proc/self/status").read()).group(1)) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (held + 400 * 2**20,) * 2)
model.fit(X, y, sample_weight=weight)
print(model.score(X, y))
"""


@pytest.fixture(scope="module")
def two_gigabytes(folder):
    n, p = 5_000_000, 100
    rng = np.random.default_rng(0)
    X = np.lib.format.open_memmap(folder / "large.npy", mode="w+", dtype=np.float32, shape=(n, p))
    u = np.empty(n)
    for start in range(0, n, 50_000):
        rows = rng.standard_normal((50_000, p), dtype=np.float32)
        u[start : start + 50_000] = rows[:, :4].sum(axis=1) + rng.logistic(size=50_000)
        rows[:, 3] += 2010
        X[start : start + 50_000] = rows
    X.flush()
    np.save(folder / "u.npy", u)
    yield folder / "large.npy", folder / "u.npy"
    (folder / "large.npy").unlink()


@pytest.mark.long
@pytest.mark.skipif(not hasattr(resource, "RLIMIT_DATA"), reason="limits the data segment as Linux does")
@pytest.mark.parametrize(
    "case",
    [
        "regression",
        "ridge regression",
        "weighted regression",
        "regression of outputs",
        "classification",
        "weighted classification",
        "classification of classes",
    ],
)
def test_two_gigabytes_are_fitted_in_400_megabytes(case, two_gigabytes):
    done = subprocess.run([sys.executable, "-c", CODE, *map(str, two_gigabytes), case], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout) > 0.3
