"""The examples, run as the documentation runs them."""

import functools
import runpy
import warnings
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@functools.cache
def _run(name):
    import matplotlib.pyplot as plt

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
        found = runpy.run_path(str(next(EXAMPLES.rglob(f"{name}.py"))))
    plt.close("all")
    return found


@pytest.fixture
def example(monkeypatch, tmp_path):
    """Run an example once, in a folder of its own; return the variables it ends with."""
    if not EXAMPLES.exists():
        pytest.skip("the source distribution leaves the examples out")
    pytest.importorskip("matplotlib").use("Agg")
    monkeypatch.chdir(tmp_path)
    return _run
