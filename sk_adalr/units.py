"""The units in which a model trains, and the way to the user's and back."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sk_adalr.backends import Array, beside, namespace, to_host
from sk_adalr.dataset import Dataset
from sk_adalr.parameters import ParameterLayout
from sk_adalr.standardization import Standardization


@dataclass(frozen=True)
class TargetUnits:
    """Units of the outputs: of targets, and of the raw predictions and losses that belong to them.

    Parameters
    ----------
    target : Standardization
        From the user's targets to those of training. A scale of 0 is that of an output that has been constant so far:
        it has no unit, its target in training is 0, and its prediction the centre.
    raw : Standardization
        From the user's raw predictions to those of training.
    of_loss : ndarray of shape (n_outputs,)
        The user's loss is that of training times this.
    """

    target: Standardization
    raw: Standardization
    of_loss: np.ndarray

    @classmethod
    def of_squares(cls, target: Standardization) -> "TargetUnits":
        """Return the units of a squared error, whose raw prediction is that of the target itself."""
        with np.errstate(over="ignore", under="ignore"):
            return cls(target, target, target.scale**2)

    @property
    def penalty_factors(self) -> np.ndarray:
        """What turns a penalty of squared coefficients in the user's units, beside the loss, into that of training."""
        factors = np.ones(len(self.of_loss))
        # Out of range only where both are the same square.
        with np.errstate(over="ignore", under="ignore"):
            in_range = (self.of_loss > 0) & np.isfinite(self.of_loss)
            np.divide(self.raw.scale**2, self.of_loss, out=factors, where=in_range)
        return factors

    def freeze(self) -> dict[str, Any]:
        """Return the units as a dict of arrays."""
        return {
            "target": {"center": self.target.center, "scale": self.target.scale},
            "raw": {"center": self.raw.center, "scale": self.raw.scale},
            "of_loss": self.of_loss,
        }

    @classmethod
    def thaw(cls, frozen: dict[str, Any]) -> "TargetUnits":
        """Return the units that `freeze` stored."""
        if "center" in frozen:  # of version 0.1, which knew squared errors only
            return cls.of_squares(Standardization(**frozen))
        return cls(Standardization(**frozen["target"]), Standardization(**frozen["raw"]), frozen["of_loss"])


@dataclass(frozen=True)
class Units:
    """Standardised inputs and outputs of a model; None where the user's units are kept.

    Parameters
    ----------
    inputs : Standardization or None
        Of the columns of X, folded into the first layer.
    outputs : TargetUnits or None
        Of the columns of y, folded into the last layer.
    """

    inputs: Standardization | None = None
    outputs: TargetUnits | None = None

    @property
    def of_loss(self) -> float:
        """What turns a loss of training into the user's units: the mean variance of the outputs.

        Several outputs weigh equally in training, whatever their units; constant ones do not count. 1 where the
        square is out of range, or all are constant.
        """
        if self.outputs is None or self.is_constant:
            return 1.0
        with np.errstate(over="ignore", under="ignore"):
            unit = float(np.mean(self.outputs.of_loss[self.outputs.target.scale > 0]))
        return unit if 0 < unit < np.inf else 1.0

    @property
    def is_constant(self) -> bool:
        """Whether all outputs have been constant so far."""
        return self.outputs is not None and not self.outputs.target.scale.any()

    def of_target(self, data: Dataset) -> Dataset:
        """Return `data` with its target in the units of training."""
        if self.outputs is None:
            return data
        center, scale = self.outputs.target.center, self.outputs.target.scale
        divisor = np.where(scale > 0, scale, _magnitude(center))
        target = replace(self.outputs.target, scale=divisor).beside(data.target).transform(data.target)
        constant = np.flatnonzero(scale == 0)
        if constant.size:
            xp = namespace(target)
            columns = beside(constant, target)
            # What is left is rounding, which Adam would scale up to full steps, unless the rows are not those of the
            # fit but judge it.
            left = target[:, columns]
            target[:, columns] = xp.where(xp.abs(left) < float(xp.finfo(left.dtype).eps) ** 0.5, 0, left)
        return replace(data, target=target)

    def unit_less(self, params: Array, layout: ParameterLayout) -> Array:
        """Return the flat vector `params`, on the host, with zeros, in place, for outputs without a unit.

        Their gradient is then exactly zero, and the other outputs train as if alone.
        """
        if self.outputs is not None:
            constant = self.outputs.target.scale == 0
            coefs, intercepts = layout.unpack(params)
            coefs[-1][:, constant] = 0
            if intercepts:
                intercepts[-1][constant] = 0
        return params

    def has_changed(self, target: Array) -> np.ndarray:
        """Return which outputs (n_outputs,) were constant so far and are no longer in `target` (n_rows, n_outputs)."""
        if self.outputs is None or self.outputs.target.scale.all():  # the usual case, without a look at the rows
            return np.zeros(target.shape[1], dtype=bool)
        xp = namespace(target)
        units = self.outputs.target
        center = beside(units.center, target)
        distance = to_host(xp.mean(xp.abs(target - center), axis=0))
        # Twice the deviation that counts as rounding, for these rows have a centre of their own.
        rounding = 20 * float(xp.finfo(target.dtype).eps) * np.abs(units.center)
        return (units.scale == 0) & (distance > rounding)

    def with_units(self, changed: np.ndarray, outputs: Standardization) -> "Units":
        """Return the units with those of `outputs` where these have `changed` (n_outputs,) and are not constant again.

        There, as where single rows make chunks, the magnitude of both constants becomes the unit.
        """
        assert self.outputs is not None  # only an output with a centre has been constant
        before = self.outputs.target
        is_known = changed & (outputs.scale > 0)
        magnitude = _magnitude(np.maximum(np.abs(before.center), np.abs(outputs.center)))
        center = np.where(is_known, outputs.center, before.center)
        scale = np.where(is_known, outputs.scale, np.where(changed, magnitude, before.scale))
        return replace(self, outputs=TargetUnits.of_squares(Standardization(center, scale)))

    def to_user(self, params: np.ndarray, layout: ParameterLayout) -> np.ndarray:
        """Return a copy of the flat vector `params` in the user's units.

        Raises
        ------
        ValueError
            If a coefficient is beyond the range of the dtype.
        """
        params = self._convert(params, layout, to_user=True)
        if not np.isfinite(params).all():
            raise ValueError(
                f"The coefficients in the units of `X` and `y` are beyond the range of {params.dtype}: their scales "
                "differ too much. Rescale `X` or `y`, or pass float64."
            )
        return params

    def from_user(self, params: np.ndarray, layout: ParameterLayout) -> np.ndarray:
        """Return a copy of the flat vector `params`, given in the user's units, in the units of training."""
        return self._convert(params, layout, to_user=False)

    def _convert(self, params: np.ndarray, layout: ParameterLayout, to_user: bool) -> np.ndarray:
        converted = params.astype(np.float64)
        coefs, intercepts = layout.unpack(converted)
        with np.errstate(over="ignore", invalid="ignore"):
            if self.inputs is not None:
                change = self.inputs.fold if to_user else self.inputs.unfold
                _, intercept = change(coefs[0], intercepts[0] if intercepts else None, out=coefs[0])
                if intercepts:
                    intercepts[0][...] = intercept
            if self.outputs is not None:
                center, scale = self.outputs.raw.center, self.outputs.raw.scale
                if not to_user:
                    scale = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
                    center = -center * scale
                coefs[-1][...] *= scale
                if intercepts:
                    intercepts[-1][...] *= scale
                    intercepts[-1][...] += center
            return converted.astype(params.dtype, copy=False)

    def freeze(self) -> dict[str, Any]:
        """Return the units as a dict of arrays."""
        inputs, outputs = self.inputs, self.outputs
        return {
            "inputs": None if inputs is None else {"center": inputs.center, "scale": inputs.scale},
            "outputs": None if outputs is None else outputs.freeze(),
        }

    @classmethod
    def thaw(cls, frozen: dict[str, Any]) -> "Units":
        """Return the units that `freeze` stored."""
        inputs, outputs = frozen["inputs"], frozen["outputs"]
        return cls(
            None if inputs is None else Standardization(**inputs),
            None if outputs is None else TargetUnits.thaw(outputs),
        )


def _magnitude(constants: np.ndarray) -> np.ndarray:
    return np.where(constants == 0, 1.0, np.abs(constants))
