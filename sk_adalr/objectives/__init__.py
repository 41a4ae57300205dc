"""Value and gradient of what is minimised, on the flat parameter vector."""

from sk_adalr.objectives.base import Objective
from sk_adalr.objectives.losses import BinomialLogLoss, HalfSquaredError, Loss, MultinomialLogLoss
from sk_adalr.objectives.network import ACTIVATIONS, Network, predict_raw
from sk_adalr.objectives.penalties import L2Penalty, PenalizedMean

__all__ = [
    "ACTIVATIONS",
    "BinomialLogLoss",
    "HalfSquaredError",
    "L2Penalty",
    "Loss",
    "MultinomialLogLoss",
    "Network",
    "Objective",
    "PenalizedMean",
    "predict_raw",
]
