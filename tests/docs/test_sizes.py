"""The sizes at which the guide says that a method changes are those at which it changes."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)

DOCS = Path(__file__).parents[2] / "docs"
pytestmark = [
    pytest.mark.skipif(not DOCS.exists(), reason="the source distribution leaves the documentation out"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def said(page, pattern):
    """Return the sizes in a sentence of a page."""
    text = " ".join((DOCS / f"{page}.rst").read_text(encoding="utf-8").split())
    found = re.search(pattern, text)
    assert found, pattern
    return [int(number.replace(",", "")) for number in found.groups()]


def rows(n_rows, n_columns):
    X = np.random.default_rng(0).normal(size=(n_rows, n_columns))
    return X, (X[:, 0] > 0.3).astype(int)


def solver(model, n_rows, n_columns):
    return model.set_params(max_iter=1).fit(*rows(n_rows, n_columns)).solver_


def test_newtons_method_fits_two_classes_up_to_the_columns_that_the_guide_says():
    (most,) = said("guide/logistic", r"for two classes and up to (\d+) dense columns")
    assert solver(AdaptiveLRLogisticRegression(), 900, most) == "newton"
    assert solver(AdaptiveLRLogisticRegression(), 900, most + 1) == "exact"


def test_newtons_method_fits_counts_up_to_the_columns_that_the_guide_says():
    (most,) = said("guide/linear", r"Newton's method fits counts and amounts with up to (\d+) dense columns")
    assert solver(AdaptiveLRLinearRegression(loss="poisson"), 900, most) == "newton"
    assert solver(AdaptiveLRLinearRegression(loss="poisson"), 900, most + 1) == "exact"


def test_a_factorisation_solves_least_squares_up_to_the_sides_that_the_guide_says():
    small, large = said(
        "guide/linear", r"smaller side is at most (\d+), or at most (\d+) with fewer than ten rows per column"
    )
    assert solver(AdaptiveLRLinearRegression(), 10 * small, small) == "cholesky"
    assert solver(AdaptiveLRLinearRegression(), 10 * (small + 1), small + 1) == "exact"
    assert solver(AdaptiveLRLinearRegression(), 10 * (small + 1) - 1, small + 1) == "cholesky"
    assert solver(AdaptiveLRLinearRegression(), large + 2, large + 1) == "exact"


@pytest.mark.parametrize("make", [AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression])
def test_a_stream_is_summarised_up_to_the_columns_that_the_guide_says(make):
    (most,) = said("guide/streams", r'``solver="auto"`` and up to (\d+) columns, ``partial_fit`` keeps a summary')
    options = {} if make is AdaptiveLRLinearRegression else {"classes": [0, 1]}
    make(half_life=100).partial_fit(*rows(50, most - 1), **options)
    with pytest.raises(ValueError, match="half_life"):
        make(half_life=100).partial_fit(*rows(50, most + 1), **options)


def test_early_stopping_depends_on_the_rows_as_the_guide_says():
    (many,) = said("guide/early_stopping", r"\* - ([\d,]+) or more - A tenth")
    few, same = said("guide/early_stopping", r"\* - (\d+) to ([\d,]+) - Cross-validation")
    assert same == many
    network = AdaptiveLRMLPRegressor((2,), max_iter=2, random_state=0)
    assert len(network.fit(*rows(many, 2)).validation_scores_) == 2
    assert network.fit(*rows(many - 1, 2)).validation_scores_ is None
    assert "folds" in network.stop_reason_
    assert "folds" in network.fit(*rows(few, 2)).stop_reason_
    assert "folds" not in network.fit(*rows(few - 1, 2)).stop_reason_


def test_a_classifier_holds_rows_out_only_with_as_many_rare_ones_as_the_guide_says():
    (rare,) = said("guide/early_stopping", r"also needs (\d+) rows outside its most frequent class")
    X, _ = rows(12_000, 2)
    network = AdaptiveLRMLPClassifier((2,), max_iter=2, random_state=0)
    for n_rare, holds_out in ((rare, True), (rare - 1, False)):
        y = (np.arange(len(X)) < n_rare).astype(int)
        assert (network.fit(X, y).validation_scores_ is not None) == holds_out


def test_all_folds_are_used_up_to_the_rows_that_the_guide_says():
    (most,) = said("guide/early_stopping", r"With up to (\d+) rows all five folds are used")
    network = AdaptiveLRMLPRegressor((2,), max_iter=2, random_state=0)
    for n_rows, n_folds in ((most, 5), (2 * most, 3)):
        assert f" {n_folds} " in network.fit(*rows(n_rows, 2)).stop_reason_


def test_five_contiguous_folds_need_ten_rows_of_each_class_as_the_guide_says():
    said("guide/penalty", "If a class has fewer than ten different rows, there are no folds, and C is 1")
    X, _ = rows(60, 2)
    model = AdaptiveLRLogisticRegression(C="auto")
    for n_rare, is_one in ((9, True), (10, False)):
        y = (np.arange(60) % (60 // n_rare) == 0).astype(int)
        y[np.flatnonzero(y)[n_rare:]] = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert (model.fit(X, y).C_ == 1) == is_one
