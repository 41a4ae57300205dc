"""The interface that dense and sparse columns share."""

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np

from sk_adalr.backends import Array
from sk_adalr.statistics import statistics


class RowBlock(Protocol):
    """A block of rows of `Columns`, for passes that do not store the predictions of all rows.

    ``Columns.to_blocks`` converts coefficients for `forward`, ``Columns.from_blocks`` the sums of `backward`.
    """

    rows: slice

    def forward(self, coef: np.ndarray) -> Array:
        """Return the predictions (k, rows) for coefficients (k, p), in the dtype of the data."""
        ...

    def backward(self, residual: Array) -> Array:
        """Return the sums (k, p) of the rows, weighted by residuals (k, rows) in the dtype of the data."""
        ...


class Coordinates:
    r"""The standardisation of the columns of data (n, p), independent of how the rows are stored.

    Attributes
    ----------
    shape : (n, p)
    dtype : dtype
        In which passes compute.
    mean : ndarray (p,), float64
        :math:`\mu`; zeros if the columns are not centred.
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
        """Return coefficients (k, p) and intercepts (k,) for the original columns."""
        raw = coef / self.scale
        return raw, intercept - raw @ self.mean

    def from_raw(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (k, p) and intercepts (k,) for the standardised columns: the inverse of `to_raw`."""
        return np.where(self.alive, coef * self.scale, 0.0), intercept + coef @ self.mean

    def spread(self, weight: Array | None) -> tuple[np.ndarray, np.ndarray]:
        """Return means and deviations (p,), weighted by (n,) or None, of standardised columns that are not centred."""
        raise NotImplementedError


class Columns(Coordinates, ABC):
    """Standardised columns, and passes over them.

    Attributes
    ----------
    n_entries : int
        Number of stored entries.
    data : array, CSR or `SelectedRows` (n, p)
        The matrix of the passes; all arrays with an entry per row are on its device.
    """

    n_entries: int
    data: Any
    _unit_of_data: np.ndarray | float = 1.0

    @property
    def rounding(self) -> float:
        """Approximate round-off error of a prediction from standardised coefficients of norm 1."""
        return float(np.finfo(self.dtype).eps)

    def spread(self, weight: Array | None) -> tuple[np.ndarray, np.ndarray]:
        """Return means and deviations (p,), weighted by (n,) or None, of standardised columns that are not centred."""
        unit, columns = self._unit_of_data / self.scale, statistics(self.data, weight)
        return columns.mean * unit, columns.deviation * unit

    @abstractmethod
    def forward(self, coef: np.ndarray, out: Array | None = None) -> Array:
        """Return the predictions (n,) or (k, n), float64, in `out` if given, for coefficients (p,) or (k, p)."""

    @abstractmethod
    def backward(self, residual: Array) -> Array:
        """Return the sums (p,) or (k, p), float64, of the rows, weighted by residuals (n,) or (k, n).

        The result may be on a device that is still computing it: ``to_host`` waits for it.
        """

    @abstractmethod
    def rounded(self, coef: np.ndarray) -> np.ndarray:
        """Return coefficients (p,) or (k, p), rounded as `forward` rounds them."""

    @abstractmethod
    def row_blocks(self, size: int) -> list[RowBlock]:
        """Return the rows in blocks of `size`, on a device in one block; the last block that was read stays cached."""

    @abstractmethod
    def row_products(self, factor: np.ndarray) -> np.ndarray:
        """Return the Gram matrix (n, n) of the standardised rows, their columns times `factor` (p,), on the host."""

    @abstractmethod
    def dense_rows(self) -> np.ndarray:
        """Return the standardised rows (n, p), float64, on the host."""

    @abstractmethod
    def share_unit(self) -> bool:
        """Return whether the columns, in their original units, have similar ranges, like pixels or counts."""

    def to_blocks(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Convert coefficients (k, p) and intercepts (k,) for use with `row_blocks`."""
        return coef, intercept

    def from_blocks(self, sums: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Return the sums (k, p) over standardised rows, from the sums of `row_blocks` and of the residuals (k,)."""
        return sums
