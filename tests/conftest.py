"""Settings and data sets that every test may use."""

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.preprocessing import StandardScaler

# The same examples in every run: a red run is then a change of the code, and can be repeated.
settings.register_profile(
    "sk_adalr",
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("sk_adalr")


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
