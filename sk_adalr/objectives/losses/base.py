r"""The interface of losses, which is all that the rest of the package uses.

A loss compares raw predictions (before the inverse link) with targets. It does not depend on features or parameters,
so one class serves networks and linear models, mini-batches and full passes. Shapes:

==============  ====================================================================================
``raw``         (n_rows, n_outputs), the raw prediction; methods that overwrite it say so
``target``      (n_rows, n_outputs), of real numbers, or of 0 and 1; (n_rows,) of class indices
``weight``      (n_rows,), not negative, or None for equal weights
``scores``      (n_outputs, n_rows), the transpose of ``raw``, for solvers that use all rows at once
==============  ====================================================================================

Losses are at least 0. The loss of a fit is measured in units of the loss of the best constant prediction.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np

from sk_adalr.backends import Array, beside, namespace
from sk_adalr.units import TargetUnits


@runtime_checkable
class Loss(Protocol):
    """A loss, summed over outputs and (weighted) over rows.

    Most losses derive from `ElementwiseLoss`, which implements all of this from three functions.

    Attributes
    ----------
    is_quadratic : bool
        Whether it is half the squared error, so that a matrix factorisation solves linear models.
    is_separable : bool
        Whether it is a sum over outputs, each term depending on the raw prediction of one output.
    positive_only : bool
        Whether targets must not be negative.
    out_activation : str
        The name of the inverse link: ``out_activation_`` of a network.
    classifies : bool
        Whether targets are labels, which can be linearly separable.
    saturates : bool
        Whether some targets are fitted perfectly by an infinite raw prediction only.
    starts_at_constant : bool
        Whether, if targets keep their units, mini-batch training starts from the best constant prediction instead of
        0, from which scikit-learn's estimators start.
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

        `bias` (n_outputs,), if given, is added to `raw` first. `weighted_sum` adds up the losses (n_rows,).
        """
        ...

    def of_rows(self, target: Array, weight: Array | None) -> Any:
        """Return the mean loss of the rows as a function of scores, a `LossOfRows`; the mean of `weight` is 1."""
        ...

    def predict(self, raw: Array) -> Array:
        """Return the prediction on the target's scale (inverse link); `raw` may be overwritten."""
        ...

    def constant(self, target: Array, weight: Array | None, n_outputs: int) -> np.ndarray:
        """Return the best constant raw prediction (n_outputs,), finite, as float64 on the host."""
        ...

    def constant_value(self, target: Array, weight: Array | None) -> float:
        """Return the mean loss of the best constant prediction: the natural unit of this loss on this target."""
        ...

    def curvature_at(self, constant: np.ndarray, target: Array, weight: Array | None) -> np.ndarray:
        """Return the mean second derivatives (n_outputs,) at a constant raw prediction (n_outputs,)."""
        ...

    def row_curvature(self, raw: Array, target: Array) -> Array:
        """Return upper bounds (n_rows,) of the second derivative of each row's loss, in any direction of `raw`."""
        ...

    def check_target(self, target: np.ndarray) -> None:
        """Raise a ValueError that says what to do if the loss is not defined for a target."""
        ...

    def target_units(self, target: Array, weight: Array | None, center: bool) -> TargetUnits | None:
        """Return units in which the loss only changes by a factor; None if there are none.

        `center` says whether the model has an intercept, which can absorb a shift.
        """
        ...


class LossOfRows(Protocol):
    """The mean loss of given rows as a function of their scores (n_outputs, n_rows), on the device of the scores."""

    def evaluate(self, scores: Array) -> tuple[float, Any]:
        """Return the mean loss, and intermediate results for `derivatives`."""
        ...

    def derivatives(self, evaluated: Any) -> tuple[Array, np.ndarray, Array]:
        """Return weighted derivatives of the loss sum.

        These are residuals (n_outputs, n_rows), the sum of the residuals of each output (n_outputs,) on the host, and
        second derivatives (n_outputs, n_rows). A loss that is not separable returns unweighted probabilities instead
        of the latter.
        """
        ...


class JointLossOfRows(LossOfRows, Protocol):
    """`LossOfRows` of a loss that is not separable, for a solver that stores no array as large as the scores."""

    def residual(self, scores: Array) -> float:
        """Overwrite the scores of these rows with their residuals; return the loss sum."""
        ...


ResidualT = TypeVar("ResidualT", bound=Callable[..., Any])


def of_kernels(name: str) -> Callable[[ResidualT], ResidualT]:
    """Mark a `residual` method that `Kernels.csr_steps` implement, too; an override in a subclass is unmarked."""

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
    """Return a constant (n_outputs,) repeated for every row of `target`."""
    raw = namespace(target).empty((len(target), len(constant)))
    raw[...] = beside(constant, target)
    return raw
