"""What the user hears of a fit while it runs: printed lines, and the tasks of scikit-learn's callbacks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sk_adalr.training import History


class Progress:
    """Called after each epoch or iteration; its answer says whether a callback asks to stop.

    The task "fit" has a subtask "epoch" for each of them. Where other work takes its time before, the parts of that
    are subtasks of the fit, and the epochs those of another one, "training".

    Parameters
    ----------
    estimator : estimator
        Its ``verbose`` says whether to print a line.
    context : sklearn.callback.CallbackContext or None, default=None
        The task of the whole fit; None without callbacks.
    X, y : array-like, default=None
        The user's data, for callbacks.
    publish : callable, default=a function that returns its argument
        From fitted attributes to those that the user sees.
    on_epoch : callable, default=a function that returns False
        Called after each epoch where there is no context; its answer says whether to stop.
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
        """Tell that the fit begins, unless that has been told; ``foresee()`` returns its tasks, see the models."""
        if self._context is None or self._epochs is not None:
            return
        self._n_parts, self._n_epochs = foresee()
        trains = int(self._n_epochs != 0)
        self._context.max_subtasks = self._n_parts + trains if self._n_parts else self._n_epochs
        self._epochs = self._context.call_on_fit_task_begin(**self._data, metadata=metadata)

    def expect(self, n_epochs: int) -> None:
        """Take note that no more than so many epochs follow."""
        self._n_epochs = n_epochs

    @contextmanager
    def part(self, name: str, epoch_name: str = "", n_epochs: int | None = None) -> Iterator[Callable[..., bool]]:
        """Tell of a part of the work before training; yields what to call after each of its epochs.

        Nobody knows how many of these there are where `n_epochs` is None.
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
        """Tell of the last epoch of `history`; ``fitted()`` returns the fitted attributes of the model so far."""
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
        """Tell that the fit has ended, with all fitted attributes."""
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
