"""What a callback is that looks at each epoch."""

from typing import Any

from sk_adalr.backends import fitted_array
from sk_adalr.estimators.base import GradientEstimator

#: What a logger may tell of an epoch.
MEASURES = (
    "loss",
    "validation_score",
    "validation_loss",
    "learning_rate_min",
    "learning_rate_median",
    "learning_rate_max",
)


class EpochCallback:
    """A callback of scikit-learn that looks at the end of each epoch; a subclass says what it does there.

    What `_begin` returns is kept until the fit ends, for each fit by itself: scikit-learn shares a callback between
    the clones of an estimator.
    """

    def __init__(self) -> None:
        self._runs: dict[int, Any] = {}

    def setup(self, estimator: Any, context: Any) -> None:
        """Refuse what has no epochs."""
        if not isinstance(estimator, GradientEstimator):
            raise TypeError(
                f"`{type(self).__name__}` is for the estimators of sk_adalr; got a {type(estimator).__name__}. In a "
                "pipeline, set it on the last step."
            )

    def on_fit_task_begin(
        self, estimator: Any, context: Any, *, X: Any = None, y: Any = None, metadata: Any = None
    ) -> None:
        """Begin a fit."""
        if context.task_name == "fit":
            self._runs[id(estimator)] = self._begin(estimator, X, y, metadata)

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> None:
        """Look at an epoch; `fitted_estimator` is the model as if the fit had ended with it."""
        if context.task_name == "epoch":
            self._epoch(estimator, context, fitted_estimator)

    def teardown(self, estimator: Any, context: Any) -> None:
        """Forget the fit."""
        self._end(self._runs.pop(id(estimator), None))

    def _begin(self, estimator: Any, X: Any, y: Any, metadata: Any) -> Any:
        """Return what to know of a fit to given data."""

    def _epoch(self, estimator: Any, context: Any, model: Any) -> None:
        raise NotImplementedError

    def _end(self, run: Any) -> None:
        """End a fit, given what `_begin` returned; None if it did not come to that."""


def measures(model: Any) -> dict[str, float]:
    """Return those of `MEASURES` that the last epoch of a fit has."""
    curves = model.loss_curve_, model.validation_scores_, model.validation_loss_curve_
    rates = fitted_array(model.learning_rate_curve_)
    values = [curve[-1] if curve else None for curve in curves] + (rates[-1].tolist() if len(rates) else [])
    return {name: value for name, value in zip(MEASURES, values, strict=False) if value is not None}
