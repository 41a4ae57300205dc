"""Where the arrays of a test come from: a real device, or another library at the door."""

import os

import pytest
from sklearn import config_context


@pytest.fixture
def dispatch():
    """scikit-learn's array API dispatch, switched on."""
    if os.environ.get("SCIPY_ARRAY_API") != "1":
        pytest.skip("SCIPY_ARRAY_API=1 is not set: scikit-learn does not dispatch on arrays")
    with config_context(array_api_dispatch=True):
        yield


@pytest.fixture
def device():
    """CuPy, where it can compute."""
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed: nothing ran on a GPU")
    try:
        n_devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError:
        n_devices = 0
    if n_devices == 0:
        pytest.skip("there is no CUDA device: nothing ran on a GPU")
    return cupy
