"""Callback support of scikit-learn 1.9 and newer, with stand-ins for older versions."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

import sklearn

Method = TypeVar("Method", bound=Callable[..., Any])


class _WithoutCallbacks:
    """Estimator mixin that explains which version of scikit-learn callbacks need."""

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Raise an ImportError if callbacks are given."""
        if callbacks:
            raise ImportError(
                "Callbacks, with them checkpoints and progress bars, need scikit-learn 1.9 or newer; this is "
                f"{sklearn.__version__}. Run `pip install -U scikit-learn`, or use `verbose=True` to follow a fit."
            )
        return self

    def _init_callback_context(self) -> None:
        """Do nothing: there are no callbacks to notify."""


if TYPE_CHECKING:

    class CallbackSupportMixin(_WithoutCallbacks):
        """Declaration for type checkers, as scikit-learn has no type hints."""

        def _init_callback_context(self) -> Any: ...

    def with_callbacks(method: Method) -> Method:
        """Return `method`."""

else:
    try:
        from sklearn.callback import CallbackSupportMixin, with_callbacks
    except ImportError:  # below 1.9
        CallbackSupportMixin = _WithoutCallbacks

        def with_callbacks(method):
            """Return `method` unchanged: there are no callbacks to tear down."""
            return method
