"""The units in which an estimator trains: chosen by the first rows, and by later ones where those could not tell."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sk_adalr.dataset import Dataset
from sk_adalr.estimators.targets import Target
from sk_adalr.parameters import ParameterLayout
from sk_adalr.standardization import Standardization
from sk_adalr.units import TargetUnits, Units


class Standardized:
    """How an estimator chooses the units of training."""

    standardize: Any

    # What the model is.
    _has_intercept: Any
    _params: Callable[[ParameterLayout], np.ndarray]

    def _units(self, data: Dataset, target: Target, is_chunk: bool) -> Units:
        """Return the units of training for these data, or for a stream that they are the first chunk of."""
        inputs = None
        if self.standardize:
            inputs = Standardization.of_features(
                data.X, data.sample_weight, center=self._has_intercept, is_chunk=is_chunk
            )
        return Units(inputs, self._output_units(data, target, is_chunk))

    def _output_units(self, data: Dataset, target: Target, is_chunk: bool) -> TargetUnits | None:
        """Return the units of the outputs; where they are the user's, constant outputs have none either."""
        outputs = target.loss.target_units(data.target, data.sample_weight, self._has_intercept)
        if outputs is None or self.standardize:
            return outputs
        is_constant = outputs.target.scale == 0
        # A single row of a stream is no sign of a constant where it trains as it is.
        if not is_constant.any() or (is_chunk and data.n_samples == 1):
            return None
        center = np.where(is_constant, outputs.target.center, 0.0)
        return TargetUnits.of_squares(Standardization(center, np.where(is_constant, 0.0, 1.0)))

    def _units_of_more(self, units: Units, data: Dataset, target: Target, is_chunk: bool) -> tuple[Units, bool]:
        """Return the units in which training goes on with these data, and whether it does or begins anew.

        An output that was constant so far has no unit. The first rows in which it varies give it one. In a fit, or if
        that is so of all outputs, training begins anew, with the units of these rows.
        """
        if units.outputs is None:
            return units, True
        changed = units.has_changed(data.target)
        if not changed.any():
            return units, True
        if not is_chunk:
            return self._units(data, target, is_chunk), False
        if not self.standardize:
            user_units = replace(units.outputs.target, scale=np.ones(len(changed)))
            return units.with_units(changed, user_units), not units.is_constant
        inputs, outputs = (
            units.inputs,
            Standardization.of_targets(data.target, data.sample_weight, center=self._has_intercept),
        )
        if units.is_constant and outputs.scale.any():
            inputs = self._units(data, target, is_chunk).inputs
        return replace(units.with_units(changed, outputs), inputs=inputs), not units.is_constant

    def _units_of_fitted(self, units: Units, layout: ParameterLayout) -> Units:
        """Return `units` in which a fitted model trains on: all that it has learned has a unit.

        The rows at hand may show one value of an output only.
        """
        if units.outputs is None:
            return units
        coefs, intercepts = layout.unpack(self._params(layout))
        outputs = units.outputs.target
        learned = coefs[-1].any(axis=0)
        if intercepts:
            learned |= intercepts[-1] != outputs.center.astype(intercepts[-1].dtype)
        return units.with_units(learned & (outputs.scale == 0), outputs)
