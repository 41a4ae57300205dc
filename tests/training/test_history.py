import numpy as np
import pytest

from sk_adalr.parameters import ParameterLayout
from sk_adalr.training import History


def test_rates_are_summarised_by_smallest_median_and_largest():
    history = History()
    history.record_rates(np.array([3.0, 1.0, 2.0, 10.0]))
    assert history.learning_rates == [(1.0, 2.5, 10.0)]


def test_a_single_rate_is_all_three():
    history = History()
    history.record_rates(np.array([0.5], dtype=np.float32))
    assert history.learning_rates == [(0.5, 0.5, 0.5)]


@pytest.mark.parametrize("hidden", [(7, 30), (20, 9)], ids=["odd", "even"])
def test_a_device_summarises_its_rates_where_they_are(cupy, rng, hidden):
    layout = ParameterLayout.of_network([4, *hidden, 1])
    rates = rng.rand(layout.n_params).astype(np.float32)
    on_host, on_device = History(), History()
    on_host.record_rates(rates, layout)
    array = cupy.asarray(rates)
    on_device.record_rates(array, layout)
    assert on_device == on_host
    assert len(on_host.layer_learning_rates[0]) == 3
    np.testing.assert_array_equal(array.get(), rates)


def test_two_histories_share_nothing():
    one, other = History(), History()
    one.losses.append(1.0)
    assert other.losses == []
