r"""One step of the method: adapt the learning rate, then update the parameters.

.. math::

    \eta_t = \text{rule}(\eta_{t-1}, g_t, d_{t-1}), \qquad d_t = \text{direction}(g_t), \qquad
    w_{t+1} = w_t - \eta_t \odot d_t
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np

from sk_adalr.backends import Array, kernels, namespace
from sk_adalr.directions import DIRECTIONS, Direction, ElementwiseDirection
from sk_adalr.learning_rates import GRANULARITIES, Constant, Hypergradient, LearningRate, PerParameter
from sk_adalr.optimizer.state import buffer, late_buffer
from sk_adalr.parameters import ParameterLayout

#: With at least _MANY parameters the vectors of a step do not stay in cache between its passes, so that the step is
#: made in blocks of _BLOCK parameters.
_MANY, _BLOCK = 200_000, 32_768


class Evaluate(Protocol):
    """The loss of one batch as a function of the parameters alone."""

    def __call__(self, params: Array, out: Array | None = None) -> Any:
        """Return the mean loss, penalty included; fill `out` (n_params,), if given, with its gradient."""
        ...


@dataclass
class OptimizerState:
    """Everything that changes from step to step: arrays and numbers only."""

    step: int
    direction: Array  # d_{t-1} before the direction's update, d_t after it
    direction_state: dict[str, Array]
    rate_state: dict[str, Array]
    grad: Array = buffer()  # noqa: RUF009
    scratch: Array | None = late_buffer()  # noqa: RUF009  # fused kernels need none

    def get_scratch(self) -> Array:
        """Return `scratch`, an array like the parameters, allocated on first use."""
        if self.scratch is None:
            self.scratch = namespace(self.grad).empty_like(self.grad)
        return self.scratch


@dataclass(frozen=True)
class Optimizer:
    """A direction and a learning rate: where to step, and how far.

    Parameters
    ----------
    direction : Direction
        Where to step: ``SGD()``, ``Momentum()``, ``Nesterov()``, ``Adam()`` or a custom one.
    learning_rate : LearningRate
        How far: ``Constant()``, ``Hypergradient()`` or a custom one.
    layout : ParameterLayout
        Which parameters form a layer.
    """

    direction: Direction
    learning_rate: LearningRate
    layout: ParameterLayout

    State = OptimizerState
    #: Whether batches have equal sizes. False as in scikit-learn: the rows left over at the end form a smaller batch.
    has_even_batches: ClassVar[bool] = False
    #: Factor of the random parameters with which the output layer starts. 1 as in scikit-learn.
    output_factor: ClassVar[float] = 1.0
    #: Additional advice if training diverges, as the end of a sentence.
    remedy: ClassVar[str] = ", or lower `learning_rate_init` or `hyper_learning_rate`"

    def init(self, params: Array) -> OptimizerState:
        """Return the state before the first step.

        Parameters
        ----------
        params : array of shape (n_params,)
            The parameters to train; the state takes their dtype and device.

        Returns
        -------
        OptimizerState
            The state of a new optimizer.
        """
        xp = namespace(params)
        return OptimizerState(
            step=0,
            direction=xp.zeros_like(params),  # so that the first step uses the initial rate as given
            direction_state=self.direction.init(params),
            rate_state=self.learning_rate.init(params, self.layout),
            grad=xp.empty_like(params),
        )

    def step(self, state: OptimizerState, params: Array, evaluate: Evaluate) -> Any:
        """Make one step.

        Parameters
        ----------
        state : OptimizerState
            As returned by `init`; changed in place.
        params : array of shape (n_params,)
            The parameters; changed in place.
        evaluate : callable
            ``evaluate(params, out=None)`` returns the loss and fills `out` (n_params,), if given, with its gradient.

        Returns
        -------
        float or 0-d array
            The loss at the parameters before the step.
        """
        loss = evaluate(params, out=state.grad)
        self.move(state, params)
        return loss

    def move(self, state: OptimizerState, params: Array) -> None:
        """Make the step with the gradient that is in the state.

        Parameters
        ----------
        state : OptimizerState
            Changed in place, except for its `grad`.
        params : array of shape (n_params,)
            The parameters; changed in place.
        """
        state.step += 1
        kernel = kernels(params).step.get(self._kernel_name)
        if kernel is None:
            self._move_by_blocks(state, params)
        else:
            self._move_at_once(kernel, state, params)

    @cached_property
    def many_steps(self) -> str | None:
        """Name of the kernel that makes many steps in one call; None if rates or direction need their own pass."""
        return self._kernel_name if self._has_own_rates or type(self.learning_rate) is Constant else None

    def make_steps(self, state: OptimizerState, params: Array, n_steps: int, kernel: Callable[..., Any]) -> Any:
        """Make many steps in one call of ``kernel(params, grad, operands, constants)``.

        Parameters
        ----------
        state : OptimizerState
            Changed in place.
        params : array of shape (n_params,)
            The parameters; changed in place.
        n_steps : int
            Number of steps.
        kernel : callable
            From `Kernels.csr_steps`, with its arguments about the rows already bound. The operands are the direction,
            the rates and the arrays of the direction; the constants, (n_steps, n_constants), are the hyper-learning
            rate, whether the rates adapt, and the constants of the direction.

        Returns
        -------
        object
            The value that `kernel` returns.
        """
        first, n_arrays = state.step + 1, len(state.direction_state)
        alpha = self.learning_rate.hyper_learning_rate if self._has_own_rates else 0.0  # type: ignore[attr-defined]
        operands = self.direction.operands  # type: ignore[attr-defined]
        of_steps = [operands(state.direction_state, step) for step in range(first, first + n_steps)]
        constants = np.array([(alpha, self._has_own_rates, *of_step[n_arrays:]) for of_step in of_steps])
        state.step += n_steps  # before the call, since Ctrl-C is raised after it
        rates = state.rate_state["rates"]
        return kernel(params, state.grad, (state.direction, rates, *of_steps[0][:n_arrays]), constants)

    def _move_by_blocks(self, state: OptimizerState, params: Array) -> None:
        if params.size < _MANY or not self._is_elementwise:
            self._move(state, params)
            return
        scratch = namespace(params).empty_like(params[:_BLOCK])
        for start in range(0, params.size, _BLOCK):
            block = slice(start, min(start + _BLOCK, params.size))
            direction_state = {name: array[block] for name, array in state.direction_state.items()}
            rates = state.rate_state["rates"]
            rate_state = {"rates": rates[block] if self._has_own_rates else rates}
            vectors = state.grad[block], scratch[: block.stop - block.start]
            part = OptimizerState(state.step, state.direction[block], direction_state, rate_state, *vectors)
            self._move(part, params[block])

    def _move(self, state: OptimizerState, params: Array) -> None:
        layout, scratch = self.layout, state.get_scratch()
        # The previous direction is still in its buffer: adapt the rates before the direction overwrites it.
        self.learning_rate.update(state.rate_state, state.grad, state.direction, state.step, layout, scratch=scratch)
        self.direction.update(state.direction_state, state.grad, state.step, out=state.direction)
        rates = self.learning_rate.expand(state.rate_state, layout, scratch=scratch)
        params -= namespace(params).multiply(rates, state.direction, out=scratch)  # eq. weight_update

    @cached_property
    def _kernel_name(self) -> str | None:
        """Name of the kernel equivalent to `_move` for this direction and rule; None for subclasses of known ones."""
        rule = self.learning_rate
        if type(rule) is not Constant and not (
            type(rule) is Hypergradient and type(rule.granularity) in GRANULARITIES.values()
        ):
            return None
        if not isinstance(self.direction, ElementwiseDirection):
            return None
        return next((name for name, known in DIRECTIONS.items() if known is type(self.direction)), None)

    @cached_property
    def _has_own_rates(self) -> bool:
        """Whether each parameter has a rate, which the kernel adapts."""
        return isinstance(self.learning_rate, Hypergradient) and isinstance(
            self.learning_rate.granularity, PerParameter
        )

    @cached_property
    def _is_elementwise(self) -> bool:
        """Whether `_move` can be made block by block."""
        shares_one = type(self.learning_rate) is Constant
        return self._kernel_name is not None and (self._has_own_rates or shares_one)

    def _move_at_once(self, kernel: Callable[..., Any], state: OptimizerState, params: Array) -> None:
        rule, rates, alpha = self.learning_rate, state.rate_state["rates"], 0.0
        if self._has_own_rates:
            alpha = rule.hyper_learning_rate  # type: ignore[attr-defined]
        else:
            scratch = state.grad if type(rule) is Constant else state.get_scratch()  # a constant rate uses no scratch
            rule.update(state.rate_state, state.grad, state.direction, state.step, self.layout, scratch=scratch)
            rates = rule.expand(state.rate_state, self.layout, scratch=scratch)
        operands = self.direction.operands(state.direction_state, state.step)  # type: ignore[attr-defined]
        kernel(params, state.grad, state.direction, rates, alpha, self._has_own_rates, *operands)

    def rates(self, state: OptimizerState) -> Array:
        """Return the current learning rates.

        Parameters
        ----------
        state : OptimizerState
            The state.

        Returns
        -------
        array of shape (n_rates,)
            Their unit is the unit of the parameters divided by that of the direction.
        """
        return state.rate_state["rates"]

    def begin(
        self, state: OptimizerState, params: Array, evaluate: Evaluate, first_rates: Callable[[Array], Any]
    ) -> None:
        """Do nothing before the first step: the learning rate is given, unlike in the automatic rule.

        Parameters
        ----------
        state : OptimizerState
            The state.
        params : array of shape (n_params,)
            The initial parameters.
        evaluate : callable
            The loss of the first batch, as for `step`.
        first_rates : callable
            ``first_rates(direction)`` returns the rate of each layer, (n_layers,).
        """

    def moments(self, state: OptimizerState) -> list[Array]:
        """Return the moving averages of the gradients.

        Parameters
        ----------
        state : OptimizerState
            The state.

        Returns
        -------
        list of arrays
            The arrays of the direction's state.
        """
        return list(state.direction_state.values())
