"""All that a fit needs to go on where another ended: bitwise, and made of arrays, numbers and strings only."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sk_adalr.backends import Array, beside, to_host
from sk_adalr.optimizer import freeze, thaw

_SEED_RANGE = np.iinfo(np.int32).max


@dataclass
class TrainingState:
    """The moving parts of a fit.

    Parameters
    ----------
    params : array of shape (n_params,)
    optimizer_state : dataclass
    random_state : RandomState
        Source of the order of batches.
    validation_seed : int
        Seed of the split for early stopping, the same whenever the fit goes on.
    best, best_params : (float, float), array of shape (n_params,) or None
        Best validation score and loss so far, and the parameters that reached them.
    """

    params: Array
    optimizer_state: Any
    random_state: np.random.RandomState
    validation_seed: int
    best: tuple[float, float] = (-np.inf, np.inf)
    best_params: Array | None = None

    @classmethod
    def start(cls, optimizer: Any, params: Array, random_state: np.random.RandomState) -> "TrainingState":
        """Return the state before the first step from `params`."""
        return cls(params, optimizer.init(params), random_state, int(random_state.randint(_SEED_RANGE)))

    @classmethod
    def thaw(cls, frozen: dict[str, Any], optimizer: Any, reference: Array = None) -> "TrainingState":
        """Return a copy of what `freeze` stored, where `reference` lies; on the host by default.

        A new optimizer starts anew from the stored parameters.
        """
        random_state = np.random.RandomState()
        random_state.set_state(frozen["random_state"])
        params = beside(frozen["params"].copy(), reference)
        if frozen["optimizer"] == repr(optimizer):
            optimizer_state = thaw(optimizer.State, frozen["optimizer_state"], params)
        else:
            optimizer_state = optimizer.init(params)
        best_params = frozen["best_params"]
        if best_params is not None:
            best_params = beside(best_params.copy(), reference)
        return cls(params, optimizer_state, random_state, frozen["validation_seed"], frozen["best"], best_params)

    def freeze(self, optimizer: Any) -> dict[str, Any]:
        """Return the state as a dict of the host's arrays, numbers and strings, which it shares: training is over."""
        return {
            "params": to_host(self.params),
            "optimizer": repr(optimizer),
            "optimizer_state": freeze(self.optimizer_state, share=True),
            "random_state": self.random_state.get_state(legacy=False),
            "validation_seed": self.validation_seed,
            "best": self.best,
            "best_params": None if self.best_params is None else to_host(self.best_params),
        }
