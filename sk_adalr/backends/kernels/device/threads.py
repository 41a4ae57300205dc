"""Shared parts of the raw kernels: the number of threads per block, and their reduction."""

from functools import cache
from types import ModuleType

THREADS = 256

#: Sums a number over groups of `size` neighbouring threads, a power of two, always in the same order, so that a
#: repeated fit is bitwise the same. All threads of a block must call it together.
SUM_OF_GROUP = f"""
const int THREADS = {THREADS};

__device__ double sum_of_group(double x, int size) {{
    __shared__ double parts[THREADS];
    const int thread = threadIdx.x, first = thread / size * size;
    parts[thread] = x;
    __syncthreads();
    for (int width = size / 2; width > 0; width /= 2) {{
        if (thread - first < width) parts[thread] += parts[thread + width];
        __syncthreads();
    }}
    const double total = parts[first];
    __syncthreads();  // before anyone writes to `parts` again
    return total;
}}
"""


@cache
def n_multiprocessors(xp: ModuleType, device_id: int) -> int:
    """Return the number of multiprocessors of a device, each of which runs a few blocks at a time."""
    return int(xp.cuda.Device(device_id).attributes["MultiProcessorCount"])
