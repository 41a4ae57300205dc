r"""Losses of one row as functions of the raw prediction, each with its derivative and its inverse link.

Every method overwrites `raw` (n_rows, n_outputs), the prediction before the link: it is the largest array of an
update, and nobody needs it afterwards. `weight` is (n_rows,) or None. `bias` (n_outputs,), if given, is added to `raw`
first.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from sk_adalr.backends import Array, kernels, namespace, row_squares, special, weighted_sum


class Loss(Protocol):
    """A loss, summed over outputs and, weighted, over rows."""

    def value(self, raw: Array, target: Array, weight: Array | None) -> Any:
        """Return the loss sum (0-d); `raw` is overwritten."""
        ...

    def residual(
        self, raw: Array, target: Array, weight: Array | None, scale: float = 1.0, bias: Array | None = None
    ) -> Array:
        """Overwrite `raw` with `scale` times the derivative of the loss sum; return the loss of each row, unweighted.

        The losses (n_rows,) are for `weighted_sum`.
        """
        ...

    def predict(self, raw: Array) -> Array:
        """Return the prediction on the target's scale (inverse link), in place of `raw`."""
        ...

    def constant_value(self, target: Array, weight: Array | None) -> float:
        """Return the mean loss of the best constant prediction: the natural unit of this loss on this target."""
        ...

    def constant(self, target: Array, weight: Array | None) -> Array:
        """Return the raw prediction (n_outputs,) of that constant."""
        ...


def _weigh_rows(residual: Array, weight: Array | None) -> None:
    if weight is not None:
        residual *= weight[:, None]


@dataclass(frozen=True)
class HalfSquaredError:
    r"""Half squared error, :math:`\frac12 \sum_k (u_k - y_k)^2`; the target is (n_rows, n_outputs)."""

    def value(self, raw: Array, target: Array, weight: Array | None) -> Any:
        """Return the loss sum (0-d)."""
        raw -= target
        return 0.5 * weighted_sum(row_squares(raw), weight)

    def residual(
        self, raw: Array, target: Array, weight: Array | None, scale: float = 1.0, bias: Array | None = None
    ) -> Array:
        """Overwrite `raw` with :math:`u - y`, weighted, times `scale`; return the loss of each row, unweighted."""
        row_losses = kernels(raw).squared_residual(raw, target, scale, bias)
        _weigh_rows(raw, weight)
        return row_losses

    def predict(self, raw: Array) -> Array:
        """Return `raw`."""
        return raw

    def constant_value(self, target: Array, weight: Array | None) -> float:
        """Return half the variance of the target, summed over outputs."""
        xp = namespace(target)
        deviation = target - self.constant(target, weight)
        return 0.5 * float(xp.average(deviation**2, axis=0, weights=weight).sum())

    def constant(self, target: Array, weight: Array | None) -> Array:
        """Return the mean of the target."""
        return namespace(target).average(target, axis=0, weights=weight)


@dataclass(frozen=True)
class BinomialLogLoss:
    r"""Log loss of independent yes-or-no outputs, :math:`\sum_k \log(1 + e^{u_k}) - y_k u_k`.

    The target is (n_rows, n_outputs) of 0 and 1.
    """

    def value(self, raw: Array, target: Array, weight: Array | None) -> Any:
        """Return the loss sum (0-d)."""
        losses = namespace(raw).logaddexp(0, raw)
        losses -= raw * target
        return weighted_sum(losses[:, 0] if losses.shape[1] == 1 else losses.sum(axis=1), weight)

    def residual(
        self, raw: Array, target: Array, weight: Array | None, scale: float = 1.0, bias: Array | None = None
    ) -> Array:
        r"""Overwrite `raw` with :math:`\sigma(u) - y`, weighted, times `scale`; return the loss of each row."""
        row_losses = kernels(raw).binomial_residual(raw, target, scale, bias)
        _weigh_rows(raw, weight)
        return row_losses

    def predict(self, raw: Array) -> Array:
        r"""Return :math:`\sigma(u)` in place of `raw`."""
        return special(raw).expit(raw, out=raw)

    def constant_value(self, target: Array, weight: Array | None) -> float:
        """Return the entropy of the outputs."""
        share = namespace(target).average(target, axis=0, weights=weight)
        entr = special(target).entr
        return float((entr(share) + entr(1 - share)).sum())

    def constant(self, target: Array, weight: Array | None) -> Array:
        """Return the log odds of the outputs, finite where an output is always the same."""
        xp = namespace(target)
        share = xp.average(target, axis=0, weights=weight)
        epsilon = float(xp.finfo(target.dtype).eps)
        share = share.clip(epsilon, 1 - epsilon)
        return xp.log(share) - xp.log1p(-share)


@dataclass(frozen=True)
class MultinomialLogLoss:
    r"""Log loss of one class out of several, :math:`\log \sum_k e^{u_k} - u_y`.

    The target is (n_rows,) of class indices.
    """

    def value(self, raw: Array, target: Array, weight: Array | None) -> Any:
        """Return the loss sum (0-d)."""
        xp = namespace(raw)
        raw -= raw.max(axis=1, keepdims=True)  # changes nothing but the overflow
        true_class = raw[xp.arange(raw.shape[0]), target]
        xp.exp(raw, out=raw)
        return weighted_sum(xp.log(raw.sum(axis=1)) - true_class, weight)

    def residual(
        self, raw: Array, target: Array, weight: Array | None, scale: float = 1.0, bias: Array | None = None
    ) -> Array:
        """Overwrite `raw` with softmax minus one-hot target, weighted, times `scale`; return the loss of each row."""
        row_losses = kernels(raw).softmax_residual(raw, target, scale, bias)
        _weigh_rows(raw, weight)
        return row_losses

    def predict(self, raw: Array) -> Array:
        """Return the softmax in place of `raw`."""
        xp = namespace(raw)
        raw -= raw.max(axis=1, keepdims=True)
        xp.exp(raw, out=raw)
        raw /= raw.sum(axis=1, keepdims=True)
        return raw

    def constant_value(self, target: Array, weight: Array | None) -> float:
        """Return the entropy of the classes."""
        counts = namespace(target).bincount(target, weights=weight)
        return float(special(target).entr(counts / counts.sum()).sum())

    def constant(self, target: Array, weight: Array | None) -> Array:
        """Return the logarithm of the share of each class up to the last one in `target`, finite where it is zero."""
        xp = namespace(target)
        counts = xp.bincount(target, weights=weight)
        return xp.log(xp.maximum(counts / counts.sum(), 1e-300))
