"""What only a GPU can tell: that CuPy trains to NumPy's model. Run with ``-m gpu``; skipped without a device."""

import numpy as np
import pytest
from estimator_cases import ESTIMATORS, LINEAR, fit, make, problem
from kernel_cases import (
    CASES,
    FREE,
    SIZES,
    copies,
    finish_arguments,
    kernel,
    kernel_name,
    log_loss_formula,
    log_loss_results,
    predictions_of,
    scores_of,
)
from oracles import relative_error
from scipy import sparse
from sklearn.utils.estimator_checks import check_array_api_input

from sk_adalr.backends import kernels, to_host
from sk_adalr.backends.kernels.reference import REFERENCE
from sk_adalr.directions import DIRECTIONS
from sk_adalr.learning_rates import GRANULARITIES

pytestmark = pytest.mark.gpu

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
dtypes = pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-10)])
storages = pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
rules = pytest.mark.parametrize(
    "rule",
    [
        {"learning_rate": "constant"},
        *({"learning_rate": rate, "granularity": g} for rate in ("hypergradient", "auto") for g in GRANULARITIES),
    ],
    ids=lambda rule: "-".join(rule.values()),
)


def raw_prediction(model, X):
    return model.decision_function(X) if hasattr(model, "decision_function") else model.predict(X)


def assert_same_course(cls, options, X, y, tolerance):
    """Compare the losses along the way and the predictions at the end."""
    on_host, on_device = (fit(make(cls, **options, backend=backend), X, y) for backend in ("numpy", "cupy"))
    assert relative_error(on_device.loss_curve_, on_host.loss_curve_) < tolerance
    assert relative_error(raw_prediction(on_device, X), raw_prediction(on_host, X)) < tolerance


@pytest.mark.parametrize(
    "case", [case for case in CASES if "csr" not in case.__name__], ids=lambda case: case.__name__
)
@pytest.mark.parametrize("size", SIZES)
@dtypes
def test_a_kernel_is_numpys(device, case, size, dtype, tolerance):
    """Products with sparse matrices are CuPy's own; whole fits compare them."""
    on_host = copies(case(size, dtype)[0])
    on_device = [device.asarray(a) if isinstance(a, np.ndarray) else a for a in on_host]
    expected = {"result": kernel(REFERENCE, case)(*on_host)} | dict(enumerate(on_host))
    actual = {"result": kernel(kernels(device.zeros(1)), case)(*on_device)} | dict(enumerate(on_device))
    for position in expected.keys() - FREE.get(kernel_name(case), set()):
        if not isinstance(expected[position], np.dtype | None):
            value = to_host(actual[position])
            np.testing.assert_allclose(value, expected[position], rtol=tolerance, atol=tolerance * (1 + size))


def test_float32_is_not_rounded_to_tf32(device):
    a = device.full((64, 64), 1 + 2.0**-12, dtype="float32")
    assert to_host(a @ a).min() > 64 * (1 + 2.0**-12), "is CUPY_TF32 set?"


@pytest.mark.parametrize("size", [(1, [1], 1), (6, [], 7), (200_000, [100, 10], 4096), (2_000_000, [1024, 1024], 256)])
@pytest.mark.parametrize("has_weight", [False, True])
@dtypes
def test_the_sums_of_a_step_are_numpys(device, size, has_weight, dtype, tolerance):
    on_host = finish_arguments(np.array, size, dtype, has_weight, 0.1)
    on_device = finish_arguments(device.asarray, size, dtype, has_weight, 0.1)
    grad, expected = on_device[0].copy(), REFERENCE.finish(*on_host)
    for _ in range(2):  # the second launch finds the room that the first one left
        on_device[0][...] = grad
        value = kernels(grad).finish(*on_device)
        assert relative_error(to_host(value), expected) < tolerance
        assert relative_error(to_host(on_device[0]), on_host[0]) < tolerance


@pytest.mark.parametrize("n", [1, 1000, 2_000_003])
@pytest.mark.parametrize("has_weight", [False, True])
def test_the_log_loss_is_the_formula(device, n, has_weight):
    case = scores_of(n, has_weight)
    found = log_loss_results(kernels(device.zeros(1)), device.asarray, *case)
    for actual, expected in zip(found, log_loss_formula(*case), strict=True):
        np.testing.assert_allclose(to_host(actual), expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("n", [1, 1000, 1_000_003])
@pytest.mark.parametrize("r", [1, 3, 12, 22, 23, 30])
@pytest.mark.parametrize("has_residual", [False, True])
def test_the_curvature_is_numpys(device, n, r, has_residual):
    arguments = predictions_of(r, n, has_residual)
    on_device = [None if a is None else device.asarray(a) for a in arguments]
    for actual, expected in zip(
        kernels(on_device[0]).curvature(*on_device), REFERENCE.curvature(*arguments), strict=True
    ):
        assert (actual is None and expected is None) or relative_error(actual, expected) < 1e-12


@estimators
@pytest.mark.parametrize("solver", DIRECTIONS)
@rules
@dtypes
def test_a_hundred_steps_are_numpys(device, cls, solver, rule, dtype, tolerance):
    X, y = problem(cls, n_rows=160, raw_units=False)
    assert_same_course(cls, {"solver": solver, "max_iter": 10, **rule}, X.astype(dtype), y, tolerance)


@pytest.mark.parametrize("cls", LINEAR.values(), ids=list(LINEAR))
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("solver", ["exact", "auto"])
@storages
@dtypes
def test_exact_fits_are_numpys(device, cls, n_classes, solver, storage, dtype, tolerance):
    X, y = problem(cls, n_rows=160, n_classes=n_classes, raw_units=False)
    options = {"solver": solver, "learning_rate": "auto", "max_iter": 100, "tol": 1e-4}
    assert_same_course(cls, options, storage(X.astype(dtype)), y, tolerance)


@estimators
@pytest.mark.parametrize("rate", ["constant", "hypergradient", "auto"])
def test_sparse_batches_are_numpys(device, cls, rate):
    X, y = problem(cls, n_rows=160)
    assert_same_course(cls, {"learning_rate": rate, "max_iter": 10}, sparse.csr_array(X), y, 1e-9)


@estimators
def test_scikit_learns_checks_pass_on_cupy(device, dispatch, cls):
    check_array_api_input(cls.__name__, make(cls), array_namespace="cupy", check_sample_weight=True)


@estimators
def test_cuda_tensors_come_in_and_go_out_without_a_copy(device, dispatch, cls):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device")
    X, y = problem(cls)
    tensor = torch.asarray(X, device="cuda")
    model = make(cls)
    data, _ = model._validate(tensor, y, None, resume=False, reset=True)
    assert data.X.data.ptr == tensor.data_ptr()
    predicted = fit(model, tensor, torch.asarray(y, device="cuda")).predict(tensor)
    assert predicted.device == tensor.device
    expected = fit(make(cls), X, y).predict(X)
    np.testing.assert_allclose(predicted.cpu().numpy(), expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())
