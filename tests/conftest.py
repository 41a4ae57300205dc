"""Settings and data sets that every test may use."""

import sys
import zlib

import cuda_on_host
import elementwise_on_host
import fake_cupy
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.preprocessing import StandardScaler

from sk_adalr.backends import kernels, use_kernels
from sk_adalr.backends.kernels.device import gram, margins, sums
from sk_adalr.backends.kernels.reference import REFERENCE

# The same examples in every run: a red run is then a change of the code, and can be repeated.
settings.register_profile(
    "sk_adalr",
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("sk_adalr")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Leave a sample of a long product to the default run, the same in every run: the rest is `long`."""
    for item in items:
        sample = item.get_closest_marker("one_in")
        if sample and zlib.crc32(item.nodeid.encode()) % sample.args[0]:
            item.add_marker("long")


@pytest.fixture
def rng():
    return np.random.RandomState(0)


def _standardized(load):
    X, y = load(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    X.setflags(write=False)
    return X, y


@pytest.fixture(scope="session")
def diabetes():
    """Standardised diabetes: a regression on 442 rows of 10 columns."""
    return _standardized(load_diabetes)


@pytest.fixture(scope="session")
def breast_cancer():
    """Standardised breast cancer: two classes on 569 rows of 30 columns."""
    return _standardized(load_breast_cancer)


@pytest.fixture(scope="session")
def iris():
    """Standardised iris: three classes on 150 rows of 4 columns."""
    return _standardized(load_iris)


@pytest.fixture
def cupy(monkeypatch):
    """The stand-in for CuPy.

    Without a C++ compiler the stand-in computes in NumPy's passes, and its kernels stay untested.
    """
    if elementwise_on_host.COMPILER is None:
        monkeypatch.setattr(sys.modules[kernels.__module__], "DEVICE", REFERENCE)
    with use_kernels("numpy"), fake_cupy.installed() as module:
        yield module


@pytest.fixture
def compiled_cupy(cupy):
    """The same, where the sources of the kernels can be compiled."""
    if elementwise_on_host.COMPILER is None:
        pytest.skip("there is no C++ compiler: the kernels of the device were not tested")
    return cupy


@pytest.fixture
def threaded_cupy(compiled_cupy, monkeypatch):
    """The same, where raw kernels are compiled too, and run with a thread for each of CUDA's."""

    class RawKernel(cuda_on_host.RawKernel):
        def __call__(self, grid, block, arguments):
            super().__call__(grid, block, [*map(fake_cupy.unwrap, arguments)])

    monkeypatch.setattr(compiled_cupy, "RawKernel", RawKernel)
    for room in (gram, margins, sums):
        room._built.cache_clear()
    yield compiled_cupy
    for room in (gram, margins, sums):
        room._built.cache_clear()
