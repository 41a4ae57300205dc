"""Objective functions: losses, and their value and gradient with respect to the flat parameter vector."""

from sk_adalr.objectives.ensembles import averaged, members
from sk_adalr.objectives.losses import (
    LOSSES,
    BinomialLogLoss,
    ElementwiseLoss,
    HalfGammaDeviance,
    HalfPoissonDeviance,
    HalfSquaredError,
    Loss,
    LossName,
    MultinomialLogLoss,
)
from sk_adalr.objectives.network import ACTIVATIONS, ActivationName, Network, predict_raw
from sk_adalr.objectives.penalties import L2Penalty, PenalizedMean
from sk_adalr.objectives.sparse_linear import pairwise_sum, split_division
from sk_adalr.public import publish

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "ActivationName",
    "BinomialLogLoss",
    "ElementwiseLoss",
    "HalfGammaDeviance",
    "HalfPoissonDeviance",
    "HalfSquaredError",
    "L2Penalty",
    "Loss",
    "LossName",
    "MultinomialLogLoss",
    "Network",
    "PenalizedMean",
    "averaged",
    "members",
    "pairwise_sum",
    "predict_raw",
    "split_division",
]

publish(__name__, Loss, ElementwiseLoss, HalfSquaredError, HalfPoissonDeviance, HalfGammaDeviance)
