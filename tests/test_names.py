import math

import numpy as np
import pytest

from sk_adalr.directions import DIRECTIONS, SGD, Adam, Momentum, Nesterov
from sk_adalr.learning_rates import GRANULARITIES, LEARNING_RATES, Constant, Global, Hypergradient, PerLayer
from sk_adalr.names import check_choice, check_number, default_rate, make_direction, make_learning_rate

SETTINGS = {"momentum": 0.7, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-6}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sgd", SGD()),
        ("momentum", Momentum(0.7)),
        ("nesterov", Nesterov(0.7)),
        ("adam", Adam(0.8, 0.95, 1e-6)),
    ],
)
def test_a_direction_is_made_with_its_settings(name, expected):
    assert make_direction(name, "solver", **SETTINGS) == expected


@pytest.mark.parametrize("name", DIRECTIONS)
def test_every_direction_of_the_table_can_be_named(name):
    assert type(make_direction(name, "solver", **SETTINGS)) is DIRECTIONS[name]


def test_a_direction_object_is_taken_as_it_is():
    mine = Momentum(0.1)
    assert make_direction(mine, "solver", **SETTINGS) is mine


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("name", LEARNING_RATES)
def test_every_learning_rate_of_the_table_can_be_named(name, granularity):
    assert type(make_learning_rate(name, granularity, 0.1, 0.2)) is LEARNING_RATES[name]


def test_a_learning_rate_is_made_with_its_settings():
    assert make_learning_rate("hypergradient", "layer", 0.1, 0.2) == Hypergradient(0.1, 0.2, PerLayer())


def test_a_learning_rate_object_is_taken_as_it_is():
    mine = Hypergradient(0.1, 0.2, Global())
    assert make_learning_rate(mine, "parameter", 1.0, 1.0) is mine


@pytest.mark.parametrize("number", [0.1, 1, np.float32(0.5)])
def test_a_number_as_learning_rate_is_refused_with_where_it_belongs(number):
    with pytest.raises(TypeError, match=r"learning_rate='constant', learning_rate_init="):
        make_learning_rate(number, "parameter", 0.1, 0.2, others=("auto",))


def test_a_constant_rate_has_no_hyper_learning_rate():
    assert make_learning_rate("constant", "parameter", 0.1, 0.2) == Constant(0.1)


@pytest.mark.parametrize("value", ["lbfgs", "newton-cg", "newton-cholesky", "liblinear", "sag", "saga"])
def test_a_solver_of_scikit_learn_is_refused_with_what_to_use_instead(value):
    with pytest.raises(ValueError, match=f"`solver` must be one of .*; got '{value}'. Instead of '{value}', use '"):
        make_direction(value, "solver", others=("auto",), **SETTINGS)


@pytest.mark.parametrize("value", ["invscaling", "adaptive", "optimal"])
@pytest.mark.parametrize(("others", "instead"), [((), "hypergradient"), (("auto",), "auto")])
def test_a_schedule_of_scikit_learn_is_refused_with_what_to_use_instead(value, others, instead):
    with pytest.raises(ValueError, match=f"got '{value}'. Instead of '{value}', use '{instead}'"):
        make_learning_rate(value, "parameter", 0.1, 0.1, others=others)


def test_what_is_refused_itself_is_not_what_to_use_instead():
    with pytest.raises(ValueError, match=r"got 'lbfgs'\.$"):
        make_direction("lbfgs", "method", **SETTINGS)


def test_the_message_lists_what_the_caller_takes_besides():
    with pytest.raises(ValueError, match=r"`solver` must be one of 'auto', 'exact', 'sgd', 'momentum', .*got 'Adam'"):
        make_direction("Adam", "solver", others=("auto", "exact"), **SETTINGS)


def test_an_unknown_choice_is_refused_with_all_that_are_known():
    with pytest.raises(ValueError, match="`granularity` must be one of 'parameter', 'layer', 'global'; got 'weights'"):
        check_choice("granularity", "weights", GRANULARITIES)


@pytest.mark.parametrize("value", [None, 1, ["sgd"], np.array(["sgd", "adam"]), SGD])
def test_a_choice_that_is_no_string_is_a_type_error(value):
    with pytest.raises(TypeError, match="`solver` must be one of"):
        make_direction(value, "solver", **SETTINGS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("momentum", 1.0),
        ("momentum", -0.1),
        ("momentum", math.nan),
        ("beta_1", 1.0),
        ("beta_2", 1.5),
        ("epsilon", 0.0),
        ("epsilon", math.inf),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_range(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be a number .*; got {value!r}"):
        make_direction("adam", "solver", **{**SETTINGS, name: value})


@pytest.mark.parametrize("value", ["0.1", None, [0.1], True, 1j, np.array([0.1])])
def test_a_number_of_another_type_is_a_type_error(value):
    with pytest.raises(TypeError, match="`tol` must be a number at least 0 and finite; got "):
        check_number("tol", value, 0)


@pytest.mark.parametrize("value", [1.0, "3", np.float64(3)])
def test_an_integer_of_another_type_is_a_type_error(value):
    with pytest.raises(TypeError, match="`max_iter` must be an integer at least 1; got "):
        check_number("max_iter", value, 1, integer=True)


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.float64(0.5), 0])
def test_any_real_number_is_a_number(value):
    check_number("tol", value, 0)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_any_integer_is_an_integer(value):
    check_number("max_iter", value, 1, integer=True)


@pytest.mark.parametrize(
    ("value", "strict", "accepted"), [(0.0, False, True), (0.0, True, False), (1.0, False, False), (0.5, True, True)]
)
def test_bounds_are_closed_below_unless_strict_and_open_above(value, strict, accepted):
    if accepted:
        check_number("x", value, 0, 1, strict=strict)
    else:
        with pytest.raises(ValueError, match="`x` must be"):
            check_number("x", value, 0, 1, strict=strict)


@pytest.mark.parametrize("direction", [cls() for cls in DIRECTIONS.values()])
@pytest.mark.parametrize("linear", [True, False])
def test_every_direction_has_a_default_rate(direction, linear):
    assert 0 < default_rate(direction, linear=linear) < 1
