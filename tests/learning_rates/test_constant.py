import numpy as np

from sk_adalr.learning_rates import Constant
from sk_adalr.parameters import ParameterLayout


def test_a_constant_rate_stays_as_it_is():
    rule, layout = Constant(0.3), ParameterLayout.vector(2)
    state = rule.init(np.zeros(2), layout)
    for step in (1, 2, 3):
        rule.update(state, np.ones(2), np.ones(2), step, layout, scratch=np.empty(2))
    np.testing.assert_array_equal(np.broadcast_to(rule.expand(state, layout, scratch=np.empty(2)), 2), 0.3)
