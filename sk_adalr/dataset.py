"""Validated training data, and batches of its rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from sk_adalr.backends import Array


class Batch(NamedTuple):
    """A batch: the rows of one gradient step.

    Parameters
    ----------
    X : {array, CSR} of shape (n_rows, n_features)
    target : array of shape (n_rows, n_outputs), or (n_rows,) of class indices for the multinomial loss
    weight : array of shape (n_rows,) or None
        Weights of the rows, scaled as in `Dataset`; None if all are equal.
    weight_sum : float
        Sum of `weight`, or the number of rows if `weight` is None.
    """

    X: Any
    target: Array
    weight: Array | None
    weight_sum: float

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.X.shape[0]


@dataclass(frozen=True)
class Dataset:
    """Validated training data of one fit.

    Parameters
    ----------
    X : {array, CSR} of shape (n_samples, n_features)
        float32 or float64.
    target : array of shape (n_samples, n_outputs), or (n_samples,) of class indices for the multinomial loss
    weight : array of shape (n_samples,) or None
        Sample weight times class weight divided by `weight_scale`; None if all are equal to 1.
    weight_scale : float
        Divisor of the user's weights, so that weights of any magnitude keep their ratios in any dtype.
    sample_weight : array of shape (n_samples,) or None
        Sample weights without class weights, for the column statistics, which do not depend on class weights.
    sample_weight_scale : float
        Divisor of the user's sample weights.
    groups : ndarray of shape (n_samples,) or None
        Group of each row; cross-validation keeps the rows of a group together.
    row_numbers : ndarray of shape (n_samples,) or None
        Indices of these rows in the user's data, in increasing order; None if these are all rows.
    earlier_weight : float
        Total weight, in the user's units, of the rows of a stream on which the model was trained before.
    """

    X: Any
    target: Array
    weight: Array | None = None
    weight_scale: float = 1.0
    sample_weight: Array | None = None
    sample_weight_scale: float = 1.0
    groups: np.ndarray | None = None
    row_numbers: np.ndarray | None = None
    earlier_weight: float = 0.0

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return self.X.shape[0]

    def moved(self, move: Callable[[Any], Any]) -> "Dataset":
        """Return a copy of the dataset with `move` applied to `X`, the target and the weights."""
        names = ("X", "target", "weight", "sample_weight")
        arrays = {name: getattr(self, name) for name in names}
        return replace(self, **{name: move(array) for name, array in arrays.items() if array is not None})

    @property
    def weight_sum(self) -> float:
        """Sum of `weight`, or the number of rows if `weight` is None."""
        return float(self.n_samples) if self.weight is None else float(self.weight.sum(dtype="float64"))

    @property
    def seen_weight(self) -> float:
        """Total weight, in the user's units, of these rows and of the rows on which the model was trained before."""
        return self.earlier_weight + self.weight_scale * self.weight_sum


def scale_weights(weight: np.ndarray | None, dtype: Any) -> tuple[np.ndarray | None, float]:
    """Return `weight` divided by a power of two near its maximum, in `dtype`, and that power of two.

    Weights of any magnitude then keep their ratios in float32, and multiplying all weights by a power of two leaves
    the fit bitwise unchanged. If all weights are equal, return None and their common value. Weights that are too
    small beside the maximum are raised to the square root of the smallest normal number of `dtype`. They do not
    underflow to zero, which would drop their rows and perhaps a class.
    """
    if weight is None:
        return None, 1.0
    if (weight == weight[0]).all():
        return None, float(weight[0])
    scale = float(np.exp2(np.frexp(weight.max())[1] - 1))
    scaled = weight / scale
    return np.maximum(scaled, float(np.finfo(dtype).tiny) ** 0.5, out=scaled).astype(dtype, copy=False), scale
