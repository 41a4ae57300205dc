"""Displays of a fit, in the style of scikit-learn's displays; needs matplotlib."""

from sk_adalr.plotting.learning_curve import LearningCurveDisplay
from sk_adalr.plotting.learning_rate import LearningRateDisplay
from sk_adalr.plotting.optimization_path import OptimizationPathDisplay
from sk_adalr.plotting.penalty import PenaltyDisplay
from sk_adalr.public import publish

__all__ = ["LearningCurveDisplay", "LearningRateDisplay", "OptimizationPathDisplay", "PenaltyDisplay"]

publish(__name__, LearningCurveDisplay, LearningRateDisplay, OptimizationPathDisplay, PenaltyDisplay)
