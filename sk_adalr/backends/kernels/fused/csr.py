"""Products with transposed CSR matrices. For products without transposition, SciPy is faster."""

from typing import Any

import numpy as np

from sk_adalr.backends.kernels.fused.compile import compiled
from sk_adalr.backends.namespace import Array

# Column indices are cast to unsigned integers, so that numba does not check for negative indices.


@compiled
def _compiled_csr_transposed_matmul(
    data: Array,
    indices: Array,
    indptr: Array,
    residual: Array,
    offset: Array,
    total: Array,
    out: Array,
) -> None:
    out[...] = out.dtype.type(0)
    for i in range(residual.shape[0]):
        for k in range(indptr[i], indptr[i + 1]):
            if out.shape[1] == 1:
                out[np.uint64(indices[k]), 0] += data[k] * residual[i, 0]
            else:
                for j in range(out.shape[1]):
                    out[np.uint64(indices[k]), j] += data[k] * residual[i, j]
    if out.shape[1] == 1:
        column = out.ravel()
        for i in range(offset.size):
            column[i] -= offset[i] * total[0]
    else:
        for i in range(offset.size):
            for j in range(out.shape[1]):
                out[i, j] -= offset[i] * total[j]


def csr_transposed_matmul(matrix: Any, residual: Array, offset: Array | None, out: Array) -> None:
    if offset is None:
        offset = total = residual.ravel()[:0]
    else:
        total = residual.sum(axis=0)
    _compiled_csr_transposed_matmul(matrix.data, matrix.indices, matrix.indptr, residual, offset, total, out)
