import numpy as np
import pytest

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier
from sk_adalr.plotting import LearningRateDisplay

RATES = np.array([[0.1, 0.2, 0.4], [0.05, 0.2, 0.8]])


def test_the_median_is_a_line_on_a_log_axis(iris):
    model = AdaptiveLRMLPClassifier(random_state=0, max_iter=5, tol=0).fit(*iris)
    display = LearningRateDisplay.from_estimator(model)
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), model.learning_rate_curve_[:, 1])
    assert display.ax_.get_yscale() == "log"


def test_the_band_reaches_from_the_smallest_to_the_largest_rate():
    vertices = LearningRateDisplay(RATES).plot().bands_[0].get_paths()[0].vertices
    assert vertices[:, 1].min() == 0.05
    assert vertices[:, 1].max() == 0.8


def test_both_axes_are_labelled():
    display = LearningRateDisplay(RATES).plot()
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_ylabel().startswith("learning rate")


def test_negative_rates_are_shown():
    display = LearningRateDisplay(RATES - 0.3).plot()
    assert display.ax_.get_yscale() == "symlog"
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), RATES[:, 1] - 0.3)


def test_rates_of_zero_leave_a_gap():
    display = LearningRateDisplay([[0, 0, 0], [0.1, 0.2, 0.3]]).plot()
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), [np.nan, 0.2])


def test_several_estimators_share_an_axis_in_different_colours(iris):
    exact = AdaptiveLRLogisticRegression().fit(*iris)
    first = LearningRateDisplay.from_estimator(exact)
    second = LearningRateDisplay(RATES, estimator_name="layer 1").plot(first.ax_)
    assert first.ax_.get_xlabel() == "iteration or epoch"
    assert second.lines_[0].get_color() != first.lines_[0].get_color()
    labels = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert labels == ["AdaptiveLRLogisticRegression", "layer 1"]


def test_a_fit_without_rates_is_refused(diabetes):
    factorised = AdaptiveLRLinearRegression().fit(*diabetes)
    with pytest.raises(ValueError, match="no learning rates to draw"):
        LearningRateDisplay.from_estimator(factorised)


def test_each_layer_has_a_line_where_asked(iris):
    model = AdaptiveLRMLPClassifier((8, 4), random_state=0, max_iter=5, tol=0).fit(*iris)
    display = LearningRateDisplay.from_estimator(model, per_layer=True)
    assert len(display.lines_) == len(display.bands_) == 3
    assert len({line.get_color() for line in display.lines_}) == 3
    for layer, line in enumerate(display.lines_):
        np.testing.assert_array_equal(line.get_ydata(), model.layer_learning_rate_curve_[:, layer, 1])
        assert line.get_label().endswith(f"layer {layer + 1}")


def test_a_single_layer_has_no_rates_per_layer(iris):
    with pytest.raises(ValueError, match="single layer"):
        LearningRateDisplay.from_estimator(AdaptiveLRLogisticRegression().fit(*iris), per_layer=True)
