"""What a callback is that looks at each epoch."""

from typing import Any

from sk_adalr.estimators.base import GradientEstimator


class EpochCallback:
    """The four methods that scikit-learn calls; a subclass looks at the end of an epoch, and needs no other."""

    def setup(self, estimator: Any, context: Any) -> None:
        """Refuse what has no epochs."""
        if not isinstance(estimator, GradientEstimator):
            raise TypeError(
                f"`{type(self).__name__}` is for the estimators of sk_adalr; got a {type(estimator).__name__}. In a "
                "pipeline, set it on the last step."
            )

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing after a fit."""

    def on_fit_task_begin(
        self, estimator: Any, context: Any, *, X: Any = None, y: Any = None, metadata: Any = None
    ) -> None:
        """Do nothing before a fit or an epoch."""

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> None:
        """Look at an epoch; `fitted_estimator` is the model as if the fit had ended with it."""
        if context.task_name == "epoch":
            self._epoch(estimator, context, fitted_estimator)

    def _epoch(self, estimator: Any, context: Any, model: Any) -> None:
        raise NotImplementedError
