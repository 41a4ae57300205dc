"""What dense and sparse columns share."""

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np

from sk_adalr.backends import Array
from sk_adalr.statistics import statistics


class RowBlock(Protocol):
    """Some rows of `Columns`, for passes in which predictions need not outlive them.

    Their coefficients come from ``Columns.to_blocks``, and ``Columns.from_blocks`` takes their sums.
    """

    rows: slice

    def forward(self, coef: np.ndarray) -> Array:
        """Return the predictions (k, rows) of coefficients (k, p), in the dtype of the data."""
        ...

    def backward(self, residual: Array) -> Array:
        """Return the sums (k, p) of the rows weighted by residuals (k, rows), of the dtype of the data."""
        ...


class Coordinates:
    r"""Standardised columns of data (n, p), whatever holds the rows: the change of coordinates.

    Attributes
    ----------
    shape : (n, p)
    dtype : dtype
        Of the passes.
    mean : ndarray (p,), float64
        :math:`\mu`; zeros where the columns are not centred.
    scale : ndarray (p,), float64
        :math:`\sigma > 0`: the root mean square of the (centred) column.
    alive : ndarray (p,), bool
        False for columns that carry no information: constant if centred, zero if not.
    """

    shape: tuple[int, int]
    dtype: np.dtype
    mean: np.ndarray
    scale: np.ndarray
    alive: np.ndarray

    def to_raw(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (k, p) and intercepts (k,) of the columns as the caller gave them."""
        raw = coef / self.scale
        return raw, intercept - raw @ self.mean

    def from_raw(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (k, p) and intercepts (k,) of the standardised columns: the inverse of `to_raw`."""
        return np.where(self.alive, coef * self.scale, 0.0), intercept + coef @ self.mean

    def spread(self, weight: Array | None) -> tuple[np.ndarray, np.ndarray]:
        """Return means and deviations (p,) of the standardised columns, weighted by (n,) or None, centred or not."""
        raise NotImplementedError


class Columns(Coordinates, ABC):
    """Standardised columns, and passes over them.

    Attributes
    ----------
    n_entries : int
        Number of entries that are stored.
    data : array, CSR or `SelectedRows` (n, p)
        What the passes multiply with; where it lies, so does all that has an entry per row.
    """

    n_entries: int
    data: Any
    _unit_of_data: np.ndarray | float = 1.0

    @property
    def rounding(self) -> float:
        """What rounding adds to a prediction of standardised coefficients of norm 1, about."""
        return float(np.finfo(self.dtype).eps)

    def spread(self, weight: Array | None) -> tuple[np.ndarray, np.ndarray]:
        """Return means and deviations (p,) of the standardised columns, weighted by (n,) or None, centred or not."""
        unit, columns = self._unit_of_data / self.scale, statistics(self.data, weight)
        return columns.mean * unit, columns.deviation * unit

    @abstractmethod
    def forward(self, coef: np.ndarray, out: Array | None = None) -> Array:
        """Return, in `out` if given, the predictions (n,) or (k, n), float64, of coefficients (p,) or (k, p)."""

    @abstractmethod
    def backward(self, residual: Array) -> Array:
        """Return the sums (p,) or (k, p), float64, of the rows weighted by residuals (n,) or (k, n).

        The host's, or a device's, which may still compute them: ``to_host`` waits for them.
        """

    @abstractmethod
    def rounded(self, coef: np.ndarray) -> np.ndarray:
        """Return coefficients (p,) or (k, p) as `forward` sees them."""

    @abstractmethod
    def row_blocks(self, size: int) -> list[RowBlock]:
        """Return all rows in blocks of `size`, on a device in one. Each is cheap to read until another one is."""

    @abstractmethod
    def row_products(self, factor: np.ndarray) -> np.ndarray:
        """Return the products (n, n) of the standardised rows, each column times its factor (p,); the host's."""

    @abstractmethod
    def dense_rows(self) -> np.ndarray:
        """Return the standardised rows (n, p), float64, the host's."""

    @abstractmethod
    def share_unit(self) -> bool:
        """Say whether the columns look like pixels or counts: ranges, in the caller's units, that differ little."""

    def to_blocks(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (k, p) and intercepts (k,) as `row_blocks` need them."""
        return coef, intercept

    def from_blocks(self, sums: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Return the sums (k, p) of the standardised rows, from those of `row_blocks` and of the residuals (k,)."""
        return sums
