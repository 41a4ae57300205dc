"""What an objective is."""

from typing import Any, Protocol

from sk_adalr.backends import Array
from sk_adalr.dataset import Batch
from sk_adalr.parameters import ParameterLayout


class Objective(Protocol):
    """A weighted mean of losses over rows, with an L2 penalty, as a function of the flat parameter vector.

    What the losses are divided by is given, not found, so that blocks of rows add up: memory maps, chunks and
    mini-batches are the same objective. The optimizer never sees data.
    """

    @property
    def layout(self) -> ParameterLayout:
        """Names and shapes of the parameters."""
        ...

    def value_and_grad(
        self,
        params: Array,
        batch: Batch,
        *,
        out: Array | None = None,
        weight_sum: float = 1.0,
        factor: float = 0.0,
        weighted_coefs: Array | None = None,
    ) -> Any:
        """Return the penalised loss of `batch` (0-d); fill `out` (n_params,), if given, with its gradient.

        That is the weighted loss sum over the rows divided by `weight_sum`, plus ``factor / 2`` times the squares of
        the coefficients, or their products with `weighted_coefs` (n_coefs,): they times the weights of their squares.
        """
        ...
