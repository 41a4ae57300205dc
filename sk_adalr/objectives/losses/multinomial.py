"""The multinomial log loss (cross-entropy), for one class out of several."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sk_adalr.backends import Array, kernels, least_log_probability, namespace, special, to_host, weighted_sum
from sk_adalr.objectives.losses.base import JointLossOfRows, weigh_rows

# Lower bound of a class share, so that its logarithm is finite.
_LEAST_SHARE = 1e-300


@dataclass(frozen=True)
class MultinomialLogLoss:
    r"""Log loss of one class out of several, :math:`\log \sum_k e^{u_k} - u_y`.

    The target is an array (n_rows,) of class indices.
    """

    is_quadratic: ClassVar[bool] = False
    is_separable: ClassVar[bool] = False
    positive_only: ClassVar[bool] = False
    out_activation: ClassVar[str] = "softmax"
    classifies: ClassVar[bool] = True
    saturates: ClassVar[bool] = True
    starts_at_constant: ClassVar[bool] = False

    def value(self, raw: Array, target: Array, weight: Array | None) -> Any:
        """Return the loss sum (0-d); `raw` is overwritten."""
        xp = namespace(raw)
        raw -= raw.max(axis=1, keepdims=True)  # prevents overflow, without changing the loss
        true_class = raw[xp.arange(raw.shape[0]), target]
        xp.exp(raw, out=raw)
        return weighted_sum(xp.log(raw.sum(axis=1)) - true_class, weight)

    def residual(
        self, raw: Array, target: Array, weight: Array | None, scale: float = 1.0, bias: Array | None = None
    ) -> Array:
        """Overwrite `raw` with softmax minus one-hot target, weighted, times `scale`; return the loss of each row."""
        row_losses = kernels(raw).softmax_residual(raw, target, scale, bias)
        weigh_rows(raw, weight)
        return row_losses

    def of_rows(self, target: Array, weight: Array | None) -> JointLossOfRows:
        """Return the mean loss of the rows as a function of scores."""
        return _ClassScores(target, weight)

    def predict(self, raw: Array) -> Array:
        """Overwrite `raw` with its softmax and return it."""
        xp = namespace(raw)
        raw -= raw.max(axis=1, keepdims=True)
        xp.exp(raw, out=raw)
        raw /= raw.sum(axis=1, keepdims=True)
        return raw

    def check_target(self, target: np.ndarray) -> None:
        """Accept every target: class indices come from the package's own encoding."""

    def constant_value(self, target: Array, weight: Array | None) -> float:
        """Return the entropy of the class distribution."""
        counts = namespace(target).bincount(target, weights=weight)
        return float(special(target).entr(counts / counts.sum()).sum())

    def constant(self, target: Array, weight: Array | None, n_outputs: int) -> np.ndarray:
        """Return the logarithms of the class shares, finite even if a share is zero."""
        counts = to_host(namespace(target).bincount(target, weights=weight, minlength=n_outputs))
        return np.log(np.maximum(counts / counts.sum(), _LEAST_SHARE))

    def curvature_at(self, constant: np.ndarray, target: Array, weight: Array | None) -> np.ndarray:
        """Return :math:`p_k (1 - p_k)` for the probabilities of the constant prediction."""
        share = self.predict(constant[None].copy())[0]
        return share * (1 - share)

    def row_curvature(self, raw: Array, target: Array) -> Array:
        r"""Return :math:`2 \max_k p_k (1 - p_k)`, an upper bound by Gershgorin's theorem."""
        share = self.predict(raw.copy())
        return 2 * (share * (1 - share)).max(axis=1)

    def target_units(self, target: Array, weight: Array | None, center: bool) -> None:
        """Return None: classes have no units."""


class _ClassScores:
    """`LossOfRows` of the multinomial log loss, vectorised over classes and contiguous in the rows."""

    def __init__(self, target: Array, weight: Array | None) -> None:
        # Flat positions of the true classes in the scores.
        self._true = target * len(target) + namespace(target).arange(len(target))
        self._weight = weight

    def evaluate(self, scores: Array) -> tuple[float, Array]:
        probabilities = scores.copy()
        losses = self._normalise(probabilities)
        return self._sum(losses) / len(losses), probabilities

    def derivatives(self, probabilities: Array) -> tuple[Array, np.ndarray, Array]:
        residuals = probabilities.copy()
        self._subtract_target(residuals)
        return residuals, to_host(residuals.sum(axis=1)), probabilities

    def residual(self, scores: Array) -> float:
        losses = self._normalise(scores)
        self._subtract_target(scores)
        return self._sum(losses)

    def _normalise(self, scores: Array) -> Array:
        """Overwrite scores with probabilities; return the losses of the rows."""
        xp = namespace(scores)
        # Subtracting the maximum over classes prevents overflow, without changing the probabilities.
        scores -= scores.max(axis=0)
        true_scores = scores.reshape(-1).take(self._true)
        xp.maximum(scores, least_log_probability(scores.dtype), out=scores)
        xp.exp(scores, out=scores)
        total = scores.sum(axis=0)
        scores *= 1.0 / total
        return xp.log(total) - true_scores

    def _subtract_target(self, probabilities: Array) -> None:
        probabilities.reshape(-1)[self._true] -= 1.0
        if self._weight is not None:
            probabilities *= self._weight.astype(probabilities.dtype, copy=False)

    def _sum(self, losses: Array) -> float:
        return float(losses.sum(dtype=np.float64) if self._weight is None else self._weight @ losses)
