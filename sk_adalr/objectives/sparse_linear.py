r"""The loss of a linear model with one output on CSR rows of the host: most models of text.

A row of text has few entries, and the calls around its products take longer than these. The sums of a step are NumPy's
own, of consecutive numbers: compiled kernels follow their order, while that of a BLAS depends on the processor.
"""

import math
from types import ModuleType
from typing import Any

import numpy as np

from sk_adalr.backends import Array, kernels
from sk_adalr.dataset import Batch
from sk_adalr.objectives.losses import Loss

# Numbers that older versions of NumPy add pairwise; of more, they add the sums of so many one after another.
_BUFFER = 8192


def split_division(divisor: Any, library: ModuleType = math) -> tuple[Any, Any]:
    """Return two factors that divide by `divisor`: a power of two for residuals, of which there are few, and the rest.

    Unlike other divisions, the first leaves sums that cancel to zero at zero, of which Adam would make full steps
    otherwise. The second is often 1. Of arrays of divisors, NumPy is the `library`.
    """
    mantissa, exponent = library.frexp(divisor)
    return library.ldexp(1.0, 1 - exponent), 0.5 / mantissa


def pairwise_sum(a: np.ndarray) -> Any:
    """Return the sum of a vector in the order of today's NumPy, with older versions, too."""
    n = len(a)
    if n <= _BUFFER:
        return np.add.reduce(a)
    half = n // 2 - n // 2 % 8
    return pairwise_sum(a[:half]) + pairwise_sum(a[half:])


def scalar_value_and_grad(
    loss: Loss, params: Array, batch: Batch, out: Array, weight_sum: float, factor: float, weighted: Array
) -> Any:
    """Return the penalised loss (0-d), and fill `out` with its gradient, as `Network.value_and_grad` says."""
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
