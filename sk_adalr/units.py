"""The units in which a model trains: their choice, and conversion to and from the user's units."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sk_adalr.backends import Array, beside, namespace, to_host
from sk_adalr.dataset import Dataset
from sk_adalr.parameters import ParameterLayout
from sk_adalr.standardization import Standardization


@dataclass(frozen=True)
class TargetUnits:
    """Units of the outputs: of targets, raw predictions and losses.

    Parameters
    ----------
    target : Standardization
        Converts the user's targets to training units. A scale of 0 marks an output that has been constant so far: it
        has no unit, its target in training is 0, and its prediction is the centre.
    raw : Standardization
        Converts the user's raw predictions to training units.
    of_loss : ndarray of shape (n_outputs,)
        The loss in the user's units is the training loss times this.
    """

    target: Standardization
    raw: Standardization
    of_loss: np.ndarray

    @classmethod
    def of_squares(cls, target: Standardization) -> "TargetUnits":
        """Return the units for a squared error, whose raw prediction has the unit of the target."""
        with np.errstate(over="ignore", under="ignore"):
            return cls(target, target, target.scale**2)

    @property
    def penalty_factors(self) -> np.ndarray:
        """Factors (n_outputs,) that convert the strength of an L2 penalty from the user's units to training units."""
        factors = np.ones(len(self.of_loss))
        # The loss unit is out of range only for squared errors, where both are the same square and the factor is 1.
        with np.errstate(over="ignore", under="ignore"):
            in_range = (self.of_loss > 0) & np.isfinite(self.of_loss)
            np.divide(self.raw.scale**2, self.of_loss, out=factors, where=in_range)
        return factors


@dataclass(frozen=True)
class Units:
    """Units of a model's inputs and outputs in training; None for those that keep the user's units.

    Parameters
    ----------
    inputs : Standardization or None
        Standardisation of the columns of X, folded into the first layer.
    outputs : TargetUnits or None
        Units of the columns of y, folded into the last layer.
    """

    inputs: Standardization | None = None
    outputs: TargetUnits | None = None

    @property
    def of_loss(self) -> float:
        """Factor that converts the training loss to the user's units: for squared errors, the mean output variance.

        In training all outputs have equal weight, whatever their units; constant outputs do not count. The factor is
        1 if it would be out of range, or if all outputs are constant.
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
        """Return `data` with its target in training units."""
        if self.outputs is None:
            return data
        center, scale = self.outputs.target.center, self.outputs.target.scale
        divisor = np.where(scale > 0, scale, _magnitude(center))
        target = replace(self.outputs.target, scale=divisor).beside(data.target).transform(data.target)
        constant = np.flatnonzero(scale == 0)
        if constant.size:
            xp = namespace(target)
            columns = beside(constant, target)
            # In training rows the remainder is round-off error, set to zero as Adam would scale it up to full steps.
            # In validation rows the output may vary.
            left = target[:, columns]
            target[:, columns] = xp.where(xp.abs(left) < float(xp.finfo(left.dtype).eps) ** 0.5, 0, left)
        return replace(data, target=target)

    def unit_less(self, params: Array, layout: ParameterLayout) -> Array:
        """Set the last-layer parameters of outputs without a unit to zero, in place in `params`, and return `params`.

        Their gradient is then exactly zero, and the other outputs train as if these did not exist.
        """
        if self.outputs is not None:
            constant = self.outputs.target.scale == 0
            coefs, intercepts = layout.unpack(params)
            coefs[-1][:, constant] = 0
            if intercepts:
                intercepts[-1][constant] = 0
        return params

    def has_changed(self, target: Array) -> np.ndarray:
        """Return which outputs (n_outputs,) were constant so far but vary in `target` (n_rows, n_outputs)."""
        if self.outputs is None or self.outputs.target.scale.all():  # the usual case, without reading the rows
            return np.zeros(target.shape[1], dtype=bool)
        xp = namespace(target)
        units = self.outputs.target
        center = beside(units.center, target)
        distance = to_host(xp.mean(xp.abs(target - center), axis=0))
        # Twice the usual bound of round-off error, because the centre was computed from other rows.
        rounding = 12 * float(xp.finfo(target.dtype).eps) * np.abs(units.center)
        return (units.scale == 0) & (distance > rounding)

    def with_units(self, changed: np.ndarray, outputs: Standardization) -> "Units":
        """Return the units with the `outputs` that have `changed` (n_outputs,).

        If a changed output is constant in `outputs` again, as in chunks of a single row, its unit becomes the larger
        magnitude of the two constants.
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
        """Return a copy of the flat vector `params`, given in the user's units, in training units."""
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
    """Choice of training units from the first rows, or from later rows for columns that were constant in the first.

    Parameters
    ----------
    loss : Loss
        Determines the units of the targets.
    standardize : bool
        Whether inputs and outputs are standardised. Constant outputs are in any case.
    center : bool
        Whether columns are centred, which needs intercepts for the centres to be folded into.
    is_chunk : bool, default=False
        Whether the rows are a chunk of a stream.
    penalty : float, default=0.0
        Second derivative of the L2 penalty with respect to a coefficient, in the user's units.
    penalty_unit : ndarray of shape (n_features,) or float, default=1.0
        Divisor of the columns: the penalty applies to the coefficients of the divided columns.
    """

    loss: Any
    standardize: bool
    center: bool
    is_chunk: bool = False
    penalty: float = 0.0
    penalty_unit: np.ndarray | float = 1.0

    def of_first(self, data: Dataset) -> Units:
        """Return the training units for `data`, or for the stream of which `data` are the first chunk."""
        outputs = self._of_outputs(data)
        if not self.standardize:
            return Units(None, outputs)
        inputs = Standardization.of_features(data.X, data.sample_weight, center=self.center, is_chunk=self.is_chunk)
        return Units(replace(inputs, scale=self._scale(inputs, outputs)), outputs)

    def _scale(self, inputs: Standardization, outputs: TargetUnits | None) -> np.ndarray:
        """Return the scale of the inputs, including the penalty.

        The squared deviation and the penalty both contribute to the curvature of a coefficient. With both in the
        scale, neither makes the problem stiff.
        """
        penalty = self.penalty * (1.0 if outputs is None else outputs.penalty_factors.mean())
        return np.hypot(inputs.scale, np.sqrt(penalty) * self.penalty_unit)

    def _with_opened(self, units: Units, data: Dataset) -> Units:
        """Return the units with a new scale for inputs that were constant so far but vary in `data`."""
        if units.inputs is None:
            return units
        inputs, changed = units.inputs.opened(data.X, data.sample_weight, center=self.center)
        if changed.any():
            inputs = replace(inputs, scale=np.where(changed, self._scale(inputs, units.outputs), inputs.scale))
        return replace(units, inputs=inputs)

    def _of_outputs(self, data: Dataset) -> TargetUnits | None:
        """Return the units of the outputs; without `standardize`, None or units that mark the constant outputs."""
        outputs = self.loss.target_units(data.target, data.sample_weight, self.center)
        if outputs is None or self.standardize:
            return outputs
        is_constant = outputs.target.scale == 0
        # A single row of a stream does not show that an output is constant; it is used in the user's units.
        if not is_constant.any() or (self.is_chunk and data.n_samples == 1):
            return None
        center = np.where(is_constant, outputs.target.center, 0.0)
        return TargetUnits.of_squares(Standardization(center, np.where(is_constant, 0.0, 1.0)))

    def of_more(self, units: Units, data: Dataset) -> tuple[Units, bool]:
        """Return the units for training on `data`, and whether training continues (True) or restarts (False).

        An output that was constant so far has no unit; the first rows in which it varies determine one. In a fit, or
        if all outputs were constant, training then restarts with the units of these rows. Constant inputs get a scale
        likewise, but had no influence on the model, so training continues.
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
        """Return the units for continuing to train a fitted model with parameters `params` in the user's units.

        An output that the model has learned to predict gets a unit, even if it is constant in `data`.
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
