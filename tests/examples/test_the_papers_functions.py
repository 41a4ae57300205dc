"""The pages on Beale's and Rosenbrock's function say what happened there."""

from itertools import takewhile

import numpy as np
import pytest

pytestmark = pytest.mark.long

OTHERS = ("momentum", "Nesterov", "Adam")


def beale_gradient(point):
    x, y = point
    factors = (1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3)
    by_x = sum(2 * f * (y**k - 1) for k, f in enumerate(factors, 1))
    by_y = sum(2 * f * k * x * y ** (k - 1) for k, f in enumerate(factors, 1))
    return np.array([by_x, by_y])


def beale_value(point):
    x, y = point
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def rosenbrock_value(point):
    x, y = point
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def rosenbrock_gradient(point):
    x, y = point
    return np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])


def values_by_the_papers_equations(value, gradient, start, method, rate, alpha, n_updates):
    """Return the value at each point of the paper's rule on a textbook optimizer."""
    w, rates, last = np.array(start), np.full(2, rate), np.zeros(2)
    velocity, first, second = np.zeros(2), np.zeros(2), np.zeros(2)
    found = [value(w)]
    for t in range(1, n_updates + 1):
        g = gradient(w)
        velocity = 0.9 * velocity + g
        first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
        adam = first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        directions = {
            "gradient descent": g,
            "momentum": velocity,
            "Nesterov": g + 0.9 * velocity,
            "Adam": adam,
        }
        rates = rates + alpha * g * last
        last = directions[method]
        w = w - rates * last
        found.append(value(w))
    return np.array(found)


def updates_until_it_stays_below(values, target):
    return len(values) - sum(1 for _ in takewhile(lambda value: value < target, values[::-1]))


def is_inside(scores, unchanged):
    """Say if no grid edge could hide a better point: the best is inside, or where α no longer does anything."""
    best = int(np.argmin(scores))
    return 0 < best < len(scores) - 1 or (best == 0 and abs(scores[0] / unchanged - 1) < 0.01)


@pytest.fixture
def paths(example):
    return example("plot_beale_paths")


@pytest.fixture
def losses(example):
    return example("plot_beale_loss")


@pytest.fixture
def rosenbrock(example):
    return example("plot_rosenbrock_loss")


def test_the_counts_of_updates_are_those_of_the_papers_equations(paths):
    for name, result in paths["results"].items():
        for side, alpha in (("fixed", 0.0), ("adapted", result["alpha"])):
            values = values_by_the_papers_equations(
                beale_value, beale_gradient, [1.0, 1.0], name, result["rate"], alpha, 1000
            )
            expected = updates_until_it_stays_below(values, 1e-6)
            # Rounding moves an oscillation that ends near the target by an update.
            assert abs(paths["updates_to_target"](result[side]) - expected) <= 1, (name, side)


def test_on_beale_the_rule_saves_updates_of_gradient_descent_only(paths):
    counts = {
        name: [updates_until_it_stays_below(result[side].history["fun"], 1e-6) for side in ("fixed", "adapted")]
        for name, result in paths["results"].items()
    }
    fixed, adapted = counts["gradient descent"]
    assert adapted < fixed / 2
    for name in OTHERS:
        fixed, adapted = counts[name]
        assert abs(adapted - fixed) <= 1, name


def test_on_beale_most_step_sizes_help_gradient_descent_and_hardly_any_the_others(paths):
    wins = {name: result["wins"] / len(paths["alphas"]) for name, result in paths["results"].items()}
    assert wins["gradient descent"] > 0.5
    assert all(wins[name] < 0.15 for name in OTHERS)


def test_on_beale_the_best_rates_and_step_sizes_are_inside_their_grids(paths):
    for name, result in paths["results"].items():
        assert paths["rates"][0] < result["rate"] < paths["rates"][-1], name
        assert paths["alphas"][0] < result["alpha"] < paths["alphas"][-1], name


def test_on_beale_a_rate_of_gradient_descent_turns_negative_and_those_of_others_hardly_move(paths):
    for name, result in paths["results"].items():
        used = result["adapted"].history["learning_rate"]
        if name == "gradient descent":
            assert used[:, 1].min() < 0 < used[:, 0].min()
        else:
            assert np.abs(used / result["rate"] - 1).max() < 0.2, name


def test_the_loss_curves_on_beale_are_those_of_the_papers_equations(losses):
    for (name, _), run in losses["curves"].items():
        for side, alpha in (("fixed", 0.0), ("adapted", run["alpha"])):
            values = values_by_the_papers_equations(
                beale_value, beale_gradient, [1.0, 1.0], name, run["rate"], alpha, 250
            )
            # Values below 1e-10 of a chaotic oscillation keep few digits.
            np.testing.assert_allclose(run[side], values, rtol=1e-2, atol=1e-11, err_msg=f"{name} {side}")


def test_the_loss_on_beale_is_lower_by_as_much_as_the_page_says(losses):
    largest = {key: [run[side][-25:].max() for side in ("fixed", "adapted")] for key, run in losses["curves"].items()}
    fixed, adapted = largest["gradient descent", 1]
    assert adapted < fixed / 1000
    for name in OTHERS:
        fixed, adapted = largest[name, 1]
        assert 0.8 < adapted / fixed < 1.1, name
    for name in losses["METHODS"]:
        fixed, adapted = largest[name, 1 / 30]
        assert largest[name, 1][0] < adapted < fixed / 100, name


def test_the_grids_of_the_loss_on_beale_reach_beyond_their_best_points(losses):
    for (name, factor), run in losses["curves"].items():
        assert losses["rates"][0] < run["rate"] / factor < losses["rates"][-1], name
        with np.errstate(all="ignore"):
            scores = [
                losses["values"](losses["METHODS"][name], run["rate"], alpha)[-25:].max() for alpha in losses["alphas"]
            ]
        assert is_inside(scores, run["fixed"][-25:].max()), (name, factor)


def test_the_curves_on_rosenbrock_are_those_of_the_papers_equations(rosenbrock):
    for (name, _), run in rosenbrock["results"].items():
        alpha = rosenbrock["alphas"][np.argmin(run["scores"])]
        for side, used in (("fixed", 0.0), ("adapted", alpha)):
            values = values_by_the_papers_equations(
                rosenbrock_value, rosenbrock_gradient, [-1.2, 1.0], name, run["rate"], used, 1000
            )
            # Rounding grows along the valley: digits are lost where the value is small.
            np.testing.assert_allclose(run[side], values, rtol=1e-2, atol=1e-9, err_msg=f"{name} {side}")


def test_on_rosenbrock_no_step_size_helps_at_the_best_rate_but_momentum_by_a_fraction(rosenbrock):
    for name in rosenbrock["METHODS"]:
        run = rosenbrock["results"][name, 1]
        gain = run["scores"].min() / run["fixed"][-25:].max()
        assert gain > (0.66 if name == "momentum" else 0.99), name


def test_on_rosenbrock_the_rule_helps_every_method_from_a_rate_that_is_too_small(rosenbrock):
    ends = {key: (run["fixed"][-25:].max(), run["adapted"][-25:].max()) for key, run in rosenbrock["results"].items()}
    for name in rosenbrock["METHODS"]:
        fixed, adapted = ends[name, 1 / 30]
        assert adapted < fixed / 2, name
        assert (adapted < ends[name, 1][0]) == (name == "Nesterov"), name


def test_on_rosenbrock_the_best_step_sizes_differ_by_more_than_ten_thousand(rosenbrock):
    best = [
        rosenbrock["alphas"][np.argmin(rosenbrock["results"][name, 1 / 30]["scores"])]
        for name in rosenbrock["METHODS"]
    ]
    assert max(best) / min(best) > 1e4


def test_the_grids_on_rosenbrock_reach_beyond_their_best_points(rosenbrock):
    for (name, factor), run in rosenbrock["results"].items():
        assert rosenbrock["rates"][0] < run["rate"] / factor < rosenbrock["rates"][-1], name
        assert is_inside(run["scores"], run["fixed"][-25:].max()), (name, factor)


def test_on_rosenbrock_a_few_times_the_best_step_size_diverges(rosenbrock):
    for name in rosenbrock["METHODS"]:
        scores = rosenbrock["results"][name, 1 / 30]["scores"]
        step = np.log10(rosenbrock["alphas"][1] / rosenbrock["alphas"][0])
        beyond = np.argmin(scores) + int(np.ceil(1 / step))
        assert np.isinf(scores[beyond:]).all(), name
