"""What dense and sparse columns share."""

import numpy as np

# Values per block of in-cache work: 256 KiB of float64.
CACHE_VALUES = 32_768
# The same on a device, which needs many to be busy.
DEVICE_VALUES = 1 << 24
# Columns whose ranges differ by no more than this factor (between the 10th percentile and the largest) are in one
# unit: the rule by which mini-batch training standardises.
_SAME_UNIT_RATIO = 4.0


class Columns:
    r"""What dense and sparse columns share: the change of coordinates.

    Attributes
    ----------
    shape : (n, p)
    n_entries : int
        Number of entries that are stored.
    mean : ndarray (p,), float64
        :math:`\mu`; zeros where the columns are not centred.
    scale : ndarray (p,), float64
        :math:`\sigma > 0`: the root mean square of the (centred) column.
    alive : ndarray (p,), bool
        False for columns that carry no information: constant if centred, zero if not.
    """

    def to_raw(self, coef, intercept):
        """Coefficients (k, p) and intercepts (k,) of the columns as the caller gave them."""
        raw = coef / self.scale
        return raw, intercept - raw @ self.mean

    def from_raw(self, coef, intercept):
        """Inverse of `to_raw`."""
        return np.where(self.alive, coef * self.scale, 0.0), intercept + coef @ self.mean

    def to_blocks(self, coef, intercept):
        """Coefficients (k, p) and intercepts (k,) as `row_blocks` need them."""
        return coef, intercept

    def from_blocks(self, sums, total):
        """Sums (k, p) of the standardised rows, from those of `row_blocks` and of the residuals (k,)."""
        return sums

    def share_unit(self):
        """Whether the columns look like pixels or counts: ranges that differ little."""
        ranges = self._ranges()[self.alive]
        if ranges.size < 2:
            return False
        # numpy.quantile takes ten times as long, which tells where a fit takes a millisecond.
        tenth = np.interp(0.1 * (ranges.size - 1), np.arange(ranges.size), np.sort(ranges))
        return bool(ranges.max() <= _SAME_UNIT_RATIO * tenth)
