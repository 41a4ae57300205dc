import numpy as np
import pytest

from sk_adalr import minimize
from sk_adalr.objectives.test_functions import beale, rosenbrock
from sk_adalr.plotting import OptimizationPathDisplay


@pytest.fixture(scope="module")
def result():
    return minimize(beale, [1.0, 1.0], learning_rate_init=0.1, max_iter=30, return_history=True)


def test_the_line_is_the_history(result):
    path = OptimizationPathDisplay.from_result(result, beale).lines_[0]
    np.testing.assert_array_equal(path.get_xydata(), result.history["x"])


def test_start_and_end_are_marked(result):
    _, start, end = OptimizationPathDisplay.from_result(result, beale).lines_
    np.testing.assert_array_equal(start.get_xydata(), [[1.0, 1.0]])
    np.testing.assert_array_equal(end.get_xydata(), [result.x])


def test_several_methods_share_the_contours_in_different_colours(result):
    other = minimize(beale, [1.0, 1.0], method="sgd", learning_rate_init=0.01, max_iter=9, return_history=True)
    first = OptimizationPathDisplay.from_result(result, beale, name="Adam")
    n_collections = len(first.ax_.collections)
    second = OptimizationPathDisplay.from_result(other, beale, ax=first.ax_, name="SGD")
    assert len(first.ax_.collections) == n_collections
    assert second.lines_[0].get_color() != first.lines_[0].get_color()
    assert [text.get_text() for text in first.ax_.get_legend().get_texts()] == ["Adam", "SGD"]


def test_the_whole_path_is_in_view(result):
    display = OptimizationPathDisplay.from_result(result, beale)
    (left, right), (bottom, top) = display.ax_.get_xlim(), display.ax_.get_ylim()
    x, y = result.history["x"].T
    assert left < x.min() <= x.max() < right
    assert bottom < y.min() <= y.max() < top


def test_bounds_choose_the_view(result):
    display = OptimizationPathDisplay.from_result(result, beale, bounds=((0, 4), (-1, 2)))
    assert display.ax_.get_xlim() == (0, 4)
    assert display.ax_.get_ylim() == (-1, 2)


def test_a_path_that_does_not_move_is_drawn():
    display = OptimizationPathDisplay([[1.0, 1.0]], rosenbrock).plot(minimum=(1, 1))
    assert display.ax_.get_xlim()[0] < 1 < display.ax_.get_xlim()[1]


def test_a_function_that_returns_its_value_alone_is_taken(result):
    OptimizationPathDisplay.from_result(result, lambda x: float(x @ x))


def test_a_result_without_history_says_how_to_get_one():
    with pytest.raises(ValueError, match="return_history=True"):
        OptimizationPathDisplay.from_result(minimize(beale, [1.0, 1.0], max_iter=1), beale)


def test_a_path_of_three_parameters_is_refused():
    with pytest.raises(ValueError, match=r"needs two parameters; got an array of shape \(4, 3\)"):
        OptimizationPathDisplay(np.zeros((4, 3)), beale).plot()
