"""The base class of regressors."""

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from sklearn.base import RegressorMixin

from sk_adalr.backends import enter_host, to_host
from sk_adalr.estimators.base import GradientEstimator
from sk_adalr.estimators.dask_predictions import lazy_on_dask, summed_on_dask
from sk_adalr.estimators.job import answers_unknown_arguments
from sk_adalr.names import make_loss
from sk_adalr.objectives import LOSSES
from sk_adalr.options import Options
from sk_adalr.targets import Target, encode_outputs, explained_share

RegressorT = TypeVar("RegressorT", bound="Regressor")


class Regressor(RegressorMixin, GradientEstimator):
    """Base class that turns raw predictions (n_samples, n_outputs) into outputs."""

    # Fitted attributes. Pickles of version 0.1 have no `_loss`: the squared error was the only one.
    _single_output: bool
    _loss: Any = "squared_error"

    def _encode(self, options: Options, y: Any, dtype: Any, sample_weight: Any, classes: Any) -> Target:
        target = encode_outputs(y, dtype, make_loss(options.loss))
        return replace(target, attributes=target.attributes | {"_loss": options.loss})

    @lazy_on_dask
    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted outputs.

        Parameters
        ----------
        X : {array-like, sparse matrix, dask collection} of shape (n_samples, n_features)
            The rows. For a dask collection the result is a lazy dask array.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the shape of the target of `fit`, and in its units.
        """
        raw, origin = self._raw_prediction(X, "predict")
        prediction = make_loss(self._loss).predict(raw)
        return origin.give(prediction[:, 0] if self._single_output else prediction)

    @summed_on_dask
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        r"""Return how much of the loss of the best constant prediction the model explains.

        .. math:: 1 - \frac{\sum_i s_i \, \ell(u(x_i), y_i)}{\min_c \sum_i s_i \, \ell(c, y_i)}

        Of squared errors that is R2, of other losses D2, as the `score` of scikit-learn's generalised linear models.
        1 is the best there is, 0 is as good as the constant, and worse models are below.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their target; what `loss` refuses in `fit`, it refuses here.
        sample_weight : array-like of shape (n_samples,), default=None
            Their non-negative weights.

        Returns
        -------
        score : float
            R2 or D2, the mean over outputs.
        """
        loss = make_loss(self._loss)
        if loss.is_quadratic:
            return super().score(X, y, sample_weight)
        raw, _ = self._raw_prediction(X, "score")
        target = encode_outputs(enter_host(y, "`y`"), np.float64, loss).values
        return explained_share(loss, to_host(raw), target, sample_weight)

    def __sklearn_tags__(self) -> Any:
        """Return the tags: several outputs and, for some losses, positive targets only."""
        tags = super().__sklearn_tags__()
        loss = vars(self)["loss"]
        # Tags must work for an invalid loss, too; `fit` raises the error.
        loss = LOSSES.get(loss) if isinstance(loss, str) else loss
        tags.target_tags.positive_only = getattr(loss, "positive_only", False)
        tags.target_tags.multi_output = True
        return tags


@answers_unknown_arguments
def partial_fit(self: RegressorT, X: Any, y: Any, sample_weight: Any = None) -> RegressorT:
    """Update the model with the rows of one chunk.

    With ``solver="auto"``, squared errors and up to 300 columns, one per output included, the model is then the
    exact solution of all rows so far, however they were cut into chunks. The memory needed is the square of the
    number of columns.

    With "poisson" or "gamma" and one output, the chunk is fitted by Newton's method together with a quadratic
    approximation of the rows before: one pass ends near the optimum of all rows.

    Wider streams, losses of your own, several counts or amounts, named solvers, and calls after `fit` make one pass of
    mini-batches over the chunk, continuing the training before.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows of one chunk.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their target.
    sample_weight : array-like of shape (n_samples,), default=None
        Their non-negative weights. The penalty is relative to the sum of the weights of all rows so far, as if
        `fit` had seen them at once; rows that are passed twice count twice.

    Returns
    -------
    self : estimator
        The estimator after the pass.
    """
    return self._partial_fit(X, y, sample_weight)
