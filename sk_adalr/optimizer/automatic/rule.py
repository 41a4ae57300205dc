r"""One step of the automatic rule.

.. math::

    y_t &= (1 - \mu) z_t + \mu x_t, \qquad u_t = \nabla L_t(y_t) / \sqrt{v_t} \\
    z_{t+1} &= z_t - \eta_\ell \, u_t, \qquad
    x_{t+1} = x_t + \tfrac{2}{t + 2} (z_{t+1} - x_t)

The gradient is taken between a fast iterate z and its average x, which is the model at every step. The rate
:math:`\eta_\ell` of a layer follows from how far the first step moves its outputs: see `rates`. It stays, for whoever
trains need not know for how long: the average alone comes to rest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from sk_adalr.backends import Array, kernels, namespace
from sk_adalr.optimizer.automatic.rates import fan_in, rates_of
from sk_adalr.optimizer.state import buffer, late_buffer, on_host
from sk_adalr.optimizer.step import Evaluate
from sk_adalr.parameters import ParameterLayout

#: The directions that the rule has.
AUTOMATIC_DIRECTIONS = ("adam", "momentum", "nesterov", "sgd")
#: The interpolation of "adam" and "sgd": it takes the place of momentum.
INTERPOLATION = 0.9


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
    #: A step is as long after ten rows as after 200: a batch of a few rows that are left over would undo others.
    has_even_batches: ClassVar[bool] = True
    #: What else helps where training diverges, as the end of a sentence.
    remedy: ClassVar[str] = ", or look for extreme values in them"

    def init(self, params: Array) -> AutomaticState:
        """Return the state before the first step, for `params` (n_params,)."""
        xp = namespace(params)
        n_moments = params.size if self.direction == "adam" else len(self.layout.layers)
        return AutomaticState(
            iterate=params.copy(),
            second_moment=xp.zeros(n_moments, dtype=params.dtype),
            rates=rates_of(fan_in(self.layout)),
            point=xp.empty_like(params),
            grad=xp.empty_like(params),
            scratch=xp.empty_like(params),
        )

    def begin(
        self, state: AutomaticState, params: Array, evaluate: Evaluate, first_rates: Callable[[Array], np.ndarray]
    ) -> None:
        """Set the rates to what `first_rates` returns, (n_layers,), for the direction of the first step.

        Without it, they are those of layers whose inputs are 1.
        """
        evaluate(params, out=state.grad)
        self._normalize(state, 1.0)
        state.rates[...] = first_rates(state.grad)
        state.second_moment[...] = 0

    def step(self, state: AutomaticState, params: Array, evaluate: Evaluate) -> Any:
        """Update `params` and `state` in place; return the loss of the batch before the step."""
        self._go_to_point(state, params)
        loss = evaluate(state.point, out=state.grad)
        self._normalize(state, self._correction(state.step))
        self._move(state, params)
        state.step += 1
        return loss

    @property
    def many_steps(self) -> str | None:
        """Name of the kernel of many steps in one call, for a model of one layer; None without one."""
        return "automatic" if self.direction == "adam" else None

    def make_steps(self, state: AutomaticState, params: Array, n_steps: int, kernel: Callable[..., Any]) -> Any:
        """Make many steps by ``kernel(point, grad, operands, constants)``; return what that returns.

        As `Optimizer.make_steps`; the operands are iterate, average and second moment, the constants those of
        `scale_direction` and `move`, in their order.
        """
        self._go_to_point(state, params)
        rate = float(state.rates[0])
        constants = [
            (self.beta_2, self._correction(step), self.epsilon, rate, self._weight(step), self._interpolation)
            for step in range(state.step, state.step + n_steps)
        ]
        state.step += n_steps  # first, for Ctrl-C comes after the call
        return kernel(state.point, state.grad, (state.iterate, params, state.second_moment), np.array(constants))

    def rates(self, state: AutomaticState) -> np.ndarray:
        """Return the learning rates, one for each layer."""
        return state.rates

    def moments(self, state: AutomaticState) -> list[Array]:
        """Return what is remembered of the gradients."""
        return [state.second_moment]

    @cached_property
    def _interpolation(self) -> float:
        return float(self.momentum) if self.direction in ("momentum", "nesterov") else INTERPOLATION

    def _go_to_point(self, state: AutomaticState, params: Array) -> None:
        """Make `point` the y of the next step."""
        if not state.is_at_point:
            kernels(params).interpolate(state.point, params, state.iterate, self._interpolation, state.scratch)
        state.is_at_point = True

    def _correction(self, step: int) -> float:
        """Return what v is multiplied by: as in Adam, one over what its weights add up to so far."""
        return (1 - self.beta_2) / (1 - self.beta_2 ** (step + 1))

    @staticmethod
    def _weight(step: int) -> float:
        """Return the share of the way that the average goes towards the iterate."""
        return 2 / (step + 2)

    def _normalize(self, state: AutomaticState, correction: float) -> None:
        """Make the gradient the direction u, in place."""
        if self.direction == "adam":
            constants = self.beta_2, correction, self.epsilon
            kernels(state.grad).scale_direction(state.grad, state.second_moment, *constants, state.scratch)
        else:
            self._normalize_layers(state, correction)

    def _normalize_layers(self, state: AutomaticState, correction: float) -> None:
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
        weight, interpolation, move = self._weight(state.step), self._interpolation, kernels(params).move
        for rate, layer in zip(state.rates.tolist(), self.layout.layers, strict=True):
            for block in layer:
                blocks = state.iterate[block], params[block], state.grad[block]
                move(*blocks, rate, weight, state.point[block], interpolation, state.scratch[block])
