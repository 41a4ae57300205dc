"""The base class of classifiers: labels and probabilities."""

from typing import Any, TypeVar

import numpy as np
from sklearn.base import ClassifierMixin

from sk_adalr.backends import Array, beside, enter_host, namespace, to_host
from sk_adalr.estimators.base import GradientEstimator
from sk_adalr.estimators.dask_predictions import lazy_on_dask, summed_on_dask
from sk_adalr.estimators.job import answers_unknown_arguments
from sk_adalr.objectives import BinomialLogLoss, MultinomialLogLoss
from sk_adalr.options import Options
from sk_adalr.targets import Target, encode_labels

ClassifierT = TypeVar("ClassifierT", bound="Classifier")


class Classifier(ClassifierMixin, GradientEstimator):
    """Base class that turns raw predictions (n_samples, n_outputs) into labels and probabilities."""

    # Fitted attributes.
    classes_: np.ndarray
    _multilabel: bool

    _takes_multilabel = False
    _takes_one_class = False

    def _encode(self, options: Options, y: Any, dtype: Any, sample_weight: Any, classes: np.ndarray | None) -> Target:
        return encode_labels(
            y,
            dtype,
            classes=classes,
            class_weight=options.class_weight,
            sample_weight=sample_weight,
            multilabel=self._takes_multilabel,
            one_class=self._takes_one_class,
            estimator_name=type(self).__name__,
        )

    def _partial_fit_labels(self, X: Any, y: Any, classes: Any, sample_weight: Any) -> Any:
        class_weight = vars(self).get("class_weight")
        if isinstance(class_weight, str) and class_weight == "balanced":
            raise ValueError(
                "`class_weight='balanced'` is not supported by `partial_fit`, which does not see the frequencies of "
                "all rows. Compute the weights with sklearn.utils.class_weight.compute_class_weight on a large "
                "enough sample, and pass them as a dict."
            )
        fitted = getattr(self, "classes_", None)
        classes = fitted if classes is None else np.unique(enter_host(classes, "`classes`"))
        if classes is None:
            raise ValueError("`classes` must be passed in the first call of `partial_fit`.")
        if fitted is not None and not _are_same_classes(fitted, classes, self._multilabel):
            raise ValueError(f"`classes` must not change between calls: they were {fitted}, now {classes}.")
        return self._partial_fit(X, y, sample_weight, classes if fitted is None else fitted)

    def __sklearn_tags__(self) -> Any:
        """Return the tags, with the support of multilabel targets."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = self._takes_multilabel
        return tags

    @lazy_on_dask
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the raw prediction, before the link.

        Parameters
        ----------
        X : {array-like, sparse matrix, dask collection} of shape (n_samples, n_features)
            The rows. For a dask collection the result is a lazy dask array.

        Returns
        -------
        ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
            Positive where the second class, or a label, is predicted; largest at the predicted one of many classes.
        """
        raw, origin = self._raw_prediction(X, "decision_function")
        return origin.give(raw[:, 0] if self._is_binary else raw)

    @lazy_on_dask
    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, dask collection} of shape (n_samples, n_features)
            The rows. For a dask collection the result is a lazy dask array.

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, n_labels) for multilabel targets
            Entries of ``classes_``; zeros and ones for multilabel targets.
        """
        raw, origin = self._raw_prediction(X, "predict")
        return origin.give(self._labels(raw))

    @lazy_on_dask
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix, dask collection} of shape (n_samples, n_features)
            The rows. For a dask collection the result is a lazy dask array.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``. Rows sum to one, except for multilabel targets, whose entries lie strictly
            between 0 and 1.
        """
        raw, origin = self._raw_prediction(X, "predict_proba")
        proba = self._link.predict(self._one_per_class(raw))
        if self._multilabel:
            # A finite model is never certain: 0 and 1 are round-off.
            limits = np.finfo(proba.dtype)
            proba.clip(limits.tiny, 1 - limits.epsneg, out=proba)
        return origin.give(proba)

    @lazy_on_dask
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of class probabilities, without underflow.

        Parameters
        ----------
        X : {array-like, sparse matrix, dask collection} of shape (n_samples, n_features)
            The rows. For a dask collection the result is a lazy dask array.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        raw, origin = self._raw_prediction(X, "predict_log_proba")
        raw, xp = self._one_per_class(raw), namespace(raw)
        if self._link.is_separable:
            return origin.give(-xp.logaddexp(0, -raw))
        raw -= raw.max(axis=1, keepdims=True)
        return origin.give(raw - xp.log(xp.exp(raw).sum(axis=1, keepdims=True)))

    @summed_on_dask
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy.

        Parameters
        ----------
        X : {array-like, sparse matrix, dask collection} of shape (n_samples, n_features)
            Rows to predict.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their labels. Where a row has several, all of them must be right.
        sample_weight : array-like of shape (n_samples,), default=None
            Their non-negative weights.

        Returns
        -------
        score : float
            The share of the rows, by weight, that are predicted right.
        """
        return super().score(X, y, sample_weight)

    @property
    def _is_binary(self) -> bool:
        return len(self.classes_) == 2 and not self._multilabel

    @property
    def _link(self) -> BinomialLogLoss | MultinomialLogLoss:
        return BinomialLogLoss() if self._multilabel or self._is_binary else MultinomialLogLoss()

    def _one_per_class(self, raw: Array) -> Array:
        return namespace(raw).hstack([-raw, raw]) if self._is_binary else raw

    def _labels(self, raw: Array) -> Array:
        """Return the labels, on the device of `raw` if they are numbers, else on the host."""
        if self._multilabel:
            return (raw > 0).astype(int)
        indices = (raw[:, 0] > 0).astype(int) if self._is_binary else raw.argmax(axis=1)
        if self.classes_.dtype.kind not in "biuf":
            return self.classes_[to_host(indices)]
        return beside(self.classes_, raw)[indices]


def _are_same_classes(fitted: Any, classes: Any, multilabel: bool) -> bool:
    # For a label matrix, `classes_` has the column numbers, whatever names the user passes.
    return len(fitted) == len(classes) if multilabel else np.array_equal(fitted, classes)


@answers_unknown_arguments
def partial_fit(self: ClassifierT, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> ClassifierT:
    """Update the model with the rows of one chunk.

    With ``solver="auto"`` and up to 300 columns, one per class included, Newton's method fits the chunk together with
    a quadratic approximation of the log loss of all rows before it. One pass ends near the optimum of all rows,
    whatever the units of `X` and the size of the chunks.

    Wider streams, named solvers, and calls after `fit` make one pass of mini-batches over the chunk, continuing the
    training before.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows of one chunk.
    y : array-like of shape (n_samples,)
        Their labels.
    classes : array-like of shape (n_classes,), default=None
        All labels that may ever occur; needed in the first call, optional after it.
    sample_weight : array-like of shape (n_samples,), default=None
        Their non-negative weights. The penalty is relative to the sum of the weights of all rows so far, as if
        `fit` had seen them at once; rows that are passed twice count twice.

    Returns
    -------
    self : estimator
        The estimator after the pass.

    Raises
    ------
    ValueError
        If `classes` is missing in the first call or differs in a later one, or if ``class_weight="balanced"``.
    """
    self._partial_fit_labels(X, y, classes, sample_weight)
    return self
