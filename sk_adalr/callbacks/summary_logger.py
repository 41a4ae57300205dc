"""A callback that writes scalars for TensorBoard after each epoch."""

from typing import Any

from sk_adalr.callbacks.base import EpochCallback, measures


class SummaryLogger(EpochCallback):
    """Write loss, validation score and learning rates for TensorBoard after each epoch: a callback.

    The scalars are ``loss``, ``validation_score``, ``validation_loss``, ``learning_rate/min``,
    ``learning_rate/median`` and ``learning_rate/max``, as far as a fit has them; the step is the number of the epoch.
    Where the solver trains on all rows at once, an epoch is an iteration.

    Parameters
    ----------
    writer : object or callable
        A ``SummaryWriter``, of ``torch.utils.tensorboard`` or ``tensorboardX``, or anything else with its method
        ``add_scalar(tag, value, step)``. It stays open. For several fits, as in a cross-validation or a search, pass a
        function that returns a writer: each fit calls it, and closes its writer in the end.

    Examples
    --------
    A writer of your own:

    >>> from sklearn.datasets import load_iris
    >>> from sk_adalr import AdaptiveLRMLPClassifier
    >>> from sk_adalr.callbacks import SummaryLogger
    >>> class Writer:
    ...     def __init__(self):
    ...         self.losses = []
    ...     def add_scalar(self, tag, value, step):
    ...         if tag == "loss":
    ...             self.losses.append(value)
    >>> X, y = load_iris(return_X_y=True)
    >>> writer = Writer()
    >>> model = AdaptiveLRMLPClassifier(random_state=0)
    >>> model = model.set_callbacks(SummaryLogger(writer)).fit(X, y)
    >>> writer.losses == model.loss_curve_
    True

    PyTorch's writer; ``tensorboard --logdir=runs`` shows what it wrote:

    .. code-block:: python

        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter("runs/iris") as writer:
            model.set_callbacks(SummaryLogger(writer)).fit(X, y)
    """

    def __init__(self, writer: Any) -> None:
        if not (hasattr(writer, "add_scalar") or callable(writer)):
            raise TypeError(
                "`writer` must have a method `add_scalar(tag, value, step)`, as a `SummaryWriter` of "
                "`torch.utils.tensorboard` or `tensorboardX` has, or be a function that returns such a writer for "
                f"each fit; got {writer!r}."
            )
        super().__init__()
        self.writer = writer

    def _begin(self, estimator: Any, X: Any, y: Any, metadata: Any) -> Any:
        """Return the writer of the fit."""
        return self.writer() if self._makes_writers else self.writer

    def _epoch(self, estimator: Any, context: Any, model: Any) -> None:
        writer = self._runs[id(estimator)]
        for name, value in measures(model).items():
            tag = name.replace("learning_rate_", "learning_rate/")  # TensorBoard groups tags by the part before "/"
            writer.add_scalar(tag, value, len(model.loss_curve_))

    def _end(self, run: Any) -> None:
        """Close the writer if this fit made it, else flush it."""
        getattr(run, "close" if self._makes_writers else "flush", _nothing)()

    @property
    def _makes_writers(self) -> bool:
        # A class of writers has `add_scalar`, too, but has to be called.
        return isinstance(self.writer, type) or not hasattr(self.writer, "add_scalar")


def _nothing() -> None:
    """Replace `close` or `flush` of a writer without them."""
