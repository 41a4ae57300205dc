"""Integers that float64 cannot tell apart are refused, all others are taken."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from estimator_cases import ESTIMATORS, REGRESSORS, fit, make
from scipy import sparse

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression
from sk_adalr.integers import refuse_merged_integers

START = 1_700_000_000_000_000_000  # nanoseconds from 1970 to 2023; there float64 knows multiples of 256
COUNT = np.arange(200)
STORAGES = {
    "C order": np.asarray,
    "Fortran order": np.asfortranarray,
    "unsigned": lambda X: X.astype(np.uint64),
    "negative": lambda X: -X,
    "a list": lambda X: X.tolist(),
    "objects": lambda X: X.astype(object),
    "CSR": sparse.csr_array,
    "CSC": sparse.csc_array,
    "LIL": sparse.lil_array,
    "DOK": sparse.dok_array,
    "COO": sparse.coo_matrix,
    "pandas": lambda X: pd.DataFrame({"time": X[:, 0], "x": X[:, 1] / 2}),
    "nullable pandas": lambda X: pd.DataFrame({"time": pd.array(X[:, 0], dtype="Int64"), "x": X[:, 1] / 2}),
    "polars": lambda X: pl.DataFrame({"time": X[:, 0], "x": X[:, 1] / 2}),
}
storages = pytest.mark.parametrize("storage", STORAGES.values(), ids=list(STORAGES))


def times(step):
    return np.column_stack([START + step * COUNT, COUNT])


@pytest.mark.parametrize("step", [1, 100, 1000])
@storages
def test_integers_of_which_rounding_leaves_little_are_refused_with_what_to_do(step, storage):
    with pytest.raises(
        ValueError, match=r"Column (0|'time') of `X` has integers .*multiples of 256.*Subtract an origin"
    ):
        refuse_merged_integers(X=storage(times(step)))


@pytest.mark.parametrize("step", [0, 10**6, 10**9, 86400 * 10**9 // 1000])
@storages
def test_integers_that_rounding_hardly_moves_are_taken(step, storage):
    refuse_merged_integers(X=storage(times(step)))


@pytest.mark.parametrize(
    "X",
    [
        np.arange(2**53 - 200, 2**53)[:, None],
        np.random.RandomState(0).randint(0, 2**63 - 1, size=(1000, 2)),
        np.array([[2**62, 0], [2**62, 1]]),
        np.zeros((3, 0), dtype=int),
        np.ones((3, 2)),
        pd.DataFrame({"a": ["x", "y"]}),
        [[1, 2], [3]],
        "text",
        None,
    ],
    ids=["exact", "hashes", "a constant", "no column", "floats", "text", "ragged", "a string", "None"],
)
def test_what_loses_nothing_is_taken(X):
    refuse_merged_integers(X=X)


def test_a_stand_in_for_what_is_missing_does_not_hide_the_loss():
    with pytest.raises(ValueError, match="integers from -1 to"):
        refuse_merged_integers(X=np.append(times(1), [[-1, 0]], axis=0))


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_no_model_is_silently_constant_in_nanoseconds(cls, method):
    X, y = times(1)[:, :1], COUNT / 200 if cls in REGRESSORS.values() else (COUNT > 100).astype(int)
    arguments = {"classes": [0, 1]} if cls not in REGRESSORS.values() and method == "partial_fit" else {}
    with pytest.raises(ValueError, match="Subtract an origin"):
        getattr(make(cls), method)(X, y, **arguments)
    model = fit(cls(random_state=0), X - X.min(axis=0), y)
    assert model.score(X - X.min(axis=0), y) > 0.95


def test_nanoseconds_a_millisecond_apart_are_fitted_and_predicted_one_by_one():
    X, y = times(10**6)[:, :1], COUNT / 200
    model = AdaptiveLRLinearRegression().fit(X, y)
    np.testing.assert_allclose([model.predict(row[None])[0] for row in X], y, atol=1e-4)


@pytest.mark.parametrize("cls", REGRESSORS.values(), ids=list(REGRESSORS))
@pytest.mark.parametrize("column", [np.asarray, pd.Series, pl.Series, lambda y: np.column_stack([y, COUNT])])
def test_a_target_in_nanoseconds_is_refused_too(cls, column):
    with pytest.raises(ValueError, match="`y` has integers"):
        make(cls).fit(COUNT[:, None] / 200, column(START + COUNT))


def test_labels_may_be_any_integers():
    y = START + (COUNT > 100)
    model = AdaptiveLRLogisticRegression().fit(COUNT[:, None], y)
    np.testing.assert_array_equal(model.classes_, [START, START + 1])
    assert model.score(COUNT[:, None], y) > 0.95


def test_a_look_at_integers_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refuse_merged_integers(X=times(10**9), y=pl.Series([1, None]))
