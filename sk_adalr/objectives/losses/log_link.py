"""Deviances with a log link: the raw prediction is the logarithm of a positive mean."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sk_adalr.backends import Array, beside, namespace, special, to_host
from sk_adalr.objectives.losses.elementwise import ElementwiseLoss
from sk_adalr.standardization import Standardization
from sk_adalr.units import TargetUnits

# Replaces a mean of zero, which has no logarithm.
_LEAST_MEAN = 1e-300


class _LogLink(ElementwiseLoss):
    """A deviance with mean :math:`e^u`, for which the mean target is the best constant prediction."""

    positive_only: ClassVar[bool] = True
    out_activation: ClassVar[str] = "exp"
    saturates: ClassVar[bool] = True

    def predict(self, raw: Array) -> Array:
        """Return :math:`e^u`."""
        return namespace(raw).exp(raw)

    def constant(self, target: Array, weight: Array | None, n_outputs: int) -> np.ndarray:
        """Return the logarithm of the mean target, finite even if the mean is zero."""
        return np.log(np.maximum(_mean(target, weight), _LEAST_MEAN))

    def constant_value(self, target: Array, weight: Array | None) -> float:
        """Return the mean deviance of the mean target, over outputs that are not constant."""
        varies = np.flatnonzero(to_host(target.min(axis=0) < target.max(axis=0)))
        return super().constant_value(target[:, beside(varies, target)], weight) if varies.size else 0.0

    def target_units(self, target: Array, weight: Array | None, center: bool) -> TargetUnits | None:
        """Return units in which the target is divided by 1.1 times its mean; None without an intercept.

        The logarithm of the unit is absorbed by the intercept.
        """
        if not center:
            return None
        # A tenth off the mean, as for squared errors, so that the intercept's first gradient is not round-off error.
        mean = 1.1 * _mean(target, weight)
        mean[mean == 0] = 1.0
        zeros, ones = np.zeros(len(mean)), np.ones(len(mean))
        return TargetUnits(Standardization(zeros, mean), Standardization(np.log(mean), ones), mean**self._degree)

    #: The loss is proportional to this power of the unit of the target.
    _degree: ClassVar[int]


@dataclass(frozen=True)
class HalfPoissonDeviance(_LogLink):
    r"""Half the Poisson deviance, :math:`\sum_k e^{u_k} - y_k + y_k (\log y_k - u_k)`, of counts and frequencies."""

    _degree: ClassVar[int] = 1

    def check_target(self, target: np.ndarray) -> None:
        """Raise a ValueError if a target is negative."""
        if (target < 0).any():
            raise ValueError(
                f"`loss='poisson'` needs targets of at least 0; got {target.min():g}. Shift or clip `y`, or use "
                "`loss='squared_error'`."
            )

    def losses(self, raw: Array, target: Array) -> Array:
        """Return half the deviances."""
        xp, target = namespace(raw), _in_precision_of(raw, target)
        deviances = xp.exp(raw) - target * (1 + raw) + special(target).xlogy(target, target)
        return xp.maximum(deviances, 0, out=deviances)  # round-off error may make them negative near the target

    def gradient(self, raw: Array, target: Array) -> Array:
        """Return the predicted mean minus the target."""
        return namespace(raw).exp(raw) - target

    def hessian(self, raw: Array, target: Array) -> Array:
        """Return the predicted mean."""
        return namespace(raw).exp(raw)


@dataclass(frozen=True)
class HalfGammaDeviance(_LogLink):
    r"""Half the gamma deviance, :math:`\sum_k y_k e^{-u_k} - 1 + u_k - \log y_k`, of positive amounts."""

    _degree: ClassVar[int] = 0

    def check_target(self, target: np.ndarray) -> None:
        """Raise a ValueError if a target is not positive."""
        if (target <= 0).any():
            raise ValueError(
                f"`loss='gamma'` needs targets above 0; got {target.min():g}. Drop those rows, or use "
                "`loss='poisson'`, which takes zeros."
            )

    def losses(self, raw: Array, target: Array) -> Array:
        """Return half the deviances."""
        xp, target = namespace(raw), _in_precision_of(raw, target)
        deviances = target * xp.exp(-raw) - 1 + raw - xp.log(target)
        return xp.maximum(deviances, 0, out=deviances)  # round-off error may make them negative near the target

    def gradient(self, raw: Array, target: Array) -> Array:
        """Return one minus the ratio of target and predicted mean."""
        return 1 - target * namespace(raw).exp(-raw)

    def hessian(self, raw: Array, target: Array) -> Array:
        """Return the ratio of target and predicted mean."""
        return target * namespace(raw).exp(-raw)


def _mean(target: Array, weight: Array | None) -> np.ndarray:
    return to_host(namespace(target).average(target.astype(np.float64), axis=0, weights=weight))


def _in_precision_of(raw: Array, target: Array) -> Array:
    """Return the target in the dtype of raw predictions: next to it all but the last digits of a deviance cancel."""
    return target.astype(raw.dtype, copy=False)
