"""The pages for users print what their texts say."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, SGDRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLinearRegression


@pytest.mark.long
def test_the_quickstart_compares_a_raw_pipeline_with_a_scaled_one(example):
    page = example("quickstart")
    steps = {name: [type(step) for _, step in pipeline.steps] for name, pipeline in page["pipelines"].items()}
    assert StandardScaler not in steps["AdaptiveLRMLPClassifier"]
    assert StandardScaler in steps["MLPClassifier"]
    scores = [pipeline.score(page["X_test"], page["y_test"]) for pipeline in page["pipelines"].values()]
    assert scores[0] > scores[1] - 0.01 > 0.96


@pytest.mark.long
def test_the_quickstart_counts_the_trainings_on_folds_too(example):
    page = example("quickstart")
    assert "of 4 validation folds" in page["adaptive"].stop_reason_


def test_sgd_diverges_on_raw_columns_without_a_warning_and_a_scaler_mends_it(example, recwarn):
    page = example("plot_unscaled_data")
    data = page["X_train"], page["y_train"]
    tests = page["X_test"], page["y_test"]
    recwarn.clear()
    assert SGDRegressor(random_state=0).fit(*data).score(*tests) < -1e20
    assert not [caught for caught in recwarn if issubclass(caught.category, ConvergenceWarning)]
    scaled = make_pipeline(StandardScaler(), SGDRegressor(random_state=0)).fit(*data).score(*tests)
    exact = LinearRegression().fit(*data).score(*tests)
    assert abs(scaled - exact) < 0.02
    for name, model in page["models"].items():
        if name != "SGDRegressor":
            # Folds of 331 rows say when the network has trained enough.
            assert abs(model.score(*tests) - exact) < (0.03 if "MLP" in name else 0.02), name


def test_the_spread_of_scales_matters_to_sgd_without_a_scaler_only(example):
    scores = {name: np.array(values) for name, values in example("plot_unscaled_data")["scores"].items()}
    assert scores.pop("SGDRegressor")[1:].max() < -1e10
    assert all(np.ptp(values) < 1e-6 and values.min() > 0.3 for values in scores.values())


def test_the_pipelines_coefficients_are_in_the_units_of_the_table(example):
    page = example("plot_pipeline")
    # A scaler, for LinearRegression drops a column of size 1e-6 beside one of 1e4 as dependent.
    expected = make_pipeline(page["columns"], StandardScaler(), LinearRegression()).fit(page["table"], page["y"])
    # The page's first-order fit ends as near to the optimum as `tol` asks for.
    predicted, wanted = page["model"].predict(page["table"]), expected.predict(page["table"])
    np.testing.assert_allclose(predicted, wanted, atol=0.02 * wanted.std())
    for name, coef in zip(("age", "income", "dose"), page["model"][-1].coef_[-3:], strict=True):
        unit = page["table"][name].std()
        moved = expected.predict(page["table"].assign(**{name: page["table"][name] + unit}))
        assert coef * unit == pytest.approx((moved - wanted).mean(), rel=0.02), name


@pytest.mark.parametrize("column", [["a", "b"] * 10, np.arange(20).astype("datetime64[D]"), [np.nan, 1.0] * 10])
def test_words_dates_and_missing_values_have_to_be_encoded_first(column):
    pandas = pytest.importorskip("pandas")
    with pytest.raises((ValueError, TypeError)):
        AdaptiveLRLinearRegression().fit(pandas.DataFrame({"column": column}), np.arange(20.0))


@pytest.mark.long
def test_the_tutorial_tells_what_its_models_score(example):
    page = example("plot_getting_started")
    tests = page["X_test"], page["y_test"]
    guess = np.mean(page["y_test"] == "stays")
    linear, network = page["linear"].score(*tests), page["network"].score(*tests)
    raw, scaled = (model.score(*tests) for model in page["theirs"].values())
    assert guess < linear - 0.1 < linear < network
    assert abs(scaled - network) < 0.03
    assert raw < network - 0.2
    assert page["search"].score(*tests) > network - 0.02
    np.testing.assert_array_equal(page["loaded"].predict(page["X_test"]), page["search"].predict(page["X_test"]))
    steps = [type(step) for model in (page["linear"], page["network"]) for _, step in model.steps]
    assert StandardScaler not in steps


@pytest.mark.long
class TestDataThatDoNotFitInMemory:
    @pytest.fixture
    def page(self, example):
        return example("plot_out_of_core")

    def test_the_baseline_has_a_scaler_fitted_to_the_first_chunk_and_the_best_rate(self, page):
        first = page["chunks"][0][0]
        finals = {}
        for rate in page["rates"]:
            model = MLPClassifier((32,), learning_rate_init=rate, random_state=0)
            for X, y in page["chunks"]:
                model.partial_fit((X - first.mean(axis=0)) / first.std(axis=0), y, classes=["inside", "outside"])
            X_test = (page["X_test"] - first.mean(axis=0)) / first.std(axis=0)
            finals[rate] = model.score(X_test, page["y_test"])
        best = max(finals, key=finals.get)
        assert page["rates"][0] < best < page["rates"][-1]
        tuned = next(scores for name, scores in page["curves"].items() if "best rate" in name)
        assert tuned[-1] == pytest.approx(finals[best], abs=0.005)
        assert best == page["best_rate"]

    def test_each_thing_that_is_given_to_the_counterpart_helps_and_ours_is_given_none(self, page):
        ours, tuned, default, raw = (scores[-1] for scores in page["curves"].values())
        guess = max(np.mean(page["y_test"] == label) for label in page["LABELS"])
        assert abs(raw - guess) < 0.05
        assert raw + 0.2 < default < tuned - 0.05
        assert default + (ours - default) / 2 < tuned < ours + 0.01

    def test_rows_sorted_by_label_teach_one_label_and_then_the_other(self, page):
        assert page["shuffled"] > 0.9
        assert page["sorted_scores"][-1] < 0.6
        assert np.mean(page["model"].predict(page["X_test"]) == "outside") > 0.9
        assert sorted(page["y_all"][page["by_label"]]) == list(page["y_all"][page["by_label"]])
