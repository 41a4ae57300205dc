"""Validation rows: split off the training rows, or given by the user."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from sk_adalr.backends import Array, beside, namespace, to_host
from sk_adalr.dataset import Dataset
from sk_adalr.objectives import Network, predict_raw
from sk_adalr.rows import first_copies
from sk_adalr.targets import Target
from sk_adalr.units import Units

#: Validation errors are clipped to `LARGEST_ERROR` standard deviations of the target, or to `LARGEST_MULTIPLE` times
#: the distance of the target from its mean if that is larger: outlying targets have to be learned, too.
LARGEST_ERROR, LARGEST_MULTIPLE = 5**0.5, 1.2


@dataclass(frozen=True)
class Holdout:
    """Validation rows.

    Parameters
    ----------
    data : Dataset
        The data that contain the validation rows, with targets in training units.
    rows : int array or None
        Indices of the validation rows in `data`; None for all.
    train_rows : int array or None
        Indices of the remaining training rows; None for all rows of the training data.
    """

    data: Dataset
    rows: np.ndarray | None = None
    train_rows: np.ndarray | None = None

    @classmethod
    def split(cls, data: Dataset, target: Target, fraction: float, seed: int, copies: np.ndarray) -> "Holdout":
        """Return a random split of the rows of `data`, stratified by label if there are labels.

        If a class has a single row, that is a training row. Copies of a row, which share a number in `copies` (see
        `copies_of_rows`), stay together.

        Raises
        ------
        ValueError
            If no such split is possible; the message says why.
        """
        candidates, alone, labels = first_copies(copies), np.arange(0), target.labels
        if labels is not None:
            _, index, counts = np.unique(labels[candidates], return_inverse=True, return_counts=True)
            if (counts > 1).sum() < min(2, len(counts)):
                raise ValueError("Two classes need two rows or more.")
            has_others = counts[index] > 1
            candidates, alone = candidates[has_others], candidates[~has_others]
            labels = labels[candidates]
        train_rows, rows = train_test_split(candidates, test_size=fraction, random_state=seed, stratify=labels)
        if labels is None and len(rows) < 2:
            raise ValueError("A score needs two rows or more.")
        train_rows = np.concatenate([train_rows, alone])
        if len(train_rows) + len(rows) < data.n_samples:
            train_rows, rows = (np.flatnonzero(np.isin(copies, copies[some])) for some in (train_rows, rows))
        return cls(data, rows, train_rows)

    @classmethod
    def folds(cls, data: Dataset, target: Target, n_folds: int, seed: int, copies: np.ndarray) -> Iterator["Holdout"]:
        """Yield `n_folds` disjoint random folds of the rows of `data`, stratified by label if there are labels.

        Copies of a row, which share a number in `copies` (see `copies_of_rows`), stay together.
        """
        first_rows = first_copies(copies)
        order = np.random.RandomState(seed).permutation(len(first_rows))
        if target.labels is not None:
            order = order[np.argsort(target.labels[first_rows[order]], kind="stable")]
        places = np.argsort(order)[copies]
        rows = np.argsort(places, kind="stable")
        for k in range(n_folds):
            is_held_out = places[rows] % n_folds == k
            yield cls(data, rows[is_held_out], rows[~is_held_out])

    @property
    def n_rows(self) -> float:
        """Number of validation rows; with weights w, the effective sample size ``sum(w)**2 / sum(w**2)``."""
        if self.data.weight is None:
            return float(self.data.n_samples if self.rows is None else len(self.rows))
        weight = self.data.weight if self.rows is None else self.data.weight[beside(self.rows, self.data.weight)]
        return float(weight.sum(dtype="float64") ** 2 / (weight @ weight))

    def evaluator(
        self,
        network: Network,
        units: Units,
        score_raw: Callable[[np.ndarray, np.ndarray, np.ndarray | None], float] | None = None,
        *,
        largest_errors: Callable[[Array], Array] | None = None,
    ) -> Callable[[Array], tuple[float, float]]:
        """Return a function from parameters to score and mean loss, in the user's units, on the validation rows.

        Without `score_raw` the score is NaN: on few rows, scoring takes longer than training. Errors are clipped to
        ``largest_errors(target)``, if given.
        """
        X = self.data.X
        rows = None if self.rows is None else beside(self.rows, X)
        every = slice(None) if rows is None else rows
        target = self.data.target[every]
        weight: Any = None if self.data.weight is None else self.data.weight[every]
        weight_sum = float(len(target) if weight is None else weight.sum(dtype="float64"))
        inputs = None if units.inputs is None else units.inputs.beside(X)
        # scikit-learn computes scores on the host, to which one prediction is copied per epoch.
        host_target, host_weight = to_host(target), None if weight is None else to_host(weight)
        bound = None if largest_errors is None else largest_errors(target)

        def evaluate(params: Array) -> tuple[float, float]:
            raw = predict_raw(*network.layout.unpack(params), X, network.activation, rows=rows, standardization=inputs)
            if bound is not None:
                raw = target + (raw - target).clip(-bound, bound)
            mean_loss = units.of_loss * float(network.loss.value(raw.copy(), target, weight)) / weight_sum
            if score_raw is None or not math.isfinite(mean_loss):
                return math.nan, mean_loss  # the trainer reports a loss that is not finite
            return score_raw(to_host(raw), host_target, host_weight), mean_loss

        return evaluate


def largest_errors_of(data: Dataset) -> Callable[[Array], Array]:
    """Return a function from targets (n_rows, n_outputs) to the largest errors, to which errors are clipped.

    A network may extrapolate to huge errors on a few outlying rows, whose squares would dominate the loss. What is
    large depends on mean and standard deviation of the targets of `data`, all rows of the fit.
    """
    xp, target, weight = namespace(data.target), data.target, data.weight
    mean = xp.average(target, axis=0, weights=weight)
    deviation = xp.sqrt(xp.average((target - mean) ** 2, axis=0, weights=weight))
    # The deviation of a constant target is only round-off error of its mean: its errors are not clipped.
    typical = xp.where(deviation > 1e-6 * xp.abs(mean), LARGEST_ERROR * deviation, xp.inf)
    return lambda target: xp.maximum(typical, LARGEST_MULTIPLE * xp.abs(target - mean))
