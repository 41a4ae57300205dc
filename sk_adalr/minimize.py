"""The optimizers for any differentiable function, with the interface of ``scipy.optimize.minimize``."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult

from sk_adalr.directions import Direction, DirectionName
from sk_adalr.learning_rates import GranularityName, LearningRate, LearningRateName
from sk_adalr.names import check_number, make_direction, make_learning_rate
from sk_adalr.optimizer import Optimizer, OptimizerState
from sk_adalr.parameters import ParameterLayout


class _Objective:
    """The objective function, from `fun` and `jac` in either of scipy's forms, with counts of the evaluations."""

    def __init__(self, fun: Callable[..., Any], jac: Callable[..., Any] | bool, args: tuple[Any, ...]) -> None:
        if not callable(fun):
            raise TypeError(f"`fun` must be callable; got {fun!r}.")
        if jac is not True and not callable(jac):
            raise TypeError(
                f"`jac` must be True (`fun` returns the value and the gradient) or a callable; got {jac!r}."
            )
        self._fun, self._args = fun, args
        self._jac: Any = jac
        self.nfev = self.njev = 0

    def __call__(self, params: np.ndarray) -> tuple[float, np.ndarray]:
        """Return value and gradient at `params`; the gradient may be the array that the user's function returned."""
        # A copy, because a user's function may keep its argument, which must not change later.
        point = params.copy()
        self.nfev += 1
        found = self._fun(point, *self._args)
        if self._jac is not True:
            value, grad = found, self._jac(point, *self._args)
        elif isinstance(found, tuple | list) and len(found) == 2:
            value, grad = found
        else:
            raise TypeError(
                f"`fun` must return the value and the gradient, with `jac=True`; it returned {found!r}. Or pass a "
                "function of the gradient as `jac`."
            )
        self.njev += 1
        grad = np.asarray(grad)
        if grad.size == params.size == 1:  # a scalar gradient is accepted for one parameter
            grad = grad.reshape(1)
        if grad.shape != params.shape:
            raise ValueError(f"The gradient must have the shape of `x0`, {params.shape}; got {grad.shape}.")
        value = value if type(value) is float else float(np.asarray(value).item())
        return value, np.ascontiguousarray(grad, dtype=params.dtype)


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    *,
    method: DirectionName | Direction = "adam",
    jac: Callable[..., Any] | bool = True,
    learning_rate: LearningRateName | LearningRate = "hypergradient",
    granularity: GranularityName = "parameter",
    learning_rate_init: float = 1e-3,
    hyper_learning_rate: float = 1e-4,
    momentum: float = 0.9,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    max_iter: int = 1000,
    tol: float = 1e-6,
    callback: Callable[..., Any] | None = None,
    return_history: bool = False,
) -> OptimizeResult:
    r"""Minimise a differentiable function by gradient descent with adapted learning rates.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float``, or ``-> (float, array)`` where ``jac=True``.
    x0 : array-like of shape (n,), or a number for n = 1
        The start. float32 is kept; anything else is taken as float64.
    args : tuple or object, default=()
        Further arguments of `fun` and `jac`.
    method : {"sgd", "momentum", "nesterov", "adam"} or Direction, default="adam"
        The direction of an update.
    jac : callable or True, default=True
        ``jac(x, *args) -> array of shape (n,)``; True if `fun` returns the value and the gradient.
    learning_rate : {"constant", "hypergradient"} or LearningRate, default="hypergradient"
        How the learning rate is found.
    granularity : {"parameter", "layer", "global"}, default="parameter"
        How many rates share the vector; "layer" is "global" here, for a plain vector is one layer.
    learning_rate_init : float, default=1e-3
        :math:`\eta_0 > 0`; the first update uses it as given.
    hyper_learning_rate : float, default=1e-4
        :math:`\alpha \ge 0` of the rule "hypergradient".
    momentum : float, default=0.9
        Momentum of "momentum" and "nesterov", in [0, 1).
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        Constants of "adam".
    max_iter : int, default=1000
        Number of updates.
    tol : float, default=1e-6
        Stop once no entry of the gradient exceeds it in magnitude; 0 disables stopping.
    callback : callable, default=None
        ``callback(intermediate_result)`` after each update, with attributes ``x``, ``fun`` and ``learning_rate``;
        ``fun`` is the value before the update. A true return value, or StopIteration, ends the run.
    return_history : bool, default=False
        Whether the result has a ``history``.

    Returns
    -------
    OptimizeResult
        ``x``, ``fun``, ``jac``, ``nit``, ``nfev``, ``njev``, ``success``, ``status`` (0: converged, 1: `max_iter`,
        2: non-finite value or gradient, 3: callback), ``message``, and ``history`` when asked. That is a dict of
        ``x`` (nit + 1, n), ``fun`` (nit + 1,) and ``learning_rate`` (nit, n_rates); row t of the rates led from point
        t to point t + 1.

    Raises
    ------
    TypeError, ValueError
        If an argument or the gradient's shape is invalid.

    Notes
    -----
    There is no automatic rule here: `learning_rate_init` and `hyper_learning_rate` must suit the function. The
    defaults take small steps. From the usual starts they have not finished Beale's and Rosenbrock's function after
    1000 updates, where :func:`scipy.optimize.minimize`, which has no rate, needs less than 50 evaluations. Prefer that
    for smooth functions of few parameters.

    References
    ----------
    .. [1] "An Adaptive Learning Rate Method for Gradient Descent Algorithms".

    Examples
    --------
    >>> from sk_adalr import minimize
    >>> def square(x):
    ...     return float(x @ x), 2 * x
    >>> result = minimize(square, [3.0, -2.0], method="sgd", learning_rate_init=0.1)
    >>> result.success
    True
    """
    check_number("max_iter", max_iter, 0, integer=True)
    check_number("tol", tol, 0)
    if callback is not None and not callable(callback):
        raise TypeError(f"`callback` must be callable or None; got {callback!r}.")
    params = _start(x0)
    optimizer = Optimizer(
        make_direction(method, "method", momentum=momentum, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon),
        make_learning_rate(learning_rate, granularity, learning_rate_init, hyper_learning_rate),
        ParameterLayout.vector(params.shape[0]),
    )
    objective = _Objective(fun, jac, args if isinstance(args, tuple) else (args,))
    history: dict[str, list[Any]] | None = {"x": [], "fun": [], "learning_rate": []} if return_history else None
    value, state, nit, status = _descend(optimizer, objective, params, history, max_iter, tol, callback)
    result = OptimizeResult(
        x=params,
        fun=value,
        jac=state.grad.copy(),
        nit=nit,
        nfev=objective.nfev,
        njev=objective.njev,
        success=status == 0,
        status=status,
        message=_MESSAGES[status].format(tol=tol, max_iter=max_iter),
    )
    if history is not None:
        result.history = {name: np.array(values) for name, values in history.items()}
        result.history["learning_rate"] = result.history["learning_rate"].reshape(nit, optimizer.rates(state).size)
    return result


def _descend(
    optimizer: Optimizer,
    objective: _Objective,
    params: np.ndarray,
    history: dict[str, list[Any]] | None,
    max_iter: int,
    tol: float,
    callback: Callable[..., Any] | None,
) -> tuple[float, OptimizerState, int, int]:
    """Minimise, updating `params` and `history` in place; return value, optimizer state, steps made and status."""
    state = optimizer.init(params)
    state.grad = np.empty(0)  # replaced by the gradient of each evaluation
    nit, status = 0, 1
    while True:
        value, state.grad = objective(params)
        if history is not None:
            history["x"].append(params.copy())
            history["fun"].append(value)
        if status == 3:
            break
        largest = _largest(state.grad)
        converged = tol > 0 and largest <= tol
        status = 0 if converged else 1 if math.isfinite(value) and math.isfinite(largest) else 2
        if status != 1 or nit == max_iter:
            break
        optimizer.move(state, params)
        nit += 1
        if history is not None:
            history["learning_rate"].append(optimizer.rates(state).copy())
        if callback is not None and _asks_to_stop(callback, params, value, optimizer.rates(state).copy()):
            status = 3
    return value, state, nit, status


_MESSAGES = {
    0: "The largest gradient entry fell to `tol` ({tol:g}) or below.",
    1: "Reached `max_iter` ({max_iter}) updates before the gradient fell to `tol` ({tol:g}).",
    2: "The value or the gradient became non-finite; lower `learning_rate_init` or `hyper_learning_rate`.",
    3: "The callback asked to stop.",
}


def _start(x0: Any) -> np.ndarray:
    """Return `x0` as a new vector of finite floats."""
    x0 = np.atleast_1d(np.asarray(x0))
    if x0.dtype.kind not in "biuf":
        raise TypeError(f"`x0` must be real numbers; got dtype {x0.dtype}.")
    params = np.array(x0, dtype=x0.dtype if x0.dtype == np.float32 else np.float64)
    if params.ndim != 1:
        raise ValueError(f"`x0` must be one-dimensional; got shape {params.shape}.")
    if not np.isfinite(params).all():
        raise ValueError("`x0` must be finite; got NaN or infinity.")
    return params


def _largest(grad: np.ndarray) -> float:
    """Return the largest absolute entry, without a copy; NaN if there is a NaN, 0 if `grad` is empty."""
    # The methods `max` and `min` call the same, but twice as slowly for a few numbers.
    return float(max(np.maximum.reduce(grad), -np.minimum.reduce(grad))) if grad.size else 0.0


def _asks_to_stop(callback: Callable[..., Any], params: np.ndarray, value: float, rates: np.ndarray) -> bool:
    try:
        return bool(callback(OptimizeResult(x=params.copy(), fun=value, learning_rate=rates)))
    except StopIteration:
        return True
