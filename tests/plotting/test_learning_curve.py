import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier, AdaptiveLRMLPRegressor
from sk_adalr.plotting import LearningCurveDisplay


@pytest.fixture(scope="module")
def fitted(iris):
    X, y = iris
    return AdaptiveLRMLPClassifier(random_state=0, max_iter=6, tol=0).fit(X, y)


@pytest.fixture(scope="module")
def stopped_early(iris):
    X, y = iris
    return AdaptiveLRMLPClassifier(random_state=0, max_iter=6, tol=0, early_stopping=True).fit(X, y)


def test_the_training_loss_is_drawn_from_epoch_one(fitted):
    (line,) = LearningCurveDisplay.from_estimator(fitted).lines_
    np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 7))
    np.testing.assert_array_equal(line.get_ydata(), fitted.loss_curve_)


def test_the_validation_loss_is_a_second_line_of_the_same_colour(stopped_early):
    training, validation = LearningCurveDisplay.from_estimator(stopped_early).lines_
    np.testing.assert_array_equal(validation.get_ydata(), stopped_early.validation_loss_curve_)
    assert validation.get_color() == training.get_color()
    assert validation.get_linestyle() != training.get_linestyle()


def test_the_score_has_an_axis_of_its_own(stopped_early):
    display = LearningCurveDisplay.from_estimator(stopped_early, metric="score")
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), stopped_early.validation_scores_)
    assert display.ax_.get_ylabel() == "validation accuracy"
    assert display.ax_.get_yscale() == "linear"


def test_the_score_of_a_regressor_is_r2(diabetes):
    X, y = diabetes
    model = AdaptiveLRMLPRegressor(random_state=0, max_iter=2, tol=0, early_stopping=True).fit(X, y)
    assert LearningCurveDisplay.from_estimator(model, metric="score").ax_.get_ylabel() == "validation R²"


def test_both_axes_are_labelled(fitted):
    display = LearningCurveDisplay.from_estimator(fitted)
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_ylabel() == "loss"


def test_the_exact_solver_counts_iterations(iris):
    display = LearningCurveDisplay.from_estimator(AdaptiveLRLogisticRegression().fit(*iris))
    assert display.ax_.get_xlabel() == "iteration"


def test_several_estimators_share_an_axis_in_different_colours(fitted, iris):
    X, y = iris
    theirs = MLPClassifier(random_state=0, max_iter=500).fit(X, y)
    first = LearningCurveDisplay.from_estimator(fitted)
    second = LearningCurveDisplay.from_estimator(theirs, ax=first.ax_)
    assert second.figure_ is first.figure_
    assert second.lines_[0].get_color() != first.lines_[0].get_color()
    labels = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert labels == ["AdaptiveLRMLPClassifier", "MLPClassifier"]


def test_estimators_that_count_differently_are_both_named_on_the_axis(fitted, iris):
    display = LearningCurveDisplay.from_estimator(fitted)
    LearningCurveDisplay.from_estimator(AdaptiveLRLogisticRegression().fit(*iris), ax=display.ax_)
    LearningCurveDisplay.from_estimator(fitted, ax=display.ax_)
    assert display.ax_.get_xlabel() == "epoch or iteration"


def test_the_last_step_of_a_pipeline_is_drawn(iris):
    X, y = iris
    pipeline = make_pipeline(StandardScaler(), AdaptiveLRMLPClassifier(max_iter=2, tol=0)).fit(X, y)
    assert LearningCurveDisplay.from_estimator(pipeline).estimator_name == "AdaptiveLRMLPClassifier"


def test_a_loss_of_zero_keeps_the_axis_linear():
    assert LearningCurveDisplay([1.0, 0.0]).plot().ax_.get_yscale() == "linear"


def test_matplotlib_arguments_win_over_our_style(fitted):
    (line,) = LearningCurveDisplay.from_estimator(fitted, color="red", linewidth=3, label="mine").lines_
    assert (line.get_color(), line.get_linewidth(), line.get_label()) == ("red", 3, "mine")


def test_a_name_replaces_the_class_name(fitted):
    display = LearningCurveDisplay.from_estimator(fitted, name="mine")
    assert display.lines_[0].get_label() == "mine"
    assert display.plot(name="other").lines_[0].get_label() == "other"


def test_an_estimator_without_history_is_refused(iris):
    with pytest.raises(ValueError, match=r"LogisticRegression has no `loss_curve_`"):
        LearningCurveDisplay.from_estimator(LogisticRegression().fit(*iris))


def test_an_estimator_that_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        LearningCurveDisplay.from_estimator(AdaptiveLRMLPClassifier())


def test_a_score_that_is_missing_says_how_to_get_one(fitted):
    with pytest.raises(ValueError, match="early_stopping=True"):
        LearningCurveDisplay.from_estimator(fitted, metric="score")


def test_an_unknown_metric_is_refused(fitted):
    with pytest.raises(ValueError, match="`metric` must be one of 'loss' or 'score'; got 'accuracy'"):
        LearningCurveDisplay.from_estimator(fitted, metric="accuracy")
