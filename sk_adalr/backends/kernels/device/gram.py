"""The weighted Gram matrix of few directions over many rows (`Kernels.curvature`), in one pass over `Z`.

Libraries are slow at the product of a matrix of a dozen rows with its transpose, and the weights would require a copy.
Here each block of threads loads a tile of columns into shared memory. From it, groups of threads accumulate squares of
`SIDE` x `SIDE` entries of the result, for which each thread reads two times `SIDE` numbers per column.
"""

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from sk_adalr.backends.kernels.device.threads import SUM_OF_GROUP, THREADS, n_multiprocessors
from sk_adalr.backends.kernels.reference import REFERENCE
from sk_adalr.backends.namespace import Array, namespace, to_host

SIDE = 4
MAX_ROWS = 24  # directions, plus one row for the residuals
TILE = 128
BLOCKS = 2  # per multiprocessor

SOURCE = """
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) sk_adalr_curvature(
    const double *Z, const double *second, const double *residual, int has_residual, int n_directions, long long n,
    int n_squares, int group, double *parts
) {
    // Two numbers more: groups that read different rows at a time find them in different banks.
    __shared__ double tile[MAX_ROWS][TILE + 2], weight[TILE];
    const int thread = threadIdx.x, square = thread / group, lane = thread % group;
    const int n_rows = n_directions + has_residual;
    // Squares on and below the diagonal: (0, 0), (1, 0), (1, 1), (2, 0), ...
    int a = 0;
    while ((a + 1) * (a + 2) / 2 <= square) ++a;
    const int b = square - a * (a + 1) / 2;
    const int column_of_mine = thread % TILE, first_row = thread / TILE;
    double sums[SIDE][SIDE] = {}, loaded[LOADS], loaded_weight;
    // All numbers of a tile are on their way at once, while the threads still work on the tile before.
    const auto load = [&](long long start) {
        const long long column = start + column_of_mine;
        loaded_weight = column < n ? second[column] : 0.0;
        #pragma unroll
        for (int i = 0; i < LOADS; ++i) {
            const int row = first_row + i * (THREADS / TILE);
            loaded[i] = column < n && row < n_rows ? (row < n_directions ? Z + row * n : residual)[column] : 0.0;
        }
    };
    const long long stride = (long long) gridDim.x * TILE;
    long long start = (long long) blockIdx.x * TILE;
    load(start);
    for (; start < n; start += stride) {
        __syncthreads();
        #pragma unroll
        for (int i = 0; i < LOADS; ++i) tile[first_row + i * (THREADS / TILE)][column_of_mine] = loaded[i];
        if (thread < TILE) weight[thread] = loaded_weight;
        __syncthreads();
        load(start + stride);
        for (int column = square < n_squares ? lane : TILE; column < TILE; column += group) {
            double left[SIDE], right[SIDE];
            for (int i = 0; i < SIDE; ++i) {
                const int row = SIDE * a + i;
                left[i] = tile[row][column] * (row == n_directions ? 1.0 : weight[column]);
                right[i] = tile[SIDE * b + i][column];
            }
            for (int i = 0; i < SIDE; ++i)
                for (int k = 0; k < SIDE; ++k) sums[i][k] += left[i] * right[k];
        }
    }
    for (int i = 0; i < SIDE; ++i)
        for (int k = 0; k < SIDE; ++k) {
            const double total = sum_of_group(sums[i][k], group);
            if (lane == 0 && square < n_squares)
                parts[(((long long) blockIdx.x * n_squares + square) * SIDE + i) * SIDE + k] = total;
        }
}
"""


@cache
def _built(xp: ModuleType) -> Any:
    constants = (
        f"const int SIDE = {SIDE}, MAX_ROWS = {MAX_ROWS}, TILE = {TILE}, BLOCKS = {BLOCKS}, "
        f"LOADS = {MAX_ROWS * TILE // THREADS};"
    )
    return xp.RawKernel(f"{SUM_OF_GROUP}\n{constants}\n{SOURCE}", "sk_adalr_curvature")


@cache
def squares(n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and column indices (n_squares, SIDE, SIDE) of the entries of all squares, in kernel order."""
    a, b = np.tril_indices(-(-n_rows // SIDE))
    within = np.arange(SIDE)
    rows, columns = np.broadcast_arrays(
        (SIDE * a[:, None] + within)[:, :, None], (SIDE * b[:, None] + within)[:, None, :]
    )
    return rows, columns


@cache
def _places(n_directions: int, has_residual: bool) -> np.ndarray:
    """Return the positions of the result's entries (n_directions + has_residual, n_directions) in the flat squares.

    By symmetry, entries above the diagonal are read from below it.
    """
    rows, columns = squares(n_directions + has_residual)
    size = rows.max() + 1
    places = np.zeros((size, size), dtype=np.intp)
    places[rows, columns] = np.arange(rows.size).reshape(rows.shape)
    lower = np.tril(places)
    return (lower + np.tril(lower, -1).T)[: n_directions + has_residual, :n_directions]


def curvature(Z: Array, second: Array, residual: Array | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Launch the kernel; see `Kernels.curvature`."""
    xp, (r, n), has_residual = namespace(Z), Z.shape, residual is not None
    if r + has_residual > MAX_ROWS:
        return REFERENCE.curvature(Z, second, residual)
    n_squares = len(squares(r + has_residual)[0])
    group = 1 << (THREADS // n_squares).bit_length() - 1
    n_blocks = min(BLOCKS * n_multiprocessors(xp, Z.device.id), -(-n // TILE))
    parts = xp.empty((n_blocks, n_squares * SIDE**2))
    residuals = (residual if has_residual else second), np.int32(has_residual)
    sizes = np.int32(r), np.int64(n), np.int32(n_squares), np.int32(group)
    _built(xp)((n_blocks,), (THREADS,), (Z, second, *residuals, *sizes, parts))
    found = to_host(parts.sum(axis=0)).take(_places(r, has_residual))
    return found[:r], found[r] if has_residual else None
