"""Cross-validation folds for learning a penalty: five folds in the order of the rows, or the user's `cv`."""

from collections.abc import Iterable
from dataclasses import replace
from numbers import Integral
from typing import Any, TypeAlias

import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, check_cv

from sk_adalr.dataset import Dataset
from sk_adalr.rows import first_copies

#: Indices of the training rows and of the validation rows, for each fold.
Folds: TypeAlias = list[tuple[np.ndarray, np.ndarray]]

#: Number of folds of `cv=None`, and the least number of rows, of each class if there are labels, that these need.
N_FOLDS, LEAST_OF_CLASS = 5, 10
# A penalty is learned from this many rows, or this many per column if that is more: additional rows hardly change it.
_MANY_ROWS, _MANY_PER_COLUMN = 2000, 20


def make_folds(cv: Any, data: Dataset, labels: np.ndarray | None, copies: np.ndarray) -> Folds:
    """Return the folds.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        As in scikit-learn. A number, or None for five, means folds of consecutive rows, stratified if there are
        labels, like (Stratified)KFold, except that identical rows stay in one fold. With groups of rows it means
        GroupKFold or StratifiedGroupKFold.
    data : Dataset
        On the host.
    labels : ndarray (n,) or None
        Class index of each row.
    copies : ndarray (n,)
        The same number for identical rows, see `copies_of_rows`.
    """
    if cv is None or isinstance(cv, Integral):
        n_folds = N_FOLDS if cv is None else int(cv)
        if data.groups is None:
            return _in_order(n_folds, labels, copies)
        cv = GroupKFold(n_folds) if labels is None else StratifiedGroupKFold(n_folds)
    if hasattr(cv, "split") and not isinstance(cv, str):
        y = np.asarray(data.target)[:, 0] if labels is None else labels
        folds = [(np.asarray(train), np.asarray(test)) for train, test in cv.split(y[:, None], y, data.groups)]
    else:  # splits are indices into the user's rows, of which `data` may hold only some
        numbers = np.arange(data.n_samples) if data.row_numbers is None else data.row_numbers
        splits = cv if isinstance(cv, Iterable) and not isinstance(cv, str) else check_cv(cv).split()
        folds = [(_places(train, numbers), _places(test, numbers)) for train, test in splits]
    if not all(len(train) and len(test) for train, test in folds):
        raise ValueError("A fold of `cv` has no training rows or no test rows. Use fewer folds.")
    if labels is not None and any(len(np.unique(labels[train])) < len(np.unique(labels)) for train, _ in folds):
        raise ValueError("A fold of `cv` trains without rows of one class. Use fewer folds, or stratified ones.")
    return folds


def _places(rows: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the positions in the increasing `numbers` of those `rows` (indices or a mask) that occur there."""
    rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
    return np.flatnonzero(np.isin(numbers, rows))


def _in_order(n_folds: int, labels: np.ndarray | None, copies: np.ndarray) -> Folds:
    firsts = first_copies(copies)
    fold_of = np.zeros(len(firsts), dtype=int)
    for own in _by_class(len(firsts), None if labels is None else labels[firsts]):
        fold_of[own] = np.arange(len(own)) * n_folds // len(own)
    fold_of_row = fold_of[copies]
    return [(np.flatnonzero(fold_of_row != fold), np.flatnonzero(fold_of_row == fold)) for fold in range(n_folds)]


def representative(data: Dataset, labels: np.ndarray | None) -> np.ndarray:
    """Return indices (m,) of a subsample that suffices to learn a penalty, evenly spaced in each class."""
    n, p = data.X.shape
    most = max(_MANY_ROWS, _MANY_PER_COLUMN * p)
    if n <= most:
        return np.arange(n)
    chosen = []
    for own in _by_class(n, labels):
        size = min(len(own), max(2 * LEAST_OF_CLASS, round(most * len(own) / n)))
        chosen.append(own[np.linspace(0, len(own) - 1, size).round().astype(int)])
    return np.sort(np.concatenate(chosen))


def weighted_for_all(data: Dataset, labels: np.ndarray | None, rows: np.ndarray) -> Dataset:
    """Return a subsample, reweighted so that classes keep their share of the weight, with mean weight 1.

    The subsample has relatively more rows of rare classes.
    """
    if len(rows) == data.n_samples:
        weight = data.weight if data.weight is None else data.weight / data.weight.mean(dtype=np.float64)
        return replace(data, weight=weight, weight_scale=1.0)
    weight = np.ones(data.n_samples) if data.weight is None else data.weight.astype(np.float64)
    factor = np.zeros(data.n_samples)
    for own in _by_class(data.n_samples, labels):
        factor[own] = weight[own].sum() / weight[np.intersect1d(own, rows, assume_unique=True)].sum()
    weight = (weight * factor)[rows]
    return replace(of_rows(data, rows), weight=weight / weight.mean(), weight_scale=1.0)


def _by_class(n: int, labels: np.ndarray | None) -> list[np.ndarray]:
    if labels is None:
        return [np.arange(n)]
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


def of_rows(data: Dataset, rows: np.ndarray) -> Dataset:
    """Return a subset of the rows."""
    parts = {name: getattr(data, name) for name in ("X", "target", "weight", "sample_weight", "groups")}
    parts["row_numbers"] = np.arange(data.n_samples) if data.row_numbers is None else data.row_numbers
    return replace(data, **{name: part[rows] for name, part in parts.items() if part is not None})


def without_copies(data: Dataset, copies: np.ndarray) -> Dataset:
    """Return one row for each set of identical rows, with the sum of their weights."""
    firsts = first_copies(copies)
    if len(firsts) == data.n_samples:
        return data
    weight = np.bincount(copies, None if data.weight is None else data.weight)
    return replace(of_rows(data, firsts), weight=weight)
