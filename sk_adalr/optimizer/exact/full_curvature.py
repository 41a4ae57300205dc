r"""Losses of a linear model with the curvature between all its parameters, for `newton`.

A loss sees the scores :math:`U` (k, n) only. Its derivatives by the scores give, with a column of ones appended to
:math:`\tilde X` for the intercepts, the gradient :math:`R \tilde X / n` and the curvature

.. math:: H = \tfrac1n \tilde X^T \mathrm{diag}(\ell'') \tilde X, \qquad
          H_{kl} = \tfrac1n \tilde X^T \mathrm{diag}\bigl(\omega P_k ([k = l] - P_l)\bigr) \tilde X

for two classes and for several, where k and l are classes. It is summed over blocks of rows that stay in cache.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from sk_adalr.backends import Array, namespace, to_host
from sk_adalr.objectives.columns import DenseColumns
from sk_adalr.optimizer.exact.log_loss import LogLoss

# Values of a block of weighted columns: a second-level cache of 2 MiB (on 60 columns a quarter of it took a tenth
# longer), and enough for a device.
_BLOCK, _DEVICE_BLOCK = 1 << 18, 1 << 24
_MIN_ROWS = 512


class LossWithCurvature(Protocol):
    """A loss of k scores per row.

    Attributes
    ----------
    log_odds : ndarray (k,)
        The scores of the constant model.
    """

    log_odds: np.ndarray

    def evaluate(self, scores: Array) -> tuple[float, Any]:
        """Return the mean loss of scores (k, n), and what `derivatives` needs."""
        ...

    def derivatives(self, evaluated: Any) -> tuple[Array, Array, Array]:
        """Return the residuals (k, n), their sums (k,), beside them or the host's, and what `curvature` needs."""
        ...

    def curvature(self, columns: DenseColumns, weights: Array) -> np.ndarray:
        """Return the curvature (k q, k q), where q is p or, with intercepts, p + 1."""
        ...


class BinomialLoss:
    """Log loss of two classes; one score per row.

    Parameters
    ----------
    target, weight : array
        See `LogLoss`.
    fit_intercept : bool
        Whether the constant model's scores, `log_odds` (1,), are those of the shares of the classes, or 0.
    """

    def __init__(self, target: Array, weight: Array | None, fit_intercept: bool) -> None:
        self._log_loss, self._fit_intercept = LogLoss(target, weight), bool(fit_intercept)
        positive, negative = self._log_loss.shares
        self.log_odds = np.array([np.log(positive / negative)]) if fit_intercept else np.zeros(1)

    def evaluate(self, scores: Array) -> tuple[float, Any]:
        """Return the mean loss of scores (1, n), and what `derivatives` needs."""
        return self._log_loss.evaluate(scores[0])

    def derivatives(self, evaluated: Any) -> tuple[Array, Array, Array]:
        """Return the residuals (1, n), their sum (1,), and what `curvature` needs."""
        residuals, second, total = self._log_loss.derivatives(evaluated)
        return residuals[None, :], np.array([total]), second

    def curvature(self, columns: DenseColumns, second: Array) -> np.ndarray:
        """Return the curvature (p, p), or with an intercept (p + 1, p + 1)."""
        n, p = columns.shape
        xp = namespace(columns.data)
        if second.min() == second.max():
            return self._unweighted_curvature(columns, float(second[0]))
        root = xp.sqrt(second).astype(columns.dtype, copy=False)
        total = xp.zeros((p + self._fit_intercept, p + self._fit_intercept))
        for rows, block in _row_blocks(columns, len(total), 1):
            xp.multiply(columns.data[:, rows], root[rows], out=block[:p])
            block[p:] = root[rows]
            total += block @ block.T
        return to_host(total) / n

    def _unweighted_curvature(self, columns: DenseColumns, second: float) -> np.ndarray:
        """Curvature where it is the same in all rows, as at the constant model."""
        n, p = columns.shape
        total = np.full((p + self._fit_intercept, p + self._fit_intercept), float(n))
        total[:p, :p] = to_host(columns.data @ columns.data.T)
        total[p:, :p] = to_host(columns.data.sum(axis=1))
        total[:p, p:] = total[p:, :p].T
        total *= second / n
        return total


class MultinomialLoss:
    """Log loss of K classes; a score per class and row.

    Parameters
    ----------
    target : array (n,), int
        Class of every row.
    weight : array (n,) or None
        Sample weights with mean 1.
    n_classes : int
    fit_intercept : bool
        Whether the constant model's scores, `log_odds` (K,), are those of the shares of the classes, or 0.
    """

    def __init__(self, target: Array, weight: Array | None, n_classes: int, fit_intercept: bool) -> None:
        xp = namespace(target)
        # Flat positions of the true classes in the scores.
        self._true = target * len(target) + xp.arange(len(target))
        self._weight, self._n_classes, self._fit_intercept = weight, n_classes, bool(fit_intercept)
        share = to_host(xp.bincount(target, weight, n_classes)) / len(target)
        log_share = np.log(np.maximum(share, 1e-300))
        self.log_odds = log_share - log_share.mean() if fit_intercept else np.zeros(n_classes)

    def evaluate(self, scores: Array) -> tuple[float, Array]:
        """Return the mean loss of scores (K, n), and what `derivatives` needs."""
        xp = namespace(scores)
        # Shifting by the maximum over classes changes nothing but the overflow.
        shifted = scores - scores.max(axis=0)
        true_scores = shifted.reshape(-1).take(self._true)
        probabilities = xp.exp(shifted, out=shifted)
        total = probabilities.sum(axis=0)
        losses = xp.log(total) - true_scores
        probabilities /= total
        return float(losses.mean() if self._weight is None else self._weight @ losses / len(losses)), probabilities

    def derivatives(self, probabilities: Array) -> tuple[Array, Array, Array]:
        """Return the residuals (K, n), their sums (K,), and what `curvature` needs."""
        residuals = probabilities.copy()
        residuals.reshape(-1)[self._true] -= 1.0
        if self._weight is not None:
            residuals *= self._weight
        return residuals, residuals.sum(axis=1), probabilities

    def curvature(self, columns: DenseColumns, probabilities: Array) -> np.ndarray:
        """Return the curvature (K q, K q), class by class, where q is p or, with intercepts, p + 1."""
        n, p = columns.shape
        xp, k = namespace(columns.data), self._n_classes
        root = None if self._weight is None else xp.sqrt(self._weight)
        probabilities = probabilities.astype(columns.dtype, copy=False)
        size = p + self._fit_intercept
        total, within = xp.zeros((k * size, k * size)), xp.zeros((k * size, size))
        for rows, block in _row_blocks(columns, size, k):
            block[:p] = columns.data[:, rows]
            block[p:] = 1.0
            if root is not None:
                block *= root[rows]
            shares = (probabilities[:, None, rows] * block).reshape(k * size, -1)
            total -= shares @ shares.T
            within += shares @ block.T
        for start in range(0, k * size, size):
            own = slice(start, start + size)
            total[own, own] += within[own]
        return to_host(total) / n


def _row_blocks(columns: DenseColumns, height: int, copies: int) -> Iterator[tuple[slice, Array]]:
    """Slices of rows, each with a buffer (height, rows) of which `copies` fit the cache together."""
    n, xp = columns.shape[0], namespace(columns.data)
    values = _BLOCK if xp is np else _DEVICE_BLOCK
    step = min(n, max(_MIN_ROWS, values // (height * copies)))
    # In the memory order of the columns.
    buffer = xp.empty((height, step), columns.dtype, order="C" if columns.data.flags.c_contiguous else "F")
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        yield rows, buffer[:, : rows.stop - start]
