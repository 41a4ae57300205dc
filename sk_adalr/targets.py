"""Encoding of the user's y as the target of a loss, and decoding."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from sk_adalr.dataset import Dataset
from sk_adalr.objectives import BinomialLogLoss, Loss, MultinomialLogLoss
from sk_adalr.objectives.losses import mean_loss


@dataclass(frozen=True)
class Target:
    """An encoded target.

    Parameters
    ----------
    values : array of shape (n_samples, n_outputs), or (n_samples,) of class indices for the multinomial loss
    loss : Loss
        Loss of a raw prediction compared with `values`.
    n_outputs : int
        Columns of the raw prediction.
    labels : array or None
        Class index of each row, for stratified splits; None unless there is one label per row.
    class_weight : array of shape (n_samples,) or None
        The weight of each row's class.
    attributes : dict
        Fitted attributes that follow from the target alone.
    validation : Dataset or None
        Validation data that the user passed.
    score : callable
        ``score(raw, values, weight) -> float``: accuracy, R2 or D2 of a raw prediction, on the host.
    """

    values: np.ndarray
    loss: Loss
    n_outputs: int
    labels: np.ndarray | None = None
    class_weight: np.ndarray | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    validation: Dataset | None = None
    score: Callable[[np.ndarray, np.ndarray, np.ndarray | None], float] | None = None

    @property
    def shown(self) -> np.ndarray:
        """Which classes have rows (n_classes,), or which labels of a label matrix take both values; all True else."""
        if self.labels is not None:
            counts = np.bincount(self.labels, minlength=len(self.attributes["classes_"]))
            return np.greater(counts, 0)
        if self.loss.classifies:  # a matrix of labels
            return np.logical_and(self.values.any(axis=0), ~self.values.all(axis=0))
        return np.ones(self.n_outputs, dtype=bool)

    @property
    def lacks_classes(self) -> bool:
        """Whether there is one label per row, and a class without rows."""
        return self.labels is not None and not self.shown.all()

    def of_user(self, values: np.ndarray) -> np.ndarray:
        """Decode encoded `values`, on the host, to the user's form: labels, or outputs in the shape of `y`."""
        if not self.loss.classifies:
            return values[:, 0] if self.attributes["_single_output"] else values
        if self.attributes["_multilabel"]:
            return values.astype(int)
        return self.attributes["classes_"][values.reshape(len(values)).astype(int)]

    def of_rows(self, rows: np.ndarray) -> "Target":
        """Return the target of a subset of the rows, with the classes and outputs of all rows."""
        names = ("values", "labels", "class_weight")
        parts = {name: getattr(self, name) for name in names}
        return replace(self, **{name: part[rows] for name, part in parts.items() if part is not None})


def encode_outputs(y: np.ndarray, dtype: Any, loss: Loss) -> Target:
    """Return regression outputs (n_samples,) or (n_samples, n_outputs) as the target, checked by `loss`."""
    if sparse.issparse(y):
        raise TypeError("`y` is sparse, but the outputs of a regression must be dense. Pass `y.toarray()`.")
    values = np.asarray(y, dtype=dtype)
    if np.isnan(values).any():
        raise ValueError("`y` has NaN or None. Drop those rows, or impute them.")
    if not np.isfinite(values).all():
        raise ValueError(f"`y` has values beyond the range of {np.dtype(dtype)}, the dtype of `X`. Rescale `y`.")
    values = values.reshape(len(values), -1)
    loss.check_target(values)
    attributes = {"_single_output": y.ndim == 1}
    return Target(values, loss, values.shape[1], attributes=attributes, score=partial(explained_share, loss))


def explained_share(loss: Loss, raw: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> float:
    """Return R2 of a raw prediction, or D2 unless the loss is the squared error, averaged over outputs."""
    if loss.is_quadratic:
        return float(r2_score(target, raw, sample_weight=weight))
    weight = None if weight is None else np.asarray(weight, dtype=np.float64)
    parts = [slice(k, k + 1) for k in range(target.shape[1])]
    of_model = [mean_loss(loss, raw[:, part].astype(np.float64), target[:, part], weight) for part in parts]
    return shares_explained(of_model, [loss.constant_value(target[:, part], weight) for part in parts])


def shares_explained(of_model: Iterable[float], of_constant: Iterable[float]) -> float:
    """Return D2, the share of the loss of constant predictions that a model explains, averaged over outputs."""
    # As R2 does for a constant target: 1 if the prediction is exact, else 0.
    pairs = zip(of_model, of_constant, strict=True)
    return float(np.mean([1 - ours / constant if constant > 0 else float(ours == 0) for ours, constant in pairs]))


def _accuracy(raw: np.ndarray, values: np.ndarray, weight: np.ndarray | None) -> float:
    if values.ndim == 1:
        return float(accuracy_score(values, raw.argmax(axis=1), sample_weight=weight))
    return float(accuracy_score(values.astype(int), (raw > 0).astype(int), sample_weight=weight))


def encode_labels(
    y: np.ndarray,
    dtype: Any,
    *,
    classes: np.ndarray | None,
    class_weight: Any,
    sample_weight: Any,
    multilabel: bool,
    one_class: bool,
    estimator_name: str,
) -> Target:
    """Encode class labels as zeros and ones (two classes, multilabel) or as class indices (more classes).

    Parameters
    ----------
    y : array of shape (n_samples,), or (n_samples, n_labels) of zeros and ones where `multilabel` allows it
    dtype : dtype
        Of zeros and ones.
    classes : array or None
        The classes that may occur; None for the classes in `y`.
    class_weight : dict, "balanced" or None
    sample_weight : array-like or None
        Weights of the rows in the class counts of "balanced".
    multilabel : bool
        Whether the estimator takes several labels per sample.
    one_class : bool
        Whether the estimator takes a single class.
    estimator_name : str
        For messages.

    Raises
    ------
    ValueError
        If `y` is continuous, has a class outside `classes`, or has a single class and `one_class` is False.
    """
    found = _known_labels(y, classes)
    is_plain = found is not None or _are_plain_labels(y)
    kind = "multiclass" if is_plain else type_of_target(y, input_name="y")
    if kind not in ("binary", "multiclass", "multilabel-indicator"):
        check_classification_targets(y)
    if kind == "multilabel-indicator":
        if not multilabel:
            raise ValueError(
                f"{estimator_name} takes one label per sample; got a label matrix of shape {y.shape}. Wrap it in "
                "sklearn.multioutput.MultiOutputClassifier, or use AdaptiveLRMLPClassifier."
            )
        return _encode_label_matrix(y, dtype, classes, class_weight, sample_weight)

    y = y if y.ndim == 1 else column_or_1d(y, warn=True)
    if not (class_weight is None or isinstance(class_weight, dict) or str(class_weight) == "balanced"):
        raise ValueError(f"`class_weight` must be a dict, 'balanced' or None; got {class_weight!r}.")
    classes, indices = found or _labels(y, classes)
    if len(classes) < 2 and not one_class:
        raise ValueError(f"{estimator_name} needs samples of at least 2 classes; got one class: {classes[0]}.")
    row_weight = None
    if class_weight is not None:
        row_weight = _weights_of_classes(class_weight, classes, indices, sample_weight)[indices]
    binary = len(classes) == 2
    return Target(
        values=indices.astype(dtype).reshape(-1, 1) if binary else indices,
        loss=BinomialLogLoss() if binary else MultinomialLogLoss(),
        n_outputs=1 if binary else len(classes),
        labels=indices.astype(np.int8) if binary else indices,
        class_weight=row_weight,
        attributes={"classes_": classes, "_multilabel": False},
        score=_accuracy,
    )


def _weights_of_classes(
    class_weight: Any, classes: np.ndarray, indices: np.ndarray, sample_weight: np.ndarray | None
) -> np.ndarray:
    """Return the weight of each class (n_classes,); `indices` (n_samples,) are the class indices of the rows."""
    if isinstance(class_weight, dict) and not all(isinstance(w, Real) for w in class_weight.values()):
        raise TypeError(f"`class_weight` must hold numbers; got {class_weight!r}.")
    if not isinstance(class_weight, dict):
        return _balanced_weights(classes, indices, sample_weight)
    weights = compute_class_weight(class_weight, classes=classes, y=classes)
    invalid = ~((weights >= 0) & (weights < np.inf))
    if invalid.any():
        raise ValueError(
            f"`class_weight` must be finite and not negative; it is {weights[invalid].tolist()} for the classes "
            f"{classes[invalid].tolist()}. To leave a class out, give it the weight 0."
        )
    if not weights.any():
        raise ValueError("`class_weight` is 0 for every class: at least one must have a positive weight.")
    return weights


def _balanced_weights(classes: np.ndarray, indices: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:
    """Return "balanced" weights among the classes with rows of positive weight; other classes get 0."""
    counts = np.bincount(indices, sample_weight, len(classes))
    present, weights = counts > 0, np.zeros(len(classes))
    # One row per class, with the total weight of the class, gives the same result as all rows.
    weights[present] = compute_class_weight(
        "balanced", classes=classes[present], y=classes[present], sample_weight=counts[present]
    )
    return weights


def _known_labels(y: Any, classes: np.ndarray | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Return `classes` and the class index of each label if all labels are known integers; else None."""
    if classes is None or not (isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype == classes.dtype):
        return None
    if y.dtype.kind not in "biu":
        return None
    indices = np.searchsorted(classes, y)
    return (classes, indices) if (classes.take(indices, mode="clip") == y).all() else None


def _labels(y: np.ndarray, classes: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, by default those in `y`, and the class index of each label."""
    present = np.unique(y)
    classes = present if classes is None else classes
    unknown = np.setdiff1d(present, classes)
    if len(unknown):
        raise ValueError(f"`y` has values outside `classes`: {unknown.tolist()}; `classes` are {classes.tolist()}.")
    return classes, np.searchsorted(classes, y)


def _are_plain_labels(y: Any) -> bool:
    """Return whether `y` holds repeated integers: then scikit-learn's check, ten times slower, is not needed."""
    if not isinstance(y, np.ndarray) or y.ndim != 1 or y.dtype.kind not in "biu":
        return False
    return np.unique(y).size <= 0.5 * (y.size - 1)  # with more classes scikit-learn warns


def _encode_label_matrix(
    y: Any, dtype: Any, classes: np.ndarray | None, class_weight: Any, sample_weight: np.ndarray | None
) -> Target:
    values = np.asarray(y.toarray() if hasattr(y, "toarray") else y).astype(dtype)
    if not ((values == 0) | (values == 1)).all():
        raise ValueError(
            f"A label matrix must hold 0 and 1 only; got {np.unique(values).tolist()}. Pass `(y > 0).astype(int)`, if "
            "larger values mean that a row has the label."
        )
    n_labels = values.shape[1]
    if classes is not None and len(classes) != n_labels:
        raise ValueError(f"`y` must have one column for each of the {len(classes)} labels; got {n_labels} columns.")
    row_weight = None
    if class_weight is not None:
        row_weight = _weights_of_label_matrix(class_weight, values.astype(int), sample_weight)
    return Target(
        values,
        BinomialLogLoss(),
        n_labels,
        class_weight=row_weight,
        attributes={"classes_": np.arange(n_labels), "_multilabel": True},
        score=_accuracy,
    )


def _weights_of_label_matrix(class_weight: Any, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:
    """Return row weights (n_rows,): the product of the weights of the row's labels, as in scikit-learn."""
    n_labels = y.shape[1]
    each = [class_weight] * n_labels if isinstance(class_weight, str) else class_weight
    if not isinstance(each, list) or len(each) != n_labels:
        raise ValueError(
            "`class_weight` of a label matrix must be 'balanced', or a list of one dict for each of the "
            f"{n_labels} labels; got {class_weight!r}."
        )
    row_weight = np.ones(len(y))
    for of_label, column in zip(each, y.T, strict=True):
        row_weight *= _weights_of_classes(of_label, np.arange(2), column, sample_weight)[column]
    return row_weight
