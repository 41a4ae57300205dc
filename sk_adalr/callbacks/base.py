"""The base class of callbacks that are called after each epoch."""

from typing import Any

from sk_adalr.backends import fitted_array
from sk_adalr.estimators.base import GradientEstimator

#: The quantities of an epoch that loggers record.
MEASURES = (
    "loss",
    "validation_score",
    "validation_loss",
    "learning_rate_min",
    "learning_rate_median",
    "learning_rate_max",
)


class EpochCallback:
    """A scikit-learn callback that is called at the end of each epoch; subclasses implement `_epoch`.

    The return value of `_begin` is kept for each fit until it ends, because scikit-learn shares a callback between
    the clones of an estimator.
    """

    def __init__(self) -> None:
        self._runs: dict[int, Any] = {}

    def setup(self, estimator: Any, context: Any) -> None:
        """Raise a TypeError for estimators of other packages, which do not report epochs."""
        if not isinstance(estimator, GradientEstimator):
            raise TypeError(
                f"`{type(self).__name__}` is for the estimators of sk_adalr; got a {type(estimator).__name__}. In a "
                "pipeline, set it on the last step."
            )

    def on_fit_task_begin(
        self, estimator: Any, context: Any, *, X: Any = None, y: Any = None, metadata: Any = None
    ) -> None:
        """Call `_begin` at the start of a fit."""
        if context.task_name == "fit":
            self._runs[id(estimator)] = self._begin(estimator, X, y, metadata)

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> None:
        """Call `_epoch` after an epoch; `fitted_estimator` is the model as if the fit had ended with it."""
        if context.task_name == "epoch":
            self._epoch(estimator, context, fitted_estimator)

    def teardown(self, estimator: Any, context: Any) -> None:
        """Call `_end`, and delete what was kept for the fit."""
        self._end(self._runs.pop(id(estimator), None))

    def _begin(self, estimator: Any, X: Any, y: Any, metadata: Any) -> Any:
        """Return the value to keep for a fit to these data."""

    def _epoch(self, estimator: Any, context: Any, model: Any) -> None:
        raise NotImplementedError

    def _end(self, run: Any) -> None:
        """Clean up after a fit; `run` is the return value of `_begin`, or None if that failed."""


def measures(model: Any) -> dict[str, float]:
    """Return the available `MEASURES` of the last epoch of a fit."""
    curves = model.loss_curve_, model.validation_scores_, model.validation_loss_curve_
    rates = fitted_array(model.learning_rate_curve_)
    values = [curve[-1] if curve else None for curve in curves] + (rates[-1].tolist() if len(rates) else [])
    return {name: value for name, value in zip(MEASURES, values, strict=False) if value is not None}
