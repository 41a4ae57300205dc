"""Where the arrays of a test come from: a stand-in for CuPy, a real device, or another library at the door."""

import os
import sys

import fake_cupy
import numpy as np
import pytest
from sklearn import config_context

from sk_adalr.backends import use_kernels


@pytest.fixture
def cupy(monkeypatch):
    """The stand-in for CuPy, and NumPy without the one routine that rounds otherwise: a fused multiply-add."""

    def axpy(x, y, a):
        np.add(y, a * x, out=y)

    blas = sys.modules["sk_adalr.backends.namespace"]._AXPY
    monkeypatch.setattr(sys.modules["sk_adalr.backends.namespace"], "_AXPY", dict.fromkeys(blas, axpy))
    with use_kernels("numpy"), fake_cupy.installed() as module:
        yield module


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
