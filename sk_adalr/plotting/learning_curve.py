"""Loss and validation score over the epochs of a fit."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from sk_adalr.plotting.axes import (
    check_matplotlib,
    figure_and_axes,
    fitted_model,
    mark_main_line,
    next_color,
    set_x_label,
    unit_of_iterations,
)


class LearningCurveDisplay:
    """Training loss, and the loss or the score on validation rows, over the epochs of a fit.

    Use :meth:`from_estimator`; pass ``ax=display.ax_`` to it to draw several estimators on one axis. An estimator of
    scikit-learn with a ``loss_curve_``, such as :class:`~sklearn.neural_network.MLPClassifier`, can be drawn beside
    ours.

    Parameters
    ----------
    losses : array-like of shape (n_epochs,)
        Training loss of each epoch or iteration.
    validation_losses : array-like of shape (n_epochs,), default=None
        Loss on the validation rows.
    validation_scores : array-like of shape (n_epochs,), default=None
        Score on the validation rows.
    estimator_name : str, default=None
        Name in the legend.
    score_name : str, default="score"
        Name of the score.
    unit : str, default="epoch"
        Unit of the entries: "epoch" or "iteration".

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure that contains them.
    lines_ : list of matplotlib Line2D
        The curves that the last call of `plot` drew.

    See Also
    --------
    LearningRateDisplay : The learning rates of the same fit.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_adalr import AdaptiveLRMLPClassifier
    >>> from sk_adalr.plotting import LearningCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = AdaptiveLRMLPClassifier(random_state=0, tol=0, max_iter=20).fit(X, y)
    >>> display = LearningCurveDisplay.from_estimator(model)
    >>> display.ax_.get_ylabel()
    'loss'
    """

    def __init__(
        self,
        losses: Any,
        *,
        validation_losses: Any = None,
        validation_scores: Any = None,
        estimator_name: str | None = None,
        score_name: str = "score",
        unit: str = "epoch",
    ) -> None:
        self.losses = losses
        self.validation_losses = validation_losses
        self.validation_scores = validation_scores
        self.estimator_name = estimator_name
        self.score_name = score_name
        self.unit = unit

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, metric: str = "loss", ax: Any = None, name: str | None = None, **kwargs: Any
    ) -> "LearningCurveDisplay":
        """Draw the history of a fitted estimator.

        Parameters
        ----------
        estimator : estimator or Pipeline
            Fitted, with a ``loss_curve_``; of a pipeline, the last step.
        metric : {"loss", "score"}, default="loss"
            "loss" draws the training loss and, after early stopping, the validation loss. "score" draws the
            validation score.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        name : str, default=None
            Name in the legend; the class name by default.
        **kwargs : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        LearningCurveDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the estimator has no history, or no validation score although `metric` is "score".
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        model = fitted_model(estimator)
        name = type(model).__name__ if name is None else name
        losses = getattr(model, "loss_curve_", None)
        if losses is None:
            raise ValueError(f"{type(model).__name__} has no `loss_curve_`: its solver records no history.")
        display = cls(
            losses,
            validation_losses=getattr(model, "validation_loss_curve_", None),
            validation_scores=getattr(model, "validation_scores_", None),
            estimator_name=name,
            score_name=_score_name(model),
            unit=unit_of_iterations(model),
        )
        return display.plot(ax, metric=metric, **kwargs)

    def plot(
        self, ax: Any = None, *, metric: str = "loss", name: str | None = None, **kwargs: Any
    ) -> "LearningCurveDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        metric : {"loss", "score"}, default="loss"
            "loss" draws the training loss as a solid and the validation loss as a dashed line on a log axis. "score"
            draws the validation score on a linear axis.
        name : str, default=None
            Name in the legend; `estimator_name` by default.
        **kwargs : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        LearningCurveDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `metric` is not one of the two, or if there is no validation score to draw.
        """
        if metric not in ("loss", "score"):
            raise ValueError(f"`metric` must be one of 'loss' or 'score'; got {metric!r}.")
        if metric == "score" and self.validation_scores is None:
            raise ValueError("There is no validation score to draw. Fit with `early_stopping=True`.")
        self.figure_, self.ax_ = figure_and_axes(ax, f"{type(self).__name__}.plot")
        style = {"color": next_color(self.ax_), **kwargs}
        name = self.estimator_name if name is None else name
        if metric == "score":
            self.lines_ = [self._curve(self.validation_scores, name, style)]
        else:
            has_validation = self.validation_losses is not None
            self.lines_ = [self._curve(self.losses, _label(name, "training" if has_validation else None), style)]
            if has_validation:
                dashed = {"linestyle": "--", **style}
                self.lines_.append(self._curve(self.validation_losses, _label(name, "validation"), dashed))
            if all(np.min(line.get_ydata(), initial=np.inf) > 0 for line in self.ax_.lines):
                self.ax_.set_yscale("log")
        mark_main_line(self.lines_[0])
        set_x_label(self.ax_, self.unit)
        self.ax_.set_ylabel("loss" if metric == "loss" else f"validation {self.score_name}")
        if any(not line.get_label().startswith("_") for line in self.lines_):
            self.ax_.legend()
        return self

    def _curve(self, values: Any, label: str | None, style: dict[str, Any]) -> Any:
        epochs = np.arange(1, len(values) + 1)
        return self.ax_.plot(epochs, values, **{"label": label, **style})[0]


def _score_name(model: Any) -> str:
    scoring = getattr(model, "scoring", None)
    if scoring is None:
        return "accuracy" if is_classifier(model) else "R²"
    return scoring if isinstance(scoring, str) else "score"


def _label(name: str | None, part: str | None) -> str | None:
    return ", ".join(filter(None, [name, part])) or None
