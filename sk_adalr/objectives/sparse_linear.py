r"""The loss of a linear model with one output on CSR rows in host memory, such as most text models.

A row of text has few entries, so that Python calls take longer than the products. The sums of a step are NumPy's
(pairwise, over contiguous numbers): the compiled kernels add in the same order, while a BLAS adds in an order that
depends on the processor.
"""

import math
from types import ModuleType
from typing import Any

import numpy as np

from sk_adalr.backends import Array, kernels
from sk_adalr.dataset import Batch
from sk_adalr.objectives.losses import Loss

# Older versions of NumPy sum blocks of this many numbers pairwise, and add the sums of the blocks sequentially.
_BUFFER = 8192


def split_division(divisor: Any, library: ModuleType = math) -> tuple[Any, Any]:
    """Return two factors whose product is ``1 / divisor``: a power of two, and the rest, which is often 1.

    Residuals are multiplied by the power of two, which is exact: residuals that sum to zero still do, while the
    round-off error of another factor would leave a small gradient that Adam scales up to full steps. For an array of
    divisors, pass NumPy as `library`.
    """
    mantissa, exponent = library.frexp(divisor)
    return library.ldexp(1.0, 1 - exponent), 0.5 / mantissa


def pairwise_sum(a: np.ndarray) -> Any:
    """Return the sum along the last axis in the order of current NumPy, pairwise throughout, with older versions, too.

    That axis must be contiguous.
    """
    n = a.shape[-1]
    if n <= _BUFFER:
        return np.add.reduce(a, axis=-1)
    half = n // 2 - n // 2 % 8
    return pairwise_sum(a[..., :half]) + pairwise_sum(a[..., half:])


def scalar_value_and_grad(
    loss: Loss, params: Array, batch: Batch, out: Array, weight_sum: float, factor: float, weighted: Array
) -> Any:
    """Return the penalised loss (0-d) and fill `out` with its gradient; arguments as for `Network.value_and_grad`."""
    X, n_columns = batch.X, batch.X.shape[1]
    coef, coef_grad, table = params[:n_columns], out[:n_columns], kernels(params)
    raw, products = np.empty((batch.n_rows, 1), dtype=params.dtype), np.empty_like(coef)
    table.csr_matmul(X.matrix, coef[:, None], None, raw)
    if X.offset is not None:
        raw -= pairwise_sum(np.multiply(X.offset, coef, out=products))
    if params.size > n_columns:
        raw += params[n_columns]
    scale, rest = split_division(weight_sum)
    row_losses = loss.residual(raw, batch.target, batch.weight, scale)
    table.csr_transposed_matmul(X.matrix, raw, None, coef_grad[:, None])
    total = pairwise_sum(raw[:, 0])
    if X.offset is not None:
        coef_grad -= np.multiply(X.offset, total, out=products)
    out[n_columns:] = total
    if rest != 1:
        out *= rest
    if batch.weight is not None:
        row_losses = row_losses * batch.weight
    value = pairwise_sum(row_losses.astype(np.float64, copy=False)) / weight_sum
    if factor:
        coef_grad += np.multiply(weighted, factor, out=products)
        products *= coef
        value += 0.5 * pairwise_sum(products)
    return value
