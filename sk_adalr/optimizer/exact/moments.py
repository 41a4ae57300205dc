"""Means and scatter matrix of the columns of features and targets, and the interface to rows that provides them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sk_adalr.backends import Array

# Mean squares within these limits have neither underflowed nor overflowed.
_LEAST, _LARGEST = 1e-140, 1e140
# A mean this many standard deviations from the origin costs two digits of the products: they are recomputed.
_FAR = 10.0


@dataclass(frozen=True)
class Moments:
    """Weighted means and scatter matrix of the columns, in units that keep squares in the range of float64.

    Attributes
    ----------
    unit : ndarray (q,)
        Powers of two; 1 unless squares would underflow or overflow.
    mean : ndarray (q,)
        In these units; zeros if the columns are not centred.
    scatter : ndarray (q, q)
        Weighted mean of the products of the centred columns, in these units.
    origin : ndarray (q,)
        Subtracted from the rows as they are read, in these units.
    """

    unit: np.ndarray
    mean: np.ndarray
    scatter: np.ndarray
    origin: np.ndarray


class Rows(Protocol):
    """Interface to rows of p features and k targets side by side, (n, q), with weights of mean 1, as sums over them.

    Attributes
    ----------
    shape : (n, q)
    n_features : int
    dtypes : (dtype, dtype)
        Of features and of targets: they set the level of round-off error.
    """

    shape: tuple[int, int]
    n_features: int
    dtypes: tuple[np.dtype, np.dtype]

    def first_origin(self, unit: np.ndarray) -> np.ndarray:
        """Return an origin (q,) near the mean, in units of `unit` (q,); for a constant column it is the constant."""
        ...

    def origin_near(self, mean: np.ndarray) -> np.ndarray:
        """Return the origin (q,) nearest to the mean that `products` supports."""
        ...

    def products(self, unit: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the weighted sums (q,) of the columns and of their products (q, q), relative to an origin."""
        ...

    def peaks(self, origin: np.ndarray) -> np.ndarray:
        """Return the largest distance (q,) of each column from an origin."""
        ...

    def residual_products(
        self, moments: Moments, scale: np.ndarray, coef: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums (k, p) of features times residuals and (k,) of squared residuals.

        Features and targets are centred and divided by `scale` (q,); `coef` (k, p) applies to these features.
        """
        ...

    def squares_along(self, moments: Moments, scale: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Return the weighted sums (m,) of the squared projections of standardised features on directions (m, p)."""
        ...

    def triangular_factor(self, moments: Moments, scale: np.ndarray) -> np.ndarray:
        """Return R (r, q), r <= q, of the QR factorisation of all weighted columns, centred and divided by `scale`."""
        ...


class RowsInMemory(Rows, Protocol):
    """Rows that can also be iterated over, not only summed."""

    def standardised_blocks(self, moments: Moments, scale: np.ndarray) -> Iterator[Array]:
        """Yield blocks (rows, q), centred, divided by `scale` and multiplied by the square roots of the weights."""
        ...


def stacked_factor(factor: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the triangular factor (r, q), r <= q, of `rows` stacked below another triangular factor."""
    return np.asarray(np.linalg.qr(np.vstack([factor, rows]), mode="r"))


def joint_moments(rows: Rows, centre: bool) -> Moments:
    """Return the moments of all columns, in one pass over the data unless units or offsets are extreme."""
    q = rows.shape[1]
    unit = np.ones(q)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        moments = _moments_around_first(rows, unit, centre)
        square = moments.scatter.diagonal()
        is_safe = (square > _LEAST) & (square < _LARGEST)
    if not is_safe.all():
        peak = rows.peaks(moments.origin)
        unsafe = ~is_safe & (peak > 0)
        if unsafe.any():
            unit[unsafe] = 2.0 ** np.round(np.log2(peak[unsafe]))
            moments = _moments_around_first(rows, unit, centre)
    if (np.abs(moments.mean - moments.origin) > _FAR * np.sqrt(moments.scatter.diagonal())).any() and centre:
        return _moments_around(rows, unit, rows.origin_near(moments.mean))
    return moments


def _moments_around_first(rows: Rows, unit: np.ndarray, centre: bool) -> Moments:
    if centre:
        return _moments_around(rows, unit, rows.first_origin(unit))
    origin = np.zeros(len(unit))
    return Moments(unit, origin, rows.products(unit, origin)[1] / rows.shape[0], origin)


def _moments_around(rows: Rows, unit: np.ndarray, origin: np.ndarray) -> Moments:
    total, products = rows.products(unit, origin)
    shift, scatter = total / rows.shape[0], products
    scatter /= rows.shape[0]  # in place, as such a matrix can be as large as the data
    scatter -= np.outer(shift, shift)
    diagonal = np.einsum("ii->i", scatter)
    np.maximum(diagonal, 0.0, out=diagonal)
    return Moments(unit, origin + shift, scatter, origin)
