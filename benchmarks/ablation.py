"""The automatic rule without one of its parts each, by patches: the package has no options for that."""

from contextlib import nullcontext
from unittest.mock import patch

from sk_adalr import options
from sk_adalr.backends import kernels
from sk_adalr.optimizer.automatic import AutomaticOptimizer, rates, rule
from sk_adalr.training import setup

#: The rate of all layers where none is measured: the best single one of Adam at the default configuration.
FIXED_RATE = 0.03


class WithoutAverage(AutomaticOptimizer):
    """The model is the fast iterate, and the gradient is taken there."""

    _interpolation = 0.0

    def _move(self, state, params):
        for rate, layer in zip(state.rates.tolist(), self.layout.layers, strict=True):
            for block in layer:
                blocks = state.iterate[block], params[block], state.grad[block]
                kernels(params).move(*blocks, rate, 1.0, state.point[block], 0.0, state.scratch[block])


class WithoutInterpolation(AutomaticOptimizer):
    """The gradient is taken at the fast iterate; the model is the average still."""

    _interpolation = 0.0


class WithFixedRates(AutomaticOptimizer):
    """All layers begin with the same rate, whatever their inputs and the batches are."""

    def begin(self, state, *_):
        """Measure nothing."""
        state.rates[...] = FIXED_RATE


def _rates_of_any_batch(network, params, batch, direction, batch_size, unit=1.0):
    return rates.first_rates(network, params, batch, direction, rates.USUAL_BATCH_SIZE, unit)


#: What is missing, and a function that returns the patch.
ABLATIONS = {
    "average and interpolation": lambda: patch.object(options, "AutomaticOptimizer", WithoutAverage),
    "interpolation": lambda: patch.object(options, "AutomaticOptimizer", WithoutInterpolation),
    "rates that are measured": lambda: patch.object(options, "AutomaticOptimizer", WithFixedRates),
    "factor of the batch size": lambda: patch.object(setup, "first_rates", _rates_of_any_batch),
    "small output layer": lambda: patch.object(rule, "OUTPUT_FACTOR", 1.0),
}


def without(part):
    """Return the context in which fits do without a part of the rule; all parts are there for None."""
    return nullcontext() if part is None else ABLATIONS[part]()
