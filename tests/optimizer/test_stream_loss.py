"""Losses on a stream: what a chunk solves for."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_array

from sk_adalr.objectives import BinomialLogLoss
from sk_adalr.optimizer.exact import Chunk, ColumnMoments, first_summary

UNITS = np.array([1e-60, 1.0, 1e70])


def two_chunks(intercept, n_rows):
    rng = np.random.default_rng(0)
    chunks = []
    for n in (40, n_rows):
        X = rng.normal(size=(n, 3)) + 2 * intercept
        y = (X[:, :1] - X[:, 2:] + rng.logistic(size=(n, 1)) > 0).astype(float)
        chunks.append((X, y, rng.uniform(0.5, 2, n)))
    return chunks


def columns_of(X, weight, intercept):
    nothing = np.zeros(3)
    return ColumnMoments(0.0, nothing, nothing).adding(X, weight, intercept)


@pytest.mark.parametrize("form", [np.asarray, csr_array])
@pytest.mark.parametrize("n_rows", [1, 7, 200])
@pytest.mark.parametrize("intercept", [False, True])
def test_a_chunk_is_solved_with_the_squares_of_the_rows_before(intercept, n_rows, form):
    (X, y, weight), (more, labels, more_weight) = two_chunks(intercept, n_rows)
    start = np.array([0.5, 1.0, 2.0])
    empty = first_summary(X.mean(axis=0), np.zeros(1), intercept, 1.0)
    summary = Chunk(empty, X, y, weight, BinomialLogLoss(), 1e-16).solve(start, np.zeros(3)).summary
    found = Chunk(summary, form(more), labels, more_weight, BinomialLogLoss(), 1e-16).solve(start, np.zeros(3))

    def objective(params):
        coef, offset = params[:3, None], params[3:] if intercept else np.zeros(1)
        raw = more @ coef + offset
        losses = more_weight @ (np.logaddexp(0, raw) - labels * raw)[:, 0]
        return losses + summary.squares(coef, offset) + 0.5 * start @ coef[:, 0] ** 2

    ours = np.concatenate([found.coef[:, 0], found.intercept])[: 3 + intercept]
    least = minimize(objective, np.zeros(3 + intercept), method="BFGS", options={"gtol": 1e-9}).fun
    # Newton's method stops where another step would bring less than a thousandth per unit of weight.
    assert objective(ours) - least < 1e-3 * more_weight.sum()


def test_a_chunk_does_not_depend_on_the_units_of_its_columns():
    chunks, solutions = two_chunks(True, 50), []
    for unit in (np.ones(3), UNITS):
        summary = first_summary(unit * chunks[0][0].mean(axis=0), np.zeros(1), True, 1.0)
        for X, y, weight in chunks:
            columns = columns_of(unit * X, weight, True)
            solved = Chunk(summary, unit * X, y, weight, BinomialLogLoss(), 1e-16).solve(columns.variance, np.zeros(3))
            summary = solved.summary
        solutions.append(solved.coef[:, 0] * unit)
    np.testing.assert_allclose(*solutions, rtol=1e-9)


def test_a_column_that_has_not_varied_has_no_coefficient():
    (X, y, weight), _ = two_chunks(True, 50)
    X[:, 1] = 0.1
    columns = columns_of(X, weight, True)
    assert columns.vary(1e-16).tolist() == [True, False, True]
    start = np.where(columns.vary(1e-16), columns.variance, 0.0)
    empty = first_summary(columns.mean, np.zeros(1), True, 1.0)
    coef = Chunk(empty, X, y, weight, BinomialLogLoss(), 1e-16).solve(start, np.ones(3)).coef
    assert coef[1] == 0
    assert (coef[[0, 2]] != 0).all()
