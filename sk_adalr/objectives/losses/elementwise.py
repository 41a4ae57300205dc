"""The base class of losses that are defined by three elementwise functions, including custom losses."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import bisect

from sk_adalr.backends import Array, namespace, row_sums, to_host, weighted_sum
from sk_adalr.objectives.losses.base import LossOfRows, mean_loss_of_constant, repeated, weigh_rows
from sk_adalr.rows import slices_of_rows
from sk_adalr.units import TargetUnits

# The search for the best constant prediction ends here if the optimum is at infinity.
_FARTHEST = 1e300
# Round-off error of a loss that is a difference of larger terms, in those of the square of the largest target.
_ROUND_OFFS = 64
# A loss may overflow to infinity: solvers then treat it as too large.
_quiet = np.errstate(over="ignore", invalid="ignore", under="ignore")


class ElementwiseLoss(ABC):
    r"""Base class of losses that are defined by three elementwise functions, such as your own.

    The loss of a row is the sum over its outputs.

    A subclass defines ``losses`` (convex in the raw prediction) and its derivatives ``gradient`` and ``hessian``, all
    elementwise. If the prediction differs from the raw prediction, it also defines ``predict``. If it is a dataclass,
    you can search over its parameters, as in ``loss__delta``.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from sk_adalr import AdaptiveLRLinearRegression
    >>> from sk_adalr.objectives import ElementwiseLoss
    >>> @dataclass(frozen=True)
    ... class LogCosh(ElementwiseLoss):
    ...     def losses(self, raw, target):
    ...         return np.logaddexp(raw - target, target - raw) - np.log(2)
    ...
    ...     def gradient(self, raw, target):
    ...         return np.tanh(raw - target)
    ...
    ...     def hessian(self, raw, target):
    ...         return 1 - np.tanh(raw - target) ** 2
    >>> X, y = np.arange(6.0)[:, None], np.array([0, 1, 2, 3, 4, 50.0])
    >>> model = AdaptiveLRLinearRegression(loss=LogCosh()).fit(X, y)
    >>> model.predict([[6.0]]).round(1)
    array([7.7])
    """

    is_quadratic: ClassVar[bool] = False
    is_separable: ClassVar[bool] = True
    positive_only: ClassVar[bool] = False
    out_activation: ClassVar[str] = "identity"
    classifies: ClassVar[bool] = False
    saturates: ClassVar[bool] = False
    starts_at_constant: ClassVar[bool] = True

    @abstractmethod
    def losses(self, raw: Array, target: Array) -> Array:
        """Return the loss of each raw prediction, at least 0 and 0 where it is perfect, as an array of the same shape.

        Parameters
        ----------
        raw, target : array
            NumPy or CuPy arrays of the same shape, which must not be modified.
        """

    @abstractmethod
    def gradient(self, raw: Array, target: Array) -> Array:
        """Return the derivative of each loss with respect to its raw prediction."""

    @abstractmethod
    def hessian(self, raw: Array, target: Array) -> Array:
        """Return the second derivative of each loss with respect to its raw prediction, at least 0."""

    def predict(self, raw: Array) -> Array:
        """Return the prediction on the target's scale: the raw prediction, unless the loss has a link."""
        return raw

    def check_target(self, target: np.ndarray) -> None:  # noqa: B027
        """Raise a ValueError if the loss is not defined for a target (n_rows, n_outputs); accepts all by default."""

    @_quiet
    def value(self, raw: Array, target: Array, weight: Array | None) -> Any:
        """Return the loss sum (0-d)."""
        return weighted_sum(row_sums(self.losses(raw, target)), weight)

    def residual(
        self, raw: Array, target: Array, weight: Array | None, scale: float = 1.0, bias: Array | None = None
    ) -> Array:
        """Overwrite `raw` with `scale` times the derivative of the loss sum; return the loss of each row."""
        if bias is not None:
            raw += bias
        losses = row_sums(self.losses(raw, target))
        namespace(raw).multiply(self.gradient(raw, target), scale, out=raw)
        weigh_rows(raw, weight)
        return losses

    def of_rows(self, target: Array, weight: Array | None) -> LossOfRows:
        """Return the mean loss of the rows as a function of scores."""
        return _ElementwiseLossOfRows(self, target, weight)

    @_quiet
    def constant(self, target: Array, weight: Array | None, n_outputs: int) -> np.ndarray:
        """Return the best constant raw prediction (n_outputs,), where the mean derivative changes sign.

        Raise a ValueError if its loss is negative.
        """
        return np.array([self._constant_of_output(target[:, k], weight) for k in range(n_outputs)])

    def _constant_of_output(self, target: Array, weight: Array | None) -> float:
        raw, xp = namespace(target).empty_like(target, dtype=np.float64), namespace(target)

        def slope(constant: float) -> float:
            raw[...] = constant
            return float(xp.average(self.gradient(raw, target), weights=weight))

        at_zero = slope(0.0)
        end = -1.0 if at_zero > 0 else 1.0
        while (at_end := slope(end)) * at_zero > 0 and abs(end) < _FARTHEST:
            end *= 2.0
        constant = end
        if at_end * at_zero <= 0:
            # Bisection uses signs only: the derivative may be infinite at an end of the interval.
            constant = float(bisect(slope, min(end, 0.0), max(end, 0.0)))
        raw[...] = constant
        loss, largest = float(xp.average(self.losses(raw, target), weights=weight)), float(abs(target).max())
        if loss < -_ROUND_OFFS * float(np.finfo(target.dtype).eps) * max(1.0, largest * largest):
            raise ValueError(
                f"A loss must be at least 0, but that of the best constant prediction is {loss:.3g}. `tol` and "
                "`score` are relative to it. Let `losses` subtract the least loss of each target."
            )
        return constant

    def constant_value(self, target: Array, weight: Array | None) -> float:
        """Return the mean loss of the best constant prediction."""
        return mean_loss_of_constant(self, self.constant(target, weight, target.shape[1]), target, weight)

    @_quiet
    def curvature_at(self, constant: np.ndarray, target: Array, weight: Array | None) -> np.ndarray:
        """Return the mean second derivatives (n_outputs,) at a constant raw prediction (n_outputs,)."""
        total: Any = 0.0
        for rows in slices_of_rows(target):
            curvature = self._curvature(repeated(constant, target[rows]), target[rows])
            total = total + (curvature.sum(axis=0) if weight is None else weight[rows] @ curvature)
        return to_host(total) / float(len(target) if weight is None else weight.sum())

    def row_curvature(self, raw: Array, target: Array) -> Array:
        """Return the largest second derivative among the outputs of each row (n_rows,)."""
        return self._curvature(raw, target).max(axis=1)

    def _curvature(self, raw: Array, target: Array) -> Array:
        """Return second derivatives in the shape of `raw`, clipped at 0: Newton's method needs them non-negative."""
        xp = namespace(raw)
        return xp.maximum(self.hessian(raw, target), xp.zeros_like(raw))

    def target_units(self, target: Array, weight: Array | None, center: bool) -> TargetUnits | None:
        """Return None: the parameters of the loss may be in the units of the target."""
        return None


class _ElementwiseLossOfRows:
    """`LossOfRows` of an elementwise loss."""

    def __init__(self, loss: ElementwiseLoss, target: Array, weight: Array | None) -> None:
        self._loss, self._weight = loss, weight
        self._target = namespace(target).ascontiguousarray(target.T)

    @_quiet
    def evaluate(self, scores: Array) -> tuple[float, Array]:
        losses = self._loss.losses(scores, self._target)
        total = losses.sum() if self._weight is None else (losses @ self._weight).sum()
        return float(total) / scores.shape[1], scores

    @_quiet
    def derivatives(self, scores: Array) -> tuple[Array, np.ndarray, Array]:
        first, second = self._loss.gradient(scores, self._target), self._loss._curvature(scores, self._target)
        if self._weight is not None:
            first, second = first * self._weight, second * self._weight
        return first, to_host(first.sum(axis=1)), second
