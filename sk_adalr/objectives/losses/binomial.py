"""The log loss for two classes, or for several labels per sample."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sk_adalr.backends import Array, kernels, namespace, special, to_host
from sk_adalr.objectives.losses.base import LossOfRows, of_kernels, weigh_rows
from sk_adalr.objectives.losses.elementwise import ElementwiseLoss


@dataclass(frozen=True)
class BinomialLogLoss(ElementwiseLoss):
    r"""Log loss of independent binary outputs, :math:`\sum_k \log(1 + e^{u_k}) - y_k u_k`.

    The target is (n_rows, n_outputs) of 0 and 1.
    """

    out_activation: ClassVar[str] = "logistic"
    classifies: ClassVar[bool] = True
    saturates: ClassVar[bool] = True
    starts_at_constant: ClassVar[bool] = False

    def losses(self, raw: Array, target: Array) -> Array:
        """Return the log losses."""
        return namespace(raw).logaddexp(0, raw) - raw * target

    def gradient(self, raw: Array, target: Array) -> Array:
        r"""Return :math:`\sigma(u) - y`."""
        return special(raw).expit(raw) - target

    def hessian(self, raw: Array, target: Array) -> Array:
        r"""Return :math:`\sigma(u) (1 - \sigma(u))`."""
        share = special(raw).expit(raw)
        return share * (1 - share)

    @of_kernels("binomial")
    def residual(
        self, raw: Array, target: Array, weight: Array | None, scale: float = 1.0, bias: Array | None = None
    ) -> Array:
        r"""Overwrite `raw` with :math:`\sigma(u) - y`, weighted, times `scale`; return the loss of each row."""
        row_losses = kernels(raw).binomial_residual(raw, target, scale, bias)
        weigh_rows(raw, weight)
        return row_losses

    def of_rows(self, target: Array, weight: Array | None) -> LossOfRows:
        """Return the mean loss of the rows as a function of scores; a single output has its own implementation."""
        return _Margins(target, weight) if target.shape[1] == 1 else super().of_rows(target, weight)

    def predict(self, raw: Array) -> Array:
        r"""Return :math:`\sigma(u)` in place of `raw`."""
        return special(raw).expit(raw, out=raw)

    def constant_value(self, target: Array, weight: Array | None) -> float:
        """Return the entropy, summed over outputs."""
        share = namespace(target).average(target, axis=0, weights=weight)
        entr = special(target).entr
        return float((entr(share) + entr(1 - share)).sum())

    def constant(self, target: Array, weight: Array | None, n_outputs: int) -> np.ndarray:
        """Return the log odds of the outputs, finite even if an output is constant."""
        xp, eps = namespace(target), float(np.finfo(target.dtype).eps)
        # Both shares are averaged, because 1 minus the larger one would lose the digits of a tiny one.
        shares = (to_host(xp.average(part, axis=0, weights=weight)) for part in (target, 1 - target))
        return np.subtract(*(np.log(np.where(share > 0, share, eps).astype(np.float64)) for share in shares))

    def curvature_at(self, constant: np.ndarray, target: Array, weight: Array | None) -> np.ndarray:
        """Return the variance of each output, whatever the targets."""
        return self.hessian(constant, constant)


class _Margins:
    r"""`LossOfRows` of one output.

    With margins :math:`s_i = \pm u_i`, negative where the model is right, the loss of a row is
    :math:`\log(1 + e^{s_i})`.
    """

    def __init__(self, target: Array, weight: Array | None) -> None:
        # One byte per row, as it is stored in addition to the labels.
        self._sign = namespace(target).where(target[:, 0] > 0, -1, 1).astype(np.int8)
        self._weight = weight

    def evaluate(self, scores: Array) -> tuple[float, Any]:
        total, evaluated = kernels(scores).log_loss(scores[0], self._sign, self._weight)
        return total / scores.shape[1], evaluated

    def derivatives(self, evaluated: Any) -> tuple[Array, np.ndarray, Array]:
        first, second, total = kernels(self._sign).log_loss_derivatives(evaluated, self._sign, self._weight)
        return first[None], np.array([total]), second[None]
