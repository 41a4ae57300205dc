"""The pages on counts, amounts and losses of one's own print what their texts say."""

from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
from scipy.special import xlogy
from sklearn.base import clone


def poisson_deviance(target, mean, weight):
    """Return the weighted sum of the Poisson deviances."""
    return 2 * np.sum(weight * (xlogy(target, target / mean) - target + mean))


def standardised(X):
    """Return columns of mean 0 and deviation 1."""
    values = np.asarray(X, dtype=float)
    return (values - values.mean(axis=0)) / values.std(axis=0)


def least(objective, n_params):
    """Return where a convex function with a gradient is least, by SciPy."""
    result = scipy.optimize.minimize(objective, np.zeros(n_params), jac=True, method="BFGS", options={"gtol": 1e-9})
    return result.x


class TestClaimCounts:
    @pytest.fixture
    def page(self, example):
        return example("plot_claim_counts")

    def test_exposure_as_a_weight_is_the_logarithm_of_the_exposure_as_an_offset(self, page):
        Z, claims, exposure = standardised(page["X"]), page["claims"], page["exposure"]
        Z = np.column_stack([Z, np.ones(len(Z))])

        def of_counts(params):
            mean = np.exp(Z @ params + np.log(exposure))
            return np.mean(mean - claims * np.log(mean)), Z.T @ (mean - claims) / len(Z)

        wanted = np.exp(Z @ least(of_counts, 5))
        found = page["raw_models"]["AdaptiveLRLinearRegression"].predict(page["X"])
        np.testing.assert_allclose(found, wanted, rtol=1e-3)  # the page's fit has the default `tol`
        np.testing.assert_allclose(page["frequency"] * exposure, claims)

    def test_with_a_penalty_times_the_sum_of_weights_the_coefficients_are_those_of_poisson_regressor(self, page):
        ours, theirs = page["ours"][-1], page["theirs"][-1]
        assert ours.alpha == theirs.alpha * page["exposure"].sum()
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=2e-6)  # six digits are printed
        Z, claims, exposure = standardised(page["X"]), page["claims"], page["exposure"]
        mean = np.exp(Z @ ours.coef_ + ours.intercept_) * exposure
        gradient = Z.T @ (mean - claims) / exposure.sum() + theirs.alpha * ours.coef_
        assert np.abs(gradient).max() < 1e-6

    def test_newtons_method_does_not_mind_units_and_lbfgs_ends_far_away_without_a_warning(self, page):
        ours, lbfgs, newton = page["distances"].values()
        assert max(ours, newton) < 1e-3
        assert lbfgs > 1
        assert set(page["n_warnings"].values()) == {0}
        assert page["raw_models"]["AdaptiveLRLinearRegression"].solver_ == "newton"

    def test_the_scores_are_shares_of_the_deviance_and_the_networks_are_equally_good(self, page):
        target, weight = page["frequency_test"], page["exposure_test"]
        worst = poisson_deviance(target, np.average(target, weights=weight), weight)
        scores = {
            name: 1 - poisson_deviance(target, np.maximum(prediction, 1e-300), weight) / worst
            for name, prediction in page["predictions"].items()
        }
        assert page["scores"] == pytest.approx(scores, abs=1e-10)
        assert page["own_score"] == pytest.approx(scores["AdaptiveLRMLPRegressor"], abs=1e-10)
        linear, ours, theirs, boosting, truth = scores.values()
        assert abs(ours - theirs) < 0.006
        assert linear < boosting - 0.05 < boosting < min(ours, theirs) - 0.005
        assert 0.9 * truth < ours < truth < 0.3

    @pytest.mark.long
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_only_scikit_learns_network_has_a_scaler_and_needs_it(self, page):
        network = clone(page["models"]["MLPRegressor, scaled"][-1])
        with np.errstate(all="ignore"):
            try:
                raw = network.fit(page["X"], page["frequency"], sample_weight=page["exposure"])
                score = page["d2"](np.maximum(raw.predict(page["X_test"]), 1e-300))
            except ValueError:  # it diverged
                score = -np.inf
        assert score < page["scores"]["MLPRegressor, scaled"] - 0.05
        assert not hasattr(page["models"]["AdaptiveLRMLPRegressor"], "steps")

    def test_the_network_is_calibrated_by_decile_and_by_age_and_the_linear_model_is_not(self, page):
        worst = {}
        for name in ("AdaptiveLRLinearRegression", "AdaptiveLRMLPRegressor"):
            prediction = page["predictions"][name]
            for by, values in (("decile", prediction), ("age", page["age_test"])):
                edges = np.quantile(values, np.linspace(0, 1, 11)[1:-1])
                group = np.searchsorted(edges, values)
                years = np.bincount(group, page["exposure_test"])
                observed = np.bincount(group, page["claims_test"])
                expected = np.bincount(group, prediction * page["exposure_test"])
                _, predicted, frequency, error = page["by_group"](values, prediction)
                np.testing.assert_allclose(predicted, expected / years, rtol=0.02)  # a row or two at the edges
                np.testing.assert_allclose(frequency, observed / years, rtol=0.05)
                np.testing.assert_allclose(error, np.sqrt(observed) / years, rtol=0.05)
                worst[name, by] = np.abs((observed - expected) / np.sqrt(expected)).max()
        # In standard deviations of a Poisson count: the largest of ten is about 2 where the model is right.
        assert worst["AdaptiveLRMLPRegressor", "decile"] < 4
        assert worst["AdaptiveLRMLPRegressor", "age"] < 5
        assert worst["AdaptiveLRLinearRegression", "decile"] > 6
        assert worst["AdaptiveLRLinearRegression", "age"] > 10

    def test_the_linear_model_predicts_the_total_of_its_rows(self, page):
        linear, network = (model.predict(page["X"]) @ page["exposure"] for model in (page["linear"], page["network"]))
        total = page["claims"].sum()
        assert linear == pytest.approx(total, rel=1e-4)
        assert network == pytest.approx(total, rel=0.05)

    def test_the_true_frequency_has_its_valley_at_fifty_and_power_counts_more_for_the_young(self, page):
        X, *_, frequency = page["policies"](5000, seed=3)
        age, power, _, density = X.to_numpy().T
        rest = frequency / density ** (0.2 / np.log(10)) / np.exp(0.004 * power)
        assert abs(age[np.argmin(rest)] - 50) < 1
        young = age < 35
        slope = {who: np.polyfit(power[rows], np.log(rest[rows]), 1)[0] for who, rows in ((1, young), (0, ~young))}
        assert slope[1] > 0.003 > abs(slope[0])

    def test_the_amounts_are_at_the_optimum_of_the_gamma_likelihood(self, page):
        had = page["had"]
        Z = np.column_stack([standardised(page["X"])[had], np.ones(had.sum())])
        amount, claims = page["amount"][had], page["claims"][had]
        unit = amount.mean()

        def likelihood(params):
            raw = Z @ params
            share = amount / unit * np.exp(-raw)
            return np.average(raw + share, weights=claims), Z.T @ (claims * (1 - share)) / claims.sum()

        wanted = unit * np.exp(Z @ least(likelihood, 5))
        np.testing.assert_allclose(page["severity"].predict(page["X"][had]), wanted, rtol=1e-5)
        assert page["difference"] < 1e-6
        for coef, true in zip(page["severity"].coef_, (0, 4e-3, 2e-5, 0), strict=True):
            assert abs(coef - true) < max(0.3 * true, 1e-3)

    def test_the_premium_is_frequency_times_amount(self, page):
        frequency, amount = page["network"].predict(page["X_test"]), page["severity"].predict(page["X_test"])
        np.testing.assert_allclose(page["premium"], frequency * amount)
        share = np.mean((page["premium"] > page["low"]) & (page["premium"] < page["high"]))
        assert share == pytest.approx(0.8, abs=0.001)


def huber(error, delta):
    """Return the Huber loss by its textbook definition of two cases."""
    return np.where(np.abs(error) <= delta, error**2 / 2, delta * (np.abs(error) - delta / 2))


class TestOwnLoss:
    @pytest.fixture
    def page(self, example):
        return example("plot_own_loss")

    def test_the_three_functions_are_the_huber_loss_and_its_derivatives(self, page):
        target = np.zeros((200, 1))
        raw = np.linspace(-4, 4, 200)[:, None]
        for delta in (0.5, 1.0, 3.0):
            loss = page["Huber"](delta)
            np.testing.assert_allclose(loss.losses(raw, target), huber(raw, delta), atol=1e-14)
            far = np.abs(raw) > delta
            np.testing.assert_allclose(loss.gradient(raw, target), np.where(far, delta * np.sign(raw), raw))
            np.testing.assert_array_equal(loss.hessian(raw, target), ~far)

    def test_it_takes_fifteen_lines(self, page):
        source = Path(page["__file__"]).read_text(encoding="utf-8").split("\n")
        first = source.index("@dataclass(frozen=True)")
        last = next(i for i in range(first, len(source)) if source[i].startswith("# %%"))
        lines = [line for line in source[first:last] if line.strip() and '"""' not in line]
        assert len(lines) <= 15

    def test_the_line_is_the_optimum_of_the_objective(self, page):
        x, y = page["x"], page["y"]
        slope, intercept = page["huber"].coef_[0], page["huber"].intercept_
        psi = np.clip(slope * x + intercept - y, -1, 1)
        assert abs(psi.mean()) < 1e-8
        assert abs((psi * x).mean()) < 1e-8
        result = scipy.optimize.minimize(lambda p: huber(p[0] * x + p[1] - y, 1.0).mean(), [0, 0], tol=1e-12)
        np.testing.assert_allclose([slope, intercept], result.x, atol=1e-4)
        assert np.abs(page["found"] - page["scipy_found"]).max() < 1e-6

    def test_with_the_scale_that_huber_regressor_finds_the_lines_are_the_same(self, page):
        ours, theirs = page["matched"], page["theirs"]
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
        assert ours.intercept_ == pytest.approx(theirs.intercept_, abs=1e-6)
        assert ours.loss.delta == theirs.epsilon * theirs.scale_

    def test_huber_is_nearer_to_the_truth_than_squared_errors(self, page):
        x, y = page["x"], page["y"]
        np.testing.assert_allclose(np.polyfit(x, y, 1), [page["squared"].coef_[0], page["squared"].intercept_])
        off = {name: np.abs(model.coef_[0] - 0.5) for name, model in page["lines"].items()}
        assert off["Huber"] < off["squared error"] / 3
        curves = {name: model.predict(page["X_curve"]) for name, model in page["networks"].items()}
        wrong = {name: np.sqrt(np.mean((y - 4 - 3 * np.sin(page["x_curve"])) ** 2)) for name, y in curves.items()}
        assert wrong["Huber"] < 0.5 < 1.2 < wrong["squared error"]

    def test_the_outliers_are_more_of_them_on_the_right_of_the_line_and_one_in_eight_of_the_curve(self, page):
        x, far = page["x"], page["far"]
        assert np.mean(far[x > 5]) > 2 * np.mean(far[x < 5])
        assert np.mean(page["far_curve"]) == pytest.approx(1 / 8, abs=0.02)
        lift = page["y_curve"] - page["truth"]
        assert lift.mean() == pytest.approx(1.5, abs=0.3)
        assert lift[page["far_curve"]].mean() == pytest.approx(12, abs=2)

    def test_the_search_chooses_a_width_inside_its_grid_that_fits_as_well_as_any(self, page):
        deltas, off = page["deltas"], np.array(page["distances"])
        chosen = page["search"].best_params_["loss__delta"]
        assert deltas[0] < chosen < deltas[-1]
        assert off[list(deltas).index(chosen)] < off.min() + 0.05
        assert np.ptp(off[deltas < 1.1]) < 0.05
        # A `delta` beyond all errors is least squares.
        straight = np.polyval(np.polyfit(page["x"], page["y"], 1), page["x"])
        assert off[-1] == pytest.approx(np.sqrt(np.mean((straight - 2 - 0.5 * page["x"]) ** 2)), rel=1e-3)

    def test_scores_of_different_widths_are_relative_to_different_losses(self, page):
        x, y = page["X"], page["y"]
        for delta in (0.1, 10.0):
            model = type(page["huber"])(loss=page["Huber"](delta), tol=1e-8).fit(x, y)
            constant = scipy.optimize.minimize_scalar(lambda c, delta=delta: huber(c - y, delta).sum()).fun
            wanted = 1 - huber(model.predict(x) - y, delta).sum() / constant
            assert model.score(x, y) == pytest.approx(wanted, abs=1e-6)
