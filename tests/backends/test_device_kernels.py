"""The kernels of the device, compiled for the CPU: the same C expressions equal NumPy's passes bit by bit.

Of a device, only the tests marked `gpu` can tell. It contracts products and sums, and has its own exp and log.
"""

from functools import partial
from subprocess import CalledProcessError

import fake_cupy
import numpy as np
import pytest
from elementwise_on_host import ElementwiseKernel, compiled_preamble
from kernel_cases import CASES, FREE, SIZES, copies, gather_standardized, kernel, kernel_name, matrix
from scipy import sparse
from scipy.special import expit

from sk_adalr.backends import kernels, namespace, to_device
from sk_adalr.backends.kernels.device import DEVICE, MAX_CLASSES_PER_THREAD
from sk_adalr.backends.kernels.device.elementwise import LOGISTIC, SOURCES, _built
from sk_adalr.backends.kernels.reference import REFERENCE
from sk_adalr.directions import DIRECTIONS
from sk_adalr.learning_rates import GRANULARITIES, Constant, Hypergradient
from sk_adalr.optimizer import Optimizer
from sk_adalr.parameters import ParameterLayout

pytestmark = pytest.mark.usefixtures("compiled_cupy")

OWN = [case for case in CASES if kernel(DEVICE, case) is not kernel(REFERENCE, case)]
cases = pytest.mark.parametrize("case", OWN, ids=lambda case: case.__name__)
sizes = pytest.mark.parametrize("size", SIZES)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def moved(arguments):
    return [to_device(a) if isinstance(a, np.ndarray) or sparse.issparse(a) else a for a in arguments]


def assert_equals_numpy(case, arguments):
    on_host, on_device = copies(arguments), moved(arguments)
    with np.errstate(all="ignore"):
        expected = kernel(REFERENCE, case)(*on_host)
        with fake_cupy.reads.forbid():
            actual = kernel(DEVICE, case)(*on_device)
    np.testing.assert_equal(actual if actual is None else actual.get(), expected)
    for position, (host, device) in enumerate(zip(on_host, on_device, strict=True)):
        if isinstance(host, np.ndarray) and position not in FREE.get(kernel_name(case), set()):
            np.testing.assert_array_equal(device.get(), host)
            assert device.dtype == host.dtype


def test_arrays_of_a_device_get_its_kernels(cupy):
    assert kernels(cupy.asarray(np.zeros(3))) is DEVICE
    assert kernels(np.zeros(3)) is REFERENCE


def test_every_source_is_launched_by_the_table_and_once(cupy):
    """By each step in both its ways, and by each kernel of its own."""
    with fake_cupy.launches.recorded() as launches:
        for case in {kernel_name(case): case for case in OWN}.values():
            kernel(DEVICE, case)(*moved(case(7, np.float64)[0]))
        for name in DEVICE.step:
            for rates, adapts in ((1, False), (7, True)):
                optimizer = Optimizer(DIRECTIONS[name](), Constant(), ParameterLayout.vector(7))
                state = optimizer.init(cupy.asarray(np.zeros(7)))
                operands = optimizer.direction.operands(state.direction_state, 1)
                vector, rate = (cupy.asarray(np.zeros(n)) for n in (7, rates))
                DEVICE.step[name](vector, vector, vector, rate, 0.1, adapts, *operands)
    own = [name.removeprefix("sk_adalr_") for name in launches if name.startswith("sk_adalr_")]
    assert sorted(own) == sorted(SOURCES)


def test_a_kernel_is_built_once(cupy, monkeypatch):
    """Building one takes longer than many steps, and CuPy keeps what it compiled with it."""
    built = []
    monkeypatch.setattr(cupy, "ElementwiseKernel", lambda *args, **kwargs: built.append(args[3]) or print)
    _built.cache_clear()
    for _ in range(2):
        for case in OWN:
            kernel(DEVICE, case)(*moved(case(7, np.float64)[0]))
    _built.cache_clear()
    assert len(built) == len(set(built)) > 10


@cases
@dtypes
@sizes
def test_a_kernel_equals_numpys_passes(case, dtype, size):
    arguments, _ = case(size, dtype)
    assert_equals_numpy(case, arguments)


@cases
@dtypes
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, 1e-42, 3e38])
def test_a_kernel_treats_extreme_numbers_as_numpy_does(case, dtype, value):
    arguments = copies(case(1000, dtype)[0])
    for position, argument in enumerate(arguments):
        if isinstance(argument, np.ndarray) and argument.dtype == dtype and argument.size:
            # At different places of each argument, and at one place in all.
            argument.reshape(-1)[position :: 3 + position] = value
            argument.reshape(-1)[0] = value
    assert_equals_numpy(case, arguments)


@dtypes
def test_rows_are_gathered_from_data_in_any_order(dtype):
    _, *others = gather_standardized(7, dtype)[0]
    assert_equals_numpy(gather_standardized, (np.asfortranarray(matrix(11, dtype)), *others))


@pytest.mark.parametrize("n_classes", [2, 20, MAX_CLASSES_PER_THREAD, MAX_CLASSES_PER_THREAD + 1, 1000])
@dtypes
def test_the_softmax_of_any_number_of_classes_is_numpys(cupy, n_classes, dtype):
    raw = 10 * matrix(50, dtype, n_classes)
    target = np.random.RandomState(0).randint(n_classes, size=50)
    on_device, on_host = cupy.asarray(raw), raw.copy()
    bias = matrix(3, dtype, n_classes)[0]
    losses = DEVICE.softmax_residual(on_device, cupy.asarray(target), 0.25, cupy.asarray(bias)).get()
    # The order of the sums differs from eight numbers on.
    tolerance = {"rtol": 100 * np.finfo(dtype).eps, "atol": 100 * np.finfo(dtype).eps}
    np.testing.assert_allclose(losses, REFERENCE.softmax_residual(on_host, target, 0.25, bias), **tolerance)
    np.testing.assert_allclose(on_device.get(), on_host, **tolerance)


@pytest.mark.parametrize("function", ["expit", "log1pexp"])
@dtypes
def test_the_functions_of_the_kernels_are_scipys(function, dtype):
    """Compiled as they are written, on all numbers that tell a cancellation, an overflow and what is none."""
    x = np.linspace(-120, 120, 100_001, dtype=dtype)
    x = np.concatenate([x, np.array([np.inf, -np.inf, np.nan, 1e-30, 1e4, -1e4, 3e38], dtype)])
    with np.errstate(all="ignore"):
        exact = {"expit": expit, "log1pexp": partial(np.logaddexp, 0)}[function](x.astype(np.float64))
        value = compiled_preamble(LOGISTIC, function)(x)
    tiny = np.finfo(dtype).tiny
    np.testing.assert_allclose(value, exact, rtol=8 * np.finfo(dtype).eps, atol=tiny)


# A whole step: one launch for each direction with a rate that is shared, expanded, or adapted for each parameter.


def wave(step, params, out=None):
    """Fill `out` with a gradient that changes from step to step."""
    out[...] = namespace(params).sin(params * (step + 1.5))
    return 0.0


@pytest.mark.parametrize("direction", DEVICE.step)
@pytest.mark.parametrize(
    "rule", [Constant(0.1), *(Hypergradient(0.1, 0.01, cls()) for cls in GRANULARITIES.values())], ids=str
)
@dtypes
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_step_equals_the_composed_one(cupy, direction, rule, dtype, size):
    optimizer = Optimizer(DIRECTIONS[direction](), rule, ParameterLayout.vector(size))
    start = np.random.RandomState(0).standard_normal(size).astype(dtype)
    ends = []
    for params in (start.copy(), cupy.asarray(start)):
        state = optimizer.init(params)
        for step in range(5):
            optimizer.step(state, params, partial(wave, step))
        arrays = [params, state.direction, *state.direction_state.values(), *state.rate_state.values()]
        ends.append([a if isinstance(a, np.ndarray) else a.get() for a in arrays])
    for composed, launched in zip(*ends, strict=True):
        np.testing.assert_array_equal(launched, composed)
        assert launched.dtype == dtype


def test_a_step_with_a_rate_per_parameter_is_one_launch(cupy):
    params = cupy.asarray(np.ones(7))
    optimizer = Optimizer(DIRECTIONS["adam"](), Hypergradient(), ParameterLayout.vector(7))
    state = optimizer.init(params)
    with fake_cupy.launches.recorded() as launches:
        optimizer.step(state, params, lambda params, out: 0.0)
    assert launches == ["sk_adalr_adam_step_adapted"]


# What compiles the sources refuses what CuPy refuses: otherwise the tests above would prove nothing.


def square():
    return ElementwiseKernel("T x, T factor", "T y", "y = x * x * factor;", "square")


def test_scalars_take_the_dtype_of_the_arrays():
    x = np.array([1.1, 2.2], dtype=np.float32)
    y = np.empty_like(x)
    square()(x, 0.1, y)
    np.testing.assert_array_equal(y, x * x * np.float32(0.1))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((np.ones(3), 1.0, np.ones(3, np.float32)), TypeError),
        ((np.ones(3), np.ones(3, np.float32), np.ones(3)), TypeError),
        ((np.ones(3), 1.0, 2.0), TypeError),
        ((np.ones(3), 1.0, np.ones(1)), ValueError),
        ((np.ones(3), np.ones(2), np.ones(3)), ValueError),
    ],
    ids=["output dtype", "input dtype", "output scalar", "output shape", "input shape"],
)
def test_arguments_that_do_not_fit_are_refused(arguments, error):
    with pytest.raises(error):
        square()(*arguments)


def test_a_function_without_its_preamble_is_found():
    with pytest.raises(CalledProcessError):
        ElementwiseKernel("T x", "T y", "y = expit(x);", "undefined")(np.ones(3), np.ones(3))


def test_a_wrong_expression_is_found():
    x = np.arange(3.0)
    wrong = ElementwiseKernel("T x", "T y", "y = x + x;", "wrong")
    y = np.empty_like(x)
    wrong(x, y)
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(y, x * x)
