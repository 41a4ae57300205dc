import numpy as np
import pytest

from sk_adalr.penalty.search import Ending, Visits, by_slopes, by_values

SEARCHES = {"slopes": by_slopes, "values": by_values}
searches = pytest.mark.parametrize("search", SEARCHES.values(), ids=list(SEARCHES))


def valley(minimum, curvature=0.02, bottom=0.3):
    """Return a curve that flattens on both sides, as those of held-out rows do."""

    def curve(t):
        x = t - minimum
        return bottom + curvature * x**2 / (1 + abs(x) / 5), curvature * x * (2 + abs(x) / 5) / (1 + abs(x) / 5) ** 2

    return curve


def visits(curve, low=-14.0, high=14.0):
    return Visits(curve, low, high, unit=0.7)


@searches
@pytest.mark.parametrize("minimum", [-9.0, -2.5, 0.0, 0.3, 4.0, 11.0])
def test_the_minimum_is_found_up_to_what_does_not_matter(search, minimum):
    found = search(visits(valley(minimum)), 0.0)
    assert found.best[1] <= 0.3 + (1e-4 if search is by_slopes else 5e-3)
    assert found.ending() is Ending.INSIDE


@pytest.mark.parametrize("minimum", [-6.0, -2.5, 0.0, 4.0])
def test_slopes_take_seven_visits_at_most(minimum):
    assert len(by_slopes(visits(valley(minimum)), 0.0).points) <= 7


@searches
@pytest.mark.parametrize("minimum", [-50.0, 50.0])
def test_a_minimum_beyond_the_bounds_is_at_the_bound(search, minimum):
    found = search(visits(valley(minimum)), 0.0)
    assert abs(found.best[0]) == 14.0
    assert found.ending() is Ending.AT_THE_BOUND


@searches
def test_a_flat_curve_is_called_flat(search):
    assert search(visits(valley(0.0, curvature=1e-6)), 0.0).ending() is Ending.FLAT


@searches
def test_the_curve_is_told_as_it_was_visited(search):
    curve = valley(3.0)
    found = search(visits(curve), 0.0)
    assert found.points[0][0] == 0.0
    assert [point[1:] for point in found.points] == [curve(point[0]) for point in found.points]


@searches
def test_a_wild_curve_ends_all_the_same(search):
    def wild(t):
        return 1 + np.sin(40 * t), 40 * np.cos(40 * t)

    found = search(visits(wild), 0.0)
    assert len(found.points) <= 12
    assert found.best[1] == min(point[1] for point in found.points)
