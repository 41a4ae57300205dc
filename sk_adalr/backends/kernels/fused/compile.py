"""Compilation of the kernels, and functions that numba lacks."""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import get_cython_function_address, intrinsic

#: Without fastmath, products and sums are neither contracted nor reordered: results equal the reference bitwise, and
#: NaN and infinity propagate. NumPy's error model, in which division by zero gives infinity, allows the loops to be
#: vectorised.
compiled = numba.njit(cache=True, nogil=True, error_model="numpy")

_INT = ir.IntType(32)


def _prefetch(typing_context: Any, array: Any, i: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(array)(context, builder, args[0]).data
        line = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [line.type, _INT, _INT, _INT])
        function = builder.module.declare_intrinsic("llvm.prefetch", [line.type], kind)
        builder.call(function, [line, _INT(0), _INT(3), _INT(1)])  # read access, high locality, data cache
        return context.get_dummy_value()

    return numba.types.void(array, numba.types.intp), generate


def _call(typing_context: Any, address: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = context.get_value_type(x)
        function = builder.inttoptr(args[0], ir.FunctionType(number, [number, _INT]).as_pointer())
        return builder.call(function, [args[1], _INT(0)])

    return x(address, x), generate


#: ``prefetch(array, i)`` loads the cache line of entry `i` into the cache asynchronously.
prefetch: Any = intrinsic(_prefetch)
#: ``call(address, x)`` calls a Cython function of a float. The address is an argument, so that code can be cached.
call: Any = intrinsic(_call)


def _expit() -> dict[np.dtype[Any], int]:
    names = {np.float64: "__pyx_fuse_0expit", np.float32: "__pyx_fuse_1expit"}
    try:
        module = "scipy.special.cython_special"
        return {np.dtype(dtype): get_cython_function_address(module, name) for dtype, name in names.items()}
    except ValueError:  # a version of SciPy in which the functions have other names
        return {}


#: The addresses of SciPy's `expit` by dtype; another formula would not be bitwise equal everywhere.
EXPIT = _expit()
