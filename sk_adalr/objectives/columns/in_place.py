"""Dense columns without a copy: as they are, or standardised implicitly."""

import numpy as np

from sk_adalr.backends import Array, beside, namespace, to_host
from sk_adalr.objectives.columns.base import CACHE_VALUES, DEVICE_VALUES
from sk_adalr.objectives.columns.dense import DenseColumns

# Means of columns up to so many standard deviations are small: for Newton's method, whose steps correct each other,
# and for first-order steps, which add up what each of them loses.
NEWTON_OFFSET, LARGEST_OFFSET = {"f": 3.0, "d": 30.0}, {"f": 1.0, "d": 30.0}


class UnscaledColumns(DenseColumns):
    """The columns of X (n, p) as they are, without a copy, for a solver that their units do not disturb."""

    def __init__(self, X: Array) -> None:
        self.shape, self.dtype, self.n_entries = X.shape, X.dtype, X.size
        self.data = X.T
        p = X.shape[1]
        self.mean, self.scale, self.alive = np.zeros(p), np.ones(p), np.ones(p, bool)


class ImplicitColumns(DenseColumns):
    r"""The columns of C-contiguous X (n, p), centred and scaled implicitly, as sparse ones: without a copy.

    Parameters
    ----------
    X : ndarray (n, p), float32 or float64
    mean, square : ndarray (p,), float64
        Weighted means and mean squares of the columns, see `column_moments`, which `are_safe`.
    centre : bool
        Whether to subtract the means.
    """

    def __init__(self, X: np.ndarray, mean: np.ndarray, square: np.ndarray, centre: bool) -> None:
        self.shape, self.dtype, self.n_entries = X.shape, X.dtype, X.size
        self.data = X.T
        self.mean = mean if centre else np.zeros(len(mean))
        deviation = np.sqrt(square - self.mean**2)
        self.alive = deviation > 0
        self.scale = np.where(self.alive, deviation, 1.0)

    def forward(self, coef: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return, in `out` if given, the predictions (n,) or (k, n), float64, of coefficients (p,) or (k, p)."""
        raw = self._unscaled(coef)
        intercept = 0.0 - raw @ self.mean
        predictions = super().forward(raw, out)
        predictions += intercept[..., None]
        return predictions

    def backward(self, residual: np.ndarray) -> np.ndarray:
        """Return the sums (p,) or (k, p), float64, of the rows weighted by residuals (n,) or (k, n)."""
        residual = self._in_dtype(residual)
        return self.from_blocks(self._sums(residual), residual.sum(axis=-1, dtype=np.float64))

    def _sums(self, residual: np.ndarray) -> np.ndarray:
        # A single sum along a column of rows that lie one after another loses a digit more than that of a copy.
        if self.dtype == np.float64:
            return super()._sums(residual)
        total = np.zeros(residual.shape[:-1] + self.shape[1:])
        for rows in _blocks_of_rows(self.shape):
            total += residual[..., rows] @ self.data.T[rows]
        return total

    def rounded(self, coef: np.ndarray) -> np.ndarray:
        """Return coefficients as `forward` sees them."""
        return self._unscaled(coef) * self.scale

    def _ranges(self) -> np.ndarray:
        return (self.data.max(axis=1) - self.data.min(axis=1)).astype(np.float64)

    def to_blocks(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (k, p) and intercepts (k,) as `row_blocks` need them."""
        raw = self._unscaled(coef)
        return raw, intercept - raw @ self.mean

    def from_blocks(self, sums: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Return the sums (k, p) of the standardised rows, from those of `row_blocks` and of the residuals (k,)."""
        return np.where(self.alive, (sums - np.multiply.outer(total, self.mean)) / self.scale, 0.0)

    def _unscaled(self, coef: np.ndarray) -> np.ndarray:
        """Coefficients of the columns as they are, in numbers of their dtype."""
        return super().rounded(np.where(self.alive, coef, 0.0) / self.scale)


def column_moments(X: Array, weight: Array | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted means and mean squares (p,), float64, of the columns of X (n, p).

    The weight (n,) has mean 1, or is None. Sums in the dtype of X are those of a few rows only.
    """
    n, p = X.shape
    xp = namespace(X)
    weight = xp.ones(n, X.dtype) if weight is None else weight.astype(X.dtype)
    total, square = xp.zeros(p), xp.zeros(p)
    blocks = _blocks_of_rows(X.shape, 2 * CACHE_VALUES if xp is np else DEVICE_VALUES)
    buffer = xp.empty((blocks[0].stop, p), X.dtype)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for rows in blocks:
            block, block_weight = X[rows], weight[rows]
            total += block_weight @ block
            square += block_weight @ xp.multiply(block, block, out=buffer[: len(block)])
    return to_host(total) / n, to_host(square) / n


def _blocks_of_rows(shape: tuple[int, int], n_values: int = 8 * CACHE_VALUES) -> list[slice]:
    n, p = shape
    size = max(1, n_values // max(1, p))
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def are_safe(X: Array, mean: np.ndarray | float, square: np.ndarray, largest_offset: dict[str, float]) -> bool:
    """Say whether sums over the columns of X (n, p) lose no digits, and products neither overflow nor vanish.

    Their standard deviations are then not much smaller than their means, or they are zero.

    Parameters
    ----------
    X : array (n, p), float32 or float64
    mean, square : ndarray (p,), float64
        See `column_moments`; the mean is 0 where no mean is subtracted.
    largest_offset : dict
        The largest mean in units of the standard deviation, for each character of a dtype.
    """
    limits = np.finfo(X.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        is_small = mean**2 <= largest_offset[X.dtype.char] ** 2 * (square - mean**2)
    is_small &= (square > limits.tiny**0.5) & (square < limits.max**0.5)
    # A square that is zero has vanished unless all of its column is zero.
    suspect = ~is_small & (square == 0)
    if not (is_small | suspect).all():
        return False
    return not to_host(X[:, beside(np.flatnonzero(suspect), X)].any())
