"""Column statistics: means, standard deviations, extremes and quantiles, and whether columns share a unit.

Moments are computed around an origin, which is one of the rows. Its squared distance from the mean is at most the
number of rows times the variance. So the difference of mean square and squared mean loses no more digits than a sum
over as many rows, and the variance of a constant column is exactly 0.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils.sparsefuncs import mean_variance_axis

from sk_adalr.backends import Array, beside, csr, is_sparse, namespace, to_host
from sk_adalr.rows import CACHE_VALUES, DEVICE_VALUES, slices_of_rows

# Squares of numbers above this bound do not underflow in float64.
_LEAST_SQUARED = 1e-100
# Columns whose ranges differ by at most this factor (10th percentile to maximum) are taken to share a unit, like
# pixels or counts. A separate scale per column would then only inflate the columns of rare values.
_SAME_UNIT_RATIO = 4.0
# If the mean is this many deviations from the origin, two digits are lost: the moments are recomputed around the mean.
_FAR = 10.0


@dataclass(frozen=True)
class Statistics:
    """Statistics of columns, each an array of shape (p,), float64, on the host.

    Attributes
    ----------
    mean : ndarray
        Zeros if the columns are not centred.
    deviation : ndarray
        Root mean square distance from the mean, or from 0 if the columns are not centred.
    low, high : ndarray
        Minimum and maximum.
    presence : ndarray
        Share of the rows, by weight, in which the column is nonzero.
    """

    mean: np.ndarray
    deviation: np.ndarray
    low: np.ndarray
    high: np.ndarray
    presence: np.ndarray


class DescribedRows(ABC):
    """Rows that are not in memory, with precomputed statistics of their columns."""

    @property
    @abstractmethod
    def statistics(self) -> Statistics:
        """Weighted column statistics, around the mean."""


def statistics(X: Any, weight: Array | None = None, center: bool = True) -> Statistics:
    """Return the statistics of the columns of `X` (n, p), dense or CSR, weighted by `weight` (n,) or None.

    For `DescribedRows` they are the precomputed ones, around the mean whatever `center` is.
    """
    if isinstance(X, DescribedRows):
        return X.statistics
    if weight is not None:
        weight = weight.astype(np.float64)
    low, high, present = (
        _sparse_extremes(X, weight) if is_sparse(X) else _dense_extremes(X, weight, with_presence=True)
    )
    unit = _units(low, high)
    mean, variance = moments(X, weight, center, unit if (unit != 1).any() else None)
    present /= X.shape[0] if weight is None else float(weight.sum())
    return Statistics(mean * unit, np.sqrt(variance) * unit, low, high, present)


@dataclass(frozen=True)
class Spread:
    """Running mean and standard deviation (p,) of columns, over all rows so far."""

    weight: float
    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, X: Any, weight: Array | None) -> "Spread":
        """Return the spread of the rows of `X` (n, p), dense or CSR, weighted by `weight` (n,) or None."""
        total = X.shape[0] if weight is None else weight.sum(dtype=np.float64)
        mean, variance = moments(X, None if weight is None else weight.astype(np.float64), center=True)
        if ((variance > _LEAST_SQUARED) & (variance < 1 / _LEAST_SQUARED)).all():
            return cls(float(total), mean, np.sqrt(variance))
        columns = statistics(X, weight)  # squares may be out of range, or columns constant
        return cls(float(total), columns.mean, columns.deviation)

    def weighing(self, share: float) -> "Spread":
        """Return the spread with the weight of all rows multiplied by `share`."""
        return replace(self, weight=share * self.weight)

    def joined(self, other: "Spread") -> "Spread":
        """Return the spread of the rows of both."""
        total, step = self.weight + other.weight, other.mean - self.mean
        old, new = self.weight / total, other.weight / total
        within = np.hypot(np.sqrt(old) * self.deviation, np.sqrt(new) * other.deviation)
        return Spread(total, self.mean + new * step, np.hypot(within, np.sqrt(old * new) * step))

    def unit(self, dtype: Any) -> np.ndarray:
        """Return the deviations (p,), or 1 for columns that are constant up to round-off error in `dtype`."""
        varies = self.deviation > 10 * np.finfo(dtype).eps * np.abs(self.mean)
        return np.where(varies, self.deviation, 1.0)


@dataclass(frozen=True)
class Quantiles:
    """Running quantiles of k columns: the means (m, k) of m equal parts of the sorted values of all rows so far."""

    weight: float
    values: np.ndarray

    @classmethod
    def of(cls, columns: np.ndarray, weight: np.ndarray | None, n_parts: int = 1000) -> "Quantiles":
        """Return the quantiles of `columns` (n, k), weighted by `weight` (n,) or None."""
        weight = np.ones(len(columns)) if weight is None else weight.astype(np.float64)
        total = float(weight.sum())
        parts, ends = [], np.linspace(0.0, total, n_parts + 1)
        for column in columns.T.astype(np.float64):
            order = np.argsort(column)
            ordered, weights = column[order], weight[order]
            sums, weights_below = (np.concatenate([[0.0], np.cumsum(one)]) for one in (ordered * weights, weights))
            means = np.diff(np.interp(ends, weights_below, sums)) * (n_parts / total)
            parts.append(means.clip(ordered[0], ordered[-1]))  # differences of sums have round-off error
        return cls(total, np.column_stack(parts))

    def joined(self, other: "Quantiles") -> "Quantiles":
        """Return the approximate quantiles of the rows of both."""
        weight = np.repeat([self.weight, other.weight], [len(self.values), len(other.values)])
        joined = Quantiles.of(np.concatenate([self.values, other.values]), weight)
        return replace(joined, weight=self.weight + other.weight)


def moments(
    X: Any, weight: Array | None, center: bool, unit: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return means and variances (p,) of the columns of ``X / unit``, for dense or CSR `X`.

    Without `center` they are zeros and mean squares. Arguments as for `dense_moments`.
    """
    if is_sparse(X):
        return _sparse_moments(X, weight, center, unit)
    origin, mean, variance = dense_moments(X, weight, center, unit, dtype=np.float64)
    return origin + mean, variance


def share_unit(ranges: np.ndarray) -> bool:
    """Return whether columns seem to share a unit, like pixels or counts: their ranges (p,) differ little."""
    if ranges.size < 2:
        return False
    # numpy.quantile takes ten times as long, which matters when a fit takes a millisecond.
    tenth = np.interp(0.1 * (ranges.size - 1), np.arange(ranges.size), np.sort(ranges))
    return bool(ranges.max() <= _SAME_UNIT_RATIO * tenth)


def moments_around(
    X: Any, weight: Array | None, origin: np.ndarray | None = None, unit: np.ndarray | None = None, dtype: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return weighted means and mean squares (p,), float64, of the dense columns of ``X / unit - origin``.

    Parameters
    ----------
    X : array or SelectedRows (n, p)
    weight : array (n,) or None
    origin, unit : ndarray (p,), float64, or None
        0 and 1 by default.
    dtype : dtype or None
        Of the differences, and of the sums over one block of rows; the dtype of X by default.
    """
    xp, p, dtype = namespace(X), X.shape[1], np.dtype(dtype or X.dtype)
    slices = list(slices_of_rows(X, 2 * CACHE_VALUES if xp is np else DEVICE_VALUES))
    buffer, ones = xp.empty((slices[0].stop, p), dtype), xp.ones(slices[0].stop, dtype)
    origin, unit = (None if array is None else beside(array.astype(dtype), X) for array in (origin, unit))
    total, square = xp.zeros(p), xp.zeros(p)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for rows in slices:
            block, z = X[rows], buffer[: rows.stop - rows.start]
            if not (origin is None and block.dtype == dtype and block.flags.c_contiguous):
                # Faster than converting arithmetic, and the result does not depend on the memory order of X.
                z[...] = block
                block = z
            if unit is not None:
                block /= unit
            if origin is not None:
                block -= origin
            part = ones[: len(z)] if weight is None else weight[rows].astype(dtype, copy=False)
            total += part @ block
            square += part @ xp.multiply(block, block, out=z)
    n = X.shape[0] if weight is None else float(weight.sum(dtype=np.float64))
    return to_host(total) / n, to_host(square) / n


def dense_units(X: Any, dtype: Any) -> np.ndarray:
    """Return units (p,) in which squares neither underflow nor overflow in `dtype`: 1 for most columns."""
    return _units(*dense_extremes(X), float(np.finfo(dtype).tiny) ** 0.25)


def dense_extremes(X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return minima and maxima (p,) of dense columns."""
    return _dense_extremes(X, None)[:2]


def dense_moments(
    X: Any, weight: Array | None, center: bool, unit: np.ndarray | None = None, dtype: Any = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return an origin, the mean minus the origin, and the variance of dense columns, all (p,) and in units of `unit`.

    Without `center` the first two are zeros, and the last is the mean square. Arguments as for `moments_around`.
    """
    if not center:
        zero = np.zeros(X.shape[1])
        return zero, zero, moments_around(X, weight, None, unit, dtype)[1]
    heaviest = 0 if weight is None else int(weight.argmax())
    origin = to_host(X[heaviest : heaviest + 1][0]).astype(np.float64)
    origin = origin if unit is None else origin / unit
    with np.errstate(over="ignore", invalid="ignore"):
        mean, square = moments_around(X, weight, origin, unit, dtype)
        is_far = mean**2 > _FAR**2 * np.maximum(square - mean**2, 0.0)
        if is_far.any():
            origin = np.where(is_far, (origin + mean).astype(dtype or X.dtype), origin)
            mean, square = moments_around(X, weight, origin, unit, dtype)
        return origin, mean, np.maximum(square - mean**2, 0.0)


def _units(low: np.ndarray, high: np.ndarray, least: float = _LEAST_SQUARED) -> np.ndarray:
    """Return 1 for each column, or its magnitude if its squares could overflow or underflow."""
    unit = np.maximum(np.abs(low), np.abs(high))
    unit[(unit == 0) | ((unit > least) & (unit < 1 / least))] = 1.0
    return unit


def _dense_extremes(
    X: Any, weight: Array | None, with_presence: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return minima, maxima and, if requested, the summed weights of nonzero entries, of each dense column."""
    xp, p = namespace(X), X.shape[1]
    low, high, present = xp.full(p, np.inf), xp.full(p, -np.inf), xp.zeros(p)
    for rows in slices_of_rows(X, 8 * CACHE_VALUES if xp is np else DEVICE_VALUES):
        block = X[rows]
        xp.minimum(low, block.min(axis=0), out=low)
        xp.maximum(high, block.max(axis=0), out=high)
        if with_presence:
            nonzero = block != 0
            # float32 counts the rows of a block exactly, and faster than integers.
            present += nonzero.sum(axis=0, dtype=np.float32) if weight is None else weight[rows] @ nonzero
    return to_host(low), to_host(high), to_host(present)


def _sparse_extremes(X: Any, weight: Array | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the same for a CSR matrix, without sorting, which scikit-learn does for both minimum and maximum."""
    X, p = to_host(X), X.shape[1]
    low, high = (np.full(p, limit, dtype=X.dtype) for limit in (np.inf, -np.inf))
    np.minimum.at(low, X.indices, X.data)
    np.maximum.at(high, X.indices, X.data)
    counts, nonzero = np.bincount(X.indices, minlength=p), X.data != 0
    has_zero = counts < X.shape[0]
    np.minimum(low, 0, out=low, where=has_zero), np.maximum(high, 0, out=high, where=has_zero)
    if weight is not None:
        nonzero = nonzero * np.repeat(to_host(weight), np.diff(X.indptr))
    elif nonzero.all():
        return low.astype(np.float64), high.astype(np.float64), counts.astype(np.float64)
    # Of an empty matrix bincount would return integers.
    presence = np.bincount(X.indices, nonzero, p).astype(np.float64)
    return low.astype(np.float64), high.astype(np.float64), presence


def _sparse_moments(
    X: Any, weight: Array | None, center: bool, unit: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    X, weight = to_host(X), None if weight is None else to_host(weight)  # scikit-learn's routine needs host arrays
    entries = X.data.astype(np.float64)
    if unit is not None:
        entries /= unit[X.indices]
    mean, variance = mean_variance_axis(csr((entries, X.indices, X.indptr), X.shape), axis=0, weights=weight)
    # Round-off error can make scikit-learn's variance of a constant column negative.
    variance = np.maximum(variance, 0.0)
    return (mean, variance) if center else (np.zeros_like(mean), variance + mean**2)
