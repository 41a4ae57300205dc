"""Validated training data, and the rows of it that one update sees."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from sk_adalr.backends import Array


class Batch(NamedTuple):
    """The rows of one update.

    Parameters
    ----------
    X : {array, CSR} of shape (n_rows, n_features)
    target : array of shape (n_rows, n_outputs), or (n_rows,) of class indices for the multinomial loss
    weight : array of shape (n_rows,) or None
        Sample weights relative to their mean; None where all are equal.
    weight_sum : float
        Sum of `weight`; the number of rows where it is None.
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
    """Validated training data: what one fit sees.

    Parameters
    ----------
    X : {array, CSR} of shape (n_samples, n_features)
        float32 or float64.
    target : array of shape (n_samples, n_outputs), or (n_samples,) of class indices for the multinomial loss
    weight : array of shape (n_samples,) or None
        Sample weight times class weight divided by `weight_scale`; None where all are equal to 1.
    weight_scale : float
        What the user's weights were divided by, so that weights of any magnitude keep their ratios in any dtype.
    sample_weight : array of shape (n_samples,) or None
        The sample weights alone: what counts for the statistics of the columns, which class weights do not change.
    sample_weight_scale : float
        What the user's sample weights were divided by.
    groups : ndarray of shape (n_samples,) or None
        Rows of one group depend on each other, and stay together in cross-validation.
    row_numbers : ndarray of shape (n_samples,) or None
        Which of the user's rows these are, in increasing order; None for all.
    earlier_weight : float
        The weight, as given by the user, of the rows that the model has already seen, in a stream.
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
        """Return the data with `move` applied to each array."""
        names = ("X", "target", "weight", "sample_weight")
        arrays = {name: getattr(self, name) for name in names}
        return replace(self, **{name: move(array) for name, array in arrays.items() if array is not None})

    @property
    def weight_sum(self) -> float:
        """Sum of `weight`; the number of rows where it is None."""
        return float(self.n_samples) if self.weight is None else float(self.weight.sum(dtype="float64"))

    @property
    def seen_weight(self) -> float:
        """Sum of the weights, as given by the user, of these rows and of those that the model has already seen."""
        return self.earlier_weight + self.weight_scale * self.weight_sum


def scale_weights(weight: np.ndarray | None, dtype: Any) -> tuple[np.ndarray | None, float]:
    """Return `weight` over a power of two near its largest entry, in `dtype`, and that power.

    Weights of any magnitude then keep their ratios in float32, and multiplying all by a power of two changes no bit
    of a fit. Where all weights are equal, return None and their value. A weight beside which others are so much
    larger that `dtype` would lose it becomes one that is next to nothing, but not nothing: its row, and perhaps its
    class, is still there.
    """
    if weight is None:
        return None, 1.0
    if (weight == weight[0]).all():
        return None, float(weight[0])
    scale = float(np.exp2(np.frexp(weight.max())[1] - 1))
    scaled = weight / scale
    return np.maximum(scaled, float(np.finfo(dtype).tiny) ** 0.5, out=scaled).astype(dtype, copy=False), scale
