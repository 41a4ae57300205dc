import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sk_adalr.training import Stopping

losses = st.lists(st.floats(0, 10, width=16), min_size=1, max_size=30)


def first_stop(stopping, losses, scores=None):
    """Return the number of the epoch that stops, or None."""
    for epoch, loss in enumerate(losses):
        if stopping.stop_reason(loss, None if scores is None else scores[epoch]) is not None:
            return epoch
    return None


def textbook(losses, tol, patience):
    """Stop at the first epoch where the last `patience` losses are no better by `tol` than the best before each."""
    for epoch in range(patience - 1, len(losses)):
        window = range(epoch - patience + 1, epoch + 1)
        if all(e > 0 and losses[e] >= min(losses[:e]) - tol for e in window):
            return epoch
    return None


@given(losses, st.sampled_from([1e-4, 0.125, 1.0]), st.integers(1, 5))
def test_the_rule_is_the_one_of_the_textbooks(losses, tol, patience):
    assert first_stop(Stopping(tol, patience), losses) == textbook(losses, tol, patience)


@given(losses, st.integers(-60, 60), st.integers(1, 5))
def test_the_rule_does_not_depend_on_the_units_of_the_loss(losses, exponent, patience):
    scaled = np.ldexp(losses, exponent)
    assert first_stop(Stopping(0.125, patience), losses) == first_stop(
        Stopping(0.125, patience, loss_scale=2.0**exponent), scaled
    )


@given(losses, st.integers(1, 5))
def test_zero_tol_never_stops(losses, patience):
    assert first_stop(Stopping(0.0, patience), losses * 2) is None


@given(losses)
def test_falling_losses_never_stop(losses):
    assert first_stop(Stopping(0.125, 1), np.sort(losses)[::-1] - np.arange(len(losses))) is None


def test_a_rising_score_goes_on_while_the_loss_rises():
    assert first_stop(Stopping(1e-4, 2), [1, 2, 3, 4, 5, 6], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) is None


def test_a_falling_loss_goes_on_while_the_score_stands_still():
    assert first_stop(Stopping(1e-4, 2), [6, 5, 4, 3, 2, 1], [0.5] * 6) is None


def test_it_stops_when_neither_score_nor_loss_improve():
    assert first_stop(Stopping(1e-4, 3), [1.0] * 9, [0.5] * 9) == 3


@pytest.mark.parametrize(("score", "what"), [(None, "training loss"), (0.5, "validation score and loss")])
def test_the_reason_names_what_stood_still_and_the_parameters(score, what):
    stopping = Stopping(0.25, 1)
    stopping.stop_reason(1.0, score)
    reason = stopping.stop_reason(1.0, score)
    assert reason.startswith(f"The {what} improved by no more than `tol` (0.25) for `n_iter_no_change` (1)")
