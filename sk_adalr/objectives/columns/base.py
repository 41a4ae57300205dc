"""What dense and sparse columns share."""

from abc import ABC, abstractmethod

import numpy as np

from sk_adalr.backends import Array
from sk_adalr.objectives.columns.blocks import Block

# Values per block of in-cache work: 256 KiB of float64.
CACHE_VALUES = 32_768
# The same on a device, which needs many to be busy.
DEVICE_VALUES = 1 << 24
# Columns whose ranges differ by no more than this factor (between the 10th percentile and the largest) are in one
# unit: the rule by which mini-batch training standardises.
_SAME_UNIT_RATIO = 4.0


class Columns(ABC):
    r"""Standardised columns of data (n, p): passes over them, and the change of coordinates.

    Attributes
    ----------
    shape : (n, p)
    n_entries : int
        Number of entries that are stored.
    data : array (p, n) or CSR (n, p)
        What the passes multiply with; where it lies, so does all that has an entry per row.
    mean : ndarray (p,), float64
        :math:`\mu`; zeros where the columns are not centred.
    scale : ndarray (p,), float64
        :math:`\sigma > 0`: the root mean square of the (centred) column.
    alive : ndarray (p,), bool
        False for columns that carry no information: constant if centred, zero if not.
    """

    shape: tuple[int, int]
    n_entries: int
    data: Array
    mean: np.ndarray
    scale: np.ndarray
    alive: np.ndarray

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
    def row_blocks(self, size: int) -> list[Block]:
        """Return all rows in blocks of `size`, on a device in one."""

    @abstractmethod
    def row_products(self, factor: np.ndarray) -> np.ndarray:
        """Return the products (n, n) of the standardised rows, each column times its factor (p,); the host's."""

    @abstractmethod
    def dense_rows(self) -> np.ndarray:
        """Return the standardised rows (n, p), float64, the host's."""

    @abstractmethod
    def _ranges(self) -> np.ndarray:
        """Largest less smallest value (p,) of every column, in the caller's units."""

    def to_raw(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (k, p) and intercepts (k,) of the columns as the caller gave them."""
        raw = coef / self.scale
        return raw, intercept - raw @ self.mean

    def from_raw(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (k, p) and intercepts (k,) of the standardised columns: the inverse of `to_raw`."""
        return np.where(self.alive, coef * self.scale, 0.0), intercept + coef @ self.mean

    def to_blocks(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (k, p) and intercepts (k,) as `row_blocks` need them."""
        return coef, intercept

    def from_blocks(self, sums: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Return the sums (k, p) of the standardised rows, from those of `row_blocks` and of the residuals (k,)."""
        return sums

    def share_unit(self) -> bool:
        """Say whether the columns look like pixels or counts: ranges that differ little."""
        ranges = self._ranges()[self.alive]
        if ranges.size < 2:
            return False
        # numpy.quantile takes ten times as long, which tells where a fit takes a millisecond.
        tenth = np.interp(0.1 * (ranges.size - 1), np.arange(ranges.size), np.sort(ranges))
        return bool(ranges.max() <= _SAME_UNIT_RATIO * tenth)
