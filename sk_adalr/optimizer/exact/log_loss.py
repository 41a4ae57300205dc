r"""The log loss of two classes as a function of one score per row.

With margins :math:`s_i = \pm u_i`, negative where the model is right, the loss of a row is
:math:`\log(1 + e^{s_i})`.
"""

from typing import Any

from sk_adalr.backends import Array, kernels, namespace


class LogLoss:
    """Mean log loss of two classes, and its derivatives by the scores.

    Parameters
    ----------
    target : array (n,)
        0 or 1; like all that has an entry per row, beside the columns.
    weight : array (n,) or None
        Sample weights with mean 1.

    Attributes
    ----------
    shares : list of two floats
        The weighted shares of the rows whose target is positive, and of the others. Both are added up: one of them
        may be tiny.
    """

    def __init__(self, target: Array, weight: Array | None) -> None:
        is_positive = target > 0
        self._sign = namespace(target).where(is_positive, -1.0, 1.0)
        self._weight = weight
        parts = (is_positive, ~is_positive)
        self.shares = [float(part.mean() if weight is None else (weight * part).mean()) for part in parts]

    def evaluate(self, scores: Array) -> tuple[float, Any]:
        """Return the mean loss of scores (n,), and what `derivatives` needs."""
        total, evaluated = kernels(scores).log_loss(scores, self._sign, self._weight)
        return total / len(scores), evaluated

    def derivatives(self, evaluated: Any) -> tuple[Array, Array, float]:
        """Return the residuals (n,) and their sum, and the second derivatives (n,): of the sum over rows, weighted."""
        return kernels(self._sign).log_loss_derivatives(evaluated, self._sign, self._weight)
