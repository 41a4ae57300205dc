"""What the exact mode asks of a table of kernels: the log loss of two classes, and curvatures."""

import math

import fake_cupy
import numpy as np
import pytest
from kernel_cases import log_loss_formula, log_loss_results, predictions_of, scores_of

from sk_adalr.backends import least_probability, to_host
from sk_adalr.backends.kernels.device import DEVICE, margins
from sk_adalr.backends.kernels.device.gram import MAX_ROWS, TILE
from sk_adalr.backends.kernels.reference import REFERENCE
from sk_adalr.optimizer.exact.memory import n_steps_of_scores

n_rows = pytest.mark.parametrize("n", [1, 7, 1000, 3 * TILE + 1])
weights = pytest.mark.parametrize("has_weight", [False, True], ids=["plain", "weighted"])
directions = pytest.mark.parametrize("r", [1, 2, 3, 12, MAX_ROWS - 1])
residuals = pytest.mark.parametrize("has_residual", [False, True], ids=["curvature", "with_gradient"])
close = {"rtol": 1e-12, "atol": 1e-12}


def assert_is_log_loss(table, asarray, case):
    for actual, expected in zip(log_loss_results(table, asarray, *case), log_loss_formula(*case), strict=True):
        np.testing.assert_allclose(to_host(actual), expected, **close)


@n_rows
@weights
def test_the_log_loss_is_the_formula(n, has_weight):
    assert_is_log_loss(REFERENCE, np.array, scores_of(n, has_weight))


@pytest.mark.parametrize("n", [999, 1000, 4001])
def test_no_digit_of_a_small_log_loss_is_lost(n):
    scores = -np.linspace(1, 700, n)
    loss, _ = REFERENCE.log_loss(scores, np.ones(n, np.int8), None)
    assert loss == pytest.approx(math.fsum(math.log1p(math.exp(score)) for score in scores), rel=1e-14)
    loss, _ = REFERENCE.log_loss(scores - 40, np.ones(n, np.int8), None)
    assert loss == pytest.approx(math.fsum(math.log1p(math.exp(score - 40)) for score in scores), rel=1e-14)


@n_rows
@weights
def test_the_threads_of_a_device_find_the_same_log_loss(threaded_cupy, n, has_weight):
    assert_is_log_loss(DEVICE, threaded_cupy.asarray, scores_of(n, has_weight))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308])
def test_extreme_scores_have_the_same_loss_on_a_device(threaded_cupy, value):
    scores, target, _ = scores_of(7, False)
    scores[3] = value
    with np.errstate(all="ignore"):
        on_host = log_loss_results(REFERENCE, np.array, scores, target, None)
    on_device = log_loss_results(DEVICE, threaded_cupy.asarray, scores, target, None)
    for host, device in zip(on_host, on_device, strict=True):
        np.testing.assert_allclose(to_host(device), host, **close)


def assert_is_curvature(H, products, Z, second, residual):
    np.testing.assert_allclose(H, np.einsum("in,n,kn->ik", Z, second, Z), **close)
    if residual is None:
        assert products is None
    else:
        np.testing.assert_allclose(products, np.einsum("in,n->i", Z, residual), **close)


@n_rows
@directions
@residuals
def test_the_curvature_is_the_formula(n, r, has_residual):
    arguments = predictions_of(r, n, has_residual)
    assert_is_curvature(*REFERENCE.curvature(*arguments), *arguments)


@pytest.mark.one_in(4)
@n_rows
@directions
@residuals
def test_the_threads_of_a_device_find_the_same_curvature(threaded_cupy, n, r, has_residual):
    arguments = predictions_of(r, n, has_residual)
    on_device = [None if a is None else threaded_cupy.asarray(a) for a in arguments]
    H, products = DEVICE.curvature(*on_device)
    assert type(H) is np.ndarray
    assert_is_curvature(H, products, *arguments)
    np.testing.assert_array_equal(H, H.T)


def test_a_block_of_threads_goes_through_several_tiles(threaded_cupy, monkeypatch):
    monkeypatch.setattr(margins, "MAX_BLOCKS", 2)
    arguments = predictions_of(5, 9 * TILE + 3, True)
    assert_is_curvature(*DEVICE.curvature(*map(threaded_cupy.asarray, arguments)), *arguments)
    assert_is_log_loss(DEVICE, threaded_cupy.asarray, scores_of(9 * TILE + 3, True))


def test_more_directions_than_a_tile_has_rows_are_left_to_the_library(cupy):
    arguments = predictions_of(MAX_ROWS, 5000, True)
    with fake_cupy.launches.recorded() as names:
        assert_is_curvature(*DEVICE.curvature(*map(cupy.asarray, arguments)), *arguments)
    assert names == ["mul", "matmul", "matmul"]


def test_the_directions_of_a_fit_fit_a_tile():
    most = n_steps_of_scores((100, 100_000), 10_000_000)
    assert most + 3 <= MAX_ROWS, "with the intercept, the new direction, and the residuals"


def test_numbers_next_to_zero_are_zero_in_a_narrow_dtype(cupy):
    least = least_probability(np.dtype(np.float32))
    wide = np.array([1 / 3, -0.0, 0.9 * least, -0.9 * least, 2 * least, -2 * least, 1e-300, np.nan, np.inf])
    expected = np.array([1 / 3, 0, 0, 0, 2 * least, -2 * least, 0, np.nan, np.inf], np.float32)
    np.testing.assert_array_equal(REFERENCE.narrow(wide, np.float32), expected)
    np.testing.assert_array_equal(DEVICE.narrow(cupy.asarray(wide), np.float32).get(), expected)
