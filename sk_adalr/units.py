"""The units in which a model trains: how they are chosen, and the way to the user's and back."""

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
        rounding = 12 * float(xp.finfo(target.dtype).eps) * np.abs(units.center)
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


@dataclass(frozen=True)
class UnitChoice:
    """How the units of training are chosen: by the first rows, and by later ones where those could not tell.

    Parameters
    ----------
    loss : Loss
        Says what the units of targets are.
    standardize : bool
        Whether inputs and outputs are standardised at all; outputs that are constant are, in any case.
    center : bool
        Whether the model has intercepts, which centres fold into.
    is_chunk : bool, default=False
        Whether the rows are a chunk of a stream.
    penalty : float, default=0.0
        Curvature of a penalty of coefficients in the user's units.
    penalty_unit : ndarray of shape (n_features,) or float, default=1.0
        The penalised coefficients are those of columns divided by it.
    """

    loss: Any
    standardize: bool
    center: bool
    is_chunk: bool = False
    penalty: float = 0.0
    penalty_unit: np.ndarray | float = 1.0

    def of_first(self, data: Dataset) -> Units:
        """Return the units of training for these data, or for a stream that they are the first chunk of."""
        outputs = self._of_outputs(data)
        if not self.standardize:
            return Units(None, outputs)
        inputs = Standardization.of_features(data.X, data.sample_weight, center=self.center, is_chunk=self.is_chunk)
        return Units(replace(inputs, scale=self._scale(inputs, outputs)), outputs)

    def _scale(self, inputs: Standardization, outputs: TargetUnits | None) -> np.ndarray:
        """Return the scale of the inputs with the penalty in it.

        The deviation and the penalty are both curvatures: with both in the scale neither is ever stiff.
        """
        penalty = self.penalty * (1.0 if outputs is None else outputs.penalty_factors.mean())
        return np.hypot(inputs.scale, np.sqrt(penalty) * self.penalty_unit)

    def _with_opened(self, units: Units, data: Dataset) -> Units:
        """Return the units with a scale of those inputs that were constant so far and are no longer."""
        if units.inputs is None:
            return units
        inputs, changed = units.inputs.opened(data.X, data.sample_weight, center=self.center)
        if changed.any():
            inputs = replace(inputs, scale=np.where(changed, self._scale(inputs, units.outputs), inputs.scale))
        return replace(units, inputs=inputs)

    def _of_outputs(self, data: Dataset) -> TargetUnits | None:
        """Return the units of the outputs; where they are the user's, constant outputs have none either."""
        outputs = self.loss.target_units(data.target, data.sample_weight, self.center)
        if outputs is None or self.standardize:
            return outputs
        is_constant = outputs.target.scale == 0
        # A single row of a stream is no sign of a constant where it trains as it is.
        if not is_constant.any() or (self.is_chunk and data.n_samples == 1):
            return None
        center = np.where(is_constant, outputs.target.center, 0.0)
        return TargetUnits.of_squares(Standardization(center, np.where(is_constant, 0.0, 1.0)))

    def of_more(self, units: Units, data: Dataset) -> tuple[Units, bool]:
        """Return the units in which training continues with these data, and whether it does or begins anew.

        An output that was constant so far has no unit. The first rows in which it varies give it one. In a fit, or if
        that is so of all outputs, training begins anew, with the units of these rows. A constant input is alike, but
        as it had no part in the model, training always continues.
        """
        units = self._with_opened(units, data)
        if units.outputs is None:
            return units, True
        changed = units.has_changed(data.target)
        if not changed.any():
            return units, True
        if not self.is_chunk:
            return self.of_first(data), False
        if not self.standardize:
            user_units = replace(units.outputs.target, scale=np.ones(len(changed)))
            return units.with_units(changed, user_units), not units.is_constant
        outputs = Standardization.of_targets(data.target, data.sample_weight, center=self.center)
        inputs = units.inputs
        if units.is_constant and outputs.scale.any():
            inputs = self.of_first(data).inputs
        return replace(units.with_units(changed, outputs), inputs=inputs), not units.is_constant

    def of_fitted(self, data: Dataset, params: np.ndarray, layout: ParameterLayout) -> Units:
        """Return units in which a model of `params`, in the user's units, trains on: all it has learned has a unit.

        The rows at hand may show one value of an output only.
        """
        units = self.of_first(data)
        if units.outputs is None:
            return units
        coefs, intercepts = layout.unpack(params)
        outputs = units.outputs.target
        learned = coefs[-1].any(axis=0)
        if intercepts:
            learned |= intercepts[-1] != outputs.center.astype(intercepts[-1].dtype)
        return units.with_units(learned & (outputs.scale == 0), outputs)


def _magnitude(constants: np.ndarray) -> np.ndarray:
    return np.where(constants == 0, 1.0, np.abs(constants))
