"""Figures go nowhere and are closed after each test; without matplotlib only the test of its absence runs."""

import pytest

try:
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
except ImportError:
    plt = None
    collect_ignore = [
        "test_learning_curve.py",
        "test_learning_rate.py",
        "test_optimization_path.py",
        "test_penalty.py",
    ]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    if plt is not None:
        plt.close("all")
