import tracemalloc

import numpy as np
import pytest
from oracles import plain_adam, plain_momentum, plain_nesterov, plain_sgd
from scipy.optimize import OptimizeResult

from sk_adalr import minimize
from sk_adalr.directions import DIRECTIONS, Momentum
from sk_adalr.learning_rates import GRANULARITIES, LEARNING_RATES, Global, Hypergradient
from sk_adalr.objectives.test_functions import beale, ill_conditioned_quadratic, rosenbrock

granularities = pytest.mark.parametrize("granularity", GRANULARITIES)
PLAIN = {"sgd": plain_sgd, "momentum": plain_momentum, "nesterov": plain_nesterov, "adam": plain_adam}
methods = pytest.mark.parametrize("method", PLAIN)  # those with an oracle
X0 = [1.0, -2.0]


def parabola(x):
    return float(x @ x), 2 * x


# What the source runs


@granularities
@methods
def test_beale_converges_from_one_one(method, granularity):
    result = minimize(
        beale,
        [1.0, 1.0],
        method=method,
        granularity=granularity,
        learning_rate_init=0.05 if method == "adam" else 0.005,
        hyper_learning_rate=1e-5,
        max_iter=20_000,
        tol=1e-8,
    )
    assert result.success, result.message
    # The smallest curvature at the minimum is about 0.3: a gradient of 1e-8 is within 1e-7 of it.
    np.testing.assert_allclose(result.x, [3.0, 0.5], atol=1e-7)


@methods
def test_rosenbrock_converges(method):
    result = minimize(
        rosenbrock,
        [-0.5, 0.5],
        method=method,
        learning_rate_init=0.02 if method == "adam" else 1e-3 if method == "sgd" else 2e-4,
        hyper_learning_rate=0.0,
        max_iter=60_000,
        tol=1e-5,
    )
    assert result.success, result.message
    np.testing.assert_allclose(result.x, [1.0, 1.0], atol=1e-4)  # curvature .4 along the valley, gradient 1e-5


def test_adapted_rates_take_fewer_updates_on_beale_than_the_constant_one():
    def updates(learning_rate):
        return minimize(
            beale,
            [1.0, 1.0],
            method="sgd",
            learning_rate=learning_rate,
            learning_rate_init=1e-3,
            hyper_learning_rate=1e-5,
            max_iter=50_000,
            tol=1e-3,
        ).nit

    assert updates("hypergradient") < updates("constant")


# The first updates


@methods
def test_the_first_update_uses_the_initial_rate_as_given(method):
    result = minimize(parabola, X0, method=method, learning_rate_init=0.1, hyper_learning_rate=1e3, max_iter=1, tol=0)
    expected = PLAIN[method](lambda w: 2 * w, X0, 0.1, 1)
    np.testing.assert_allclose(result.x, expected, rtol=1e-15)


@methods
def test_a_constant_rate_is_the_plain_optimizer(method):
    result = minimize(
        beale, [1.0, 1.0], method=method, learning_rate="constant", learning_rate_init=0.01, max_iter=30, tol=0
    )
    expected = PLAIN[method](lambda w: beale(w)[1], [1.0, 1.0], 0.01, 30)
    np.testing.assert_allclose(result.x, expected, rtol=1e-11)  # rounding in another order


def test_layer_is_global_for_a_plain_vector():
    runs = [minimize(beale, [1.0, 1.0], granularity=name, max_iter=50, tol=0).x for name in ("layer", "global")]
    np.testing.assert_allclose(*runs, rtol=1e-13)


def test_method_and_learning_rate_may_be_objects():
    by_name = minimize(
        beale, [1, 1], method="momentum", momentum=0.7, granularity="global", learning_rate_init=0.01, max_iter=20
    )
    rule = Hypergradient(0.01, granularity=Global())
    by_object = minimize(beale, [1, 1], method=Momentum(0.7), learning_rate=rule, max_iter=20)
    np.testing.assert_array_equal(by_name.x, by_object.x)


# Value and gradient in either form


def test_jac_true_and_a_callable_jac_make_the_same_run():
    together = minimize(beale, [1.0, 1.0], max_iter=40, tol=0)
    apart = minimize(lambda x: beale(x)[0], [1.0, 1.0], jac=lambda x: beale(x)[1], max_iter=40, tol=0)
    np.testing.assert_array_equal(together.x, apart.x)
    assert together.fun == apart.fun


def test_args_reach_function_and_gradient():
    result = minimize(
        lambda x, a, b: a * float(x @ x) + b,
        X0,
        args=(3.0, 5.0),
        jac=lambda x, a, b: 2 * a * x,
        method="sgd",
        learning_rate_init=0.1,
    )
    assert result.success
    assert result.fun == pytest.approx(5.0, abs=1e-12)  # the gradient is below 1e-6


def test_args_reach_a_function_that_returns_both():
    result = minimize(ill_conditioned_quadratic, X0, args=(1.0,), method="sgd", learning_rate_init=1.0, max_iter=1)
    np.testing.assert_allclose(result.x, 0, atol=1e-12)  # with condition 1, one step of rate 1 is the minimum


def test_a_gradient_as_a_list_is_taken():
    result = minimize(lambda x: (float(x @ x), (2 * x).tolist()), X0, method="sgd", learning_rate_init=0.1)
    assert result.success


def test_a_function_may_change_or_keep_its_argument():
    seen = []

    def fun(x):
        value = parabola(x.copy())
        seen.append(x)
        x[:] = np.nan
        return value

    result = minimize(fun, X0, method="sgd", learning_rate_init=0.1, max_iter=10, tol=0)
    expected = minimize(parabola, X0, method="sgd", learning_rate_init=0.1, max_iter=10, tol=0)
    np.testing.assert_array_equal(result.x, expected.x)
    assert len({id(x) for x in seen}) == len(seen)


def test_the_start_is_left_as_it_was():
    start = np.array(X0)
    minimize(parabola, start, max_iter=5)
    np.testing.assert_array_equal(start, X0)


# The result


def test_the_result_is_scipy_s():
    result = minimize(parabola, X0, max_iter=3)
    assert isinstance(result, OptimizeResult)
    assert {"x", "fun", "jac", "nit", "nfev", "njev", "success", "status", "message"} <= set(result)
    assert "history" not in result


@pytest.mark.parametrize("tol", [0, 1e-6, 1e-2])
@pytest.mark.parametrize("max_iter", [0, 1, 7, 400])
@methods
def test_value_and_gradient_of_the_result_are_those_of_its_point(method, max_iter, tol):
    result = minimize(parabola, X0, method=method, learning_rate_init=0.05, max_iter=max_iter, tol=tol)
    assert result.fun == parabola(result.x)[0]
    np.testing.assert_array_equal(result.jac, parabola(result.x)[1])


@pytest.mark.parametrize("max_iter", [0, 1, 7])
def test_max_iter_counts_updates(max_iter):
    result = minimize(parabola, X0, method="sgd", learning_rate="constant", max_iter=max_iter, tol=0)
    assert result.nit == max_iter
    np.testing.assert_allclose(result.x, np.array(X0) * (1 - 2e-3) ** max_iter, rtol=1e-13)


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("max_iter", [0, 1, 7, 10_000])
def test_evaluations_are_counted(max_iter, separate):
    counts = {"fun": 0, "jac": 0}

    def value(x):
        counts["fun"] += 1
        return float(x @ x)

    def grad(x):
        counts["jac"] += 1
        return 2 * x

    fun, jac = (value, grad) if separate else (lambda x: (value(x), grad(x)), True)
    result = minimize(fun, X0, jac=jac, method="sgd", learning_rate_init=0.1, max_iter=max_iter)
    assert (result.nfev, result.njev) == (counts["fun"], counts["jac"])
    assert result.nfev == result.nit + 1, "one evaluation per update, and one of the last point"


def test_zero_tol_disables_stopping():
    result = minimize(parabola, [0.0, 0.0], method="sgd", max_iter=50, tol=0)
    assert (result.nit, result.success, result.status) == (50, False, 1)


def test_a_start_at_the_minimum_needs_no_update():
    result = minimize(parabola, [0.0, 0.0])
    assert (result.nit, result.success, result.status) == (0, True, 0)


@pytest.mark.parametrize("tol", [1e-1, 1e-4])
def test_a_run_stops_at_the_first_point_whose_gradient_is_within_tol(tol):
    result = minimize(parabola, X0, method="sgd", learning_rate_init=0.1, tol=tol, return_history=True)
    largest = np.abs(2 * result.history["x"]).max(axis=1)
    assert result.success
    assert (largest[:-1] > tol).all()
    assert largest[-1] <= tol


def test_reaching_max_iter_is_no_success_and_says_so():
    result = minimize(parabola, X0, max_iter=2)
    assert (result.success, result.status) == (False, 1)
    assert "max_iter" in result.message


def test_convergence_says_so():
    assert "tol" in minimize(parabola, [0.0, 0.0]).message


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_divergence_is_no_success_and_says_what_to_lower():
    result = minimize(lambda x: (float(x @ x), 2 * x), X0, method="sgd", learning_rate_init=1e3, max_iter=1000)
    assert (result.success, result.status) == (False, 2)
    assert "learning_rate_init" in result.message


def test_a_non_finite_value_ends_the_run():
    result = minimize(lambda x: (np.nan, 2 * x), X0)
    assert (result.success, result.status, result.nit) == (False, 2, 0)
    np.testing.assert_array_equal(result.x, X0)


# History


@pytest.mark.parametrize("granularity", ["parameter", "global"])
@pytest.mark.parametrize("max_iter", [0, 1, 9])
def test_history_has_a_point_more_than_updates(max_iter, granularity):
    result = minimize(parabola, X0, granularity=granularity, max_iter=max_iter, tol=0, return_history=True)
    n_rates = 2 if granularity == "parameter" else 1
    shapes = {name: values.shape for name, values in result.history.items()}
    assert shapes["x"] == (max_iter + 1, 2)
    assert shapes["fun"] == (max_iter + 1,)
    assert shapes["learning_rate"] == (max_iter, n_rates)


def test_history_runs_from_the_start_to_the_result():
    result = minimize(beale, [1.0, 1.0], max_iter=9, tol=0, return_history=True)
    np.testing.assert_array_equal(result.history["x"][0], [1.0, 1.0])
    np.testing.assert_array_equal(result.history["x"][-1], result.x)
    np.testing.assert_array_equal(result.history["fun"], [beale(x)[0] for x in result.history["x"]])


def test_each_rate_of_the_history_led_from_its_point_to_the_next():
    history = minimize(
        beale, [1.0, 1.0], method="sgd", learning_rate_init=0.01, max_iter=9, tol=0, return_history=True
    ).history
    grads = np.array([beale(x)[1] for x in history["x"][:-1]])
    np.testing.assert_allclose(history["x"][1:], history["x"][:-1] - history["learning_rate"] * grads, rtol=1e-14)


def test_history_of_a_run_that_a_callback_ends_is_complete():
    result = minimize(beale, [1.0, 1.0], callback=lambda intermediate_result: True, return_history=True)
    assert [len(result.history[name]) for name in ("x", "fun", "learning_rate")] == [2, 2, 1]


# Callback


def test_the_callback_sees_every_update():
    seen = []

    def callback(intermediate_result):
        seen.append(intermediate_result)

    result = minimize(beale, [1.0, 1.0], max_iter=5, tol=0, callback=callback, return_history=True)
    np.testing.assert_array_equal([r.x for r in seen], result.history["x"][1:])
    np.testing.assert_array_equal([r.learning_rate for r in seen], result.history["learning_rate"])


def test_what_a_callback_is_given_is_its_own():
    def callback(intermediate_result):
        intermediate_result.x[:] = np.nan
        intermediate_result.learning_rate[:] = np.nan

    spoiled = minimize(beale, [1.0, 1.0], max_iter=5, tol=0, callback=callback)
    np.testing.assert_array_equal(spoiled.x, minimize(beale, [1.0, 1.0], max_iter=5, tol=0).x)


def stop_by_return(intermediate_result):
    return True


def stop_by_exception(intermediate_result):
    raise StopIteration


@pytest.mark.parametrize("callback", [stop_by_return, stop_by_exception])
def test_a_callback_ends_the_run(callback):
    result = minimize(parabola, X0, callback=callback)
    assert (result.nit, result.status, result.success) == (1, 3, False)
    assert result.fun == parabola(result.x)[0]


def test_an_error_in_the_callback_is_not_hidden():
    def callback(intermediate_result):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        minimize(parabola, X0, callback=callback)


# dtypes


def test_float32_is_kept():
    seen = set()

    def fun(x):
        seen.add(x.dtype)
        return parabola(x)

    result = minimize(fun, np.array(X0, dtype=np.float32), max_iter=5, tol=0, return_history=True)
    dtypes = {result.x.dtype, result.jac.dtype, result.history["x"].dtype, result.history["learning_rate"].dtype}
    assert dtypes | seen == {np.dtype(np.float32)}


@pytest.mark.parametrize("x0", [[1, -2], np.array([1, -2], dtype=np.int8), np.array([1, -2], dtype=np.float16)])
def test_other_numbers_are_taken_as_float64(x0):
    assert minimize(parabola, x0, max_iter=1).x.dtype == np.float64


# Errors


@pytest.mark.parametrize("fun", [lambda x: x @ x, lambda x: x, lambda x: None], ids=["value", "vector", "nothing"])
def test_a_function_without_gradient_is_told_how_to_give_one(fun):
    with pytest.raises(TypeError, match=r"`fun` must return the value and the gradient.*`jac`"):
        minimize(fun, [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"fun": 3}, TypeError, "`fun` must be callable; got 3"),
        ({"jac": None}, TypeError, "`jac` must be True"),
        ({"jac": False}, TypeError, "`jac` must be True"),
        ({"jac": "2-point"}, TypeError, "`jac` must be True.*got '2-point'"),
        ({"x0": [[1.0, 2.0]]}, ValueError, r"`x0` must be one-dimensional; got shape \(1, 2\)"),
        ({"x0": [np.nan, 1.0]}, ValueError, "`x0` must be finite"),
        ({"x0": [np.inf, 1.0]}, ValueError, "`x0` must be finite"),
        ({"x0": [1j, 1.0]}, (ValueError, TypeError), "x0"),
        ({"x0": ["a", "b"]}, (ValueError, TypeError), "x0|could not convert string"),
        ({"method": "exact"}, ValueError, "`method='exact'` needs a linear model"),
        ({"method": "BFGS"}, ValueError, "`method` must be one of 'sgd'.*got 'BFGS'"),
        ({"method": "lbfgs"}, ValueError, "`method` must be one of 'sgd'.*got 'lbfgs'"),
        ({"method": None}, TypeError, "`method`"),
        ({"learning_rate": "adaptive"}, ValueError, "use 'hypergradient'"),
        ({"learning_rate": 0.1}, TypeError, "`learning_rate`"),
        ({"granularity": "weights"}, ValueError, "`granularity` must be one of 'parameter', 'layer', 'global'"),
        ({"learning_rate_init": 0}, ValueError, "`learning_rate_init`.*got 0"),
        ({"learning_rate_init": "auto"}, TypeError, "`learning_rate_init`.*got 'auto'"),
        ({"hyper_learning_rate": -1.0}, ValueError, "`hyper_learning_rate`.*got -1"),
        ({"momentum": 1.0, "method": "momentum"}, ValueError, "`momentum`.*got 1.0"),
        ({"max_iter": -1}, ValueError, "`max_iter`.*got -1"),
        ({"max_iter": 2.5}, TypeError, "`max_iter`.*got 2.5"),
        ({"max_iter": "many"}, TypeError, "`max_iter`"),
        ({"tol": -1.0}, ValueError, "`tol`.*got -1"),
        ({"tol": np.nan}, ValueError, "`tol`"),
        ({"tol": None}, TypeError, "`tol`"),
        ({"callback": 3}, TypeError, "`callback`"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_bad_argument_is_refused_by_its_name(arguments, error, message):
    with pytest.raises(error, match=message):
        minimize(**{"fun": parabola, "x0": X0, **arguments})


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"shape of `x0`, \(2,\); got \(3,\)"):
        minimize(lambda x: (0.0, np.zeros(3)), X0)


def test_an_error_in_the_function_is_not_hidden():
    def fun(x):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        minimize(fun, X0)


def test_a_number_is_a_vector_and_an_argument_needs_no_tuple():
    """As in scipy.optimize.minimize."""

    def function(x, center):
        return float((x - center) @ (x - center)), 2 * (x - center)

    options = {"method": "sgd", "learning_rate": "constant", "learning_rate_init": 0.25}
    result = minimize(function, 0.0, args=3.0, jac=True, **options)
    expected = minimize(function, [0.0], args=(3.0,), jac=True, **options)
    np.testing.assert_array_equal(result.x, expected.x)
    assert result.x == pytest.approx([3.0], abs=1e-3)
    apart = minimize(lambda x, center: (x - center) ** 2, 0.0, args=3.0, jac=lambda x, c: 2 * (x - c), **options)
    np.testing.assert_array_equal(apart.x, result.x)
    number = minimize(lambda x: (x.item() - 3) ** 2, 0.0, jac=lambda x: 2 * (x.item() - 3), **options)
    np.testing.assert_array_equal(number.x, result.x)


@pytest.mark.parametrize("method", DIRECTIONS)
def test_a_gradient_that_is_written_into_one_array_makes_the_same_run(method):
    buffer = np.empty(2)

    def in_place(x):
        buffer[...] = 2 * x
        return float(x @ x), buffer

    kept = minimize(in_place, [1.0, -2.0], method=method, max_iter=20)
    new = minimize(lambda x: (float(x @ x), 2 * x), [1.0, -2.0], method=method, max_iter=20)
    buffer[...] = np.nan
    np.testing.assert_array_equal(kept.x, new.x)
    np.testing.assert_array_equal(kept.jac, new.jac)


@pytest.mark.parametrize("learning_rate", LEARNING_RATES)
@pytest.mark.parametrize("method", DIRECTIONS)
def test_the_user_s_gradient_is_left_alone(method, learning_rate):
    given = []

    def fun(x):
        given.append((2 * x, 2 * x))
        return float(x @ x), given[-1][0]

    minimize(fun, [1.0, -2.0], method=method, learning_rate=learning_rate, max_iter=5)
    assert all(np.array_equal(*pair) for pair in given)


def test_a_run_holds_six_vectors():
    # Point, direction, both moments, rates, and the copy that the function sees; the gradient is the user's.
    n, buffer = 400_000, np.empty(400_000)

    def fun(x):
        np.multiply(x, 2, out=buffer)
        return float(x @ x), buffer

    x0 = np.ones(n)
    tracemalloc.start()
    minimize(fun, x0, max_iter=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6.2 * x0.nbytes
