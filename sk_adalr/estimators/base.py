"""The fit / partial_fit template: validate, train on local state, publish once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_regressor
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state

from sk_adalr.backends import beside, origin, to_device, to_host
from sk_adalr.dataset import Dataset
from sk_adalr.estimators.counterparts import Answering, answers_unknown_arguments, check_accepted
from sk_adalr.estimators.minibatch import MiniBatchTraining
from sk_adalr.estimators.report import Report
from sk_adalr.estimators.targets import Target
from sk_adalr.names import check_bool, check_choice, check_number
from sk_adalr.parameters import ParameterLayout
from sk_adalr.validation import NoWeightError, as_dtype, check_features_and_target, check_weights, scale_weights


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Leave `estimator` exactly as it was if the block raises, Ctrl-C included."""
    before = estimator.__dict__.copy()
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        raise


class GradientEstimator(CallbackSupportMixin, MiniBatchTraining, Answering, BaseEstimator):
    """Base of all estimators: how a fit runs. A subclass says what the model is."""

    backend: Any
    _dtype: str
    _encode_target: Callable[[Any, Any, Any, Any], Target]

    @answers_unknown_arguments
    @with_callbacks
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> "GradientEstimator":
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 is kept; anything else is taken as float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target. Two dimensions are for the outputs of a regressor and the labels of `AdaptiveLRMLPClassifier`;
            `AdaptiveLRLogisticRegression` takes one dimension only.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights. A weight of 2 counts as the row twice in the loss, the statistics of the columns and
            class weights; batches are drawn by rows. A row of weight 0 is left out; a class of such rows alone stays
            in ``classes_``, with a probability next to 0.
        X_val, y_val : array-like, default=None
            Rows that judge instead of a random part of `X` when `early_stopping`, however few rows `X` has where
            that is "auto". In a pipeline, route them with ``set_fit_request`` and
            ``Pipeline(transform_input=["X_val"])``.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are invalid, or if the loss becomes non-finite. The model is then as before.
        """
        context = self._init_callback_context(max_subtasks=self._max_iter)
        with unchanged_on_error(self):
            self._check_params()
            resume = self.warm_start and hasattr(self, "loss_curve_")
            data, target = self._validate(X, y, sample_weight, resume=resume, reset=True)
            target = self._with_validation(target, X_val, y_val, data.X)
            has_callbacks = hasattr(self, "_skl_callbacks")
            metadata = {"sample_weight": sample_weight, "X_val": X_val, "y_val": y_val}
            context.call_on_fit_task_begin(estimator=self, X=X, y=y, metadata=metadata)
            # A `Checkpoint` has restored the state after so many epochs of this fit, and leaves word of it.
            n_restored = self.__dict__.pop("_n_restored_epochs", 0)
            publish = origin(X).give_attributes
            report = Report(self, context if has_callbacks else None, X, y, publish)
            fitted = publish(self._solve(data, target, report, resume=resume, n_restored=n_restored))
            self.__dict__.update(fitted)
            context.call_on_fit_task_end(estimator=self, X=X, y=y, reconstruction_attributes=lambda: fitted)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> "GradientEstimator":
        with unchanged_on_error(self):
            self._check_params()
            resume = hasattr(self, "loss_curve_")
            try:
                data, target = self._validate(X, y, sample_weight, classes=classes, resume=resume, reset=not resume)
            except NoWeightError:
                if resume:  # a chunk without rows
                    return self
                raise
            if resume:
                data = replace(data, earlier_weight=getattr(self, "_seen_weight", 0.0))
            fitted = self._train_chunk(data, target, Report(self), resume=resume)
            self.__dict__.update(origin(X).give_attributes(fitted))
        return self

    def _validate(
        self, X: Any, y: Any, sample_weight: Any, *, resume: bool, reset: bool, classes: Any = None
    ) -> tuple[Dataset, Target]:
        """Return validated data and the encoded target; where `resume`, in the dtype and kind of before.

        Targets and weights are encoded on the host; the data then lie where `backend` computes.
        """
        n_features = getattr(self, "n_features_in_", None)
        X, y = check_features_and_target(self, X, y, numeric=is_regressor(self), reset=reset)
        if resume and X.shape[1] != n_features:
            raise ValueError(
                f"A model that goes on training needs the same features as before; it had {n_features} and would now "
                f"have {X.shape[1]}. Fit with `warm_start=False` instead."
            )
        if resume:
            X = as_dtype(X, self._dtype)
        weight = check_weights(sample_weight, X.shape[0])
        target = self._encode_target(y, X.dtype, weight, classes)
        if resume:
            self._check_same_target(target)
        total = check_weights(weight, X.shape[0], target.class_weight)
        if total is not None and not total.all():  # a row without weight is no row, but its class is one
            rows = total > 0
            X, target, total = X[beside(rows, X)], target.of_rows(rows), total[rows]
            weight = None if weight is None else weight[rows]
        sample_weight, _ = scale_weights(weight, X.dtype)
        weight, weight_scale = scale_weights(total, X.dtype)
        data = Dataset(X, target.values, weight, weight_scale, sample_weight)
        return data.moved(self._move_beside(X)), target

    def _move_beside(self, X: Any) -> Callable[[Any], Any]:
        """Return the function that moves an array to where `backend` computes, given the features."""
        if self.backend == "auto":
            return lambda array: beside(array, X)
        return to_device if self.backend == "cupy" else to_host

    def _with_validation(self, target: Target, X_val: Any, y_val: Any, X: Any) -> Target:
        """Return `target` with the user's validation data, beside the training rows `X`."""
        if X_val is None and y_val is None:
            return target
        if X_val is None or y_val is None:
            raise ValueError("`X_val` and `y_val` must be passed together; one of them is missing.")
        if not self.early_stopping:
            raise ValueError("`X_val` and `y_val` are for early stopping; set `early_stopping=True` to use them.")
        X_val, y_val = check_features_and_target(self, X_val, y_val, numeric=is_regressor(self), reset=False)
        encoded = self._encode_target(y_val, X.dtype, None, target.attributes.get("classes_"))
        X_val = as_dtype(X_val, X.dtype)
        if encoded.class_weight is not None and not encoded.class_weight.all():  # those rows do not judge either
            rows = encoded.class_weight > 0
            if not rows.any():
                raise ValueError("`y_val` has only classes whose `class_weight` is 0, so that no row can judge.")
            X_val, encoded = X_val[beside(rows, X_val)], encoded.of_rows(rows)
        if encoded.n_outputs != target.n_outputs:
            raise ValueError(f"`y_val` must have {target.n_outputs} outputs as `y` has; got {encoded.n_outputs}.")
        data = Dataset(X_val, encoded.values)
        return replace(target, validation=data.moved(lambda array: beside(array, X)))

    def _check_same_target(self, target: Target) -> None:
        for name, value in target.attributes.items():
            if not np.array_equal(getattr(self, name), value):
                raise ValueError(
                    f"A model that goes on training needs the same target as before; `{name.strip('_')}` was "
                    f"{getattr(self, name)!r} and is now {value!r}. Fit with `warm_start=False` instead."
                )

    def _check_params(self) -> None:
        """Raise a ValueError or TypeError if a parameter is invalid."""
        check_accepted(self)
        check_number("max_iter", self._max_iter, 1, integer=True)
        check_number("tol", self.tol, 0)
        check_choice("backend", self.backend, ("auto", "numpy", "cupy"))
        check_number("n_iter_no_change", self.n_iter_no_change, 1, integer=True, or_infinite=True)
        check_number("validation_fraction", self.validation_fraction, 0, 1, strict=True)
        if not (isinstance(self.batch_size, str) and self.batch_size == "auto"):
            check_number("batch_size", self.batch_size, 1, integer=True)
        for name in ("standardize", "shuffle", "warm_start"):
            check_bool(name, getattr(self, name))
        check_bool("early_stopping", self.early_stopping, or_auto=self._min_rows_to_hold_out is not None)
        if not isinstance(self.verbose, bool | np.bool_ | Integral):
            raise TypeError(f"`verbose` must be True, False or an integer; got {self.verbose!r}.")
        try:
            check_random_state(self.random_state)
        except (ValueError, TypeError) as error:
            raise type(error)(
                "`random_state` must be None, an integer from 0 to 2**32 - 1 or a numpy.random.RandomState; got "
                f"{self.random_state!r}."
            ) from error
        self._make_optimizer(ParameterLayout.vector(1))

    def __sklearn_tags__(self) -> Any:
        """Return what the estimator takes: arrays of other libraries among the rest."""
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        return tags

    def _train_chunk(self, data: Dataset, target: Target, report: Report, *, resume: bool) -> dict[str, Any]:
        """Return all fitted attributes after one pass over the rows of a chunk."""
        return self._train(data, target, report, resume=resume, max_epochs=1, partial=True)

    def _solve(
        self, data: Dataset, target: Target, report: Report, *, resume: bool, n_restored: int
    ) -> dict[str, Any]:
        """Return all fitted attributes of a full fit, `n_restored` of whose epochs a checkpoint has made."""
        return self._train(data, target, report, resume=resume, max_epochs=self._max_iter, n_restored=n_restored)
