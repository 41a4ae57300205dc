from dataclasses import dataclass

import numpy as np

from sk_adalr.optimizer.state import buffer, freeze, thaw


@dataclass
class State:
    step: int
    moments: dict[str, np.ndarray]
    scratch: np.ndarray = buffer()  # noqa: RUF009


def state():
    return State(3, {"m": np.arange(2.0)}, np.empty(2))


def test_buffers_are_not_stored():
    assert set(freeze(state())) == {"step", "moments"}


def test_freezing_copies():
    original = state()
    frozen = freeze(original)
    original.moments["m"] += 1
    np.testing.assert_array_equal(frozen["moments"]["m"], [0, 1])


def test_thawing_copies():
    frozen = freeze(state())
    thaw(State, frozen, np.empty(2)).moments["m"] += 1
    np.testing.assert_array_equal(frozen["moments"]["m"], [0, 1])


def test_thawing_allocates_buffers_like_the_parameters():
    scratch = thaw(State, freeze(state()), np.empty(5, dtype=np.float32)).scratch
    assert (scratch.shape, scratch.dtype) == ((5,), np.float32)
