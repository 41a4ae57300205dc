import sys

import pytest

from sk_adalr.objectives.test_functions import beale
from sk_adalr.plotting import LearningCurveDisplay, LearningRateDisplay, OptimizationPathDisplay, PenaltyDisplay

DISPLAYS = [
    LearningCurveDisplay([1.0, 0.5]),
    LearningRateDisplay([[0.1, 0.1, 0.1]]),
    OptimizationPathDisplay([[1.0, 1.0]], beale),
    PenaltyDisplay([[1.0, 1.0, 0.0]]),
]


@pytest.mark.parametrize("display", DISPLAYS, ids=lambda display: type(display).__name__)
def test_plot_without_matplotlib_names_the_extra_to_install(display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=rf"{type(display).__name__}\.plot needs matplotlib.*sk-adalr\[plot\]"):
        display.plot()


@pytest.mark.parametrize("display", [LearningCurveDisplay, LearningRateDisplay, PenaltyDisplay])
def test_from_estimator_without_matplotlib_names_the_extra_to_install(display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=rf"{display.__name__}\.from_estimator needs matplotlib"):
        display.from_estimator(None)
