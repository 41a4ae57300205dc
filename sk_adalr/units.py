"""The units in which a model trains, and the way to the user's and back."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sk_adalr.dataset import Dataset
from sk_adalr.parameters import ParameterLayout
from sk_adalr.standardization import Standardization


@dataclass(frozen=True)
class Units:
    """Standardised inputs and outputs of a model; None where the user's units are kept.

    Parameters
    ----------
    inputs : Standardization or None
        Of the columns of X, folded into the first layer.
    outputs : Standardization or None
        Of the columns of y, folded into the last layer.
    only_target : array of shape (n_outputs,) or None
        The one target that a stream has shown so far, if it is: it has no unit yet.
    """

    inputs: Standardization | None = None
    outputs: Standardization | None = None
    only_target: Any = None

    @property
    def of_loss(self) -> float:
        """What turns a loss of training into the user's units: the mean variance of the outputs.

        Several outputs weigh equally in training, whatever their units. 1 where the square is out of range.
        """
        if self.outputs is None:
            return 1.0
        with np.errstate(over="ignore", under="ignore"):
            unit = float(np.mean(self.outputs.scale**2))
        return unit if 0 < unit < np.inf else 1.0

    def of_target(self, data: Dataset) -> Dataset:
        """Return `data` with its target in the units of training."""
        return (
            data
            if self.outputs is None
            else replace(data, target=self.outputs.beside(data.target).transform(data.target))
        )

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
                scale = self.outputs.scale if to_user else 1 / self.outputs.scale
                shift = self.outputs.center if to_user else -self.outputs.center / self.outputs.scale
                coefs[-1][...] *= scale
                if intercepts:
                    intercepts[-1][...] *= scale
                    intercepts[-1][...] += shift
            return converted.astype(params.dtype, copy=False)

    def freeze(self) -> dict[str, Any]:
        """Return the units as a dict of arrays."""
        parts = {
            name: None if part is None else {"center": part.center, "scale": part.scale}
            for name, part in (("inputs", self.inputs), ("outputs", self.outputs))
        }
        return {**parts, "only_target": self.only_target}

    @classmethod
    def thaw(cls, frozen: dict[str, Any]) -> "Units":
        """Return the units that `freeze` stored."""
        inputs, outputs = (
            None if frozen[name] is None else Standardization(**frozen[name]) for name in ("inputs", "outputs")
        )
        return cls(inputs, outputs, frozen["only_target"])
