"""A callback that lets Optuna prune a trial."""

from typing import Any, Literal, TypeAlias, get_args

from sk_adalr.callbacks.base import EpochCallback
from sk_adalr.names import check_choice

Monitor: TypeAlias = Literal["validation_score", "validation_loss", "loss"]
_CURVES = {
    "validation_score": "validation_scores_",
    "validation_loss": "validation_loss_curve_",
    "loss": "loss_curve_",
}


class OptunaPruning(EpochCallback):
    """Report each epoch to a trial of Optuna, and end the fit when its pruner gives the trial up: a callback.

    For one fit per trial: Optuna takes one value per epoch. A fit that is given up raises ``optuna.TrialPruned``,
    which Optuna expects, and leaves the estimator as it was.

    Parameters
    ----------
    trial : optuna.trial.Trial
        What Optuna passes to the objective.
    monitor : {"validation_score", "validation_loss", "loss"}, default="validation_score"
        What is reported. The first is for studies that maximise, the others for those that minimise. The first two
        need rows that are held out: ``early_stopping=True``, or `X_val` and `y_val` in `fit`.

    Examples
    --------
    The objective of a study:

    .. code-block:: python

        import optuna
        from sklearn.datasets import load_wine
        from sk_adalr import AdaptiveLRMLPClassifier
        from sk_adalr.callbacks import OptunaPruning

        X, y = load_wine(return_X_y=True)

        def objective(trial):
            alpha = trial.suggest_float("alpha", 1e-6, 1e-1, log=True)
            model = AdaptiveLRMLPClassifier(alpha=alpha, early_stopping=True, random_state=0)
            model.set_callbacks(OptunaPruning(trial)).fit(X, y)
            return model.best_validation_score_

        study = optuna.create_study(direction="maximize")
        study.optimize(objective, n_trials=100)
    """

    def __init__(self, trial: Any, monitor: Monitor = "validation_score") -> None:
        check_choice("monitor", monitor, get_args(Monitor))
        study = getattr(trial, "study", None)
        wanted = "MAXIMIZE" if monitor == "validation_score" else "MINIMIZE"
        if study is not None and study.direction.name != wanted:
            raise ValueError(
                f"`monitor={monitor!r}` is for a study whose direction is {wanted.lower()!r}: the pruner of this one "
                "would give up the best trials. Choose another `monitor` or direction."
            )
        super().__init__()
        self.trial = trial
        self.monitor = monitor

    def _epoch(self, estimator: Any, context: Any, model: Any) -> None:
        curve = getattr(model, _CURVES[self.monitor])
        if not curve:
            raise ValueError(
                f"`monitor={self.monitor!r}` needs rows that are held out, and this fit has none. Set "
                "`early_stopping=True`, pass `X_val` and `y_val`, or use `monitor='loss'`."
            )
        self.trial.report(curve[-1], step=len(curve))
        if self.trial.should_prune():
            from optuna import TrialPruned

            raise TrialPruned(f"Pruned after {len(curve)} epochs.")
