"""The table of hostile inputs: what is passed, and how it must end.

It must end with a right model (`RIGHT`), with a model that is finite and no worse than a constant prediction where the
data allow no more (`USABLE`), or with an error that matches a pattern. A right model may come with a warning where the
table says so (`Warns`).
"""

from dataclasses import dataclass
from tempfile import TemporaryFile

import numpy as np
import pandas as pd
import polars as pl
import sklearn
from scipy import sparse

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


class RIGHT:
    """As good as on well-scaled dense float64 columns, less .05, which is 20 of the 400 rows."""


class USABLE:
    """Finite, and no worse than the constant prediction, less .05."""


@dataclass(frozen=True)
class Warns:
    """`RIGHT`, with a warning that matches a pattern."""

    pattern: str


def changed(array, value, row=3, column=0):
    """Return a copy of `array` with one entry, of the type of `value` if need be, changed."""
    array = np.array(array, dtype=np.result_type(array, value) if np.isscalar(value) else object)
    array[(row, column)[: array.ndim]] = value
    return array


def memory_map(array):
    array = np.asarray(array)
    with TemporaryFile() as file:
        mapped = np.memmap(file, dtype=array.dtype, shape=array.shape)
    mapped[...] = array
    return mapped


def read_only(array):
    array = array.copy()
    array.setflags(write=False)
    return array


def with_int64_indices(matrix):
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)
    return matrix


def unsorted_csr():
    columns = np.indices(X.shape)[1]
    return sparse.csr_array(
        (X[:, ::-1].ravel(), columns[:, ::-1].ravel(), np.arange(0, X.size + 1, N_COLUMNS)), X.shape
    )


def duplicate_entries():
    rows, columns = np.indices(X.shape)
    half = X.ravel() / 2
    at = (np.r_[rows.ravel(), rows.ravel()], np.r_[columns.ravel(), columns.ravel()])
    return sparse.coo_array((np.r_[half, half], at), shape=X.shape)


def csr_with_duplicates():
    halves = np.repeat(X / 2, 2, axis=1).ravel()
    columns = np.tile(np.repeat(np.arange(N_COLUMNS), 2), N_ROWS)
    return sparse.csr_array((halves, columns, np.arange(0, 2 * X.size + 1, 2 * N_COLUMNS)), shape=X.shape)


def explicit_zeros():
    matrix = sparse.csr_array(np.hstack([X, np.ones((N_ROWS, 1))]))
    matrix.data[N_COLUMNS :: N_COLUMNS + 1] = 0
    return matrix


def frame(array=X, **kwargs):
    return pd.DataFrame(array, columns=[f"x{i}" for i in range(array.shape[1])], **kwargs)


def with_category():
    return frame(np.round(X)).assign(x0=pd.Categorical(np.round(X[:, 0])))


def with_codes(names=("a", "b", "c", "d")):
    return frame().assign(x0=pd.Categorical(np.array(names)[np.clip(np.digitize(X[:, 0], [-1, 0, 1]), 0, 3)]))


FEATURES = {
    "scale": {
        **{f"X * {s:g}": X * s for s in (1e-300, 1e-100, 1e-30, 1e-8, 1e-2, 1e2, 1e8, 1e30, 1e100, 1e300)},
        "columns of scale 1e-8 to 1e8": X * np.logspace(-8, 8, N_COLUMNS),
        "columns of scale 1e-100 to 1e100": X * np.logspace(-100, 100, N_COLUMNS),
        **{f"float32 * {s:g}": (X * s).astype(np.float32) for s in (1e-30, 1e-8, 1e8, 1e30)},
        **{f"CSR * {s:g}": sparse.csr_array(X * s) for s in (1e-300, 1e-170, 1e-8, 1e8, 1e170, 1e300)},
        **{f"float32 CSR * {s:g}": sparse.csr_array((X * s).astype(np.float32)) for s in (1e-25, 1e20, 1e30)},
        "CSR columns of scale 1e-8 to 1e8": sparse.csr_array(X * np.logspace(-8, 8, N_COLUMNS)),
    },
    "offset": {
        **{f"X + {o:g}": X + o for o in (1e2, 1e4, 1e6, 1e8)},
        "float32 + 1e4": (X + 1e4).astype(np.float32),
        "a constant column of 1e6": np.hstack([X, np.full((N_ROWS, 1), 1e6)]),
        "each column its own": X + np.logspace(0, 6, N_COLUMNS),
    },
    "structure": {
        "a column of zeros": np.hstack([X, np.zeros((N_ROWS, 1))]),
        "columns twice": np.hstack([X, X]),
        "collinear columns": np.hstack([X, X @ RNG.randn(N_COLUMNS, 3)]),
        "a column of almost nothing": np.hstack([X, np.full((N_ROWS, 1), 1e-320)]),
        "a row number": np.hstack([X, np.arange(N_ROWS)[:, None]]),
    },
    "formats": {
        "float32": X.astype(np.float32),
        "float16": X.astype(np.float16),
        "longdouble": X.astype(np.longdouble),
        "big endian": X.astype(">f8"),
        "big endian float32": X.astype(">f4"),
        "integers": np.round(X * 100).astype(int),
        "int8": np.clip(np.round(X * 30), -127, 127).astype(np.int8),
        "uint64": np.round(X * 100 + 1000).astype(np.uint64),
        "objects": X.astype(object),
        "Fortran order": np.asfortranarray(X),
        "every second row of a larger array": np.repeat(X, 2, axis=0)[::2],
        "every second column of a larger array": np.repeat(X, 2, axis=1)[:, ::2],
        "negative strides": X[::-1, ::-1][::-1, ::-1],
        "a memory map": memory_map(X),
        "read-only": read_only(X),
        "a broadcast column": np.hstack([X, np.broadcast_to(1.0, (N_ROWS, 1))]),
        "a subclass of ndarray": X.view(np.recarray),
        "masked, without masked entries": np.ma.masked_array(X),
        "lists": X.tolist(),
        "tuples": tuple(map(tuple, X.tolist())),
        "a list of arrays": list(X),
        "strings of numbers": X.astype(str).astype(object),
        **{f: sparse.csr_array(X).asformat(f) for f in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")},
        **{f"{f} matrix": sparse.csr_matrix(X).asformat(f) for f in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")},
        "CSR of float32": sparse.csr_array(X.astype(np.float32)),
        "CSR of integers": sparse.csr_array(np.round(X * 100).astype(int)),
        "CSR with int64 indices": with_int64_indices(sparse.csr_array(X)),
        "CSC with int64 indices": with_int64_indices(sparse.csc_array(X)),
        "CSR with unsorted indices": unsorted_csr(),
        "COO with duplicate entries": duplicate_entries(),
        "CSR with duplicate entries": csr_with_duplicates(),
        "CSR with explicit zeros": explicit_zeros(),
        "pandas": frame(),
        "pandas of float32": frame(X.astype(np.float32)),
        "pandas with columns of several types": frame().assign(x0=np.round(X[:, 0] * 100).astype(int)),
        "pandas with integers as names": pd.DataFrame(X),
        "pandas with a shuffled index": frame(index=RNG.permutation(N_ROWS)),
        "pandas nullable": frame().convert_dtypes(),
        "pandas nullable Float32": frame().astype("Float32"),
        "pandas sparse": frame().astype(pd.SparseDtype(float, 0.0)),
        "polars": pl.DataFrame(X, schema=[f"x{i}" for i in range(N_COLUMNS)]),
    },
}

RANDOM_BITS = RNG.rand(N_ROWS, N_COLUMNS) > 0.5

#: Data that allow no more than a usable model, and labels that say what they are.
USABLE_FEATURES = {
    "booleans": RANDOM_BITS,
    "CSR of booleans": sparse.csr_array(RANDOM_BITS),
    "Cauchy": np.random.RandomState(0).standard_cauchy((N_ROWS, N_COLUMNS)),
    "an outlier of 1e6": changed(X, 1e6),
    "an outlier of 1e100": changed(X, 1e100),
    "constant": np.ones((N_ROWS, N_COLUMNS)),
    "zeros": np.zeros((N_ROWS, N_COLUMNS)),
    "an empty CSR": sparse.csr_array((N_ROWS, N_COLUMNS)),
    "one column": X[:, :1],
    "more columns than rows": RNG.randn(N_ROWS, N_ROWS + 50),
    "one-hot row numbers": sparse.eye_array(N_ROWS, format="csr"),
    "numbers as pandas categories": with_category(),
}

SUBSETS = {  # rows, and a target for them
    "two rows": (X[[np.argmin(U), np.argmax(U)]], lambda y: y[[np.argmin(U), np.argmax(U)]]),
    "three rows": (X[[np.argmin(U), 0, np.argmax(U)]], lambda y: y[[np.argmin(U), 0, np.argmax(U)]]),
    "the same row, of several targets": (np.repeat(X[:1], N_ROWS, axis=0), lambda y: y),
}

STRINGS = X.astype(object)
STRINGS[3, 0] = "three"

REFUSED_FEATURES = {
    "NaN": (changed(X, np.nan), "NaN"),
    "infinity": (changed(X, np.inf), "infinity"),
    "minus infinity": (changed(X, -np.inf), "infinity"),
    "NaN in float32": (changed(X, np.nan).astype(np.float32), "NaN"),
    "NaN among objects": (changed(X, np.nan).astype(object), "NaN"),
    "None": (changed(X.astype(object), None), "NaN|NoneType"),
    "NaN in CSR": (sparse.csr_array(changed(X, np.nan)), "NaN"),
    "infinity in CSC": (sparse.csc_array(changed(X, np.inf)), "infinity"),
    "NaN in pandas": (frame(changed(X, np.nan)), "NaN"),
    "NA in nullable pandas": (frame(changed(X, np.nan)).convert_dtypes(), "NaN"),
    "null in polars": (pl.DataFrame({"a": [1.0, None] * 200, "b": Y}), "NaN"),
    "beyond float64": (changed(X.astype(object), 10**400), "beyond the range of float64"),
    "beyond float64 as long double": (X.astype(np.longdouble) * np.longdouble("1e4000"), "infinity|range"),
    "complex": (X + 1j, "[Cc]omplex"),
    "complex CSR": (sparse.csr_array(X + 1j), "[Cc]omplex"),
    "a word": (STRINGS, "could not convert string"),
    "words in pandas": (frame().assign(x0="three"), "could not convert string"),
    "pandas categories of words": (with_codes(), "could not convert string"),
    "words in polars": (pl.DataFrame({"a": ["three"] * N_ROWS}), "could not convert string"),
    "dates": (np.full((N_ROWS, 2), np.datetime64("2020-01-01")), "dates"),
    "bytes": (np.full((N_ROWS, 2), b"x"), "convert|bytes"),
    "a structured array": (
        np.zeros(N_ROWS, dtype=[("a", float), ("b", float)]),
        "1D array|dtype|void|convert|dimension",
    ),
    "dictionaries": ([{"a": 1.0}] * N_ROWS, "dict"),
    "rows of several lengths": ([[1.0, 2.0], [1.0]] * 200, "inhomogeneous|setting an array element"),
    "one-dimensional": (X[:, 0], "2D array"),
    "a pandas series": (pd.Series(X[:, 0]), "2-dimensional"),
    "three-dimensional": (X[None], "dim 3|<= 2"),
    "a number": (1.0, "scalar|2D"),
    "nothing": (None, "None|scalar|2D|not"),
    "a word for an array": ("X", "convert|scalar|2D|string"),
    "no rows": (X[:0], "0 sample|minimum"),
    "no columns": (X[:, :0], "0 feature"),
    "too few rows": (X[:-1], "inconsistent numbers of samples"),
    "masked entries": (np.ma.masked_array(X, mask=X > 2), "masked"),
    "a matrix": (np.asmatrix(X), "np.matrix"),
    "a name twice": (pd.DataFrame(X, columns=["x"] * N_COLUMNS), "unique column names"),
    "dates in pandas": (frame().assign(x0=pd.Timestamp("2020-01-01")), "dates"),
    "durations": (np.full((N_ROWS, 2), np.timedelta64(1, "s")), "durations"),
    "names of several types": (frame().rename(columns={"x0": 0}), "string"),
    "a generator": ((row for row in X), "generator|number|array"),
    "a set": ({1.0, 2.0}, "set|number|array"),
}
if sklearn.__version__.startswith(("1.7.", "1.8.")):
    del REFUSED_FEATURES["a name twice"]  # these take it, as a frame without names

REFUSED_TARGETS = {
    "NaN": (lambda y: changed(y, np.nan), "NaN"),
    "infinity": (lambda y: changed(y, np.inf), "infinity|[Ii]nput"),
    "None": (lambda y: None, "requires y|None"),
    "None among objects": (lambda y: changed(y.astype(object), None), "NaN|None|label type"),
    "complex": (lambda y: y + 1j, "[Cc]omplex"),
    "too many": (lambda y: np.r_[y, y], "inconsistent"),
    "too few": (lambda y: y[:-1], "inconsistent"),
    "a number": (lambda y: 1.0, "scalar|[Ss]ingleton|array"),
    "empty": (lambda y: y[:0], "0 sample|inconsistent|empty"),
    "three-dimensional": (lambda y: np.ones((N_ROWS, 2, 2)), "dim 3|[Uu]nknown|dimension"),
    "masked entries": (lambda y: np.ma.masked_array(y, mask=X[:, 0] > 1), "masked"),
    "sparse": (lambda y: sparse.csr_array(y[:, None]), "[Ss]parse|dense"),
    "dates": (lambda y: np.full(N_ROWS, np.datetime64("2020-01-01")), "dates|one class"),
    "NA in nullable pandas": (lambda y: pd.Series(changed(y, np.nan)).convert_dtypes(), "NaN|NA"),
}

REFUSED_LABELS = {
    "continuous": (Y, "[Cc]ontinuous"),
    "continuous, in two columns": (np.column_stack([Y, Y]), "continuous|label"),
    "words and numbers": (np.array(["no", 1], dtype=object)[BINARY], "str|mix|label type|type"),
    "classes in two columns": (np.column_stack([CLASSES, CLASSES]), "1d array"),
    "bytes": (np.array([b"no", b"yes"])[BINARY], "bytes"),
    "numbers as objects": (BINARY.astype(object), "Unknown label type"),
    "rows of several lengths": ([[1, 2], [1]] * 200, "inhomogeneous|setting|sequence|label|multi"),
}

#: Labels of any kind train the model of 0, 1, 2.
LABELS = {
    "words": lambda y: np.array(["no", "perhaps", "yes"])[y],
    "words as objects": lambda y: np.array(["no", "perhaps", "yes"], dtype=object)[y],
    "a list of words": lambda y: np.array(["no", "perhaps", "yes"])[y].tolist(),
    "booleans or floats": lambda y: y.astype(bool) if y.max() == 1 else y.astype(float),
    "whole floats": lambda y: y * 2.0 - 1,
    "negative integers": lambda y: y - 7,
    "huge integers": lambda y: y + 2**60,
    "int8": lambda y: y.astype(np.int8),
    "unsigned": lambda y: y.astype(np.uint64),
    "a column": lambda y: y[:, None],
    "pandas": lambda y: pd.Series(y, index=np.arange(N_ROWS)[::-1]),
    "pandas categories": lambda y: pd.Series(pd.Categorical(np.array(["no", "perhaps", "yes"])[y])),
    "pandas nullable": lambda y: pd.Series(y, dtype="Int64"),
    "pandas words": lambda y: pd.Series(np.array(["no", "perhaps", "yes"])[y]),
    "polars": lambda y: pl.Series(y),
    "read-only": read_only,
    "big endian": lambda y: y.astype(">i8"),
}
WARNED_LABELS = {"a column"}

#: Targets of any kind train the model of float64.
TARGETS = {
    "float32": lambda y: y.astype(np.float32),
    "float16": lambda y: y.astype(np.float16),
    "big endian": lambda y: y.astype(">f8"),
    "integers": lambda y: np.round(y * 100).astype(int),
    "objects": lambda y: y.astype(object),
    "a list": lambda y: y.tolist(),
    "a column": lambda y: y[:, None],
    "two outputs": lambda y: np.column_stack([y, -3 * y]),
    "outputs of scale 1 and 1e9": lambda y: np.column_stack([y, 1e9 * y]),
    "pandas": lambda y: pd.Series(y),
    "pandas nullable": lambda y: pd.Series(y, dtype="Float64"),
    "a pandas frame": lambda y: pd.DataFrame({"y": y}),
    "polars": lambda y: pl.Series(y),
    "read-only": read_only,
    "every second entry": lambda y: np.repeat(y, 2)[::2],
    **{f"y * {s:g}": (lambda y, s=s: y * s) for s in (1e-300, 1e-100, 1e-20, 1e-4, 1e20, 1e100)},
    **{f"y + {o:g}": (lambda y, o=o: y + o) for o in (1e4, 1e8)},
}

ONES = np.ones(N_ROWS)
WEIGHTS = {
    "ones": ONES,
    "a number": 2.0,
    "integers": np.full(N_ROWS, 3),
    "booleans": ONES > 0,
    "float32": ONES.astype(np.float32),
    "a list": ONES.tolist(),
    "pandas": pd.Series(ONES),
    "big endian": ONES.astype(">f8"),
    "read-only": read_only(ONES),
    "objects": ONES.astype(object),
    **{f"ones * {s:g}": ONES * s for s in (1e-300, 1e-200, 1e-20, 1e20, 1e200, 1e300)},
    "subnormal": ONES * 1e-320,
    "some zero": (np.arange(N_ROWS) % 3 > 0).astype(float),
    "between 1e-200 and 1": np.where(np.arange(N_ROWS) % 3 > 0, 1.0, 1e-200),
    "between 1e-60 and 1 with a few of weight 1": np.where(np.arange(N_ROWS) % 2 > 0, 1.0, 1e-60),
    "random": RNG.rand(N_ROWS) + 0.1,
}
REFUSED_WEIGHTS = {
    "a negative one": (changed(ONES, -1.0), "negative"),
    "negative": (-ONES, "negative"),
    "NaN": (changed(ONES, np.nan), "NaN"),
    "infinity": (changed(ONES, np.inf), "infinity"),
    "zeros": (0 * ONES, "all zero"),
    "too few": (ONES[:-1], "one entry for each"),
    "a column": (ONES[:, None], "one entry for each"),
    "words": (np.array(["heavy"] * N_ROWS), "convert|numeric"),
    "a word": ("balanced", "convert|sample_weight"),
    "complex": (ONES + 1j, "[Cc]omplex"),
    "masked entries": (np.ma.masked_array(ONES, mask=X[:, 0] > 1), "masked"),
    "a negative number": (-1.0, "negative"),
    "a dictionary": ({0: 1.0}, "sample_weight|dict"),
}
CLASS_WEIGHTS = {
    "balanced": ("balanced", RIGHT),
    "ones": ({0: 1.0, 1: 1.0, 2: 1.0}, RIGHT),
    "huge": ({0: 1e200, 1: 1e200, 2: 1e200}, RIGHT),
    "tiny": ({0: 1e-200, 1: 1e-200, 2: 1e-200}, RIGHT),
    "zeros": ({0: 0.0, 1: 0.0, 2: 0.0}, "class_weight"),
    "NaN": ({0: np.nan, 1: 1.0, 2: 1.0}, "class_weight"),
    "infinity": ({0: np.inf, 1: 1.0, 2: 1.0}, "class_weight"),
    "negative": ({0: -1.0, 1: 1.0, 2: 1.0}, "class_weight"),
    "of another class": ({"no": 1.0}, "class_weight"),
    "a word": ("unbalanced", "class_weight"),
    "a number": (2.0, "class_weight"),
    "a list": ([1.0, 2.0, 3.0], "class_weight"),
    "words": ({0: "heavy", 1: 1.0, 2: 1.0}, "class_weight"),
    "None": ({0: None, 1: 1.0, 2: 1.0}, "class_weight"),
}

#: Values for every parameter of every constructor.
VALUES = {
    "a word": "a word",
    "None": None,
    "a list": [],
    "a dictionary": {"a": 1},
    "a class": float,
    "an array": np.ones(3),
    "True": True,
    "zero": 0,
    "zero as float": 0.0,
    "negative": -1,
    "negative float": -0.5,
    "half": 0.5,
    "NaN": np.nan,
    "infinity": np.inf,
    "minus infinity": -np.inf,
    "1e-300": 1e-300,
    "1e300": 1e300,
    "10**30": 10**30,
    "a billion": 10**9,
    "float32": np.float32(0.5),
    "complex": 1j,
    "a string of a number": "1",
    "bytes": b"1",
}
