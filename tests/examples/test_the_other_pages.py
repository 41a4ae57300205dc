"""The remaining pages of the gallery print what their texts say."""

import re
from pathlib import Path

import numpy as np
import pytest
from estimator_cases import needs_callbacks
from sklearn.linear_model import LogisticRegression

from sk_adalr import AdaptiveLRLogisticRegression

pytestmark = pytest.mark.long


def test_the_rate_matters_to_scikit_learns_networks_as_the_page_and_the_landing_page_say(example):
    page = example("plot_any_learning_rate")
    rates = np.log10(page["RATES"]).round().astype(int)
    for scores_of in page["results"].values():
        sgd, adam, ours = (scores.mean(axis=0) for scores in scores_of.values())
        np.testing.assert_array_equal(rates[sgd > 0.9], [-3, -2, -1, 0])
        np.testing.assert_array_equal(rates[adam > 0.9], [-3, -2, -1, 0, 1])
        assert adam[rates >= -3].min() > adam.max() - 0.05
        assert abs(adam.max() - ours.max()) < 0.01
        assert np.ptp(ours) < 0.01


def test_the_table_of_the_readme_is_that_of_the_page(example):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    scores_of = example("plot_any_learning_rate")["results"]["handwritten digits"]
    for name, scores in scores_of.items():
        (row,) = re.findall(rf"^\| {name}.*?\| (\..*) \|$", readme, re.MULTILINE)
        # Rounding to two digits; with rates that diverge, another BLAS guesses otherwise.
        np.testing.assert_allclose([float(cell) for cell in row.split("|")], scores.mean(axis=0), atol=0.02)


def test_one_fit_scores_as_a_grid_search_in_a_fraction_of_its_time(example):
    rows = example("plot_no_grid")["rows"]
    found = {name: np.array([row[1:] for row in rows if row[0] == name]) for name in {row[0] for row in rows}}
    (grid_seconds, grid_score) = np.median(found.pop("grid search"), axis=0)
    assert sorted(found) == ["one adaptive fit", "one default fit"]
    for values in found.values():
        seconds, score = np.median(values, axis=0)
        assert score > grid_score - 0.01
        assert seconds < grid_seconds / 4


def test_a_learned_penalty_predicts_as_the_searches_for_one_in_a_part_of_their_time(example):
    page = example("plot_learned_penalty")
    for results, ours in ((page["of_labels"], 'C="auto"'), (page["of_numbers"], 'alpha="auto"')):
        seconds, losses = results[ours]
        searched, found = zip(*(results[name] for name in results if "CV" in name), strict=True)
        assert losses.mean() < np.min([loss.mean() for loss in found]) * 1.02
        assert seconds.sum() < max(time.sum() for time in searched) / 4


def test_the_exact_mode_needs_fewer_gradients_than_lbfgs_most_of_all_on_raw_columns(example):
    page = example("plot_exact_lbfgs")
    ratios = {}
    for title, (X, y) in page["problems"].items():
        model = AdaptiveLRLogisticRegression(solver="exact", tol=1e-8).fit(X, y)
        lbfgs = page["lbfgs_losses"](X, y, C=1.0)
        lowest = min(model.loss_, lbfgs.min())
        target = lowest + 1e-6 * (np.log(2) - lowest)
        passes = model.n_gradient_evaluations_ / (len(model.loss_curve_) + 1)
        ours = passes * (1 + np.argmax(np.array(model.loss_curve_) <= target))
        reached = np.flatnonzero(lbfgs <= target)
        ratios[title] = (reached[0] + 1 if len(reached) else len(lbfgs)) / ours
    assert min(ratios.values()) > 1
    assert max(ratios, key=ratios.get) == "breast cancer, raw columns"
    assert ratios["breast cancer, standardised"] < 3


def test_newtons_method_takes_a_dozen_iterations_on_the_problems_of_the_exact_mode(example):
    for X, y in example("plot_exact_lbfgs")["problems"].values():
        model = AdaptiveLRLogisticRegression().fit(X, y)
        assert model.solver_ == "newton"
        assert model.n_iter_ < 20


def test_warm_starts_pay_where_the_penalty_is_weak(example):
    page = example("plot_regularization_path")
    strong, weak = page["Cs"] < 0.1, page["Cs"] > 10
    saved = page["cold"] - page["warm"]
    assert saved[weak].sum() > saved[strong].sum()
    assert page["warm"].sum() < page["cold"].sum()
    assert saved[strong].mean() < 0.5 * saved[weak].mean()


def test_on_text_the_exact_fit_is_nearer_to_the_optimum_than_its_counterpart(example):
    page = example("plot_sparse_text")
    optimum = LogisticRegression(tol=1e-10, max_iter=10_000).fit(page["X_train"], page["y_train"])
    wanted = optimum.predict_proba(page["X_test"])
    ours, theirs = (
        np.abs(model.predict_proba(page["X_test"]) - wanted).max() for model in (page["ours"], page["theirs"])
    )
    assert ours < theirs
    assert page["difference"] < 2 * theirs


@needs_callbacks
def test_a_fit_that_crashed_ends_as_one_that_did_not(example):
    page = example("plot_checkpoint")
    assert page["same"]
    assert page["resumed"].n_iter_ == page["whole"].n_iter_ == 40


def test_on_the_robust_loss_the_rule_ends_where_the_fixed_rate_does_in_fewer_updates(example):
    fixed, adapted = example("plot_own_objective")["results"].values()
    assert fixed.success
    assert adapted.success
    assert adapted.fun == pytest.approx(fixed.fun, rel=1e-6)
    assert adapted.nit < fixed.nit


def test_the_output_layer_gets_the_largest_rate(example):
    for rule in example("plot_layer_rates")["rules"].values():
        assert np.argmax(rule.history[-1]) == 2


def test_halving_finds_as_good_a_network_with_fewer_epochs(example):
    page = example("plot_searches")
    scores = {name: search.score(page["X_test"], page["y_test"]) for name, search in page["searches"].items()}
    assert scores["HalvingGridSearchCV"] > scores["GridSearchCV"] - 0.01
    halving = page["searches"]["HalvingGridSearchCV"]
    epochs = sum(halving.cv_results_["n_resources"])
    assert epochs < 27 * len(page["searches"]["GridSearchCV"].cv_results_["params"]) / 2
