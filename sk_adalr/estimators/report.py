"""What the user hears of a fit while it runs: a line per epoch, and scikit-learn's callbacks."""

from collections.abc import Callable
from typing import Any

from sk_adalr.training import History


class Report:
    """Called after each epoch or iteration; its answer says whether a callback asks to stop.

    Parameters
    ----------
    estimator : estimator
        Its ``verbose`` says whether to print a line.
    context : sklearn.callback.CallbackContext or None, default=None
        The task of the whole fit, of which every epoch is a subtask; None without callbacks.
    X, y : array-like, default=None
        The user's data, for callbacks.
    publish : callable, default=a function that returns its argument
        From fitted attributes to those that the user sees.
    """

    def __init__(
        self,
        estimator: Any,
        context: Any = None,
        X: Any = None,
        y: Any = None,
        publish: Callable[[dict[str, Any]], dict[str, Any]] = lambda attributes: attributes,
    ) -> None:
        self._publish = publish
        self._estimator = estimator
        self._context = context
        self._X, self._y = X, y

    def __call__(self, history: History, fitted: Callable[[], dict[str, Any]]) -> bool:
        """Tell of the last epoch of `history`; ``fitted()`` returns the fitted attributes of the model so far."""
        if self._estimator.verbose:
            print(_line(history))
        if self._context is None:
            return False
        data = {"estimator": self._estimator, "X": self._X, "y": self._y}
        task = self._context.subcontext(task_name="epoch").call_on_fit_task_begin(**data)
        return bool(task.call_on_fit_task_end(**data, reconstruction_attributes=lambda: self._publish(fitted())))


def _line(history: History) -> str:
    parts = [f"Epoch {len(history.losses)}: loss {history.losses[-1]:.6g}"]
    if history.validation_scores:
        parts.append(f"validation score {history.validation_scores[-1]:.4f}")
    if history.learning_rates:
        low, median, high = history.learning_rates[-1]
        parts.append(f"learning rate {median:.3g}" + (f" ({low:.3g} to {high:.3g})" if low < high else ""))
    if history.note:
        parts.append(history.note)
    return ", ".join(parts)
