import numpy as np
import pytest
from oracles import central_difference, relative_error
from scipy import optimize, special, stats

from sk_adalr.backends import weighted_sum
from sk_adalr.objectives import (
    BinomialLogLoss,
    ElementwiseLoss,
    HalfGammaDeviance,
    HalfPoissonDeviance,
    HalfSquaredError,
    Loss,
    MultinomialLogLoss,
)

N_ROWS = 6


class Huber(ElementwiseLoss):
    def losses(self, raw, target):
        error = abs(raw - target)
        return np.where(error <= 1, error**2 / 2, error - 0.5)

    def gradient(self, raw, target):
        return np.clip(raw - target, -1, 1)

    def hessian(self, raw, target):
        return (abs(raw - target) <= 1).astype(raw.dtype)


def make_case(name):
    rng = np.random.RandomState(5)
    return {
        "poisson": (HalfPoissonDeviance(), np.array([0, 3, 1, 0, 7, 2.0])[:, None]),
        "poisson, 2 outputs": (HalfPoissonDeviance(), rng.poisson(3, (N_ROWS, 2)).astype(float)),
        "gamma": (HalfGammaDeviance(), np.array([0.1, 3, 1, 0.5, 7, 2.0])[:, None]),
        "gamma, 2 outputs": (HalfGammaDeviance(), rng.gamma(2, 3, (N_ROWS, 2))),
        "a loss of one's own": (Huber(), 2 * rng.standard_normal((N_ROWS, 2))),
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
    "poisson",
    "poisson, 2 outputs",
    "gamma",
    "gamma, 2 outputs",
    "a loss of one's own",
]
cases = pytest.mark.parametrize("case", CASES)
weights = pytest.mark.parametrize(
    "weight", [None, np.array([0.5, 2.0, 0.0, 1.0, 3.0, 0.25])], ids=["equal", "weighted"]
)


def reference_loss(name, raw, target, weight):
    """The losses as probability densities of scipy.stats, up to the constant of the normal one."""
    if name.startswith("squared"):
        rows = -stats.norm.logpdf(raw, target).sum(axis=1) - 0.5 * np.log(2 * np.pi) * raw.shape[1]
    elif name.startswith("poisson"):  # less that of a perfect fit
        saturated = stats.poisson.logpmf(target, target)
        rows = (saturated - stats.poisson.logpmf(target, np.exp(raw))).sum(axis=1)
    elif name.startswith("gamma"):  # the same, of shape 1
        saturated = stats.expon.logpdf(target, scale=target)
        rows = (saturated - stats.expon.logpdf(target, scale=np.exp(raw))).sum(axis=1)
    elif name.startswith("a loss"):
        rows = special.huber(1, raw - target).sum(axis=1)
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


@pytest.mark.parametrize("case", CASES[2:6])
@pytest.mark.parametrize("magnitude", [50.0, 1e4, 1e300])
def test_log_losses_do_not_overflow(case, magnitude):
    loss, target = make_case(case)
    raw = np.sign(np.random.RandomState(2).standard_normal((N_ROWS, n_outputs(target)))) * magnitude
    with np.errstate(over="raise", invalid="raise"):
        residual = raw.copy()
        value = loss.residual(residual, target, None).sum()
    assert np.isfinite(value)
    assert np.isfinite(residual).all()


@pytest.mark.parametrize("case", CASES[2:6])
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

    def mean_loss(constant):
        return float(loss.value(np.tile(constant, (N_ROWS, 1)), target, weight)) / w.sum()

    best = optimize.minimize(mean_loss, np.zeros(n_outputs(target)), tol=1e-10)
    assert loss.constant_value(target, weight) == pytest.approx(best.fun, rel=1e-8)
    assert mean_loss(loss.constant(target, weight, n_outputs(target))) == pytest.approx(best.fun, rel=1e-8)


@pytest.mark.parametrize(("loss", "limit"), [(HalfPoissonDeviance(), -600), (BinomialLogLoss(), -30)])
def test_the_best_constant_is_finite_where_it_is_at_infinity(loss, limit):
    constant = loss.constant(np.zeros((5, 2)), None, 2)
    assert np.isfinite(constant).all()
    assert (constant < limit).all()


def test_the_log_odds_of_an_output_that_is_always_the_same_are_finite():
    odds = BinomialLogLoss().constant(np.column_stack([np.ones(5), np.zeros(5)]), None, 2)
    np.testing.assert_allclose(odds, [36.04, -36.04], rtol=1e-3)


def test_the_constant_of_a_loss_of_one_s_own_is_found_at_any_magnitude():
    target = np.array([-3e9, -2e9, -1e9])[:, None]
    assert Huber().constant(target, None, 1) == pytest.approx([-2e9], abs=2)  # flat between single rows


@weights
@cases
def test_curvatures_are_the_derivatives_of_the_residuals(case, weight):
    loss, target = make_case(case)
    w = None if weight is None else weight / weight.mean()
    scores = np.random.RandomState(2).standard_normal((n_outputs(target), N_ROWS))
    rows = loss.of_rows(target, w)
    mean, evaluated = rows.evaluate(scores)
    assert mean == pytest.approx(reference_loss(case, scores.T, target, w) / N_ROWS, rel=1e-12)
    first, totals, second = rows.derivatives(evaluated)
    expected = central_difference(lambda u: N_ROWS * rows.evaluate(u.reshape(scores.shape))[0], scores.ravel())
    assert relative_error(first.ravel(), expected) < 1e-7
    np.testing.assert_allclose(totals, first.sum(axis=1))
    if loss.is_separable:

        def first_at(u):
            return rows.derivatives(rows.evaluate(u.reshape(scores.shape))[1])[0].ravel()

        each = [central_difference(lambda u, i=i: first_at(u)[i], scores.ravel())[i] for i in range(scores.size)]
        np.testing.assert_allclose(second.ravel(), each, atol=1e-7)
        bound = loss.row_curvature(scores.T, target)
        np.testing.assert_allclose(bound * (1 if w is None else w), second.max(axis=0), atol=1e-12)


@weights
@cases
def test_the_curvature_of_the_constant_model_is_the_mean_of_its_rows(case, weight):
    loss, target = make_case(case)
    w = None if weight is None else weight / weight.mean()
    constant = loss.constant(target, w, n_outputs(target)) + 0.1
    rows = loss.of_rows(target, w)
    _, _, second = rows.derivatives(rows.evaluate(np.tile(constant[:, None], N_ROWS))[1])
    expected = second.mean(axis=1) if loss.is_separable else second[:, 0] * (1 - second[:, 0])
    np.testing.assert_allclose(loss.curvature_at(constant, target, w), expected, rtol=1e-10, atol=1e-200)


@pytest.mark.parametrize("case", ["squared, 5 outputs", "poisson", "gamma, 2 outputs"])
def test_in_its_units_the_loss_is_the_same_up_to_a_factor(case):
    loss, target = make_case(case)
    units = loss.target_units(target, None, True)
    raw = np.random.RandomState(2).standard_normal(target.shape)
    in_units = (target - units.target.center) / units.target.scale
    for k in range(target.shape[1]):
        part = slice(k, k + 1)
        user_raw = raw[:, part] * units.raw.scale[k] + units.raw.center[k]
        expected = loss.value(user_raw, target[:, part], None)
        trained = loss.value(raw[:, part].copy(), in_units[:, part], None)
        assert units.of_loss[k] * trained == pytest.approx(expected, rel=1e-10)


def test_losses_are_told_apart_by_what_they_say_of_themselves():
    assert all(isinstance(make_case(case)[0], Loss) for case in CASES)


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
