"""Cross-validated loss over the strength of the penalty."""

from typing import Any

import numpy as np

from sk_adalr.backends import fitted_array
from sk_adalr.plotting.axes import check_matplotlib, figure_and_axes, fitted_model, mark_main_line, next_color


class PenaltyDisplay:
    """Cross-validated loss over the strength of the penalty, at the values that "auto" tried.

    Use :meth:`from_estimator`; pass ``ax=display.ax_`` to it to draw several estimators on one axis.

    Parameters
    ----------
    curve : array-like of shape (n_visits, 3)
        Penalty, loss, and the derivative of the loss with respect to the logarithm of the penalty (NaN if unknown).
    penalty : float, default=None
        The chosen penalty; by default the penalty with the lowest loss.
    estimator_name : str, default=None
        Name in the legend.
    penalty_name : str, default="alpha"
        Name of the penalty parameter.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curve.
    figure_ : matplotlib Figure
        Figure that contains them.
    line_ : matplotlib Line2D
        The curve, with a marker at each evaluated penalty.
    slopes_ : list of matplotlib Line2D
        A piece of the tangent at each evaluated penalty whose slope is known.
    chosen_ : matplotlib Line2D
        The vertical line at the chosen penalty.

    See Also
    --------
    LearningCurveDisplay : The training loss of the same fit.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sk_adalr import AdaptiveLRLogisticRegression
    >>> from sk_adalr.plotting import PenaltyDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = AdaptiveLRLogisticRegression(C="auto", penalty_units="standardized")
    >>> display = PenaltyDisplay.from_estimator(model.fit(X, y))
    >>> display.ax_.get_xlabel()
    'C'
    """

    def __init__(
        self,
        curve: Any,
        *,
        penalty: float | None = None,
        estimator_name: str | None = None,
        penalty_name: str = "alpha",
    ) -> None:
        self.curve = curve
        self.penalty = penalty
        self.estimator_name = estimator_name
        self.penalty_name = penalty_name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None, name: str | None = None, **kwargs: Any
    ) -> "PenaltyDisplay":
        """Draw the cross-validated losses of a fitted estimator.

        Parameters
        ----------
        estimator : estimator or Pipeline
            Fitted with ``C="auto"`` or ``alpha="auto"``; of a pipeline, the last step.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        name : str, default=None
            Name in the legend; the class name by default.
        **kwargs : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        PenaltyDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the estimator did not learn its penalty.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        model = fitted_model(estimator)
        curve = getattr(model, "penalty_curve_", None)
        if curve is None:
            raise ValueError(
                f"{type(model).__name__} has no `penalty_curve_`: its penalty was given. Fit with `C='auto'` or "
                "`alpha='auto'`."
            )
        penalty_name = "C" if hasattr(model, "C_") else "alpha"
        display = cls(
            fitted_array(curve),
            penalty=getattr(model, f"{penalty_name}_"),
            estimator_name=type(model).__name__ if name is None else name,
            penalty_name=penalty_name,
        )
        return display.plot(ax, **kwargs)

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> "PenaltyDisplay":
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        name : str, default=None
            Name in the legend; `estimator_name` by default.
        **kwargs : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        PenaltyDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.figure_, self.ax_ = figure_and_axes(ax, f"{type(self).__name__}.plot")
        curve = np.asarray(self.curve)
        curve = curve[np.argsort(curve[:, 0], kind="stable")]
        penalties, losses, slopes = curve.T
        name = self.estimator_name if name is None else name
        style = {"color": next_color(self.ax_), "marker": "o", "label": name, **kwargs}
        self.line_ = self.ax_.plot(penalties, losses, **style)[0]
        mark_main_line(self.line_)
        color = self.line_.get_color()
        # A third of a decade of the tangent on either side.
        ends = np.array([-1.0, 1.0]) * np.log(10) / 3
        self.slopes_ = [
            self.ax_.plot(penalty * np.exp(ends), loss + slope * ends, color=color, linewidth=1, alpha=0.5)[0]
            for penalty, loss, slope in zip(penalties, losses, slopes, strict=True)
            if np.isfinite(slope)
        ]
        chosen = penalties[np.argmin(losses)] if self.penalty is None else self.penalty
        self.chosen_ = self.ax_.axvline(chosen, color=color, linestyle="--", linewidth=1)
        self.ax_.set(xscale="log", xlabel=self.penalty_name, ylabel="cross-validated loss")
        if name is not None:
            self.ax_.legend()
        return self
