"""What is left of a gradient after the products with the data: sums over rows, the mean and the penalty."""

import cuda_on_host
import numpy as np
import pytest
from kernel_cases import finish_arguments

from sk_adalr.backends.kernels.device import DEVICE
from sk_adalr.backends.kernels.reference import REFERENCE

#: (n_coefs, widths of the layers, n_rows): one block of threads, several for columns, rows, and the rest.
SIZES = [(1, [1], 1), (6, [2, 1], 7), (6, [], 7), (700, [31, 33, 3], 300), (9000, [100, 1], 2000), (7, [1], 513)]
sizes = pytest.mark.parametrize("size", SIZES, ids=str)
dtypes = pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-13)])
weights = pytest.mark.parametrize("has_weight", [False, True], ids=["plain", "weighted"])
factors = pytest.mark.parametrize("factor", [0.0, 0.1])


def assert_close(actual, expected, tolerance):
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


@sizes
@weights
@factors
def test_the_reference_is_the_formula(size, has_weight, factor):
    arguments = finish_arguments(np.array, size, np.float64, has_weight, factor)
    grad, coefs, weighted, _, residuals, row_losses, weight, weight_sum, _, scale = arguments
    expected = grad.copy()
    expected[coefs.size :] = np.concatenate([np.zeros(0), *(a.sum(axis=0) for a in residuals.arrays)])
    expected *= scale
    expected[: coefs.size] += factor * weighted
    value = REFERENCE.finish(*arguments)
    assert_close(grad, expected, 1e-13)
    loss = row_losses.sum() if weight is None else row_losses @ weight
    assert value == pytest.approx(loss / weight_sum + factor / 2 * (coefs @ weighted), rel=1e-13)


@pytest.mark.one_in(4)
@sizes
@dtypes
@weights
@factors
def test_the_threads_of_a_device_find_the_same(threaded_cupy, size, dtype, tolerance, has_weight, factor):
    on_host = finish_arguments(np.array, size, dtype, has_weight, factor)
    on_device = finish_arguments(threaded_cupy.asarray, size, dtype, has_weight, factor)
    expected = REFERENCE.finish(*on_host)
    grad = on_device[0].get()
    for _ in range(2):  # the second launch finds the room that the first one left
        on_device[0][...] = threaded_cupy.asarray(grad)
        value = DEVICE.finish(*on_device)
        assert_close(value.get(), expected, tolerance)
        assert_close(on_device[0].get(), on_host[0], tolerance)


def test_the_order_of_the_sums_is_always_the_same(threaded_cupy):
    losses = set()
    for _ in range(5):
        arguments = finish_arguments(threaded_cupy.asarray, SIZES[-1], np.float32, True, 0.1)
        losses.add((float(DEVICE.finish(*arguments)), arguments[0].get().tobytes()))
    assert len(losses) == 1


def test_a_wrong_number_type_is_refused():
    with pytest.raises(TypeError, match="NumPy's types"):
        cuda_on_host.check_arguments([np.ones(3), 1.0])
    with pytest.raises(TypeError, match="strides"):
        cuda_on_host.check_arguments([np.ones((3, 2)).T])
