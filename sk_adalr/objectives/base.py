"""What an objective is."""

from typing import Any, Protocol

from sk_adalr.backends import Array
from sk_adalr.dataset import Batch
from sk_adalr.parameters import ParameterLayout


class Objective(Protocol):
    """A sum of losses over rows, as a function of the flat parameter vector.

    Losses and gradients are sums, not means, so that blocks of rows add up: memory maps, chunks and mini-batches are
    the same objective. The optimizer never sees data.
    """

    @property
    def layout(self) -> ParameterLayout:
        """Names and shapes of the parameters."""
        ...

    def value_and_grad(self, params: Array, batch: Batch, *, out: Array | None = None, scale: float = 1.0) -> Any:
        """Return the weighted loss sum over `batch` (0-d); fill `out` (n_params,), if given, with its gradient.

        The gradient is multiplied by `scale`: an objective does that where it is smallest.
        """
        ...
