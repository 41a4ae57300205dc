"""The log loss for two classes with its derivatives, in one launch."""

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from sk_adalr.backends.kernels.device.threads import SUM_OF_GROUP, THREADS
from sk_adalr.backends.namespace import Array, namespace, to_host

MAX_BLOCKS = 1024

SOURCE = """
extern "C" __global__ void sk_adalr_log_loss(
    const double *scores, const signed char *sign, const double *weight, int has_weight, long long n,
    double *residuals, double *second, double *parts
) {
    double loss = 0.0, sum = 0.0;
    const long long stride = (long long) gridDim.x * THREADS;
    for (long long i = (long long) blockIdx.x * THREADS + threadIdx.x; i < n; i += stride) {
        const double margin = scores[i] * sign[i], w = has_weight ? weight[i] : 1.0;
        const double exponential = exp(-fabs(margin)), larger = 1.0 / (1.0 + exponential);
        const double residual = (margin > 0.0 ? 1.0 : exponential) * larger * w * sign[i];
        loss += (log1p(exponential) + (margin > 0.0 ? margin : 0.0)) * w;
        sum += residual;
        residuals[i] = residual;
        second[i] = exponential * larger * larger * w;
    }
    loss = sum_of_group(loss, THREADS);
    sum = sum_of_group(sum, THREADS);
    if (threadIdx.x == 0) {
        parts[2 * blockIdx.x] = loss;
        parts[2 * blockIdx.x + 1] = sum;
    }
}
"""


@cache
def _built(xp: ModuleType) -> Any:
    return xp.RawKernel(SUM_OF_GROUP + SOURCE, "sk_adalr_log_loss")


def log_loss(scores: Array, sign: Array, weight: Array | None) -> tuple[float, tuple[Array, Array, float]]:
    """Launch the kernel; see `Kernels.log_loss`."""
    xp, n = namespace(scores), len(scores)
    residuals, second = xp.empty_like(scores), xp.empty_like(scores)
    n_blocks = min(MAX_BLOCKS, -(-n // THREADS))
    parts = xp.empty((n_blocks, 2))
    weights = (scores if weight is None else weight), np.int32(weight is not None)
    _built(xp)((n_blocks,), (THREADS,), (scores, sign, *weights, np.int64(n), residuals, second, parts))
    # The host has to wait for the loss anyway.
    loss, residual_sum = to_host(parts).sum(axis=0).tolist()
    return loss, (residuals, second, residual_sum)


def log_loss_derivatives(
    evaluated: tuple[Array, Array, float], sign: Array, weight: Array | None
) -> tuple[Array, Array, float]:
    """Return the derivatives that `log_loss` has already computed; see `Kernels.log_loss_derivatives`."""
    return evaluated
