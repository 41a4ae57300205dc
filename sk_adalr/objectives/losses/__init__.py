"""Losses, each once: what a raw prediction costs beside a target, for every solver."""

from typing import Literal, TypeAlias

from sk_adalr.objectives.losses.base import JointLossOfRows, Loss, LossOfRows, mean_loss, mean_loss_of_constant
from sk_adalr.objectives.losses.binomial import BinomialLogLoss
from sk_adalr.objectives.losses.elementwise import ElementwiseLoss
from sk_adalr.objectives.losses.log_link import HalfGammaDeviance, HalfPoissonDeviance
from sk_adalr.objectives.losses.multinomial import MultinomialLogLoss
from sk_adalr.objectives.losses.squared import HalfSquaredError

#: The name table of the regressors' `loss`: a new loss joins here, and tests/contracts holds it to every promise.
LOSSES: dict[str, type] = {
    "squared_error": HalfSquaredError,
    "poisson": HalfPoissonDeviance,
    "gamma": HalfGammaDeviance,
}
#: Its names, for type checkers.
LossName: TypeAlias = Literal["squared_error", "poisson", "gamma"]

__all__ = [
    "LOSSES",
    "BinomialLogLoss",
    "ElementwiseLoss",
    "HalfGammaDeviance",
    "HalfPoissonDeviance",
    "HalfSquaredError",
    "JointLossOfRows",
    "Loss",
    "LossName",
    "LossOfRows",
    "MultinomialLogLoss",
    "mean_loss",
    "mean_loss_of_constant",
]
