"""Fits of rows in blocks, dask collections or chunks: from the user's blocks to data that are solved by sums.

A first pass finds the labels, the numbers of rows and their weights; then each block is encoded, where it lies, as
those of all rows ask for. The target of the data that a job gets is a table that is as good as all rows where a
constant is predicted: a row for each label, or the mean.
"""

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sk_adalr.blocks import Blocks, Chunks, RawBlock
from sk_adalr.compatibility import with_callbacks
from sk_adalr.dataset import Dataset
from sk_adalr.estimators.base import GradientEstimator
from sk_adalr.estimators.job import answers_unknown_arguments, check_same_features, check_same_target
from sk_adalr.estimators.model import LinearModel
from sk_adalr.optimizer.exact import Block, BlockedRows
from sk_adalr.options import Options
from sk_adalr.rows import some_rows
from sk_adalr.targets import Target
from sk_adalr.validation import NoWeightError, as_dtype, check_features_and_target, check_weights

EstimatorT = TypeVar("EstimatorT", bound=GradientEstimator)

# Rows of a label in a table of labels: scikit-learn takes labels that hardly repeat for numbers.
_REPEATED = 3
# What the weight of all rows may change by from one pass to another: rounding.
_SAME_WEIGHT = 1e-6


class _CheckedBlock(NamedTuple):
    """A validated block: features, target, weights (m,) or None, and how the features are called."""

    number: int
    X: Any
    y: np.ndarray
    weight: np.ndarray | None
    names: np.ndarray | None

    @classmethod
    def of(cls, raw: RawBlock, estimator: Any) -> "_CheckedBlock | None":
        """Validate a block for an estimator without a fit; return None if it has no rows."""
        n_rows = raw.checked_length()
        if n_rows == 0:
            return None
        estimator = copy(estimator)
        try:
            X, y = check_features_and_target(estimator, raw.X, raw.y, numeric=is_regressor(estimator), reset=True)
            weight = _weights(raw.weight, n_rows)
            if not is_regressor(estimator):
                y = column_or_1d(y)
                if y.dtype.kind == "f":
                    check_classification_targets(y)
        except (ValueError, TypeError) as error:
            raise type(error)(f"Block {raw.number}: {error}") from error
        return cls(raw.number, X, y, weight, getattr(estimator, "feature_names_in_", None))


@dataclass(frozen=True)
class _Look:
    """What a first pass finds in some blocks.

    Parameters
    ----------
    number : int
        Of the first block.
    n_features : int
    names : ndarray or None
        Of the features.
    y_shape : tuple
        The shape of the target of a row.
    dtype : dtype
    is_weighted : bool
    labels : ndarray (n_labels,)
        Of a regression, a single one.
    n_rows, weight : ndarray (n_labels,)
        The number of rows of each label with a positive weight, and the sum of their weights.
    """

    number: int
    n_features: int
    names: np.ndarray | None
    y_shape: tuple[int, ...]
    dtype: np.dtype
    is_weighted: bool
    labels: np.ndarray
    n_rows: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, block: _CheckedBlock, has_labels: bool) -> "_Look":
        """Look at a block."""
        number, X, y, weight, names = block
        labels, index = np.unique(y, return_inverse=True) if has_labels else (np.zeros(1), np.zeros(len(y), int))
        n_rows = np.bincount(index if weight is None else index[weight > 0], minlength=len(labels))
        weights = np.bincount(index, weight, len(labels))
        return cls(number, X.shape[1], names, y.shape[1:], X.dtype, weight is not None, labels, n_rows, weights)

    def merged(self, other: "_Look") -> "_Look":
        """Return what is in the blocks of both."""
        for name in ("n_features", "names", "y_shape"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if not np.array_equal(ours, theirs):
                what = {"n_features": "features", "names": "feature names", "y_shape": "outputs"}[name]
                raise ValueError(
                    f"All blocks must have the same {what}; block {self.number} has {ours}, and block {other.number} "
                    f"{theirs}."
                )
        labels, index = np.unique(np.concatenate([self.labels, other.labels]), return_inverse=True)
        return replace(
            self,
            dtype=np.result_type(self.dtype, other.dtype),
            is_weighted=self.is_weighted or other.is_weighted,
            labels=labels,
            n_rows=np.bincount(index, [*self.n_rows, *other.n_rows]).astype(int),
            weight=np.bincount(index, [*self.weight, *other.weight]),
        )


class _Encoding(NamedTuple):
    """How the blocks become those that solvers see: weights and numbers of the labels, mean weight, dtype, target."""

    dtype: np.dtype
    mean_weight: float | None
    labels: np.ndarray
    label_weight: np.ndarray
    encode: Callable[..., Target] | None

    def of(self, block: _CheckedBlock) -> Block | None:
        """Return the rows of a block that have a weight."""
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
            return Block(X, self.encode(block.y[kept], self.dtype, None, None).values, weight)
        number = np.cumsum(self.label_weight > 0) - 1
        return Block(X, number[index[kept]].astype(np.int8 if len(number) < 128 else np.intp), weight)


def blocked_data(
    estimator: Any,
    options: Options,
    model: Any,
    make_blocks: Callable[[], Blocks],
    before: dict[str, Any] | None,
) -> tuple[Dataset, Target]:
    """Return the data of a fit of blocks, and the encoded target of a table; see the top of the file.

    Parameters
    ----------
    estimator : estimator
        Gets `n_features_in_` and `feature_names_in_`.
    options : Options
    model : LinearModel
    make_blocks : callable
        ``make_blocks()`` returns the `Blocks` of `RawBlock`; it may take long.
    before : dict or None
        Fitted attributes from which training continues.
    """
    _check_options(options, model)
    regression, unfitted = is_regressor(estimator), _unfitted(estimator)
    checked = make_blocks().mapped(_CheckedBlock.of, unfitted)
    look = checked.reduced(_Look.of, _Look.merged, not regression)
    if look is None:
        raise ValueError("There are no rows: all blocks are empty, or there is none.")
    _set_features(estimator, look, before)
    dtype = look.dtype if before is None else np.dtype(before["_dtype"])
    target = None if regression else _table_of_labels(unfitted, options, look, dtype)
    label_weight = np.ones(len(look.labels))
    if target is not None and target.class_weight is not None:
        label_weight = target.class_weight
    label_weight = np.where(look.weight > 0, label_weight, 0.0)
    weight = look.weight * label_weight
    if not weight.any():
        raise NoWeightError("The weights are all zero: at least one sample must have a positive weight.")
    n, total = int(look.n_rows[weight > 0].sum()), float(weight.sum())
    is_weighted = look.is_weighted or (label_weight != 1).any()
    encode = partial(unfitted._encode, options) if regression else None
    encoding = _Encoding(dtype, total / n if is_weighted else None, look.labels, label_weight, encode)
    encoded = checked.mapped(_encoded, encoding)
    X = BlockedRows.of(encoded, (n, look.n_features), dtype, model.fit_intercept, regression)
    if X.description is None or abs(X.description.spread.weight - n) > _SAME_WEIGHT * n:
        raise ValueError(
            "The blocks had other rows when they were read a second time. `make_chunks` must return the same chunks "
            "at each call: a new iterator, never one that is used up."
        )
    if target is None:
        target, weight = _table_of_mean(unfitted, options, look, X), np.full(1, total)
    else:
        target = replace(target.of_rows(weight > 0), class_weight=None)
    if before is not None:
        check_same_target(target, estimator)
    return Dataset(X, target.values, weight[weight > 0] * (n / total), total / n), target


def _table_of_labels(estimator: Any, options: Options, look: _Look, dtype: np.dtype) -> Target:
    """Return a target with a row for each label, and the weights of the classes."""
    labels, weight = (np.repeat(part, _REPEATED) for part in (look.labels, look.weight))
    table: Target = estimator._encode(options, labels, dtype, weight, None)
    return table.of_rows(np.arange(0, len(labels), _REPEATED))


def _table_of_mean(estimator: Any, options: Options, look: _Look, X: BlockedRows) -> Target:
    """Return a target of one row, the mean of all."""
    mean = X.description.spread.mean[look.n_features :]
    table: Target = estimator._encode(options, mean.reshape(1, *look.y_shape), X.dtype, None, None)
    return replace(table, values=mean[None])


def _check_options(options: Options, model: LinearModel) -> None:
    if not options.solves_at_once:
        raise ValueError(
            "Blocks of rows are trained on all at once, by `solver='auto'` or 'exact', with `learning_rate='auto'` "
            "and `early_stopping=False`. For mini-batches call `partial_fit` with one block after another."
        )
    if model.choice is not None:
        name = "C" if "C_" in model.of_penalty else "alpha"
        raise ValueError(f"`{name}='auto'` needs rows in memory: fit to some of them, and set `{name}` to `{name}_`.")
    if np.ndim(model.strength):
        raise ValueError("Blocks of rows have one penalty for all outputs: `alpha` must be a number.")
    if model.is_standardized:
        raise ValueError(
            "Blocks of rows have their penalty on the features as they are: `penalty_units='standardized'` needs the "
            "rows in memory, or `partial_fit` with one block after another."
        )
    if options.backend == "cupy":
        raise ValueError("Blocks of rows are trained on with NumPy; `backend='cupy'` needs arrays in memory.")


def _set_features(estimator: Any, look: _Look, before: dict[str, Any] | None) -> None:
    if before is not None:
        check_same_features(look.n_features, before)
    vars(estimator).pop("feature_names_in_", None)
    estimator.n_features_in_ = look.n_features
    if look.names is not None:
        estimator.feature_names_in_ = look.names


def _unfitted(estimator: Any) -> Any:
    """Return an estimator of the same parameters, and nothing else: it travels to the blocks."""
    unfitted: Any = object.__new__(type(estimator))
    unfitted.__dict__.update(estimator.get_params(deep=False))
    return unfitted


def _weights(sample_weight: Any, n_rows: int) -> np.ndarray | None:
    try:
        return check_weights(sample_weight, n_rows)
    except NoWeightError:  # other blocks may have some
        return np.zeros(n_rows)


def _encoded(block: _CheckedBlock, encoding: _Encoding) -> Block | None:
    return encoding.of(block)


@answers_unknown_arguments
@with_callbacks
def fit_chunks(self: EstimatorT, make_chunks: Callable[[], Iterable[Any]]) -> EstimatorT:
    """Fit the model to rows that come in chunks, of which one is in memory at a time.

    The model is that of `fit` to all of the rows. The chunks are read several times, about once per iteration: a fit
    of few columns takes about ten readings, and least squares three. For a single reading see `partial_fit`.

    Parameters
    ----------
    make_chunks : callable
        ``make_chunks()`` returns an iterator of chunks ``(X, y)`` or ``(X, y, sample_weight)``, as `fit` takes them,
        and the same ones at each call. A chunk may be of any length.

    Returns
    -------
    self : estimator
        The fitted estimator.
    """

    def validated(options: Options, model: LinearModel, before: dict[str, Any] | None) -> tuple[Dataset, Target]:
        return blocked_data(self, options, model, partial(Chunks, make_chunks), before)

    return self._fit(None, None, {}, validated, in_blocks=True)
