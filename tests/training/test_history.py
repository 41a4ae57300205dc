import numpy as np

from sk_adalr.training import History


def test_rates_are_summarised_by_smallest_median_and_largest():
    history = History()
    history.record_rates(np.array([3.0, 1.0, 2.0, 10.0]))
    assert history.learning_rates == [(1.0, 2.5, 10.0)]


def test_a_single_rate_is_all_three():
    history = History()
    history.record_rates(np.array([0.5], dtype=np.float32))
    assert history.learning_rates == [(0.5, 0.5, 0.5)]


def test_two_histories_share_nothing():
    one, other = History(), History()
    one.losses.append(1.0)
    assert other.losses == []
