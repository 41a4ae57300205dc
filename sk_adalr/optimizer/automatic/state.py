"""What the automatic rule remembers from step to step."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from sk_adalr.backends import Array, namespace, read
from sk_adalr.optimizer.state import buffer, late_buffer, on_host

CALM, HARD_BATCH, RESTART, SHORTENED = range(4)

#: What `AutomaticState.event` means.
EVENTS = (
    "",
    "hard batch: went on",
    "diverging: went on from the average at half the rate",
    "step too long on its own batch: quartered the rate",
)


@dataclass
class AutomaticState:
    """All that changes from step to step beside `params`, which are the average x: arrays and numbers only.

    Parameters
    ----------
    iterate : array of shape (n_params,)
        z, the fast iterate.
    direction : array of shape (n_params,)
        d of the last step, per-parameter rates included.
    second_moment : array of shape (n_params,) or (0,)
        v of Adam, without its factor ``1 - beta_2``.
    multipliers, product_scale : array of shape (n_params,) or (0,)
        The per-parameter rates relative to the rate of their group, and the largest recent product g d that
        normalises their hypergradient.
    log_rates : ndarray of shape (n_groups,)
        Logarithms of the rates that minimise the loss of a batch along d; on the host.
    log_rate_caps : ndarray of shape (n_groups,)
        What they may not exceed; on the host.
    changes : ndarray of shape (n_fractions,)
        Sum over the first steps of the change of the next batch's loss at fractions of the rate; on the host.
    step : int, default=0
        Steps made so far; a first one with a gradient of zero does not count.
    first_loss, smoothed_loss, lowest_loss : float
        What the guard compares a loss with; the last one is the lowest smoothed loss.
    mean_norm : float
        Running mean of the length of the gradient, for the directions that follow it.
    has_direction : bool, default=False
        Whether `direction` still leads to where the next gradient is taken.
    event : int, default=0
        What happened in the last step: an index into `EVENTS`.
    n_restarts : int, default=0
        How often training went on from the average at half the rate.
    """

    iterate: Array
    direction: Array
    second_moment: Array
    multipliers: Array
    product_scale: Array
    log_rates: np.ndarray = on_host()  # noqa: RUF009
    log_rate_caps: np.ndarray = on_host()  # noqa: RUF009
    changes: np.ndarray = on_host()  # noqa: RUF009
    point: Array = buffer()  # noqa: RUF009  # y, where the gradient is taken; later in a step, scratch space
    grad: Array = buffer()  # noqa: RUF009
    step: int = 0
    first_loss: float = math.nan
    smoothed_loss: float = math.nan
    lowest_loss: float = math.nan
    mean_norm: float = math.nan
    has_direction: bool = False
    event: int = CALM
    n_restarts: int = 0
    square: float = late_buffer()  # squared length of the gradient, as the guard found it
    is_at_point: bool = late_buffer()  # whether `point` is y of the next step already
    owed: Any = late_buffer()  # noqa: RUF009  # what the host has not read of a device yet
    window: Any = late_buffer()  # noqa: RUF009  # steps that a device makes ahead of the host

    def owe(self, numbers: Sequence[Any], act: Callable[..., None]) -> None:
        """Call `act` with the numbers as floats: at once on the host; on a device, when the host reads next."""
        if namespace(self.grad) is np:
            act(*map(float, numbers))
        else:
            self.owed = [*(self.owed or ()), (numbers, act)]

    def settle(self, *numbers: Array) -> list[float]:
        """Return the elements of `numbers` as floats, after acting on what is owed: a single read."""
        if type(self.grad) is np.ndarray:  # asked in every step
            return [*map(float, numbers)]
        owed, self.owed = self.owed or (), None
        values = iter(read([number for owed_numbers, _ in owed for number in owed_numbers] + [*numbers]))
        for owed_numbers, act in owed:
            act(*islice(values, len(owed_numbers)))
        return list(values)
