"""Statistics of columns: their means, deviations and extremes, whatever holds the rows, and whether they share a unit.

Moments are those of distances from an origin among the rows, whose own square is at most the number of rows times the
variance: their difference loses no more digits than a sum over so many rows does, and a constant column is exactly so.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.sparsefuncs import mean_variance_axis

from sk_adalr.backends import Array, beside, csr, is_sparse, namespace, to_host
from sk_adalr.rows import CACHE_VALUES, DEVICE_VALUES, slices_of_rows

# Squares of larger numbers do not vanish.
_LEAST_SQUARED = 1e-100
# Columns whose ranges differ by no more than this factor (between the 10th percentile and the largest) are in one
# unit, like pixels or counts. A column of its own scale would then only blow up the rare ones.
_SAME_UNIT_RATIO = 4.0


@dataclass(frozen=True)
class Statistics:
    """What is known of columns (p,), in float64 on the host.

    Attributes
    ----------
    center : ndarray
        The mean in a number of the dtype of the rows, which they subtract without rounding; 0 where it is not asked
        for.
    rest : ndarray
        What the mean is more than that.
    deviation : ndarray
        Root mean square distance from the mean, or from 0.
    low, high : ndarray
        The smallest and the largest value.
    presence : ndarray
        The share of the rows, by weight, that are not zero.
    """

    center: np.ndarray
    rest: np.ndarray
    deviation: np.ndarray
    low: np.ndarray
    high: np.ndarray
    presence: np.ndarray


def statistics(X: Any, weight: Array | None = None, center: bool = True) -> Statistics:
    """Return the statistics of the columns of `X` (n, p), dense or CSR, weighted by (n,) or None."""
    if weight is not None:
        weight = weight.astype(np.float64)
    low, high, present = (_sparse_extremes if is_sparse(X) else _dense_extremes)(X, weight)
    unit = _units(low, high)
    moments = _sparse_moments if is_sparse(X) else _dense_moments
    origin, mean, variance = moments(X, weight, center, unit)
    rounded = (unit * (origin + mean)).astype(X.dtype).astype(np.float64)
    rest = (origin - rounded / unit + mean) * unit
    present /= X.shape[0] if weight is None else float(weight.sum())
    return Statistics(rounded, rest, np.sqrt(variance) * unit, low, high, present)


def share_unit(ranges: np.ndarray) -> bool:
    """Say whether columns look like pixels or counts: their ranges (p,) differ little."""
    if ranges.size < 2:
        return False
    # numpy.quantile takes ten times as long, which tells where a fit takes a millisecond.
    tenth = np.interp(0.1 * (ranges.size - 1), np.arange(ranges.size), np.sort(ranges))
    return bool(ranges.max() <= _SAME_UNIT_RATIO * tenth)


def moments_as_they_are(X: Array, weight: Array | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted means and mean squares (p,), float64, of the columns of X (n, p), in a third of the time.

    The weight (n,) has mean 1, or is None. Sums in the dtype of X are those of a few rows only.
    """
    n, p = X.shape
    xp = namespace(X)
    total, square = xp.zeros(p), xp.zeros(p)
    slices = list(slices_of_rows(X, 2 * CACHE_VALUES if xp is np else DEVICE_VALUES))
    buffer, ones = xp.empty((slices[0].stop, p), X.dtype), xp.ones(slices[0].stop, X.dtype)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for rows in slices:
            block = X[rows]
            part = ones[: len(block)] if weight is None else weight[rows].astype(X.dtype)
            total += part @ block
            square += part @ xp.multiply(block, block, out=buffer[: len(block)])
    return to_host(total) / n, to_host(square) / n


def _units(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return 1, or the magnitude of columns of which squares could overflow or underflow."""
    unit = np.maximum(np.abs(low), np.abs(high))
    unit[(unit == 0) | ((unit > _LEAST_SQUARED) & (unit < 1 / _LEAST_SQUARED))] = 1.0
    return unit


def _dense_extremes(X: Any, weight: Array | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return minimum, maximum, and the sum of the weights of what is not zero."""
    xp, p = namespace(X), X.shape[1]
    low, high, present = xp.full(p, np.inf), xp.full(p, -np.inf), xp.zeros(p)
    for rows in slices_of_rows(X, 8 * CACHE_VALUES if xp is np else DEVICE_VALUES):
        block = X[rows]
        xp.minimum(low, block.min(axis=0), out=low)
        xp.maximum(high, block.max(axis=0), out=high)
        nonzero = block != 0
        # In float32 small numbers add up exactly, and faster than integers.
        present += nonzero.sum(axis=0, dtype=np.float32) if weight is None else weight[rows] @ nonzero
    return to_host(low), to_host(high), to_host(present)


def _sparse_extremes(X: Any, weight: Array | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the same of a CSR matrix; scikit-learn sorts its entries twice for minimum and maximum."""
    X, p = to_host(X), X.shape[1]
    low, high = (np.full(p, limit, dtype=X.dtype) for limit in (np.inf, -np.inf))
    np.minimum.at(low, X.indices, X.data)
    np.maximum.at(high, X.indices, X.data)
    has_zero = np.bincount(X.indices, minlength=p) < X.shape[0]
    np.minimum(low, 0, out=low, where=has_zero), np.maximum(high, 0, out=high, where=has_zero)
    nonzero = X.data != 0
    if weight is not None:
        nonzero = nonzero * np.repeat(to_host(weight), np.diff(X.indptr))
    return low.astype(np.float64), high.astype(np.float64), np.bincount(X.indices, nonzero, p)


def _dense_moments(
    X: Any, weight: Array | None, center: bool, unit: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return an origin, the mean less this, and the variance of the columns, in units (p,)."""
    xp, p = namespace(X), X.shape[1]
    has_units, unit = bool((unit != 1).any()), beside(unit, X)
    heaviest = 0 if weight is None else int(weight.argmax())
    origin = X[heaviest : heaviest + 1][0] / unit if center else xp.zeros(p)
    slices = list(slices_of_rows(X))
    buffer, ones = xp.empty((slices[0].stop, p)), xp.ones(slices[0].stop)
    first, second = xp.zeros(p), xp.zeros(p)
    for rows in slices:
        z = buffer[: rows.stop - rows.start]
        z[...] = X[rows]  # sooner there than arithmetic that converts
        if has_units:
            z /= unit
        if center:
            z -= origin
        part = ones[: len(z)] if weight is None else weight[rows]
        first += part @ z
        z *= z
        second += part @ z
    total = X.shape[0] if weight is None else weight.sum()
    first, second = first / total, second / total
    variance = xp.maximum(second - first**2, 0) if center else second
    return to_host(origin), to_host(first) if center else np.zeros(p), to_host(variance)


def _sparse_moments(
    X: Any, weight: Array | None, center: bool, unit: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    X, weight = to_host(X), None if weight is None else to_host(weight)  # scikit-learn's routines are the host's
    entries = X.data.astype(np.float64)
    if (unit != 1).any():
        entries /= unit[X.indices]
    mean, variance = mean_variance_axis(csr((entries, X.indices, X.indptr), X.shape), axis=0, weights=weight)
    origin = np.zeros_like(mean)
    return (origin, mean, variance) if center else (origin, origin, variance + mean**2)
