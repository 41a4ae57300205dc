"""CuPy's raw kernels on the CPU: what a kernel computes, and the kernel itself with a thread for each of CUDA's.

`RawKernel` compiles the source with a C++ compiler and runs it, one block after the other, which tells whether the
threads of a block wait for each other as they should. `COMPUTED` says in NumPy what each kernel computes; it takes a
fraction of the time, and its results can be held to NumPy's bit by bit.
"""

import ctypes
from itertools import pairwise

import numpy as np
from elementwise_on_host import C_TYPES, compile_library

from sk_adalr.backends import Residuals
from sk_adalr.backends.kernels.device.gram import squares
from sk_adalr.backends.kernels.reference import REFERENCE

SHIM = """
#include <algorithm>
#include <barrier>
#include <cmath>
#include <thread>
#include <vector>
#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)
using std::exp, std::fabs, std::log1p, std::min;
struct Index { unsigned x; };
static thread_local Index threadIdx;
static Index blockIdx, gridDim, blockDim;
static std::barrier<> *together;
static void __syncthreads() { together->arrive_and_wait(); }
static void __threadfence() {}
static unsigned atomicAdd(unsigned *p, unsigned x) { const unsigned before = *p; *p += x; return before; }
template <typename Kernel> void launch(unsigned n_blocks, unsigned n_threads, Kernel kernel) {
    gridDim.x = n_blocks; blockDim.x = n_threads;
    for (blockIdx.x = 0; blockIdx.x < n_blocks; ++blockIdx.x) {
        std::barrier<> barrier(n_threads);
        together = &barrier;
        std::vector<std::thread> threads;
        for (unsigned i = 0; i < n_threads; ++i)
            threads.emplace_back([i, &kernel] { threadIdx.x = i; kernel(); together->arrive_and_drop(); });
        for (auto &thread : threads) thread.join();
    }
}
"""


def check_arguments(arguments):
    """Refuse what CuPy does not know the C type of, or takes for another one."""
    for argument in arguments:
        if not isinstance(argument, np.ndarray | np.generic):
            raise TypeError(f"a raw kernel takes arrays and numbers of NumPy's types, not {type(argument)}")
        if isinstance(argument, np.ndarray) and argument.ndim and not argument.flags.c_contiguous:
            raise TypeError("a raw kernel sees no strides")


class RawKernel:
    """A kernel that is called with its grid, its block and NumPy arrays and scalars."""

    def __init__(self, code, name):
        self.code, self.name = code, name

    def __call__(self, grid, block, arguments):
        check_arguments(arguments)
        arrays = [*map(np.asarray, arguments)]  # which have to live until the kernel is done
        declared, passed = [], []
        for k, (argument, array) in enumerate(zip(arguments, arrays, strict=True)):
            declared.append(f"{C_TYPES[array.dtype.name]} *a{k} = ({C_TYPES[array.dtype.name]} *) a[{k}];")
            passed.append(f"a{k}" if isinstance(argument, np.ndarray) else f"*a{k}")
        code = f"""{SHIM}{self.code}
            extern "C" void run(unsigned n_blocks, unsigned n_threads, void **a) {{
                {" ".join(declared)}
                launch(n_blocks, n_threads, [=] {{ {self.name}({", ".join(passed)}); }});
            }}"""
        library = compile_library(
            self.name, code, ["-std=c++20", "-O1", "-pthread", "-Wno-unknown-pragmas", "-Wno-unused"]
        )
        pointers = (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
        library.run(ctypes.c_uint(*grid), ctypes.c_uint(*block), pointers)


def _finish(
    grad, coefs, weighted, n_coefs, columns, n_columns, _, __, row_losses, weight, has_weight, n_rows, weight_sum,
    factor, scale, column_parts, parts, n_done, value,
):  # fmt: skip
    arrays = _matrices(columns.reshape(-1, 2)[:n_columns], n_rows, grad.dtype)
    ends = np.cumsum([n_coefs, *(array.shape[1] for array in arrays)])
    intercept_grads = [grad[start:end] for start, end in pairwise(ends)]
    assert ends[-1] == grad.size
    assert coefs.size == n_coefs
    residuals = Residuals(arrays, np.ones(n_rows, grad.dtype))
    weight = weight if has_weight else None
    numbers = float(weight_sum), float(factor), float(scale)
    value[0] = REFERENCE.finish(grad, coefs, weighted, intercept_grads, residuals, row_losses, weight, *numbers)


def _matrices(columns, n_rows, dtype):
    """Return the matrices of which the columns are, given the address of each column and its stride."""
    arrays, k = [], 0
    while k < len(columns):
        address, width = columns[k]
        np.testing.assert_array_equal(columns[k : k + width, 0], address + dtype.itemsize * np.arange(width))
        np.testing.assert_array_equal(columns[k : k + width, 1], width)
        memory = (ctypes.c_char * (int(n_rows * width) * dtype.itemsize)).from_address(int(address))
        arrays.append(np.frombuffer(memory, dtype).reshape(n_rows, width))
        k += int(width)
    return arrays


def _log_loss(scores, sign, weight, has_weight, n, residuals, second, parts):
    assert scores.size == n
    weight = weight if has_weight else None
    total, evaluated = REFERENCE.log_loss(scores, sign, weight)
    residuals[:], second[:], residual_sum = REFERENCE.log_loss_derivatives(evaluated, sign, weight)
    parts[:] = 0
    parts[0] = total, residual_sum


def _curvature(Z, second, residual, has_residual, n_directions, n, n_squares, _, parts):
    assert Z.shape == (n_directions, n)
    rows, columns = squares(int(n_directions + has_residual))
    assert len(rows) == n_squares
    found = np.zeros((rows.max() + 1, rows.max() + 1))
    H, products = REFERENCE.curvature(Z, second, residual if has_residual else None)
    found[:n_directions, :n_directions] = H
    if has_residual:
        found[n_directions, :n_directions] = products
    parts[:] = 0
    parts[0] = found[rows, columns].ravel()


COMPUTED = {"sk_adalr_finish": _finish, "sk_adalr_log_loss": _log_loss, "sk_adalr_curvature": _curvature}
