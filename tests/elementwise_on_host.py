"""CuPy's elementwise kernels on the CPU: the same C expressions in the loop of a C++ function, on NumPy arrays.

It has the semantics of ``cupy.ElementwiseKernel`` that the package relies on: which arguments broadcast, which one
writes, what type a scalar takes, and what is refused. Nothing is contracted or reordered, and exp and log are NumPy's
own functions, so that results can be held to NumPy's bit by bit. A device rounds otherwise. So are the functions that
a preamble defines, for which NumPy or SciPy has one; `compiled_preamble` gives them as they are written.
"""

import ctypes
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import expit

COMPILER = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)

C_TYPES = {
    "float32": "float", "float64": "double",
    "int8": "signed char", "int32": "int", "int64": "long long", "uint32": "unsigned",
}  # fmt: skip

PREAMBLE = """
typedef __PTRDIFF_TYPE__ ptrdiff_t;
extern "C" { double (*numpy_exp)(double); double (*numpy_log)(double);
             float (*numpy_expf)(float); float (*numpy_logf)(float);
             double (*numpy_expit)(double); double (*numpy_log1pexp)(double);
             float (*numpy_expitf)(float); float (*numpy_log1pexpf)(float); }
static inline double exp(double x) { return numpy_exp(x); }
static inline double log(double x) { return numpy_log(x); }
static inline float exp(float x) { return numpy_expf(x); }
static inline float log(float x) { return numpy_logf(x); }
static inline double sqrt(double x) { return __builtin_sqrt(x); }
static inline float sqrt(float x) { return __builtin_sqrtf(x); }
static inline double fabs(double x) { return __builtin_fabs(x); }
static inline float fabs(float x) { return __builtin_fabsf(x); }

static ptrdiff_t offset(ptrdiff_t i, int ndim, const ptrdiff_t *shape, const ptrdiff_t *strides) {
    ptrdiff_t total = 0;
    for (int axis = ndim - 1; axis >= 0; --axis) {
        total += i % shape[axis] * strides[axis];
        i /= shape[axis];
    }
    return total;
}

template <typename Item> struct Raw {  // indexed by the number of the element in C order, whatever the strides
    char *data; int ndim; const ptrdiff_t *shape, *strides;
    Item &operator[](ptrdiff_t i) const { return *(Item *) (data + offset(i, ndim, shape, strides)); }
};
"""


def log1pexp(x):
    return np.logaddexp(type(x)(0), x)


#: What stands for the functions that a preamble may define.
OF_PREAMBLES = (expit, log1pexp)
FUNCTIONS = {
    f"numpy_{function.__name__}{suffix}": ctypes.CFUNCTYPE(c_type, c_type)(
        lambda x, function=function, dtype=dtype: float(function(dtype(x)))
    )
    for function in (np.exp, np.log, *OF_PREAMBLES)
    for suffix, dtype, c_type in (("", np.float64, ctypes.c_double), ("f", np.float32, ctypes.c_float))
}


@functools.cache
def _directory():
    return tempfile.TemporaryDirectory()


def compile_library(name, code, options):
    """Return C++ `code` as a loaded library."""
    source = Path(_directory().name) / f"{name}_{hash(code) & 0xFFFFFFFF:08x}.cpp"
    library = source.with_suffix(".so")
    if not library.exists():
        source.write_text(code)
        options = [*options, "-Wall", "-Werror", "-shared", "-fPIC"]
        subprocess.run([COMPILER, *options, str(source), "-o", str(library)], check=True, timeout=120)
    return ctypes.CDLL(str(library))


@functools.cache
def compiled(name, code):
    """Return the function `name` of C++ `code`."""
    loaded = compile_library(name, PREAMBLE + code, ["-O2", "-ffp-contract=off", "-fno-builtin", "-Wno-unused"])
    for function, value in FUNCTIONS.items():
        ctypes.c_void_p.in_dll(loaded, function).value = ctypes.cast(value, ctypes.c_void_p).value
    return getattr(loaded, name)


def compiled_preamble(preamble, function):
    """Return a function of a preamble, which takes and returns an array, with the exp and log1p of C."""
    code = ["#include <cmath>", "#define __device__", "using std::exp, std::log1p, std::fabs;", preamble]
    for c_type in ("float", "double"):
        call = f"for (int i = 0; i < size; ++i) x[i] = {function}(x[i]);"
        code.append(f'extern "C" void on_{c_type}({c_type} *x, int size) {{ {call} }}')
    loaded = compile_library(function, "\n".join(code), ["-std=c++17", "-O1"])

    def apply(x):
        x = x.copy()
        getattr(loaded, f"on_{C_TYPES[x.dtype.name]}")(ctypes.c_void_p(x.ctypes.data), x.size)
        return x

    return apply


class Parameter(NamedTuple):
    """One argument of a kernel: "T x", "int64 k" or "raw T x"."""

    type: str
    name: str
    is_raw: bool
    is_written: bool


def parse(declaration, is_written):
    for text in filter(None, declaration.split(",")):
        *raw, type_, name = text.split()
        if raw not in ([], ["raw"]) or name == "i" or name.startswith("_"):
            raise ValueError(f"no parameter of a kernel: {text!r}")
        yield Parameter(type_, name, bool(raw), is_written)


class ElementwiseKernel:
    """A loop over the elements that the arguments broadcast to. Called with NumPy arrays and Python's numbers."""

    def __init__(self, in_params, out_params, operation, name="kernel", *, preamble=""):
        self.parameters = [*parse(in_params, False), *parse(out_params, True)]
        self.operation, self.name, self.preamble = operation, name, preamble

    def __call__(self, *arguments):
        assert len(arguments) == len(self.parameters), f"{self.name} takes {len(self.parameters)} arguments"
        pairs = list(zip(self.parameters, arguments, strict=True))
        types = self._types(pairs)
        broadcast = [a.shape for p, a in pairs if isinstance(a, np.ndarray) and not p.is_raw]
        if not broadcast:
            raise ValueError("Loop size is undecided.")
        shape = np.broadcast_shapes(*broadcast)
        views = []
        for parameter, argument in pairs:
            if not isinstance(argument, np.ndarray):
                argument = np.asarray(argument, dtype=types[parameter.type])
            elif parameter.is_written and not parameter.is_raw and argument.shape != shape:
                raise ValueError("Out shape is mismatched")
            views.append(argument if parameter.is_raw else np.broadcast_to(argument, shape))
        size = int(np.prod(shape))
        if size:
            self._run(types, views, size)

    def _types(self, pairs):
        """Return the dtype that each type of the declaration stands for."""
        types = {}
        for parameter, argument in pairs:
            fixed = None if len(parameter.type) == 1 else np.dtype(parameter.type)
            if not isinstance(argument, np.ndarray):
                if parameter.is_written or parameter.is_raw or not isinstance(argument, int | float):
                    raise TypeError(f"{self.name}: {parameter.name} has to be an array of the device")
                if fixed is not None:
                    types[parameter.type] = fixed
                continue
            if types.setdefault(parameter.type, fixed or argument.dtype) != argument.dtype:
                raise TypeError(f"Type is mismatched. {self.name}: {parameter.name} {argument.dtype}")
        return types

    def _run(self, types, views, size):
        code = self._code(tuple((name, C_TYPES[dtype.name]) for name, dtype in types.items() if len(name) == 1))
        data = (ctypes.c_void_p * len(views))(*(view.ctypes.data for view in views))
        metadata = [(ctypes.c_ssize_t * (2 * v.ndim or 1))(*v.shape, *v.strides) for v in views]
        pointers = (ctypes.c_void_p * len(views))(*map(ctypes.addressof, metadata))
        ndims = (ctypes.c_int * len(views))(*(view.ndim for view in views))
        compiled(self.name, code)(ctypes.c_ssize_t(size), data, ndims, pointers)

    @functools.cache  # noqa: B019  # kernels live as long as the process
    def _code(self, typedefs):
        lines = [f"typedef {c_type} {name};" for name, c_type in typedefs]
        for name in (f.__name__ for f in OF_PREAMBLES if f" {f.__name__}(" in self.preamble):
            for c_type, suffix in (("double", ""), ("float", "f")):
                lines.append(f"static inline {c_type} {name}({c_type} x) {{ return numpy_{name}{suffix}(x); }}")
        lines.append(
            f'extern "C" void {self.name}(ptrdiff_t size, char **data, const int *ndim, const ptrdiff_t **layout) {{'
        )
        lines.append("for (ptrdiff_t i = 0; i < size; ++i) {")
        for k, p in enumerate(self.parameters):
            type_ = p.type if len(p.type) == 1 else C_TYPES[p.type]
            const = "" if p.is_written else "const "
            if p.is_raw:
                layout = f"{{data[{k}], ndim[{k}], layout[{k}], layout[{k}] + ndim[{k}]}}"
                lines.append(f"const Raw<{const}{type_}> {p.name} = {layout};")
            else:
                place = f"data[{k}] + offset(i, ndim[{k}], layout[{k}], layout[{k}] + ndim[{k}])"
                lines.append(f"{const}{type_} &{p.name} = *({const}{type_} *) ({place});")
        return "\n".join([*lines, self.operation, ";}}"])
