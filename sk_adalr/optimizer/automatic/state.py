"""What the automatic rule remembers from step to step."""

from dataclasses import dataclass

import numpy as np

from sk_adalr.backends import Array
from sk_adalr.optimizer.state import buffer, late_buffer, on_host


@dataclass
class AutomaticState:
    """All that changes from step to step beside `params`, which are the average x: arrays and numbers only.

    Parameters
    ----------
    iterate : array of shape (n_params,)
        z, the fast iterate.
    second_moment : array of shape (n_params,) or (n_layers,)
        v, of each parameter for Adam and of each layer otherwise, without its factor ``1 - beta_2``.
    rates : ndarray of shape (n_layers,)
        The rates, on the host.
    step : int, default=0
        Steps made so far.
    """

    iterate: Array
    second_moment: Array
    rates: np.ndarray = on_host()  # noqa: RUF009
    point: Array = buffer()  # noqa: RUF009  # y, where the gradient is taken
    grad: Array = buffer()  # noqa: RUF009  # later in a step, the direction
    scratch: Array = buffer()  # noqa: RUF009
    step: int = 0
    is_at_point: bool = late_buffer()  # whether `point` is y of the next step already
