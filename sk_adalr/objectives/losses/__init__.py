"""Losses of raw predictions against targets, each in one class that all solvers share."""

from typing import Literal, TypeAlias

from sk_adalr.objectives.losses.base import JointLossOfRows, Loss, LossOfRows, mean_loss, mean_loss_of_constant
from sk_adalr.objectives.losses.binomial import BinomialLogLoss
from sk_adalr.objectives.losses.elementwise import ElementwiseLoss
from sk_adalr.objectives.losses.log_link import HalfGammaDeviance, HalfPoissonDeviance
from sk_adalr.objectives.losses.multinomial import MultinomialLogLoss
from sk_adalr.objectives.losses.squared import HalfSquaredError

#: The names of the regressors' `loss`. A new loss is added here; tests/contracts then checks its contract.
LOSSES: dict[str, type] = {
    "squared_error": HalfSquaredError,
    "poisson": HalfPoissonDeviance,
    "gamma": HalfGammaDeviance,
}
#: The names of `LOSSES`, for type checkers.
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
