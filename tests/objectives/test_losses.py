import numpy as np
import pytest
from oracles import central_difference, relative_error
from scipy import stats

from sk_adalr.backends import weighted_sum
from sk_adalr.objectives import BinomialLogLoss, HalfSquaredError, MultinomialLogLoss

N_ROWS = 6


def make_case(name):
    rng = np.random.RandomState(5)
    return {
        "squared, single output": (HalfSquaredError(), rng.standard_normal((N_ROWS, 1))),
        "squared, 5 outputs": (HalfSquaredError(), rng.standard_normal((N_ROWS, 5))),
        "binomial": (BinomialLogLoss(), np.array([0, 1, 1, 0, 1, 0.0])[:, None]),
        "binomial, 3 labels": (BinomialLogLoss(), rng.randint(2, size=(N_ROWS, 3)).astype(float)),
        "multinomial, 3 classes": (MultinomialLogLoss(), np.array([0, 2, 1, 1, 2, 0])),
        "multinomial, 5 classes": (MultinomialLogLoss(), np.array([4, 2, 1, 3, 2, 0])),
    }[name]


def n_outputs(target):
    return target.max() + 1 if target.ndim == 1 else target.shape[1]


CASES = [
    "squared, single output",
    "squared, 5 outputs",
    "binomial",
    "binomial, 3 labels",
    "multinomial, 3 classes",
    "multinomial, 5 classes",
]
cases = pytest.mark.parametrize("case", CASES)
weights = pytest.mark.parametrize(
    "weight", [None, np.array([0.5, 2.0, 0.0, 1.0, 3.0, 0.25])], ids=["equal", "weighted"]
)


def reference_loss(name, raw, target, weight):
    """The losses as probability densities of scipy.stats, up to the constant of the normal one."""
    if name.startswith("squared"):
        rows = -stats.norm.logpdf(raw, target).sum(axis=1) - 0.5 * np.log(2 * np.pi) * raw.shape[1]
    elif name.startswith("binomial"):
        rows = -stats.bernoulli.logpmf(target.astype(int), 1 / (1 + np.exp(-raw))).sum(axis=1)
    else:
        p = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
        rows = np.array([-stats.multinomial.logpmf(np.eye(raw.shape[1])[t], 1, p[i]) for i, t in enumerate(target)])
    return rows @ (np.ones(len(raw)) if weight is None else weight)


@weights
@cases
def test_value_is_the_negative_log_likelihood(case, weight):
    loss, target = make_case(case)
    raw = np.random.RandomState(2).standard_normal((N_ROWS, n_outputs(target)))
    expected = reference_loss(case, raw, target, weight)
    assert loss.value(raw.copy(), target, weight) == pytest.approx(expected, rel=1e-12)  # rounding of both


@weights
@cases
def test_value_with_and_without_residual_are_the_same(case, weight):
    loss, target = make_case(case)
    raw = np.random.RandomState(2).standard_normal((N_ROWS, n_outputs(target)))
    value = weighted_sum(loss.residual(raw.copy(), target, weight), weight)
    assert value == pytest.approx(loss.value(raw.copy(), target, weight), rel=1e-14)


@weights
@cases
def test_residual_is_the_derivative_by_the_raw_prediction(case, weight):
    loss, target = make_case(case)
    raw = np.random.RandomState(2).standard_normal((N_ROWS, n_outputs(target)))
    expected = central_difference(lambda u: loss.value(u.reshape(raw.shape).copy(), target, weight), raw.ravel())
    residual = raw.copy()
    loss.residual(residual, target, weight)
    assert relative_error(residual.ravel(), expected) < 1e-7


@pytest.mark.parametrize("case", CASES[2:])
@pytest.mark.parametrize("magnitude", [50.0, 1e4, 1e300])
def test_log_losses_do_not_overflow(case, magnitude):
    loss, target = make_case(case)
    raw = np.sign(np.random.RandomState(2).standard_normal((N_ROWS, n_outputs(target)))) * magnitude
    with np.errstate(over="raise", invalid="raise"):
        residual = raw.copy()
        value = loss.residual(residual, target, None).sum()
    assert np.isfinite(value)
    assert np.isfinite(residual).all()


@pytest.mark.parametrize("case", CASES[2:])
@pytest.mark.parametrize("shift", [0.0, 700.0])
def test_predicted_probabilities_are_the_inverse_link(case, shift):
    loss, target = make_case(case)
    raw = np.random.RandomState(2).standard_normal((N_ROWS, n_outputs(target)))
    if case.startswith("binomial"):
        expected = 1 / (1 + np.exp(-raw))
    else:
        expected = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
        raw += shift  # the softmax does not see what all classes share
    # `raw + 700` is rounded to 1e-13, and so are the probabilities
    np.testing.assert_allclose(loss.predict(raw), expected, rtol=1e-12)


@weights
@cases
def test_constant_value_is_the_loss_of_the_best_constant_prediction(case, weight):
    loss, target = make_case(case)
    w = np.ones(N_ROWS) if weight is None else weight
    if case.startswith("squared"):
        best = np.average(target, axis=0, weights=w)
    elif case.startswith("binomial"):
        share = np.average(target, axis=0, weights=w)
        best = np.log(share / (1 - share))
    else:
        counts = np.array([w[target == k].sum() for k in range(n_outputs(target))])
        best = np.log(np.maximum(counts, 1e-300))
    raw = np.tile(best, (N_ROWS, 1))
    expected = loss.value(raw, target, weight) / w.sum()
    assert loss.constant_value(target, weight) == pytest.approx(expected, rel=1e-10)
    raw = np.tile(loss.constant(target, weight), (N_ROWS, 1))
    assert loss.value(raw, target, weight) / w.sum() == pytest.approx(expected, rel=1e-10)


def test_the_log_odds_of_an_output_that_is_always_the_same_are_finite():
    odds = BinomialLogLoss().constant(np.column_stack([np.ones(5), np.zeros(5)]), None)
    np.testing.assert_allclose(odds, [36.04, -36.04], rtol=1e-3)


def test_float32_losses_add_up_in_float64():
    # A million rows of 0.1: a float32 sum of them is off by 1e-4 or, added one by one, by 1e-2.
    raw = np.full((1_000_000, 1), np.sqrt(0.2), dtype=np.float32)
    value = HalfSquaredError().value(raw, np.zeros_like(raw), None)
    row = 0.5 * np.float64(np.float32(np.sqrt(0.2)) ** 2)
    assert value.dtype == np.float64
    assert value == pytest.approx(1e6 * row, rel=1e-7)  # rounding of one row, not of the sum


@cases
def test_residuals_keep_the_dtype(case):
    loss, target = make_case(case)
    raw = np.zeros((N_ROWS, n_outputs(target)), dtype=np.float32)
    target = target if target.ndim == 1 else target.astype(np.float32)
    loss.residual(raw, target, np.ones(N_ROWS, dtype=np.float32))
    assert raw.dtype == np.float32
