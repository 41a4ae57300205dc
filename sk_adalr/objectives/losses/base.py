r"""What a loss is: all that the rest of the package knows of one.

A loss compares raw predictions, before the link, with targets. It sees no data and no parameters, so that one object
serves networks and linear models, mini-batches and all rows at once. Shapes, once for all:

==============  ====================================================================================
``raw``         (n_rows, n_outputs), the raw prediction; what overwrites it says so
``target``      (n_rows, n_outputs), of real numbers, or of 0 and 1; (n_rows,) of class indices
``weight``      (n_rows,), not negative, or None for equal ones
``scores``      (n_outputs, n_rows), the same as ``raw`` for solvers that see all rows at once
==============  ====================================================================================

Losses are at least 0, and the unit of the loss of a fit is that of the best constant prediction.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np

from sk_adalr.backends import Array, beside, namespace
from sk_adalr.units import TargetUnits


@runtime_checkable
class Loss(Protocol):
    """A loss, summed over outputs and, weighted, over rows.

    Most losses are an `ElementwiseLoss`, which derives all of this from three functions.

    Attributes
    ----------
    is_quadratic : bool
        Whether it is half the squared error, so that factorisations solve linear models.
    is_separable : bool
        Whether it is a sum over outputs, each of which has its own part of the raw prediction.
    positive_only : bool
        Whether targets must not be negative.
    out_activation : str
        The name of the inverse link: ``out_activation_`` of a network.
    classifies : bool
        Whether targets are labels, which can be separated perfectly.
    saturates : bool
        Whether some targets are fitted perfectly by an infinite raw prediction only.
    starts_at_constant : bool
        Whether mini-batches start from the best constant prediction where targets keep their units, else from 0, as
        scikit-learn's estimators do.
    """

    is_quadratic: ClassVar[bool]
    is_separable: ClassVar[bool]
    positive_only: ClassVar[bool]
    out_activation: ClassVar[str]
    classifies: ClassVar[bool]
    saturates: ClassVar[bool]
    starts_at_constant: ClassVar[bool]

    def value(self, raw: Array, target: Array, weight: Array | None) -> Any:
        """Return the loss sum (0-d); `raw` may be overwritten."""
        ...

    def residual(
        self, raw: Array, target: Array, weight: Array | None, scale: float = 1.0, bias: Array | None = None
    ) -> Array:
        """Overwrite `raw` with `scale` times the derivative of the loss sum; return the loss of each row, unweighted.

        `bias` (n_outputs,), if given, is added to `raw` first. The losses (n_rows,) are for `weighted_sum`.
        """
        ...

    def of_rows(self, target: Array, weight: Array | None) -> Any:
        """Return their mean loss as a function of scores, a `LossOfRows`; the weight has mean 1."""
        ...

    def predict(self, raw: Array) -> Array:
        """Return the prediction on the target's scale (inverse link); `raw` may be overwritten."""
        ...

    def constant(self, target: Array, weight: Array | None, n_outputs: int) -> np.ndarray:
        """Return the best constant raw prediction, finite, of the host's float64 (n_outputs,)."""
        ...

    def constant_value(self, target: Array, weight: Array | None) -> float:
        """Return the mean loss of the best constant prediction: the natural unit of this loss on this target."""
        ...

    def curvature_at(self, constant: np.ndarray, target: Array, weight: Array | None) -> np.ndarray:
        """Return the mean second derivatives (n_outputs,) at a constant raw prediction (n_outputs,)."""
        ...

    def row_curvature(self, raw: Array, target: Array) -> Array:
        """Return a bound (n_rows,) of the second derivative of the loss of each row, in any direction."""
        ...

    def check_target(self, target: np.ndarray) -> None:
        """Raise a ValueError, which says what to do, where the loss does not take a target."""
        ...

    def target_units(self, target: Array, weight: Array | None, center: bool) -> TargetUnits | None:
        """Return units in which the loss is the same up to a factor; None if there are none.

        `center` says whether the model has an intercept, which can take up a shift.
        """
        ...


class LossOfRows(Protocol):
    """The mean loss of given rows as a function of their scores (n_outputs, n_rows), beside which all of it lies."""

    def evaluate(self, scores: Array) -> tuple[float, Any]:
        """Return the mean loss, and what `derivatives` needs."""
        ...

    def derivatives(self, evaluated: Any) -> tuple[Array, np.ndarray, Array]:
        """Return the derivatives of the loss sum, weighted.

        Residuals (n_outputs, n_rows), their sums (n_outputs,), the host's, and curvatures (n_outputs, n_rows), of a
        loss that is not separable its probabilities, unweighted.
        """
        ...


class JointLossOfRows(LossOfRows, Protocol):
    """That of a loss that is not separable, whose solver keeps nothing of the size of its scores."""

    def residual(self, scores: Array) -> float:
        """Overwrite the scores of some rows by their residuals; return the loss sum."""
        ...


ResidualT = TypeVar("ResidualT", bound=Callable[..., Any])


def of_kernels(name: str) -> Callable[[ResidualT], ResidualT]:
    """Mark a `residual` that `Kernels.csr_steps` have, too; whoever overrides it has another."""

    def mark(residual: ResidualT) -> ResidualT:
        residual.kernel = name  # type: ignore[attr-defined]
        return residual

    return mark


def weigh_rows(residual: Array, weight: Array | None) -> None:
    """Multiply rows (n_rows, n_outputs) by their weights, in place."""
    if weight is not None:
        residual *= weight[:, None]


def mean_loss(loss: Loss, raw: Array, target: Array, weight: Array | None) -> float:
    """Return the mean loss of raw predictions, which may be overwritten."""
    return float(loss.value(raw, target, weight)) / float(len(target) if weight is None else weight.sum())


def mean_loss_of_constant(loss: Loss, constant: np.ndarray, target: Array, weight: Array | None) -> float:
    """Return the mean loss of a constant raw prediction (n_outputs,)."""
    return mean_loss(loss, repeated(constant, target), target, weight)


def repeated(constant: np.ndarray, target: Array) -> Array:
    """Return a constant (n_outputs,) for every row of a target."""
    raw = namespace(target).empty((len(target), len(constant)))
    raw[...] = beside(constant, target)
    return raw
