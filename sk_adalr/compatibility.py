"""What scikit-learn has since 1.9, and what stands in for it below."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

import sklearn

Method = TypeVar("Method", bound=Callable[..., Any])


class _WithoutCallbacks:
    """An estimator that says what callbacks need."""

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Refuse callbacks."""
        if callbacks:
            raise ImportError(
                "Callbacks, with them checkpoints and progress bars, need scikit-learn 1.9 or newer; this is "
                f"{sklearn.__version__}. Run `pip install -U scikit-learn`, or use `verbose=True` to follow a fit."
            )
        return self

    def _init_callback_context(self) -> None:
        """Begin no task, for nobody watches."""


if TYPE_CHECKING:

    class CallbackSupportMixin(_WithoutCallbacks):
        """What type checkers are told, as scikit-learn has no types."""

        def _init_callback_context(self) -> Any: ...

    def with_callbacks(method: Method) -> Method:
        """Return `method`."""

else:
    try:
        from sklearn.callback import CallbackSupportMixin, with_callbacks
    except ImportError:  # below 1.9
        CallbackSupportMixin = _WithoutCallbacks

        def with_callbacks(method):
            """Return `method`, for there are no callbacks to tear down."""
            return method
