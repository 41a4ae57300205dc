"""Progress reports of a running fit: printed lines, and the tasks of scikit-learn's callbacks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sk_adalr.training import History


class Progress:
    """Report each epoch or iteration; a call returns whether a callback asks to stop.

    The task "fit" has one subtask "epoch" per epoch or iteration. If time-consuming work precedes training, the parts
    of this work are subtasks of "fit", and the epochs are subtasks of another subtask, "training".

    Parameters
    ----------
    estimator : estimator
        Lines are printed if its ``verbose`` is true.
    context : sklearn.callback.CallbackContext or None, default=None
        The task of the whole fit; None without callbacks.
    X, y : array-like, default=None
        The user's data, for callbacks.
    publish : callable, default=a function that returns its argument
        Converts fitted attributes to the user's array library, see `publisher`.
    on_epoch : callable, default=a function that returns False
        Called after each epoch if `context` is None; returns whether to stop.
    """

    def __init__(
        self,
        estimator: Any,
        context: Any = None,
        X: Any = None,
        y: Any = None,
        publish: Callable[[dict[str, Any]], dict[str, Any]] = lambda attributes: attributes,
        on_epoch: Callable[[], bool] = lambda: False,
    ) -> None:
        self.publish, self._on_epoch = publish, on_epoch
        self._estimator = estimator
        self._context = context
        self._data = {"estimator": estimator, "X": X, "y": y}
        self._n_parts: int = 0
        self._n_epochs: int | None = None
        self._epochs: Any = None

    def begin(self, metadata: dict[str, Any], foresee: Callable[[], tuple[int, int | None]]) -> None:
        """Report the start of the fit, once; ``foresee()`` returns the number of subtasks, see `LinearModel.tasks`."""
        if self._context is None or self._epochs is not None:
            return
        self._n_parts, self._n_epochs = foresee()
        trains = int(self._n_epochs != 0)
        self._context.max_subtasks = self._n_parts + trains if self._n_parts else self._n_epochs
        self._epochs = self._context.call_on_fit_task_begin(**self._data, metadata=metadata)

    def expect(self, n_epochs: int) -> None:
        """Update the maximum number of epochs that follow."""
        self._n_epochs = n_epochs

    @contextmanager
    def part(self, name: str, epoch_name: str = "", n_epochs: int | None = None) -> Iterator[Callable[..., bool]]:
        """Report a part of the work before training, and yield a function to call after each of its epochs.

        That function returns whether a callback asks to stop. `n_epochs` is None if their number is unknown.
        """
        if not self._n_parts:
            yield lambda *_: False
            return
        told = {"estimator": self._estimator}
        task = self._context.subcontext(task_name=name, max_subtasks=n_epochs).call_on_fit_task_begin(**told)

        def on_epoch(*_: Any) -> bool:
            epoch = task.subcontext(task_name=epoch_name).call_on_fit_task_begin(**told)
            return bool(epoch.call_on_fit_task_end(**told))

        yield on_epoch
        task.call_on_fit_task_end(**told)

    def __call__(self, history: History, fitted: Callable[[], dict[str, Any]]) -> bool:
        """Report the last epoch of `history`; ``fitted()`` returns the fitted attributes of the model so far."""
        if self._estimator.verbose:
            print(_line(history))
        if self._context is None:
            return self._on_epoch()
        if self._n_parts and self._epochs is self._context:
            training = self._context.subcontext(task_name="training", max_subtasks=self._n_epochs)
            self._epochs = training.call_on_fit_task_begin(estimator=self._estimator)
        task = self._epochs.subcontext(task_name="epoch").call_on_fit_task_begin(**self._data)
        attributes = {"reconstruction_attributes": lambda: self.publish(fitted())}
        return bool(task.call_on_fit_task_end(**self._data, **attributes))

    def end(self, published: dict[str, Any]) -> None:
        """Report the end of the fit, with all fitted attributes."""
        if self._context is None:
            return
        if self._epochs is not self._context:
            self._epochs.call_on_fit_task_end(estimator=self._estimator)
        self._context.call_on_fit_task_end(**self._data, reconstruction_attributes=lambda: published)


def _line(history: History) -> str:
    parts = [f"Epoch {len(history.losses)}: loss {history.losses[-1]:.6g}"]
    if history.validation_scores:
        parts.append(f"validation score {history.validation_scores[-1]:.4f}")
    if history.learning_rates:
        low, median, high = history.learning_rates[-1]
        parts.append(f"learning rate {median:.3g}" + (f" ({low:.3g} to {high:.3g})" if low < high else ""))
    return ", ".join(parts)
