"""What sums over blocks say of the columns of all rows."""

import numpy as np
import pytest

from sk_adalr.optimizer.exact import Block, Description
from sk_adalr.statistics import Quantiles, statistics


def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 4)) * [1e-3, 1, 10, 0] + [0, 1e5, 0, 3]
    X[:, 2] *= rng.random(900) < 0.2
    return X, rng.choice([0.5, 1, 3], 900)


@pytest.mark.parametrize("weighted", [False, True])
def test_what_is_known_of_blocks_is_what_is_known_of_all_rows(weighted):
    X, weight = rows()
    weight = weight if weighted else None
    parts = [slice(0, 100), slice(100, 850), slice(850, 900)]
    blocks = [Block(X[part], X[part, :1], None if weight is None else weight[part], 0) for part in parts]
    first, *others = (Description.of(block, False) for block in blocks)
    for other in others:
        first = first.merged(other)
    whole = statistics(X, weight)
    np.testing.assert_allclose(first.spread.mean, whole.mean, atol=1e-16)
    np.testing.assert_allclose(first.spread.deviation, whole.deviation, rtol=1e-12)
    for name in ("low", "high", "presence"):
        np.testing.assert_allclose(getattr(first, name), getattr(whole, name), rtol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_quantiles_of_parts_have_the_mean_of_all_rows_and_about_their_quantiles(weighted):
    X, weight = rows()
    X = np.exp(X[:, [1, 3]] - [1e5, 0])
    weight = weight if weighted else None
    halves = [(X[part], None if weight is None else weight[part]) for part in (slice(0, 300), slice(300, 900))]
    joined = Quantiles.of(*halves[0]).joined(Quantiles.of(*halves[1]))
    np.testing.assert_allclose(joined.values.mean(axis=0), np.average(X, axis=0, weights=weight), rtol=1e-12)
    repeated = X if weight is None else np.repeat(X, (2 * weight).astype(int), axis=0)
    shares = [0.05, 0.25, 0.5, 0.75, 0.95]
    expected = np.quantile(repeated, shares, axis=0)
    np.testing.assert_allclose(np.quantile(joined.values, shares, axis=0), expected, rtol=0.03)
    assert (joined.values[:, 1] == X[0, 1]).all()
