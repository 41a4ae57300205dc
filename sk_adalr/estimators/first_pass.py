"""The first pass over blocks of rows: it validates them, summarises labels and weights, and encodes each in place."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sk_adalr.blocks import Blocks, RawBlock
from sk_adalr.estimators.job import check_same_features
from sk_adalr.optimizer.exact import Block
from sk_adalr.options import Options
from sk_adalr.rows import some_rows
from sk_adalr.targets import Target
from sk_adalr.validation import NoWeightError, as_dtype, check_features_and_target, check_weights

# Rows per label in a table of labels: scikit-learn takes labels that hardly repeat for a regression target.
_REPEATED = 3


class _ValidatedBlock(NamedTuple):
    """A validated block: features, target, weights (m,) or None, and feature names or None."""

    number: int
    X: Any
    y: np.ndarray
    weight: np.ndarray | None
    names: np.ndarray | None

    @classmethod
    def of(cls, raw: RawBlock, estimator: Any) -> "_ValidatedBlock | None":
        """Return a validated block, or None if it has no rows; `estimator` is not fitted."""
        n_rows = raw.checked_length()
        if n_rows == 0:
            return None
        estimator = copy(estimator)
        try:
            X, y = check_features_and_target(estimator, raw.X, raw.y, numeric=is_regressor(estimator), reset=True)
            weight = _weights(raw.weight, n_rows)
            if not is_regressor(estimator):
                y = _labels(y, estimator)
        except (ValueError, TypeError) as error:
            raise type(error)(f"Block {raw.number}: {error}") from error
        return cls(raw.number, X, y, weight, getattr(estimator, "feature_names_in_", None))


@dataclass(frozen=True)
class BlockSummary:
    """Number of rows and weight of each label, and the format of the data, in some blocks.

    Parameters
    ----------
    number : int
        Number of the first block.
    n_features : int
    names : ndarray or None
        Names of the features.
    y_shape : tuple
        Shape of the target of one row.
    dtype : dtype
    is_weighted : bool
    n_blocks, most_rows : int
        The number of blocks, and the rows of the largest one.
    labels : ndarray (n_labels,)
        A single label for regression.
    n_rows, weight : ndarray (n_labels,)
        The number of rows of each label with a positive weight, and the sum of their weights.
    blocks_with, rows_with : ndarray (n_labels,)
        The number of blocks that contain the label, and the number of rows of any label with a positive weight in
        these blocks.
    """

    number: int
    n_features: int
    names: np.ndarray | None
    y_shape: tuple[int, ...]
    dtype: np.dtype
    is_weighted: bool
    n_blocks: int
    most_rows: int
    labels: np.ndarray
    n_rows: np.ndarray
    weight: np.ndarray
    blocks_with: np.ndarray
    rows_with: np.ndarray

    @classmethod
    def of(cls, block: _ValidatedBlock, has_labels: bool) -> "BlockSummary":
        """Return the summary of one block."""
        number, X, y, weight, names = block
        labels, index = np.unique(y, return_inverse=True) if has_labels else (np.zeros(1), np.zeros(len(y), int))
        n_rows = np.bincount(index if weight is None else index[weight > 0], minlength=len(labels))
        weights = np.bincount(index, weight, len(labels))
        of_rows = (y.shape[1:], X.dtype, weight is not None, 1, len(y), labels, n_rows, weights)
        return cls(number, X.shape[1], names, *of_rows, np.ones(len(labels), int), np.full(len(labels), n_rows.sum()))

    def merged(self, other: "BlockSummary") -> "BlockSummary":
        """Return the summary of the blocks of both."""
        for name in ("n_features", "names", "y_shape"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if not np.array_equal(ours, theirs):
                what = {"n_features": "features", "names": "feature names", "y_shape": "outputs"}[name]
                raise ValueError(
                    f"All blocks must have the same {what}; block {self.number} has {ours}, and block {other.number} "
                    f"{theirs}."
                )
        labels, index = np.unique(np.concatenate([self.labels, other.labels]), return_inverse=True)
        names = ("n_rows", "weight", "blocks_with", "rows_with")
        n_rows, weight, *others = (np.bincount(index, [*getattr(self, a), *getattr(other, a)]) for a in names)
        blocks_with, rows_with = (count.astype(int) for count in others)
        return replace(
            self,
            dtype=np.result_type(self.dtype, other.dtype),
            is_weighted=self.is_weighted or other.is_weighted,
            n_blocks=self.n_blocks + other.n_blocks,
            most_rows=max(self.most_rows, other.most_rows),
            labels=labels,
            n_rows=n_rows.astype(int),
            weight=weight,
            blocks_with=blocks_with,
            rows_with=rows_with,
        )


class Encoding(NamedTuple):
    """How blocks are encoded for solvers: dtype, mean weight, labels with their weights, or encoder of outputs."""

    dtype: np.dtype
    mean_weight: float | None
    labels: np.ndarray
    label_weight: np.ndarray
    encode: Callable[..., Target] | None

    def of(self, block: _ValidatedBlock) -> Block | None:
        """Return the encoded rows of positive weight, scaled to mean 1 over all blocks; None if there are none."""
        X, weight, kept = as_dtype(block.X, self.dtype), block.weight, slice(None)  # type: Any, Any, Any
        index = np.searchsorted(self.labels, block.y) if self.encode is None else np.zeros(len(block.y), int)
        if self.mean_weight is not None:
            weight = (1.0 if weight is None else weight) * self.label_weight[index] / self.mean_weight
            if not weight.all():
                kept = weight > 0
                X, weight = some_rows(X, kept), weight[kept]
        if X.shape[0] == 0:
            return None
        if self.encode is not None:
            values = self.encode(block.y[kept], self.dtype, None, None).values
        else:
            number = np.cumsum(self.label_weight > 0) - 1
            values = number[index[kept]].astype(np.int8 if len(number) < 128 else np.intp)
        return Block(X, values, weight, block.number)


@dataclass(frozen=True)
class FirstPass:
    """The result of a first pass over all blocks.

    Parameters
    ----------
    checked : Blocks
        The validated blocks.
    summary : BlockSummary
    dtype : dtype
        The dtype of training.
    target : Target or None
        One row per label, with its class weight; None for regression.
    label_weight : ndarray (n_labels,)
        The class weights, and 0 for labels without a positive sample weight.
    encode : callable or None
        ``encode(y, dtype, weight, classes)`` encodes the target of a regression; None for labels.
    """

    checked: Blocks
    summary: BlockSummary
    dtype: np.dtype
    target: Target | None
    label_weight: np.ndarray
    encode: Callable[..., Target] | None

    @classmethod
    def of(
        cls, estimator: Any, options: Options, make_blocks: Callable[[], Blocks], before: dict[str, Any] | None
    ) -> "FirstPass":
        """Read all blocks once, and set ``n_features_in_`` and ``feature_names_in_`` of the estimator.

        Parameters
        ----------
        estimator : estimator
        options : Options
        make_blocks : callable
            ``make_blocks()`` returns `Blocks` of `RawBlock`, which may take long.
        before : dict or None
            Fitted attributes from which training continues.
        """
        regression, unfitted = is_regressor(estimator), _unfitted(estimator)
        checked = make_blocks().mapped(_ValidatedBlock.of, unfitted)
        summary = checked.reduced(BlockSummary.of, BlockSummary.merged, not regression)
        if summary is None:
            raise ValueError("There are no rows: all blocks are empty, or there is none.")
        _set_features(estimator, summary, before)
        dtype = summary.dtype if before is None else np.dtype(before["_dtype"])
        target = None if regression else _table_of_labels(unfitted, options, summary, dtype)
        label_weight = np.ones(len(summary.labels))
        if target is not None and target.class_weight is not None:
            label_weight = target.class_weight
        label_weight = np.where(summary.weight > 0, label_weight, 0.0)
        if not label_weight.any():
            raise NoWeightError("The weights are all zero: at least one sample must have a positive weight.")
        encode = partial(unfitted._encode, options) if regression else None
        return cls(checked, summary, dtype, target, label_weight, encode)

    @property
    def has_weight(self) -> np.ndarray:
        """Mask (n_labels,) of the labels with a positive weight."""
        return self.label_weight > 0

    @property
    def n_rows(self) -> int:
        """Number of rows with a positive weight."""
        return int(self.summary.n_rows[self.has_weight].sum())

    @property
    def weight(self) -> np.ndarray:
        """Sums of the weights, class weights included, of the labels with a positive weight."""
        return (self.summary.weight * self.label_weight)[self.has_weight]

    def table(self, mean: np.ndarray) -> Target:
        """Return a target with the best constant prediction of all rows: one row per label, or the mean output."""
        if self.target is not None:
            return replace(self.target.of_rows(self.has_weight), class_weight=None)
        assert self.encode is not None
        table = self.encode(mean.reshape(1, *self.summary.y_shape), self.dtype, None, None)
        return replace(table, values=mean[None])

    def encoded(self) -> Blocks:
        """Return the encoded blocks."""
        return self._encoded(self.label_weight)

    def encoded_without_class_weights(self) -> Blocks:
        """Return the encoded blocks of the same rows, with sample weights only."""
        return self._encoded(np.where(self.has_weight, 1.0, 0.0))

    def _encoded(self, label_weight: np.ndarray) -> Blocks:
        summary = self.summary
        is_weighted = summary.is_weighted or (label_weight != 1).any()
        mean_weight = float(summary.weight @ label_weight) / self.n_rows if is_weighted else None
        encoding = Encoding(self.dtype, mean_weight, summary.labels, label_weight, self.encode)
        return self.checked.mapped(_encoded, encoding)


def _table_of_labels(estimator: Any, options: Options, summary: BlockSummary, dtype: np.dtype) -> Target:
    """Return a target with one row per label, and the class weights."""
    labels, weight = (np.repeat(part, _REPEATED) for part in (summary.labels, summary.weight))
    table: Target = estimator._encode(options, labels, dtype, weight, None)
    return table.of_rows(np.arange(0, len(labels), _REPEATED))


def _set_features(estimator: Any, summary: BlockSummary, before: dict[str, Any] | None) -> None:
    if before is not None:
        check_same_features(summary.n_features, before)
    vars(estimator).pop("feature_names_in_", None)
    estimator.n_features_in_ = summary.n_features
    if summary.names is not None:
        estimator.feature_names_in_ = summary.names


def _unfitted(estimator: Any) -> Any:
    """Return a copy with the parameters only, to be sent to the workers that hold the blocks."""
    unfitted: Any = object.__new__(type(estimator))
    unfitted.__dict__.update(estimator.get_params(deep=False))
    return unfitted


def _labels(y: np.ndarray, estimator: Any) -> np.ndarray:
    if y.ndim == 2 and y.shape[1] > 1 and estimator._takes_multilabel:
        raise ValueError(
            f"a label matrix, here of shape {y.shape}, is not fitted in blocks. Call `partial_fit` with one after "
            "another, or load the rows."
        )
    y = column_or_1d(y)
    if y.dtype.kind == "f":
        check_classification_targets(y)
    return y


def _weights(sample_weight: Any, n_rows: int) -> np.ndarray | None:
    try:
        return check_weights(sample_weight, n_rows)
    except NoWeightError:  # other blocks may have positive weights
        return np.zeros(n_rows)


def _encoded(block: _ValidatedBlock, encoding: Encoding) -> Block | None:
    return encoding.of(block)
