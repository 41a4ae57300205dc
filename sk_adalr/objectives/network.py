r"""A feed-forward network of affine layers; without a hidden layer it is the linear predictor.

.. math:: a_0 = x, \qquad a_{l} = \phi(a_{l-1} W_l + b_l), \qquad u = a_{L-1} W_L + b_L
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from sk_adalr.backends import Array, Residuals, is_sparse, kernels, multiply_into, namespace, special, to_floats
from sk_adalr.dataset import Batch
from sk_adalr.objectives.losses import Loss
from sk_adalr.objectives.sparse_linear import scalar_value_and_grad, split_division
from sk_adalr.parameters import ParameterLayout
from sk_adalr.sparse_rows import SparseRows
from sk_adalr.standardization import Standardization


@dataclass(frozen=True)
class Activation:
    """An elementwise activation function, and its derivative for the backward pass.

    ``apply(output, bias)`` adds the bias, unless it is None, and applies the function in place.
    ``multiply_by_derivative(delta, output)`` multiplies `delta` by the derivative, given the function's output; it
    overwrites both.
    """

    apply: Callable[[Array, Array | None], Any]
    multiply_by_derivative: Callable[[Array, Array], Any]


def _add(output: Array, bias: Array | None) -> Array:
    if bias is not None:
        output += bias
    return output


def _relu(output: Array, bias: Array | None) -> None:
    if bias is None:
        namespace(output).maximum(output, 0, out=output)
    else:
        kernels(output).add_bias_relu(output, bias)


def _tanh(output: Array, bias: Array | None) -> None:
    namespace(output).tanh(_add(output, bias), out=output)


def _logistic(output: Array, bias: Array | None) -> None:
    special(output).expit(_add(output, bias), out=output)


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(_add, lambda delta, output: None),
    "relu": Activation(_relu, lambda delta, output: kernels(delta).relu_backward(delta, output)),
    "tanh": Activation(_tanh, lambda delta, output: kernels(delta).tanh_backward(delta, output)),
    "logistic": Activation(_logistic, lambda delta, output: kernels(delta).logistic_backward(delta, output)),
}
#: The names of `ACTIVATIONS`, for type checkers.
ActivationName: TypeAlias = Literal["identity", "logistic", "tanh", "relu"]


_BLOCK_ELEMENTS = 1 << 18  # outputs of the widest layer per block of rows in `predict_raw`


class _Blocks:
    """The layers of a flat vector, as cached views: training unpacks the same vector in every step."""

    def __init__(self, layout: ParameterLayout) -> None:
        self._layout = layout
        self._vector: Array | None = None
        self._views: tuple[list[Array], list[Array]] = ([], [])

    def of(self, vector: Array) -> tuple[list[Array], list[Array]]:
        """Return the coefficients and the intercepts of each layer, as views."""
        if self._vector is not vector:
            self._vector, self._views = vector, self._layout.unpack(vector)
        return self._views


class Network:
    """The loss of a feed-forward network on a batch, with an L2 penalty.

    Parameters
    ----------
    layout : ParameterLayout
        The affine layers.
    loss : Loss
        Compares the raw prediction of the last layer with the target.
    activation : {"identity", "relu", "tanh", "logistic"}, default="relu"
        Activation function of the hidden layers.
    """

    def __init__(self, layout: ParameterLayout, loss: Loss, activation: str = "relu") -> None:
        self.layout = layout
        self.loss = loss
        self.activation = activation
        self._is_scalar = len(layout.coef_shapes) == 1 and layout.coef_shapes[0][1] == 1
        self._whole: _Buffers | None = None
        self._parts: dict[int, _Buffers] = {}
        self._params_blocks, self._grad_blocks = _Blocks(layout), _Blocks(layout)

    @property
    def scalar_loss(self) -> str | None:
        """Name of the loss in `Kernels.csr_steps`, for a linear model with one output; None if there is no kernel."""
        return getattr(self.loss.residual, "kernel", None) if self._is_scalar else None

    def initial_params(self, random_state: np.random.RandomState, dtype: Any, bound_factor: float) -> np.ndarray:
        r"""Return random initial parameters (n_params,), drawn like those of scikit-learn's MLP.

        Coefficients and intercepts of a layer are uniform within
        :math:`\\sqrt{\\mathrm{bound\\_factor} / (n_{in} + n_{out})}` (Glorot and Bengio, 2010).
        """
        params = np.empty(self.layout.n_params, dtype=dtype)
        coefs, intercepts = self.layout.unpack(params)
        for i, (n_in, n_out) in enumerate(self.layout.coef_shapes):
            bound = np.sqrt(bound_factor / (n_in + n_out))
            coefs[i][:] = random_state.uniform(-bound, bound, (n_in, n_out))
            if intercepts:
                intercepts[i][:] = random_state.uniform(-bound, bound, n_out)
        return params

    def value_and_grad(
        self,
        params: Array,
        batch: Batch,
        *,
        out: Array | None = None,
        weight_sum: float = 1.0,
        factor: float = 0.0,
        weighted_coefs: Array | None = None,
    ) -> Any:
        """Return the penalised loss of `batch` (0-d); fill `out` (n_params,), if given, with its gradient.

        The result is the weighted sum of the rows' losses divided by `weight_sum`, plus ``factor / 2`` times the sum
        of squared coefficients. If the squares have weights, `weighted_coefs` (n_coefs,) are the coefficients times
        these. `weight_sum` is a parameter so that results of blocks of rows can be added up.
        """
        coef_vector = params[: self.layout.n_coefs]
        weighted = coef_vector if weighted_coefs is None else weighted_coefs
        if out is not None and self._is_scalar and isinstance(batch.X, SparseRows) and type(params) is np.ndarray:
            return scalar_value_and_grad(self.loss, params, batch, out, weight_sum, factor, weighted)
        coefs, intercepts = self._params_blocks.of(params)
        buffers = self._buffers_of(params, batch.n_rows)
        X = SparseRows(batch.X) if is_sparse(batch.X) else batch.X
        bias = intercepts[-1] if intercepts else None
        raw = _forward(coefs, intercepts, X, ACTIVATIONS[self.activation], buffers.outputs, add_last=out is None)
        if out is None:
            value = self.loss.value(raw, batch.target, batch.weight) / weight_sum
            return value + 0.5 * factor * namespace(params).dot(coef_vector, weighted) if factor else value
        scale, rest = split_division(weight_sum)
        row_losses = self.loss.residual(raw, batch.target, batch.weight, scale, bias)
        coef_grads, intercept_grads = self._grad_blocks.of(out)
        self._backward(coefs, buffers, X, coef_grads)
        rows = (intercept_grads, buffers.residuals, row_losses, batch.weight)
        return kernels(out).finish(out, coef_vector, weighted, *rows, weight_sum, factor, rest)

    def output_changes(self, params: Array, batch: Batch, direction: Array) -> tuple[np.ndarray, float]:
        """Return the mean change of each layer's outputs if only this layer takes a step, and the mean raw prediction.

        Parameters
        ----------
        params : array of shape (n_params,)
        batch : Batch
        direction : array of shape (n_params,)
            The step, of which each layer takes its part while the other layers stay.

        Returns
        -------
        changes : ndarray of shape (n_layers,)
            Mean absolute change of the affine outputs, over rows and outputs; on the host.
        raw : float
            Mean absolute raw prediction before the step.
        """
        X = SparseRows(batch.X) if is_sparse(batch.X) else batch.X
        outputs = self._buffers_of(params, batch.n_rows).outputs
        _forward(*self._params_blocks.of(params), X, ACTIVATIONS[self.activation], outputs)
        sums = [_absolute_sum(outputs[-1], batch.weight)]
        coefs, intercepts = self.layout.unpack(direction)
        for i in reversed(range(len(coefs))):  # in this order, because the changes overwrite the layer's outputs
            change = _multiply(outputs[i - 1] if i else X, coefs[i], outputs[i])
            sums.append(_absolute_sum(_add(change, intercepts[i] if intercepts else None), batch.weight))
        raw, *changes = (
            value / (batch.weight_sum * output.shape[1])
            for value, output in zip(to_floats(sums), [outputs[-1], *reversed(outputs)], strict=True)
        )
        return np.array(changes[::-1]), raw

    def _buffers_of(self, params: Array, n_rows: int) -> "_Buffers":
        """Return buffers for a batch of `n_rows`, reused so that steps allocate nothing."""
        whole = self._whole
        if whole is None or whole.outputs[0].shape[0] < n_rows or whole.outputs[0].dtype != params.dtype:
            self._whole = whole = _Buffers.allocate(self.layout, params, n_rows)
            self._parts = {}
        if n_rows not in self._parts:
            self._parts[n_rows] = whole.rows(n_rows)
        return self._parts[n_rows]

    def _backward(self, coefs: list[Array], buffers: "_Buffers", X: Any, coef_grads: list[Array]) -> None:
        """Backpropagate: fill the gradients of the coefficients and the residuals of the hidden layers."""
        outputs, deltas = buffers.outputs, buffers.deltas
        delta = outputs[-1]
        for i in reversed(range(1, len(coefs))):
            multiply_into(coef_grads[i], outputs[i - 1].T, delta)
            delta = multiply_into(deltas[i - 1], delta, coefs[i].T)
            ACTIVATIONS[self.activation].multiply_by_derivative(delta, outputs[i - 1])
        if isinstance(X, SparseRows):
            X.transposed_matmul(delta, out=coef_grads[0])
        else:
            multiply_into(coef_grads[0], X.T, delta)


def _absolute_sum(values: Array, weight: Array | None) -> Array:
    """Return the sum of the absolute values, weighted by rows; overwrites `values`."""
    xp = namespace(values)
    rows = xp.abs(values, out=values).sum(axis=1)
    return (rows if weight is None else rows * weight).sum(dtype="float64")


class _Buffers(NamedTuple):
    """Buffers for the outputs of all layers (the residual overwrites the last one) and for the hidden residuals."""

    outputs: list[Array]
    deltas: list[Array]
    residuals: Residuals

    @classmethod
    def allocate(cls, layout: ParameterLayout, like: Array, n_rows: int) -> "_Buffers":
        xp = namespace(like)
        widths = [n_out for _, n_out in layout.coef_shapes]
        outputs = [xp.empty((n_rows, width), dtype=like.dtype) for width in widths]
        deltas = [xp.empty((n_rows, width), dtype=like.dtype) for width in widths[:-1]]
        arrays = [*deltas, outputs[-1]] if layout.fit_intercept else []
        return cls(outputs, deltas, Residuals(arrays, xp.ones(n_rows, dtype=like.dtype)))

    def rows(self, n_rows: int) -> "_Buffers":
        """Return views of the first `n_rows` rows."""
        outputs, deltas, arrays = ([a[:n_rows] for a in b] for b in (self.outputs, self.deltas, self.residuals.arrays))
        return _Buffers(outputs, deltas, Residuals(arrays, self.residuals.ones[:n_rows]))


def _multiply(inputs: Any, coef: Array, out: Array) -> Array:
    """Return the product of a layer's inputs and coefficients, in `out`."""
    return inputs.matmul(coef, out=out) if isinstance(inputs, SparseRows) else multiply_into(out, inputs, coef)


def _forward(
    coefs: list[Array],
    intercepts: list[Array],
    X: Any,
    activation: Activation,
    outs: list[Array] | None = None,
    add_last: bool = True,
) -> Array:
    """Return the raw prediction; the output of each layer is in `outs` if given.

    If `add_last` is False, the last bias is not added: `Loss.residual` adds it.
    """
    output = X
    for i, coef in enumerate(coefs):
        if outs is None:
            output = output @ coef
        else:
            output = _multiply(output, coef, outs[i])
        bias = intercepts[i] if intercepts else None
        if i < len(coefs) - 1:
            activation.apply(output, bias)
        elif add_last:
            _add(output, bias)
    return output


def predict_raw(
    coefs: list[Array],
    intercepts: list[Array],
    X: Any,
    activation: str,
    *,
    rows: Array | None = None,
    standardization: Standardization | None = None,
) -> Array:
    """Return the raw prediction (n_rows, n_outputs) for the given rows of `X`, by default all.

    Rows are processed in blocks, so that hidden layers and standardised rows need little memory.
    """
    n_rows = X.shape[0] if rows is None else len(rows)
    widths = [coef.shape[1] for coef in coefs] + ([] if is_sparse(X) else [X.shape[1]])
    block_rows = max(1, _BLOCK_ELEMENTS // max(widths))
    blocks = []
    for start in range(0, n_rows, block_rows):
        block = slice(start, start + block_rows)
        X_block = X[block if rows is None else rows[block]]
        if standardization is not None:
            X_block = standardization.transform(X_block)
        blocks.append(_forward(coefs, intercepts, X_block, ACTIVATIONS[activation]))
    return namespace(coefs[0]).concatenate(blocks)
