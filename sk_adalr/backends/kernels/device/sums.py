"""All sums of a step in one launch: the gradient of the intercepts, the mean loss and the L2 penalty.

Array operations would need one launch per layer and three more. Here the blocks of threads share the work: some sum
columns of residuals, one sums the losses of the rows, and the others process the coefficients. The last block to
finish adds up the partial sums of all blocks, always in the same order, so that a repeated fit is bitwise the same.
"""

from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from sk_adalr.backends.kernels.device.threads import SUM_OF_GROUP, THREADS
from sk_adalr.backends.kernels.table import Residuals
from sk_adalr.backends.namespace import Array, namespace

COLUMNS, ROWS = 32, 512  # columns and rows of residuals per block; adjacent columns are adjacent in memory
MAX_COEF_BLOCKS = 512
_COEFS_PER_THREAD = 8

SOURCE = """
// columns[2 k] and columns[2 k + 1]: the address of the first entry of column k, and how many entries a row has.
__device__ void sum_columns(volatile T *sums, const long long *columns, int n_columns, int block, int start, int end,
                            T scale) {
    __shared__ T parts[THREADS];
    const int thread = threadIdx.x, column = block * COLUMNS + thread % COLUMNS;
    T sum = T(0);
    if (column < n_columns) {
        const T *first = (const T *) columns[2 * column];
        const long long stride = columns[2 * column + 1];
        #pragma unroll 8  // so many loads are on their way at once
        for (int row = start + thread / COLUMNS; row < end; row += THREADS / COLUMNS) sum += first[row * stride];
    }
    parts[thread] = sum;
    __syncthreads();
    for (int width = THREADS / 2; width >= COLUMNS; width /= 2) {
        if (thread < width) parts[thread] += parts[thread + width];
        __syncthreads();
    }
    if (thread < COLUMNS && column < n_columns) sums[column] = parts[thread] * scale;
}

__device__ double penalize(T *grad, const T *coefs, const T *weighted, long long n_coefs, T factor, T scale,
                           int block, int n_blocks) {
    double square = 0.0;
    const long long stride = (long long) n_blocks * THREADS;
    #pragma unroll 4
    for (long long i = (long long) block * THREADS + threadIdx.x; i < n_coefs; i += stride) {
        const T scaled = grad[i] * scale, term = weighted[i];
        grad[i] = factor == T(0) ? scaled : scaled + factor * term;
        square += (double) coefs[i] * (double) term;
    }
    return square;
}

__device__ double sum_losses(const T *row_losses, const T *weight, int has_weight, int n_rows) {
    double loss = 0.0;
    #pragma unroll 8
    for (int row = threadIdx.x; row < n_rows; row += THREADS)
        loss += (double) (has_weight ? row_losses[row] * weight[row] : row_losses[row]);
    return loss;
}

extern "C" __global__ void sk_adalr_finish(
    T *grad, const T *coefs, const T *weighted, long long n_coefs, const long long *columns, int n_columns,
    int n_column_blocks, int n_row_blocks, const T *row_losses, const T *weight, int has_weight, int n_rows,
    double weight_sum, double factor, double scale, volatile T *column_parts, volatile double *parts,
    unsigned int *n_done, double *value
) {
    __shared__ bool is_last;
    const int n_before = n_column_blocks * n_row_blocks;
    const int block = (int) blockIdx.x - n_before, n_blocks = (int) gridDim.x - n_before;
    if (block < 0) {
        const int row_block = blockIdx.x / n_column_blocks, start = row_block * ROWS;
        volatile T *sums = n_row_blocks == 1 ? grad + n_coefs : column_parts + row_block * n_columns;
        sum_columns(sums, columns, n_columns, blockIdx.x % n_column_blocks, start, min(start + ROWS, n_rows),
                    n_row_blocks == 1 ? T(scale) : T(1));
    } else {
        const double part = block == 0
            ? sum_losses(row_losses, weight, has_weight, n_rows)
            : penalize(grad, coefs, weighted, n_coefs, T(factor), T(scale), block - 1, n_blocks - 1);
        const double total = sum_of_group(part, THREADS);
        if (threadIdx.x == 0) parts[block] = total;
    }
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) is_last = atomicAdd(n_done, 1u) == gridDim.x - 1;
    __syncthreads();
    if (!is_last) return;
    __threadfence();
    for (int column = threadIdx.x; n_row_blocks > 1 && column < n_columns; column += THREADS) {
        T sum = T(0);
        #pragma unroll 8
        for (int k = 0; k < n_row_blocks; ++k) sum += column_parts[k * n_columns + column];
        grad[n_coefs + column] = sum * T(scale);
    }
    double square = 0.0;
    for (int k = 1 + (int) threadIdx.x; k < n_blocks; k += THREADS) square += parts[k];
    square = sum_of_group(square, THREADS);
    if (threadIdx.x == 0) {
        *value = parts[0] / weight_sum + (factor == 0.0 ? 0.0 : 0.5 * factor * square);
        *n_done = 0u;  // for the next launch
    }
}
"""


class _Plan(NamedTuple):
    """Data that all steps share: addresses of the columns, launch sizes, and buffers for partial sums."""

    columns: Array
    n_columns: int
    n_column_blocks: int
    n_row_blocks: int
    n_blocks: int
    column_parts: Array
    parts: Array
    n_done: Array

    @classmethod
    def of(cls, residuals: Residuals, n_coefs: int) -> "_Plan":
        xp, n_rows = namespace(residuals.ones), residuals.ones.size
        columns = [
            (residual.data.ptr + k * residual.itemsize, residual.shape[1])
            for residual in residuals.arrays
            for k in range(residual.shape[1])
        ]
        n_column_blocks, n_row_blocks = -(-len(columns) // COLUMNS), -(-n_rows // ROWS)
        n_coef_blocks = min(MAX_COEF_BLOCKS, -(-n_coefs // (THREADS * _COEFS_PER_THREAD)))
        n_blocks = n_column_blocks * n_row_blocks + 1 + n_coef_blocks
        table = xp.asarray(np.array(columns or [(0, 0)], dtype=np.int64))
        column_parts = xp.empty(max(1, n_row_blocks * len(columns)), dtype=residuals.ones.dtype)
        parts, n_done = xp.zeros(1 + n_coef_blocks), xp.zeros(1, dtype="uint32")
        return cls(table, len(columns), n_column_blocks, n_row_blocks, n_blocks, column_parts, parts, n_done)


@cache
def _built(xp: ModuleType, dtype: Any) -> Any:
    c_type = {"float32": "float", "float64": "double"}[dtype.name]
    constants = f"typedef {c_type} T;\nconst int COLUMNS = {COLUMNS}, ROWS = {ROWS};"
    return xp.RawKernel(f"{SUM_OF_GROUP}\n{constants}\n{SOURCE}", "sk_adalr_finish")


def finish(
    grad: Array,
    coefs: Array,
    weighted: Array,
    intercept_grads: list[Array],
    residuals: Residuals,
    row_losses: Array,
    weight: Array | None,
    weight_sum: float,
    factor: float,
    scale: float,
) -> Array:
    """Launch the kernel; see `Kernels.finish`."""
    if residuals.plan is None:
        residuals.plan = _Plan.of(residuals, coefs.size)
    columns, *counts, n_blocks, column_parts, parts, n_done = residuals.plan
    value = namespace(grad).empty(1, dtype="float64")
    arguments = (
        *(grad, coefs, weighted, np.int64(coefs.size), columns, *map(np.int32, counts)),
        *(row_losses, row_losses if weight is None else weight, np.int32(weight is not None)),
        *(np.int32(row_losses.size), np.float64(weight_sum), np.float64(factor), np.float64(scale)),
        *(column_parts, parts, n_done, value),
    )
    _built(namespace(grad), grad.dtype)((n_blocks,), (THREADS,), arguments)
    return value[0]
