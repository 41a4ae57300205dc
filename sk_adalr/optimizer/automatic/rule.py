r"""One step of the automatic rule.

.. math::

    y_t &= (1 - \mu) z_t + \mu x_t, \qquad u_t = \text{scaled } \nabla L_t(y_t) \\
    z_{t+1} &= z_t - \frac{s_t}{1 - \mu + \mu c_t} m_t \odot u_t, \qquad
    x_{t+1} = x_t + c_t (z_{t+1} - x_t), \qquad c_t = \frac{2}{t + 2}

The gradient is taken between a fast iterate z and its average x, and x is the model, at every step: no schedule and
no horizon. The step s = share * exp(l): l is the logarithm of the rate that minimises the loss of a batch along d,
found by a line search in the first step, bounded by what the next batches say of the first directions, and then moved
by the hypergradient of the same batch; m are the rates of the parameters relative to that, moved by the hypergradient
of the next batch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from sk_adalr.backends import Array, kernels, namespace
from sk_adalr.optimizer.automatic.ahead import catch_up, step_ahead
from sk_adalr.optimizer.automatic.first_rate import FRACTIONS, N_JUDGED, bound_rates, first_rate, judge_direction
from sk_adalr.optimizer.automatic.guard import MAX_RELATIVE_NORM, NORM_SMOOTHING, guarded_gradient
from sk_adalr.optimizer.automatic.rates import (
    Group,
    adapt_groups,
    adapt_multipliers,
    group_rates,
)
from sk_adalr.optimizer.automatic.state import AutomaticState
from sk_adalr.optimizer.step import Evaluate
from sk_adalr.parameters import ParameterLayout

#: Steps after which the rates of the groups are found: the first ones judge, the others adapt.
N_ADAPTED = 50
#: How often the others do, and how often the rates of the parameters move, those throughout. Rates that move in every
#: step, by as much less, end no better and take longer: steps in a row say the same.
ADAPT_EVERY = 8
#: How often they are checked afterwards, where d follows the gradient. They may only fall below what was found: a rate
#: that suits the first directions can be unstable along later ones. Adam's share leaves room for that.
CHECK_EVERY = 25
#: Share of the minimum along d on one batch that a step makes. What is best on one batch is too far for the next;
#: Adam's direction, which weighs all parameters alike, follows the batch more closely than the gradient does.
ADAM_SHARE = 0.06
GRADIENT_SHARE = 0.5
#: How far beyond the best rate on the next batches the rate may be: best for a single step, that is a small one for an
#: average over many, unless the share is large already.
ADAM_MULTIPLE = 1.5
GRADIENT_MULTIPLE = 1.0
#: The interpolation takes the place of momentum, which Adam's bounded direction allows to be slower.
ADAM_INTERPOLATION = 0.95
SGD_INTERPOLATION = 0.9

#: The directions that the rule has.
AUTOMATIC_DIRECTIONS = ("adam", "momentum", "nesterov", "sgd")


@dataclass(frozen=True)
class AutomaticOptimizer:
    """Mini-batch training with no learning rate to choose and no number of steps to know.

    The `params` that it updates are the running average of the iterates: what is scored and stored.

    Parameters
    ----------
    layout : ParameterLayout
        Which parameters form a layer.
    direction : {"adam", "momentum", "nesterov", "sgd"}, default="adam"
        "Where". Adam divides the gradient by its root mean square per parameter; the others follow the gradient.
        The interpolation is the momentum, so "momentum" and "nesterov" differ from "sgd" by `momentum` only.
    granularity : {"parameter", "layer", "global"}, default="parameter"
        How many rates share the parameters.
    learning_rate_init : float > 0 or None, default=None
        Where the search for the first rate starts if the loss falls there, a hint: any value trains equally well.
    momentum : float in [0, 1), default=0.9
        Interpolation of "momentum" and "nesterov".
    beta_2 : float in [0, 1), default=0.95
        Decay of Adam's second moment. No component of its direction exceeds ``1 / sqrt(1 - beta_2)``, 4.5 here.
    epsilon : float > 0, default=1e-5
        Added to Adam's denominator. With the short memory of `beta_2`, a smaller one turns vanishing gradients into
        full steps: a set that is fitted to a loss of zero then suddenly diverges.

    References
    ----------
    .. [1] Defazio et al., "The road less scheduled", NeurIPS 2024: the interpolated average.
    """

    layout: ParameterLayout
    direction: str = "adam"
    granularity: str = "parameter"
    learning_rate_init: float | None = None
    momentum: float = 0.9
    beta_2: float = 0.95
    epsilon: float = 1e-5

    State = AutomaticState

    def init(self, params: Array) -> AutomaticState:
        """Return the state before the first step, for `params` (n_params,)."""
        xp = namespace(params)
        none = xp.zeros(0, dtype=params.dtype)
        per_parameter = self.granularity == "parameter"
        return AutomaticState(
            iterate=params.copy(),
            direction=xp.zeros_like(params),
            second_moment=xp.zeros_like(params) if self.direction == "adam" else none,
            multipliers=xp.ones_like(params) if per_parameter else none,
            product_scale=xp.zeros_like(params) if per_parameter else none.copy(),
            log_rates=np.full(len(self._groups), -np.inf),
            log_rate_caps=np.full(len(self._groups), np.inf),
            changes=np.zeros(len(FRACTIONS)),
            point=xp.empty_like(params),
            grad=xp.empty_like(params),
        )

    def step(self, state: AutomaticState, params: Array, evaluate: Evaluate) -> Any:
        """Update `params` and `state` in place; return the loss of the batch before the step.

        On a device, steps from the `N_ADAPTED`-th on are made ahead of the host: they count, and their losses are
        final, when `result` is asked for; `evaluate` may be called until then.

        Raises
        ------
        FloatingPointError
            If a batch has no finite loss and gradient at the average, either.
        """
        if type(params) is not np.ndarray and state.step >= N_ADAPTED:
            return step_ahead(state, params, evaluate, self._step, window_end=CHECK_EVERY)
        return self._step(state, params, evaluate)

    def _step(self, state: AutomaticState, params: Array, evaluate: Evaluate) -> Any:
        if not state.is_at_point:
            self._interpolate(state, params)
        state.is_at_point = False  # it does not stay there
        if 1 <= state.step <= N_JUDGED and state.has_direction:
            judge_direction(state, self._share * math.exp(state.log_rates[0]), evaluate)
            self._interpolate(state, params)
        if state.step == N_JUDGED:
            multiple = ADAM_MULTIPLE if self.direction == "adam" else GRADIENT_MULTIPLE
            state.owe([], partial(bound_rates, state, multiple))
        loss = guarded_gradient(state, params, evaluate)
        adapts = state.has_direction and state.step % ADAPT_EVERY == 0
        if adapts and self.granularity == "parameter":
            adapt_multipliers(state)
        self._set_direction(state)
        if state.step == 0:
            slope = float(namespace(state.grad).vdot(state.grad, state.direction))
            if not slope > 0:
                return loss  # nothing leads downhill yet: no step
            rate = self._probe(state, params, evaluate, loss, slope)
            if not rate > 0:
                return loss  # what seems to lead downhill is rounding
            state.log_rates[...] = math.log(rate)
        self._move(state, params, self._group_rates(state, params, evaluate, loss))
        return loss

    def result(self, state: AutomaticState, params: Array) -> Array:
        """Return what is scored and stored: the parameters, which are the average."""
        if state.window is None:
            state.settle()
        else:
            catch_up(state, params, self._step)
        return params

    def rates(self, state: AutomaticState) -> Array:
        """Return the current learning rates, one per parameter, layer or for all; 0 before the first step."""
        rates, unit = self.relative_rates(state)
        return rates * unit

    def relative_rates(self, state: AutomaticState) -> tuple[Array, float]:
        """Return the current learning rates in a unit, without a copy of those of parameters, and the unit."""
        steps = self._share * np.exp(state.log_rates)
        return (state.multipliers, float(steps[0])) if self.granularity == "parameter" else (steps, 1.0)

    def note(self, state: AutomaticState) -> str:
        """Return what the guard did so far."""
        return f"{state.n_restarts} restarts" if state.n_restarts else ""

    @cached_property
    def _share(self) -> float:
        return ADAM_SHARE if self.direction == "adam" else GRADIENT_SHARE

    @cached_property
    def _interpolation(self) -> float:
        if self.direction in ("momentum", "nesterov"):
            return float(self.momentum)
        return ADAM_INTERPOLATION if self.direction == "adam" else SGD_INTERPOLATION

    @cached_property
    def _groups(self) -> Sequence[Group]:
        return self.layout.layers if self.granularity == "layer" else ((slice(None),),)

    def _group_rates(self, state: AutomaticState, params: Array, evaluate: Evaluate, loss: Any) -> list[Any]:
        """Return the rates of the groups for this step, adapted in the steps that do so."""
        is_found = state.step >= N_ADAPTED
        if state.step == N_ADAPTED:
            state.log_rate_caps[...] = state.log_rates
        is_left_alone = state.step < N_JUDGED or (is_found and self.direction == "adam")
        if is_left_alone or state.step % (CHECK_EVERY if is_found else ADAPT_EVERY):
            return group_rates(state)
        self._interpolate(state, params)
        return adapt_groups(state, self._groups, evaluate, loss)

    def _interpolate(self, state: AutomaticState, params: Array) -> None:
        """Set the point y between the iterate and the average."""
        kernels(params).interpolate(state.point, params, state.iterate, self._interpolation, state.grad)

    def _shorten(self, state: AutomaticState) -> None:
        if state.window is not None:
            state.window.shorten(state.grad)
            return
        norm = math.sqrt(state.square)
        if state.step == 0:
            state.mean_norm = norm
        longest = MAX_RELATIVE_NORM * state.mean_norm
        if norm > longest:
            state.grad *= longest / norm
            norm = longest
        state.mean_norm += max(NORM_SMOOTHING, 1 / (state.step + 1)) * (norm - state.mean_norm)

    def _probe(self, state: AutomaticState, params: Array, evaluate: Evaluate, loss: float, slope: float) -> float:
        """Return the rate that minimises the loss of the first batch along d, by forward passes."""
        xp = namespace(params)

        def loss_at(rate: float) -> float:
            xp.multiply(state.direction, -rate, out=state.point)
            state.point += params
            trial = float(evaluate(state.point))
            return trial if math.isfinite(trial) else math.inf

        return first_rate(loss_at, loss, slope, self.learning_rate_init)

    def _set_direction(self, state: AutomaticState) -> None:
        """Set d, the scaled gradient times the rates of the parameters within their group."""
        multipliers = state.multipliers if self.granularity == "parameter" else None
        if self.direction == "adam":
            correction = (1 - self.beta_2) / (1 - self.beta_2 ** (state.step + 1))
            kernels(state.grad).scale_direction(
                state.direction,
                multipliers,
                state.grad,
                state.second_moment,
                self.beta_2,
                correction,
                self.epsilon,
                state.point,
            )
        else:
            self._shorten(state)
            if multipliers is None:
                state.direction[...] = state.grad
            else:
                namespace(state.grad).multiply(multipliers, state.grad, out=state.direction)

    def _move(self, state: AutomaticState, params: Array, rates: list[Any]) -> None:
        """Move the iterate so that y moves by the rates times d, the average towards the iterate, and y along."""
        weight = 2 / (state.step + 2)
        interpolation = self._interpolation
        factor = self._share / (1 - interpolation + interpolation * weight)
        move = kernels(params).move
        for rate, group in zip(rates, self._groups, strict=True):
            for block in group:
                blocks = state.iterate[block], params[block], state.direction[block]
                move(*blocks, factor * rate, weight, state.point[block], interpolation, state.grad[block])
        state.is_at_point = True
        state.has_direction = True
        state.step += 1
