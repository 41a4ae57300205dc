import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression
from sk_adalr.plotting import PenaltyDisplay


@pytest.fixture(scope="module")
def fitted():
    model = AdaptiveLRLogisticRegression(C="auto", penalty_units="standardized")
    return model.fit(*load_breast_cancer(return_X_y=True))


def test_each_visit_is_a_point_from_small_to_large_penalties(fitted):
    line = PenaltyDisplay.from_estimator(fitted).line_
    curve = fitted.penalty_curve_[np.argsort(fitted.penalty_curve_[:, 0])]
    np.testing.assert_array_equal(line.get_xdata(), curve[:, 0])
    np.testing.assert_array_equal(line.get_ydata(), curve[:, 1])


def test_a_tangent_has_the_slope_at_its_visit(fitted):
    slopes = PenaltyDisplay.from_estimator(fitted).slopes_
    curve = fitted.penalty_curve_[np.argsort(fitted.penalty_curve_[:, 0])]
    drawn = [np.diff(line.get_ydata())[0] / np.diff(np.log(line.get_xdata()))[0] for line in slopes]
    np.testing.assert_allclose(drawn, curve[:, 2])


def test_the_chosen_penalty_is_an_upright_line(fitted):
    display = PenaltyDisplay.from_estimator(fitted)
    np.testing.assert_array_equal(display.chosen_.get_xdata(), [fitted.C_, fitted.C_])


def test_the_axes_say_what_they_show(fitted):
    ax = PenaltyDisplay.from_estimator(fitted).ax_
    assert (ax.get_xscale(), ax.get_xlabel(), ax.get_ylabel()) == ("log", "C", "cross-validated loss")
    model = make_pipeline(StandardScaler(), AdaptiveLRLinearRegression("auto")).fit(*load_diabetes(return_X_y=True))
    assert PenaltyDisplay.from_estimator(model).ax_.get_xlabel() == "alpha"


def test_where_slopes_are_not_known_there_are_no_tangents():
    display = PenaltyDisplay([[1.0, 2.0, np.nan], [3.0, 1.0, np.nan]]).plot()
    assert display.slopes_ == []
    np.testing.assert_array_equal(display.chosen_.get_xdata(), [3.0, 3.0])
    assert display.ax_.get_legend() is None


def test_several_estimators_share_an_axis_in_different_colours(fitted):
    first = PenaltyDisplay.from_estimator(fitted, name="one")
    second = PenaltyDisplay.from_estimator(fitted, name="other", ax=first.ax_)
    assert second.figure_ is first.figure_
    assert second.line_.get_color() != first.line_.get_color()
    assert [text.get_text() for text in first.ax_.get_legend().get_texts()] == ["one", "other"]


def test_matplotlib_arguments_win_over_our_style(fitted):
    line = PenaltyDisplay.from_estimator(fitted, color="red", marker="x").line_
    assert (line.get_color(), line.get_marker()) == ("red", "x")


def test_a_penalty_that_was_given_is_refused():
    model = AdaptiveLRLinearRegression(1.0).fit(*load_diabetes(return_X_y=True))
    with pytest.raises(ValueError, match=r"AdaptiveLRLinearRegression has no `penalty_curve_`: its penalty was given"):
        PenaltyDisplay.from_estimator(model)


def test_an_estimator_that_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        PenaltyDisplay.from_estimator(AdaptiveLRLinearRegression("auto"))
