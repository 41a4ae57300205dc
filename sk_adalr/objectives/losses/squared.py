"""Half the squared error."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sk_adalr.backends import Array, kernels, namespace, row_squares, to_host, weighted_sum
from sk_adalr.objectives.losses.base import of_kernels, weigh_rows
from sk_adalr.objectives.losses.elementwise import ElementwiseLoss
from sk_adalr.standardization import Standardization
from sk_adalr.units import TargetUnits


@dataclass(frozen=True)
class HalfSquaredError(ElementwiseLoss):
    r"""Half squared error, :math:`\frac12 \sum_k (u_k - y_k)^2`."""

    is_quadratic: ClassVar[bool] = True
    starts_at_constant: ClassVar[bool] = False

    def losses(self, raw: Array, target: Array) -> Array:
        """Return half the squared errors."""
        return 0.5 * (raw - target) ** 2

    def gradient(self, raw: Array, target: Array) -> Array:
        """Return the errors, prediction minus target."""
        return raw - target

    def hessian(self, raw: Array, target: Array) -> Array:
        """Return ones."""
        return namespace(raw).ones_like(raw)

    def value(self, raw: Array, target: Array, weight: Array | None) -> Any:
        """Return the loss sum (0-d); `raw` is overwritten."""
        raw -= target
        return 0.5 * weighted_sum(row_squares(raw), weight)

    @of_kernels("squared")
    def residual(
        self, raw: Array, target: Array, weight: Array | None, scale: float = 1.0, bias: Array | None = None
    ) -> Array:
        """Overwrite `raw` with :math:`u - y`, weighted, times `scale`; return the loss of each row, unweighted."""
        row_losses = kernels(raw).squared_residual(raw, target, scale, bias)
        weigh_rows(raw, weight)
        return row_losses

    def constant(self, target: Array, weight: Array | None, n_outputs: int) -> np.ndarray:
        """Return the weighted mean of the target."""
        return to_host(namespace(target).average(target, axis=0, weights=weight))

    def target_units(self, target: Array, weight: Array | None, center: bool) -> TargetUnits:
        """Return units in which the target is centred, if there is an intercept, and divided by its deviation."""
        return TargetUnits.of_squares(Standardization.of_targets(target, weight, center=center))
