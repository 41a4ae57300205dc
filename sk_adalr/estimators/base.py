"""Template of `fit` and `partial_fit`: validate and encode the data, train, and set fitted attributes at the end."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, is_regressor

from sk_adalr.backends import Array, Origin, beside
from sk_adalr.blocks import blocks_of_collections
from sk_adalr.compatibility import CallbackSupportMixin, with_callbacks
from sk_adalr.dataset import Dataset, scale_weights
from sk_adalr.estimators.job import (
    Job,
    answers_unknown_arguments,
    check_same_features,
    check_same_target,
    mover,
    publisher,
    restored,
    take_fitted,
    unchanged_on_error,
)
from sk_adalr.estimators.model import LinearModel, NetworkModel
from sk_adalr.estimators.nested_parameters import check_names, defaults, own_parameters, with_nested
from sk_adalr.estimators.progress import Progress
from sk_adalr.estimators.validation_rows import validation_rows
from sk_adalr.options import Options
from sk_adalr.rows import some_rows
from sk_adalr.targets import Target
from sk_adalr.validation import (
    NoWeightError,
    as_dtype,
    check_features_and_target,
    check_groups,
    check_weights,
    is_dask,
)


class GradientEstimator(CallbackSupportMixin, BaseEstimator, ABC):
    """Base class of all estimators, which implements `fit`; subclasses define model, target and training."""

    # Fitted attributes.
    n_features_in_: int
    solver_: str
    stop_reason_: str
    loss_: float
    loss_curve_: list[float]
    learning_rate_curve_: np.ndarray
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None
    best_epoch_: int | None
    if TYPE_CHECKING:
        feature_names_in_: np.ndarray  # only if `X` has feature names

    #: Parameters of similar estimators elsewhere, and what to use instead; in addition to `name_hints.PARAMETERS`.
    _other_parameters: Mapping[str, str] = MappingProxyType({})
    #: Solver names of the scikit-learn counterpart of a linear model, see `Options`.
    _counterpart_solvers: tuple[str, ...] | None = None

    @abstractmethod
    def _model(self) -> LinearModel | NetworkModel:
        """Return the model to train; raise a ValueError or TypeError if one of its parameters is invalid."""

    @abstractmethod
    def _encode(self, options: Options, y: Any, dtype: Any, sample_weight: Any, classes: Any) -> Target:
        """Return the encoded target."""

    @staticmethod
    @abstractmethod
    def _train(job: Job[Any]) -> dict[str, Any]:
        """Return all fitted attributes after a fit."""

    @staticmethod
    @abstractmethod
    def _train_chunk(job: Job[Any]) -> dict[str, Any]:
        """Return all fitted attributes after training on a chunk."""

    @abstractmethod
    def _raw_prediction(self, X: Any, method: str) -> tuple[Array, Origin]:
        """Return the raw prediction (n_samples, n_outputs), and the array library and device of `X`."""

    @answers_unknown_arguments
    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix, dask array or dataframe} of shape (n_samples, n_features)
            float32 is kept; anything else is taken as float64. With dask, `y` must have the same blocks of rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target. Two dimensions are for the outputs of a regressor and the labels of `AdaptiveLRMLPClassifier`;
            `AdaptiveLRLogisticRegression` takes one dimension only.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights. A weight of 2 counts as the row twice in the loss, the statistics of the columns and
            class weights; batches are drawn by rows. A row of weight 0 is left out; a class of such rows alone stays
            in ``classes_``, with a probability next to 0.
        X_val, y_val : array-like, default=None
            Validation data for early stopping, used instead of a random split of `X`, however few rows `X` has if
            `early_stopping` is "auto". In a pipeline, route them with ``set_fit_request`` and
            ``Pipeline(transform_input=["X_val"])``.
        sample_weight_val : array-like of shape (n_rows_of_X_val,), default=None
            Non-negative weights of these rows, in the score, the loss, and the standard error of the score. A row of
            weight 0 is left out. Class weights do not weigh the rows of `X_val`; but rows of a class of weight 0 are
            left out, too.
        groups : array-like of shape (n_samples,), default=None
            For ``C="auto"`` and ``alpha="auto"``: rows of one group, such as measurements of one person, stay in one
            fold. Passed to `cv`; route them with ``set_fit_request``.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are invalid, or if the loss becomes non-finite. The model is then as before.
        """
        in_blocks = any(is_dask(array) for array in (X, y, sample_weight))
        validation_data = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}

        def validated(
            options: Options, model: LinearModel | NetworkModel, before: dict[str, Any] | None
        ) -> tuple[Dataset, Target]:
            if groups is not None and model.choice is None:
                raise ValueError("`groups` are for folds that choose the penalty, which is given. Leave them out.")
            if in_blocks:
                blocks = partial(blocks_of_collections, X, y, sample_weight)
                data, target = self._data_of_blocks(options, model, blocks, before)
            else:
                data, target = self._validate(options, X, y, sample_weight, groups=groups, before=before, reset=True)
            if any(given is not None for given in validation_data.values()):
                target = replace(target, validation=validation_rows(self, options, target, data.X, **validation_data))
            return data, target

        metadata = {"sample_weight": sample_weight, **validation_data} | ({} if groups is None else {"groups": groups})
        return self._fit(X, y, metadata, validated, in_blocks)

    def _fit(self, X: Any, y: Any, metadata: dict[str, Any], validated: Callable[..., Any], in_blocks: bool) -> Self:
        """Fit to the data and target that ``validated(options, model, before)`` returns; X and y are for callbacks."""
        options, publish = self._options(), publisher(X)
        context = self._init_callback_context()
        progress = Progress(self, context if hasattr(self, "_skl_callbacks") else None, X, y, publish)
        with unchanged_on_error(self):
            options.check()
            model = self._model()
            before = self._before() if options.warm_start else None
            if in_blocks:  # validation reads all blocks: report the start of the fit before it
                progress.begin(metadata, partial(model.tasks, options))
            data, target = validated(options, model, before)
            progress.begin(metadata, partial(model.tasks, options, data, target))
            before, n_restored = restored(self) or (before, 0)
            job = Job(type(self).__name__, model, options, data, target, before, progress, n_restored, self)
            fitted = publish(self._train(job))
            take_fitted(self, fitted)
            progress.end(fitted)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        options = self._options()
        with unchanged_on_error(self):
            options.check()
            model, before = self._model(), self._before()
            try:
                data, target = self._validate(
                    options, X, y, sample_weight, classes=classes, before=before, reset=before is None
                )
            except NoWeightError:
                if before is not None:  # all rows of the chunk have weight 0
                    return self
                raise
            if before is not None:
                data = replace(data, earlier_weight=before.get("_seen_weight", 0.0))
            job = Job(type(self).__name__, model, options, data, target, before, Progress(self))
            take_fitted(self, publisher(X)(self._train_chunk(job)))
        return self

    @abstractmethod
    def _data_of_blocks(self, *arguments: Any) -> tuple[Dataset, Target]:
        """Return the data of blocks of rows, and a target that summarises all rows, see `blocked_data`."""

    def _options(self) -> Options:
        return Options.of(vars(self), self._counterpart_solvers)

    def _before(self) -> dict[str, Any] | None:
        """Return the attributes of the fitted model, from which training can continue; None if it is not fitted."""
        return vars(self).copy() if hasattr(self, "loss_curve_") else None

    def _validate(
        self,
        options: Options,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        before: dict[str, Any] | None,
        reset: bool,
        classes: Any = None,
        groups: Any = None,
    ) -> tuple[Dataset, Target]:
        """Return validated data and the encoded target; with `before`, in its dtype, and checked to match it.

        Targets and weights are encoded on the host; the data are then moved to the device of `backend`.
        """
        X, y = check_features_and_target(self, X, y, numeric=is_regressor(self), reset=reset)
        if before is not None:
            check_same_features(X.shape[1], before)
            X = as_dtype(X, before["_dtype"])
        weight, groups, numbers = check_weights(sample_weight, X.shape[0]), check_groups(groups, X.shape[0]), None
        target = self._encode(options, y, X.dtype, weight, classes)
        if before is not None:
            check_same_target(target, self)
        total = weight if target.class_weight is None else check_weights(weight, X.shape[0], target.class_weight)
        if total is not None and not total.all():  # rows of weight 0 are dropped, but their classes stay
            rows = total > 0
            is_same = total is weight
            X, target, total = some_rows(X, beside(rows, X)), target.of_rows(rows), total[rows]
            weight = total if is_same else None if weight is None else weight[rows]
            groups = None if groups is None else groups[rows]
            # Folds that the user gives refer to the original rows; nothing else needs row numbers.
            numbers = None if getattr(self, "cv", None) is None else np.flatnonzero(rows)
        scaled, weight_scale = scale_weights(total, X.dtype)
        own = (scaled, weight_scale) if total is weight else scale_weights(weight, X.dtype)
        target = replace(target, class_weight=None)  # the weights include it now; saves memory
        data = Dataset(X, target.values, scaled, weight_scale, *own, groups, numbers)
        return data.moved(mover(options.backend, X)), target

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Create the object, or raise a TypeError that says what to use instead of an unknown parameter."""
        check_names(cls, kwargs)
        return super().__new__(cls)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state from a pickle; parameters that are newer than the pickle get their defaults."""
        super().__setstate__(defaults(type(self)) | state)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the parameters of the objects among them, as in ``solver__momentum``.

        Returns
        -------
        params : dict
            Names and values.
        """
        params = super().get_params(deep=False)
        return with_nested(params) if deep else params

    def set_params(self, **params: Any) -> Self:
        """Set the parameters of this estimator.

        Parameters
        ----------
        **params : dict
            Names and values. ``solver__momentum`` is a parameter of the object passed as ``solver``, which stays as
            it is: the estimator gets another one.

        Returns
        -------
        self : estimator
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter; the message says what to use.
        """
        return super().set_params(**own_parameters(self, params))

    def __sklearn_tags__(self) -> Any:
        """Return the tags: estimators also support sparse input and arrays of other libraries."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        return tags
