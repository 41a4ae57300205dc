r"""Centring and scaling of columns for training, folded into the first layer afterwards.

Training uses :math:`(x - c) / s`. The fitted model is converted to the user's units by
:math:`\frac{x - c}{s} W + b = x \frac{W}{s} + (b - \frac{c}{s} W)`. Sparse columns are centred implicitly,
:math:`(X - 1c^T) W = XW - 1(c^T W)`, and never become dense.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sk_adalr.backends import Array, beside, csr, is_sparse, kernels, namespace
from sk_adalr.sparse_rows import CSRArrays, SparseRows
from sk_adalr.statistics import DescribedRows, share_unit, statistics

# A column that is zero in most rows, such as the counts of a word, is scaled as if this share of its rows were
# nonzero. Its standard deviation is so small that its few values would otherwise become outliers.
_LEAST_PRESENCE = 0.1
#: Deviations of up to this many eps times the magnitude count as round-off error.
ROUNDING = 6
# Number of rows that suffice for a rough estimate of the deviation of a column.
_ENOUGH_ROWS = 10


@dataclass(frozen=True)
class Standardization:
    """A centre and a scale for each column.

    Parameters
    ----------
    center, scale : float64 array of shape (n_columns,)
        On the host, except in a copy made by `beside`. Only a constant column of a target has the scale 0.
    is_full : bool array of shape (n_columns,) or None, default=None
        Which columns of the sparse `X` passed to `beside` have an entry in every row.
    is_open : bool array of shape (n_columns,) or None, default=None
        Which features have been constant so far, and get their scale from the first rows in which they vary; sparse
        features without an entry are not among them.
    """

    center: Array
    scale: Array
    is_full: Array | None = None
    is_open: Array | None = None

    def beside(self, X: Any) -> "Standardization":
        """Return a copy on the device of `X`, in the dtype of `X` if dense, so that its rows need no transfer."""
        dtype = self.center.dtype if is_sparse(X) else X.dtype
        center, scale = (beside(array.astype(dtype, copy=False), X) for array in (self.center, self.scale))
        return Standardization(center, scale, _full_columns(X) if is_sparse(X) else None)

    @classmethod
    def of_features(
        cls, X: Any, weight: Array | None, *, center: bool = True, is_chunk: bool = False
    ) -> "Standardization":
        """Return mean and standard deviation of the columns of `X`, weighted by `weight` (n_rows,) or None.

        Columns that share a unit (pixels, counts, one-hot) share one scale, the root of their mean variance. The
        scale of a column that is zero in more than 90 % of the rows is at least 0.3 times its range. The scale of a
        constant column, which centring makes zero, is its magnitude, see `opened`.

        If `X` is the first chunk of a stream (`is_chunk`), sparse columns without an entry so far, such as words,
        get the median scale. Without `center`, the centre is zero and the scale the root mean square.
        """
        X, weight = _with_weight(X, weight)
        result, varies, ranges, presence = _statistics(X, weight, center)
        scale, is_rare = result.scale, varies & (presence < _LEAST_PRESENCE)
        least = np.sqrt(_LEAST_PRESENCE * (1 - _LEAST_PRESENCE)) * ranges[is_rare]
        scale[is_rare] = np.maximum(scale[is_rare], least)
        if share_unit(ranges[varies]):
            unit = scale[varies].max()
            scale[varies] = unit * np.sqrt(np.mean((scale[varies] / unit) ** 2))
        if is_chunk and is_sparse(X) and varies.any():
            scale[presence == 0] = np.median(scale[varies])
        is_open = ~varies
        if is_sparse(X):
            is_open &= presence > 0
        return replace(result, is_open=is_open)

    def opened(self, X: Any, weight: Array | None, *, center: bool) -> tuple["Standardization", np.ndarray]:
        """Return the standardisation for continued training on rows `X`, and which columns (n_columns,) it rescales.

        A column that was constant so far was zero in training and had no influence on the model, so its scale may
        change. It becomes the root mean square distance from that constant in the first rows in which the column
        varies. If these are few, the estimate would be unreliable, and the magnitude remains the scale.
        """
        changed = np.zeros(len(self.scale), dtype=bool)
        if self.is_open is None or not self.is_open.any() or isinstance(X, DescribedRows):
            return self, changed
        columns = np.flatnonzero(self.is_open)
        rows = X[:, beside(columns, X)]
        if not is_sparse(X) and not (rows != beside(self.center[columns].astype(X.dtype), X)).any():
            return self, changed  # the usual case, without the cost of statistics
        found = Standardization.of_features(rows, weight, center=center)
        assert found.is_open is not None
        distance = np.abs(found.center - self.center[columns])
        varies = ~found.is_open | (distance > ROUNDING * np.finfo(X.dtype).eps * self.scale[columns])
        is_open, scale = self.is_open.copy(), self.scale.copy()
        is_open[columns[varies]] = False
        if X.shape[0] >= _ENOUGH_ROWS:
            changed[columns[varies]] = True
            scale[changed] = np.hypot(np.where(found.is_open, 0.0, found.scale), distance)[varies]
        return replace(self, scale=scale, is_open=is_open), changed

    @classmethod
    def of_targets(cls, target: Array, weight: Array | None, *, center: bool = True) -> "Standardization":
        """Return centre and standard deviation of the columns of `target`; each column has a separate scale.

        The centre is a tenth of a deviation below the mean: otherwise, on centred features, the gradient of the
        intercept would start as pure round-off error, which Adam would scale up to full steps. A column that is
        constant up to round-off error has its middle value as centre and the scale 0.
        """
        result, varies, ranges, _ = _statistics(*_with_weight(target, weight), center)
        scale = np.where(varies, result.scale, 0.0)
        if not center:
            return cls(result.center, scale)
        middle = np.where(varies, result.center, result.center + ranges / 2)
        return cls(middle - 0.1 * scale, scale)

    def transform(self, X: Any, out: Array | None = None) -> Any:
        """Return the rows `X`, on the same device, standardised: an array, in `out` if given, or `SparseRows`."""
        if is_sparse(X):
            return self.transform_csr(X)
        xp = namespace(X)
        out = xp.subtract(X, self.center.astype(X.dtype, copy=False), out=out)
        # Division, because the reciprocal of a subnormal scale would overflow.
        return xp.divide(out, self.scale.astype(X.dtype, copy=False), out=out)

    def transform_csr(self, X: Any) -> SparseRows:
        """Return the standardised rows `X`: a CSR matrix, or `CSRArrays` of rows of the matrix passed to `beside`."""
        is_full = _full_columns(X) if self.is_full is None else self.is_full
        data, columns, center = X.data, X.indices, self.center
        xp, dtype = namespace(data), data.dtype
        # Columns without zeros are centred explicitly. Implicit centring of a constant column would leave its
        # round-off error, which Adam scales up to full steps.
        if xp is not np or is_full.any():  # on a device always, as `any` would make the host wait
            data = data - xp.where(is_full, center, 0.0)[columns]
            center = xp.where(is_full, 0.0, center)
        data = (data / self.scale[columns]).astype(dtype, copy=False)
        arrays = (data, columns, X.indptr)
        matrix = CSRArrays(*arrays, X.shape) if isinstance(X, CSRArrays) else csr(arrays, X.shape)
        return SparseRows(matrix, (center / self.scale).astype(dtype))

    def gather(self, X: Array, target: Array, rows: Array, out: Array) -> Array:
        """Fill `out` with the standardised rows `rows` of the dense `X`, and return the same rows of `target`."""
        center, scale = self.center.astype(X.dtype, copy=False), self.scale.astype(X.dtype, copy=False)
        return kernels(X).gather_standardized(X, target, rows, center, scale, out)

    def fold(
        self, coef: Array, intercept: Array | None, out: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return first-layer coefficients (n_columns, n_out), in `out` if given, and intercept (n_out,), for raw data.

        Both are float64.
        """
        folded = np.divide(coef, self.scale[:, None], out=out)
        return folded, None if intercept is None else intercept - self.center @ folded

    def unfold(
        self, coef: Array, intercept: Array | None, out: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the inverse of `fold`."""
        intercept = None if intercept is None else intercept + self.center @ coef
        return np.multiply(coef, self.scale[:, None], out=out), intercept


def _full_columns(X: Any) -> Array:
    """Return which columns (n_columns,) of the CSR `X` have an entry in every row."""
    return namespace(X).bincount(X.indices, minlength=X.shape[1]) == X.shape[0]


def _with_weight(X: Any, weight: Array | None) -> tuple[Any, Array | None]:
    """Return rows and weights without the rows of weight 0, which must not affect the statistics."""
    return (X, weight) if weight is None or weight.all() else (X[weight > 0], weight[weight > 0])


def _statistics(
    X: Any, weight: Array | None, center: bool
) -> tuple[Standardization, np.ndarray, np.ndarray, np.ndarray]:
    """Return the standardisation, which columns vary, their ranges and their shares of nonzeros, on the host."""
    columns = statistics(X, weight, center)
    low, high, deviation = columns.low, columns.high, columns.deviation
    magnitude = np.maximum(np.abs(low), np.abs(high))
    varies = deviation > ROUNDING * np.finfo(X.dtype).eps * magnitude
    # Divided by a scale so close to zero, a coefficient would overflow.
    is_zero = magnitude <= 1e3 * np.finfo(X.dtype).tiny
    scale = np.where(varies, deviation, np.where(is_zero, 1.0, magnitude))
    # The centre of a constant column is its value, so that centring makes it exactly zero.
    mean = np.where(varies, columns.mean, low) if center else columns.mean
    # Rounded to the dtype of the data here, so that subtracting it involves no further rounding of the centre.
    mean = mean.astype(X.dtype).astype(np.float64)
    return Standardization(mean, scale), varies, high - low if center else magnitude, columns.presence
