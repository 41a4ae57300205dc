"""The path of an optimizer on the contours of a function of two parameters."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sk_adalr.plotting.axes import figure_and_axes, mark_main_line, next_color

_CONTOURS = "sk_adalr contours"
_N_GRID = 120
_N_LEVELS = 16
#: Margin around the path, as a share of its extent.
_MARGIN = 0.15


class OptimizationPathDisplay:
    """The path of an optimizer on the contours of a function of two parameters.

    Use :meth:`from_result`; pass ``ax=display.ax_`` to it to draw several methods on one axis, or axes of one figure
    to draw them side by side.

    Parameters
    ----------
    path : array-like of shape (n_points, 2)
        Points from the start to the end.
    fun : callable
        ``fun(x) -> float``, or a tuple whose first entry is the value.
    method_name : str, default=None
        Name in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the path.
    figure_ : matplotlib Figure
        Figure that contains them.
    lines_ : list of matplotlib Line2D
        Path, start and end that the last call of `plot` drew.

    Examples
    --------
    >>> from sk_adalr import minimize
    >>> from sk_adalr.objectives.test_functions import beale
    >>> from sk_adalr.plotting import OptimizationPathDisplay
    >>> options = {"method": "adam", "learning_rate_init": 0.1, "return_history": True}
    >>> result = minimize(beale, [1.0, 1.0], **options)
    >>> display = OptimizationPathDisplay.from_result(result, beale, minimum=(3, 0.5))
    >>> display.ax_.get_xlabel()
    'first parameter'
    """

    def __init__(self, path: Any, fun: Callable, *, method_name: str | None = None) -> None:
        self.path = path
        self.fun = fun
        self.method_name = method_name

    @classmethod
    def from_result(
        cls,
        result: Any,
        fun: Callable,
        *,
        ax: Any = None,
        name: str | None = None,
        bounds: Any = None,
        minimum: Any = None,
        **kwargs: Any,
    ) -> "OptimizationPathDisplay":
        """Draw the history of a result of :func:`~sk_adalr.minimize`.

        Parameters
        ----------
        result : OptimizeResult
            Of ``minimize(..., return_history=True)`` from a start of shape (2,).
        fun : callable
            The function that was minimised: ``fun(x) -> float``, or a tuple whose first entry is the value.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        name : str, default=None
            Name in the legend.
        bounds : ((float, float), (float, float)), default=None
            Range of both parameters to show; around the path by default.
        minimum : array-like of shape (2,), default=None
            A point to mark as the minimum.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for the path.

        Returns
        -------
        OptimizationPathDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the result has no history, or not two parameters.
        """
        if "history" not in result:
            raise ValueError("The result has no `history`. Call `minimize` with `return_history=True`.")
        display = cls(result.history["x"], fun, method_name=name)
        return display.plot(ax, bounds=bounds, minimum=minimum, **kwargs)

    def plot(
        self, ax: Any = None, *, name: str | None = None, bounds: Any = None, minimum: Any = None, **kwargs: Any
    ) -> "OptimizationPathDisplay":
        """Draw the contours, once per axes, and the path.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        name : str, default=None
            Name in the legend; `method_name` by default.
        bounds : ((float, float), (float, float)), default=None
            Range of both parameters to show; around the path by default. Only the first path on `ax` sets it.
        minimum : array-like of shape (2,), default=None
            A point to mark as the minimum.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for the path.

        Returns
        -------
        OptimizationPathDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the path does not have two parameters.
        """
        path = np.asarray(self.path, dtype=float)
        if path.ndim != 2 or path.shape[1] != 2:
            raise ValueError(f"A path on contours needs two parameters; got an array of shape {path.shape}.")
        self.figure_, self.ax_ = figure_and_axes(ax, f"{type(self).__name__}.plot")
        if not any(artist.get_gid() == _CONTOURS for artist in self.ax_.collections):
            self._draw_contours(_around(path) if bounds is None else bounds)
            self.ax_.set(xlabel="first parameter", ylabel="second parameter")
        if minimum is not None:
            self.ax_.plot(*minimum, marker="*", color="black", markersize=12, linestyle="none", zorder=3)
        color = next_color(self.ax_)
        label = self.method_name if name is None else name
        style = {"color": color, "marker": ".", "markersize": 3, "linewidth": 1.5, "label": label, **kwargs}
        self.lines_ = self.ax_.plot(*path.T, **style)
        color = self.lines_[0].get_color()
        self.lines_ += self.ax_.plot(*path[0], marker="o", color=color, markersize=7, linestyle="none")
        self.lines_ += self.ax_.plot(*path[-1], marker="X", color=color, markersize=8, linestyle="none", zorder=4)
        mark_main_line(self.lines_[0])
        if label is not None:
            self.ax_.legend()
        return self

    def _draw_contours(self, bounds: Any) -> None:
        (left, right), (bottom, top) = bounds
        x, y = np.linspace(left, right, _N_GRID), np.linspace(bottom, top, _N_GRID)
        values = np.array([[_value(self.fun(np.array([a, b]))) for a in x] for b in y])
        # A log scale, because the valleys of test functions are invisible on a linear scale.
        height = np.log10(values - values.min() + 1e-3 * np.ptp(values) + np.finfo(float).tiny)
        contours = self.ax_.contour(x, y, height, levels=_N_LEVELS, colors="0.75", linewidths=0.8, linestyles="solid")
        contours.set_gid(_CONTOURS)
        self.ax_.set(xlim=(left, right), ylim=(bottom, top))


def _value(result: Any) -> float:
    return float(result[0] if isinstance(result, tuple) else result)


def _around(path: np.ndarray) -> list[tuple[float, float]]:
    path = path[np.isfinite(path).all(axis=1)]
    low, high = path.min(axis=0), path.max(axis=0)
    margin = np.maximum(_MARGIN * (high - low), _MARGIN * (high - low).max())
    margin = np.where(margin > 0, margin, 1.0)
    return list(zip(low - margin, high + margin, strict=True))
