"""What the documentation says to users of scikit-learn's regressors of counts and amounts is so."""

import numpy as np
import pytest
from sklearn.linear_model import GammaRegressor, PoissonRegressor
from sklearn.metrics import d2_tweedie_score, r2_score
from sklearn.neural_network import MLPRegressor

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRMLPRegressor


@pytest.fixture(scope="module")
def counts():
    """Features of one unit, counts, and weights."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    return X, rng.poisson(np.exp(X @ [0.5, -0.3, 0.0])).astype(float), rng.uniform(0.1, 2, 300)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("loss", "counterpart", "power"), [("poisson", PoissonRegressor, 1), ("gamma", GammaRegressor, 2)]
)
def test_alpha_is_theirs_times_the_sum_of_weights_and_the_score_is_the_same(
    counts, loss, counterpart, power, weighted
):
    X, y, weight = counts
    y, weight = y + (power == 2), weight if weighted else None
    theirs = counterpart(alpha=0.1, solver="newton-cholesky", tol=1e-10).fit(X, y, sample_weight=weight)
    total = len(y) if weight is None else weight.sum()
    ours = AdaptiveLRLinearRegression(0.1 * total, loss=loss, tol=1e-8).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, abs=1e-6)
    assert ours.score(X, y, weight) == pytest.approx(theirs.score(X, y, weight), abs=1e-6)
    d2 = d2_tweedie_score(y, ours.predict(X), sample_weight=weight, power=power)
    assert ours.score(X, y, weight) == pytest.approx(d2, abs=1e-10)


def test_the_defaults_of_alpha_are_one_there_and_zero_here():
    assert PoissonRegressor().alpha == GammaRegressor().alpha == 1
    assert AdaptiveLRLinearRegression().alpha == 0


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cholesky"])
def test_their_solvers_mean_auto(counts, solver):
    X, y, _ = counts
    auto, other = (AdaptiveLRLinearRegression(loss="poisson", solver=name).fit(X, y) for name in ("auto", solver))
    assert auto.solver_ == other.solver_
    np.testing.assert_array_equal(auto.coef_, other.coef_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_score_of_a_poisson_network_is_r2_there_and_d2_here(counts):
    X, y, _ = counts
    theirs = MLPRegressor(loss="poisson", max_iter=20, random_state=0).fit(X, y)
    assert theirs.score(X, y) == pytest.approx(r2_score(y, theirs.predict(X)))
    ours = AdaptiveLRMLPRegressor(loss="poisson", max_iter=20, random_state=0).fit(X, y)
    assert ours.score(X, y) == pytest.approx(d2_tweedie_score(y, ours.predict(X), power=1))


def test_a_stream_of_several_counts_takes_mini_batches_and_half_life_is_an_error(counts):
    X, y, _ = counts
    assert AdaptiveLRLinearRegression(loss="poisson").partial_fit(X, y).solver_ == "qr"
    y = np.column_stack([y, y])
    assert AdaptiveLRLinearRegression(loss="poisson").partial_fit(X, y).solver_ == "adam"
    with pytest.raises(ValueError, match="half_life"):
        AdaptiveLRLinearRegression(loss="poisson", half_life=100).partial_fit(X, y)
