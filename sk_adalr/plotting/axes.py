"""Shared parts of the displays: lazy import of matplotlib, colour-blind safe colours, labels."""

from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

#: The colours of Okabe and Ito without yellow and sky blue, which are too faint for lines on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00")
_MAIN_LINE = "sk_adalr main line"


def check_matplotlib(caller: str) -> None:
    """Raise an ImportError that says what to install if matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib. Install it with `pip install 'sk-adalr[plot]'`, or `pip install matplotlib`."
        ) from error


def figure_and_axes(ax: Any, caller: str) -> tuple[Any, Any]:
    """Return `ax` and its figure, or new ones if `ax` is None."""
    check_matplotlib(caller)
    import matplotlib.pyplot as plt

    if ax is None:
        figure, ax = plt.subplots(layout="constrained")
        return figure, ax
    return ax.figure, ax


def next_color(ax: Any) -> str:
    """Return the next colour that no display has used on `ax`; colours repeat after the last."""
    n_lines = sum(line.get_gid() == _MAIN_LINE for line in ax.lines)
    return COLORS[n_lines % len(COLORS)]


def mark_main_line(line: Any) -> None:
    """Mark `line` as the main line of a display, for `next_color`."""
    line.set_gid(_MAIN_LINE)


def set_x_label(ax: Any, unit: str) -> None:
    """Label the x axis with `unit`, in addition to the unit of an earlier display on `ax`."""
    units = ax.get_xlabel().split(" or ") if ax.get_xlabel() else []
    ax.set_xlabel(" or ".join([*units, unit] if unit not in units else units))
    ax.xaxis.get_major_locator().set_params(integer=True)


def fitted_model(estimator: Any) -> Any:
    """Return the fitted estimator, or the fitted last step of a pipeline."""
    model = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    check_is_fitted(model)
    return model


def unit_of_iterations(model: Any) -> str:
    """Return the unit of the entries of the model's history: "epoch" or "iteration"."""
    return "epoch" if getattr(model, "n_gradient_evaluations_", None) is None else "iteration"
