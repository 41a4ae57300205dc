r"""One step of the automatic rule.

.. math::

    y_t &= (1 - \mu) z_t + \mu x_t, \qquad u_t = \nabla L_t(y_t) / \sqrt{v_t} \\
    z_{t+1} &= z_t - \eta_\ell \, (1 - t / T) \, u_t, \qquad
    x_{t+1} = x_t + \tfrac{2}{t + 2} (z_{t+1} - x_t)

The gradient is taken between a fast iterate z and its average x, which is the model at every step. The rate
:math:`\eta_\ell` of a layer follows from what its inputs are when training begins: see `rates`. Where the number of
steps T is known, the rate falls linearly to zero; where it is not, in a stream or while held-out rows watch, the rate
stays, and the average alone comes to rest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from sk_adalr.backends import Array, kernels, namespace
from sk_adalr.optimizer.automatic.rates import fan_in, rates_of
from sk_adalr.optimizer.automatic.state import AutomaticState
from sk_adalr.optimizer.step import Evaluate
from sk_adalr.parameters import ParameterLayout

#: The directions that the rule has.
AUTOMATIC_DIRECTIONS = ("adam", "momentum", "nesterov", "sgd")
#: The interpolation of "adam" and "sgd": it takes the place of momentum.
INTERPOLATION = 0.9


@dataclass(frozen=True)
class AutomaticOptimizer:
    """Mini-batch training with no learning rate to choose.

    The `params` that it updates are the running average of the iterates: what is scored and stored.

    Parameters
    ----------
    layout : ParameterLayout
        Which parameters form a layer.
    direction : {"adam", "momentum", "nesterov", "sgd"}, default="adam"
        "Where". Adam divides the gradient by its root mean square, one for each parameter; the others have one for
        each layer. The interpolation is the momentum, so "momentum" and "nesterov" differ from "sgd" by `momentum`
        only.
    momentum : float in [0, 1), default=0.9
        Interpolation of "momentum" and "nesterov".
    beta_2 : float in [0, 1), default=0.99
        Decay of the second moment. No component of Adam's direction exceeds ``1 / sqrt(1 - beta_2)``.
    epsilon : float > 0, default=1e-5
        Added to the root mean square. A smaller one turns vanishing gradients into full steps.

    References
    ----------
    .. [1] Defazio et al., "The road less scheduled", NeurIPS 2024: the interpolated average.
    """

    layout: ParameterLayout
    direction: str = "adam"
    momentum: float = 0.9
    beta_2: float = 0.99
    epsilon: float = 1e-5

    State = AutomaticState
    #: How many steps of a known number are worth one of an unknown number: a rate that falls to zero goes half as far.
    horizon_factor: ClassVar[int] = 2
    #: What else helps where training diverges, as the end of a sentence.
    remedy: ClassVar[str] = ", or look for extreme values in them"

    def init(self, params: Array) -> AutomaticState:
        """Return the state before the first step, for `params` (n_params,)."""
        xp = namespace(params)
        n_moments = params.size if self.direction == "adam" else len(self.layout.layers)
        return AutomaticState(
            iterate=params.copy(),
            second_moment=xp.zeros(n_moments, dtype=params.dtype),
            rates=rates_of(np.array(fan_in(self.layout), dtype=float)),
            point=xp.empty_like(params),
            grad=xp.empty_like(params),
            scratch=xp.empty_like(params),
        )

    def begin(self, state: AutomaticState, first_rates: Callable[[], np.ndarray]) -> None:
        """Set the rates, before the first step, to what `first_rates` returns, (n_layers,).

        Without it, they are those of layers whose inputs are 1.
        """
        state.rates[...] = first_rates()

    def step(self, state: AutomaticState, params: Array, evaluate: Evaluate) -> Any:
        """Update `params` and `state` in place; return the loss of the batch before the step."""
        if not state.is_at_point:
            kernels(params).interpolate(state.point, params, state.iterate, self._interpolation, state.scratch)
        loss = evaluate(state.point, out=state.grad)
        # The gradient becomes u in place. As in Adam, v is divided by what its weights add up to so far.
        correction = (1 - self.beta_2) / (1 - self.beta_2 ** (state.step + 1))
        if self.direction == "adam":
            constants = self.beta_2, correction, self.epsilon
            kernels(params).scale_direction(state.grad, state.second_moment, *constants, state.scratch)
        else:
            self._scale_layers(state, correction)
        self._move(state, params)
        state.step += 1
        state.is_at_point = True
        return loss

    def rates(self, state: AutomaticState) -> np.ndarray:
        """Return the learning rates of the last step, one for each layer; before the first, its rates."""
        return state.rates * self._decay(state, max(0, state.step - 1))

    def moments(self, state: AutomaticState) -> list[Array]:
        """Return what is remembered of the gradients."""
        return [state.second_moment]

    def expect(self, state: AutomaticState, n_steps: int) -> None:
        """Take note that training ends after so many steps more."""
        state.horizon = state.step + n_steps

    @cached_property
    def _interpolation(self) -> float:
        return float(self.momentum) if self.direction in ("momentum", "nesterov") else INTERPOLATION

    def _decay(self, state: AutomaticState, step: int) -> float:
        return max(0.0, 1 - step / state.horizon) if state.horizon else 1.0

    def _scale_layers(self, state: AutomaticState, correction: float) -> None:
        """Divide the gradient of each layer by its root mean square, in place."""
        xp, grad, moments = namespace(state.grad), state.grad, state.second_moment
        moments *= self.beta_2
        for k, layer in enumerate(self.layout.layers):
            size = sum(block.stop - block.start for block in layer)
            for block in layer:
                moments[k : k + 1] += xp.vdot(grad[block], grad[block]) / size
        divisors = xp.sqrt(moments * correction) + self.epsilon
        for k, layer in enumerate(self.layout.layers):
            for block in layer:
                grad[block] /= divisors[k]

    def _move(self, state: AutomaticState, params: Array) -> None:
        """Move the iterate, the average towards it, and y along."""
        weight, interpolation, move = 2 / (state.step + 2), self._interpolation, kernels(params).move
        rates = (state.rates * self._decay(state, state.step)).tolist()
        for rate, layer in zip(rates, self.layout.layers, strict=True):
            for block in layer:
                blocks = state.iterate[block], params[block], state.grad[block]
                move(*blocks, rate, weight, state.point[block], interpolation, state.scratch[block])
