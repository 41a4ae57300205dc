"""The learning rates over the epochs of a fit."""

from typing import Any

import numpy as np

from sk_adalr.backends import fitted_array
from sk_adalr.plotting.axes import (
    check_matplotlib,
    figure_and_axes,
    fitted_model,
    mark_main_line,
    next_color,
    set_x_label,
    unit_of_iterations,
)

#: Width of the linear part of a symlog axis, used if rates are negative, relative to the largest rate.
_LINEAR_SHARE = 1e-3


class LearningRateDisplay:
    """Smallest, median and largest learning rate over the epochs of a fit, as a line in a band on a log axis.

    Use :meth:`from_estimator`; pass ``ax=display.ax_`` to it to draw several estimators on one axis. If rates become
    negative, as can happen with the rule "hypergradient", the axis is linear around zero.

    Parameters
    ----------
    rates : array-like of shape (n_epochs, 3) or (n_epochs, n_layers, 3)
        Smallest, median and largest rate at the end of each epoch or iteration, in all or in each layer.
    estimator_name : str, default=None
        Name in the legend.
    unit : str, default="epoch"
        What one row is: "epoch" or "iteration".

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure that contains them.
    lines_ : list of matplotlib Line2D
        The medians that the last call of `plot` drew, one for each layer where asked.
    bands_ : list of matplotlib FillBetweenPolyCollection
        The bands from the smallest to the largest rate.

    See Also
    --------
    LearningCurveDisplay : The loss of the same fit.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_adalr import AdaptiveLRMLPClassifier
    >>> from sk_adalr.plotting import LearningRateDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = AdaptiveLRMLPClassifier(random_state=0, tol=0, max_iter=20).fit(X, y)
    >>> display = LearningRateDisplay.from_estimator(model)
    >>> display.ax_.get_yscale()
    'log'
    """

    def __init__(self, rates: Any, *, estimator_name: str | None = None, unit: str = "epoch") -> None:
        self.rates = rates
        self.estimator_name = estimator_name
        self.unit = unit

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, per_layer: bool = False, ax: Any = None, name: str | None = None, **kwargs: Any
    ) -> "LearningRateDisplay":
        """Draw the learning rates of a fitted estimator.

        Parameters
        ----------
        estimator : estimator or Pipeline
            Fitted, with a ``learning_rate_curve_``; of a pipeline, the last step.
        per_layer : bool, default=False
            Whether to draw a band for each layer of a network, from the input to the output.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        name : str, default=None
            Name in the legend; the class name by default.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for the median.

        Returns
        -------
        LearningRateDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the fit used no learning rates, like a factorisation.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        model = fitted_model(estimator)
        rates = getattr(model, "learning_rate_curve_", None)
        rates = [] if rates is None else fitted_array(rates)
        if len(rates) == 0:
            raise ValueError(
                f"This {type(model).__name__} has no learning rates to draw: it was solved without iterations, or by "
                "a solver that does not record them."
            )
        name = type(model).__name__ if name is None else name
        if per_layer:
            rates = getattr(model, "layer_learning_rate_curve_", None)
            if rates is None:
                raise ValueError(f"This {type(model).__name__} has a single layer; draw it without `per_layer`.")
            rates = fitted_array(rates)
        return cls(rates, estimator_name=name, unit=unit_of_iterations(model)).plot(ax, **kwargs)

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> "LearningRateDisplay":
        """Draw the median as a line and the range as a band.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        name : str, default=None
            Name in the legend; `estimator_name` by default.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for the median.

        Returns
        -------
        LearningRateDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.figure_, self.ax_ = figure_and_axes(ax, f"{type(self).__name__}.plot")
        rates = np.asarray(self.rates, dtype=float)
        self._scale_axis(rates)
        if self.ax_.get_yscale() == "log":
            rates = np.where(rates > 0, rates, np.nan)  # a log axis cannot show zero
        name = self.estimator_name if name is None else name
        bands = [(name, rates)] if rates.ndim == 2 else self._layers(name, rates)
        self.lines_: list[Any] = []
        self.bands_: list[Any] = []
        for label, band in bands:
            self._draw_band(label, band, kwargs)
        set_x_label(self.ax_, self.unit)
        self.ax_.set_ylabel("learning rate: smallest, median, largest")
        if bands[0][0] is not None:
            self.ax_.legend()
        return self

    @staticmethod
    def _layers(name: str | None, rates: np.ndarray) -> list[tuple[str, np.ndarray]]:
        prefix = "" if name is None else f"{name}, "
        return [(f"{prefix}layer {layer + 1}", rates[:, layer]) for layer in range(rates.shape[1])]

    def _draw_band(self, label: str | None, rates: np.ndarray, kwargs: dict[str, Any]) -> None:
        smallest, median, largest = rates.T
        epochs = np.arange(1, len(median) + 1)
        (line,) = self.ax_.plot(epochs, median, **{"color": next_color(self.ax_), "label": label, **kwargs})
        band = self.ax_.fill_between(epochs, smallest, largest, color=line.get_color(), alpha=0.2, linewidth=0)
        mark_main_line(line)
        self.lines_.append(line)
        self.bands_.append(band)

    def _scale_axis(self, rates: np.ndarray) -> None:
        if (rates < 0).any():
            self.ax_.set_yscale("symlog", linthresh=max(_LINEAR_SHARE * np.nanmax(np.abs(rates)), 1e-300))
            self.ax_.axhline(0, color="0.6", linewidth=0.8)
        elif self.ax_.get_yscale() == "linear":
            self.ax_.set_yscale("log")
