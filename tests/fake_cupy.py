"""A stand-in for CuPy on the CPU: arrays that only their own module may touch, and counts of reads and launches.

It computes with NumPy, and elementwise kernels as a C++ compiler understands them, so a fit on it must equal NumPy's
bitwise. It refuses what CuPy refuses: implicit conversion, arithmetic with NumPy arrays, and the arguments that CuPy's
functions do not have. It is no proof that CuPy agrees.
"""

import functools
import operator
import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import cuda_on_host
import elementwise_on_host
import numpy as np
import scipy.sparse
import scipy.special


class Reads:
    """How often the host waited for a number or an array of the device, and of what size the largest one was."""

    def __init__(self):
        self.count, self.largest, self.forbidden = 0, 0, False

    def __call__(self, size=1):
        assert not self.forbidden, "the host reads from the device"
        self.count += 1
        self.largest = max(self.largest, size)

    @contextmanager
    def forbid(self):
        before, self.forbidden = self.forbidden, True
        try:
            yield
        finally:
            self.forbidden = before


reads = Reads()


#: Sizes of the arrays that came from the host.
moves: list[int] = []


class Launches:
    """What the device was told to compute, in order: CuPy needs one launch for each, of some functions several."""

    def __init__(self):
        self.names = []

    def __call__(self, name):
        if name not in NO_LAUNCH:
            self.names.append(name)

    @contextmanager
    def recorded(self):
        """Give the names of what is launched within the block."""
        before, self.names = self.names, []
        recorded = self.names
        try:
            yield recorded
        finally:
            self.names = before


#: Views, memory, and what is known without the device.
NO_LAUNCH = {"reshape", "ravel", "transpose", "diagonal", "empty", "empty_like", "finfo", "iinfo", "result_type"}

launches = Launches()


class Device:
    """The only device there is."""

    id, attributes = 0, {"MultiProcessorCount": 2}  # few: tests start a thread for each of CUDA's

    def __init__(self, device=None):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *args):
        pass

    def __eq__(self, other):
        return isinstance(other, Device)

    __hash__ = None

    def __repr__(self):
        return "<stand-in for a CUDA device>"


class CUDARuntimeError(RuntimeError):
    """As CuPy's."""


class ndarray:
    """An array on the device."""

    __array_ufunc__ = None  # NumPy's functions refuse it, and its operators leave the work to those below
    __hash__ = None
    device = Device()

    def __init__(self, array):
        self._array = np.asarray(array)

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Use `.get()` instead.")

    def __array_function__(self, *args, **kwargs):
        raise TypeError("a function of NumPy's was called with an array of CuPy's")

    def __dlpack_device__(self):
        return (2, 0)

    def get(self):
        reads(self.size)
        return self._array.copy()

    def __getitem__(self, key):
        if isinstance(key, ndarray) and key.dtype == bool:
            reads()  # the shape of the result
        if isinstance(key, ndarray) or (isinstance(key, tuple) and any(isinstance(k, ndarray) for k in key)):
            launches("getitem")
        return wrap(self._array[unwrap(key)])

    def __setitem__(self, key, value):
        launches("setitem")
        self._array[unwrap(key)] = unwrap(value)

    def __len__(self):
        return len(self._array)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __repr__(self):
        return f"fake {self._array!r}"

    def astype(self, dtype, copy=True):
        return self if not copy and dtype == self.dtype else on_device(self._array.astype)(dtype)

    @property
    def data(self):
        return SimpleNamespace(ptr=self._array.ctypes.data)

    def __deepcopy__(self, memo):
        return ndarray(self._array.copy())


def unwrap(value):
    """Return what NumPy computes with; refuse what lies on the host."""
    if isinstance(value, ndarray):
        return value._array
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, list | tuple):
        return type(value)(map(unwrap, value))
    return value


def wrap(value):
    """Return arrays and NumPy's numbers, also in tuples and lists, as arrays on the device."""
    if isinstance(value, np.ndarray | np.generic):
        return ndarray(value)
    if isinstance(value, list | tuple):
        return [*map(wrap, value)] if isinstance(value, list) else tuple(map(wrap, value))
    return value


#: What NumPy's functions take and CuPy's do not.
ONLY_NUMPY = {"initial", "where", "mode"}


def on_device(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        unknown = ONLY_NUMPY & set(kwargs)
        if unknown:
            raise TypeError(f"CuPy's {function.__name__} has no {unknown}")
        launches(function.__name__)
        return wrap(function(*map(unwrap, args), **{name: unwrap(value) for name, value in kwargs.items()}))

    return call


def _method(name):
    def call(self, *args, **kwargs):
        return on_device(getattr(self._array, name))(*args, **kwargs)

    return call


def _reflected(function):
    @functools.wraps(function)
    def call(array, other):
        return function(other, array)

    return on_device(call)


def _in_place(function):
    def call(self, other):
        launches(function.__name__)
        function(self._array, unwrap(other))
        return self

    return call


def _read(function):
    def call(self, *args):
        reads(self.size)
        return function(self._array, *args)

    return call


for _name in (
    "sum",
    "mean",
    "max",
    "min",
    "any",
    "all",
    "argmax",
    "reshape",
    "ravel",
    "copy",
    "clip",
    "sort",
    "take",
):
    setattr(ndarray, _name, _method(_name))
for _name in ("diagonal", "dot", "transpose"):
    setattr(ndarray, _name, _method(_name))
for _name in ("shape", "ndim", "size", "dtype", "strides", "itemsize", "nbytes", "flags"):
    setattr(ndarray, _name, property(lambda self, name=_name: getattr(self._array, name)))
ndarray.T = property(lambda self: wrap(self._array.T))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor"):
    _function, _plain = getattr(operator, _name), _name.rstrip("_")
    setattr(ndarray, f"__{_plain}__", on_device(_function))
    setattr(ndarray, f"__r{_plain}__", _reflected(_function))
    if _name != "matmul":
        setattr(ndarray, f"__i{_plain}__", _in_place(getattr(operator, f"i{_plain}")))
for _name in ("lt", "le", "eq", "ne", "gt", "ge"):
    setattr(ndarray, f"__{_name}__", on_device(getattr(operator, _name)))
for _name in ("neg", "abs", "invert"):
    setattr(ndarray, f"__{_name}__", on_device(getattr(operator, _name)))
for _name, _function in {"float": float, "int": int, "bool": bool, "index": operator.index}.items():
    setattr(ndarray, f"__{_name}__", _read(_function))
for _name in ("item", "tolist"):
    setattr(ndarray, _name, _read(getattr(np.ndarray, _name)))


def _asarray(value, dtype=None, **kwargs):
    """The one way from the host to the device."""
    if isinstance(value, ndarray) and dtype in (None, value.dtype):
        return value
    host = value._array if isinstance(value, ndarray) else value
    if host is value:
        moves.append(np.size(host))
    return ndarray(np.array(host, dtype=dtype))


def _module(name, source, **own):
    module = ModuleType(name)
    for attribute in dir(source):
        value = getattr(source, attribute)
        if attribute.startswith("_") or isinstance(value, ModuleType):
            continue
        is_function = callable(value) and not isinstance(value, type)
        setattr(module, attribute, on_device(value) if is_function else value)
    for attribute, value in own.items():
        setattr(module, attribute, value)
    return module


class csr_matrix:
    """CuPy's only way to store rows of sparse data."""

    def __init__(self, parts, shape):
        self.data, self.indices, self.indptr = parts
        assert all(part.dtype == np.int32 for part in parts[1:])
        self.shape, self.dtype = shape, self.data.dtype
        self.has_canonical_format = None  # nobody has looked
        reads()  # the ends of the rows
        self._host = scipy.sparse.csr_array(tuple(map(unwrap, parts)), shape=shape)

    def tocsr(self):
        return self

    def get(self):
        reads(self.data.size)
        return self._host.copy()

    def toarray(self):
        launches("dense rows")
        return wrap(self._host.toarray())

    def __getitem__(self, rows):
        reads()  # the number of entries
        part = self._host[unwrap(rows)]
        parts = (part.data, part.indices.astype(np.int32), part.indptr.astype(np.int32))
        taken = csr_matrix(tuple(map(ndarray, parts)), part.shape)
        taken.has_canonical_format = self.has_canonical_format
        return taken

    def __matmul__(self, other):
        if self.has_canonical_format is None:
            reads()
            self.has_canonical_format = True
        launches("spmm")
        return wrap(self._host @ unwrap(other))

    @property
    def T(self):
        return _Transposed(self._host.T)


class _Transposed:
    def __init__(self, host):
        self._host = host

    def __matmul__(self, other):
        launches("spmm")
        return wrap(self._host @ unwrap(other))


class ElementwiseKernel(elementwise_on_host.ElementwiseKernel):
    """A kernel that takes arrays of the device only, and is one launch."""

    def __call__(self, *arguments):
        launches(self.name)
        super().__call__(*map(unwrap, arguments))


class RawKernel:
    """A kernel of which NumPy computes what it says, and one launch; `code` is compiled by nobody."""

    def __init__(self, code, name):
        self.name = name

    def __call__(self, grid, block, arguments):
        for argument in arguments:
            if isinstance(argument, np.ndarray):
                raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        launches(self.name)
        arguments = [*map(unwrap, arguments)]
        cuda_on_host.check_arguments(arguments)
        cuda_on_host.COMPUTED[self.name](*arguments)


_device = _module("cupy.cuda.device", ModuleType("empty"), Device=Device)
_runtime = _module(
    "cupy.cuda.runtime", ModuleType("empty"), getDeviceCount=lambda: 1, CUDARuntimeError=CUDARuntimeError
)
_cuda = _module("cupy.cuda", ModuleType("empty"), Device=Device, device=_device, runtime=_runtime)
_linalg, _fft = _module("cupy.linalg", np.linalg), _module("cupy.fft", np.fft)
cupy = _module(
    "cupy",
    np,
    ndarray=ndarray,
    asarray=_asarray,
    array=_asarray,
    ElementwiseKernel=ElementwiseKernel,
    RawKernel=RawKernel,
    cuda=_cuda,
    linalg=_linalg,
    fft=_fft,
)
_special = _module("cupyx.scipy.special", scipy.special)
_sparse = _module("cupyx.scipy.sparse", ModuleType("empty"), csr_matrix=csr_matrix)
_scipy = _module("cupyx.scipy", ModuleType("empty"), special=_special, sparse=_sparse)
_cupyx = _module("cupyx", ModuleType("empty"), scipy=_scipy)

MODULES = {
    module.__name__: module
    for module in (cupy, _cuda, _device, _runtime, _linalg, _fft, _cupyx, _scipy, _special, _sparse)
}


@contextmanager
def installed():
    """Let `import cupy` find the stand-in, for scikit-learn's wrapper of it too."""
    import sklearn.externals.array_api_compat as compat

    def is_cupy(name):
        return name.partition(".")[0] in ("cupy", "cupyx") or name.startswith(f"{compat.__name__}.cupy")

    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if is_cupy(name)}
    wrapper = vars(compat).pop("cupy", None)
    sys.modules.update(MODULES)
    reads.count = reads.largest = 0
    moves.clear()
    try:
        yield cupy
    finally:
        for name in [name for name in sys.modules if is_cupy(name)]:
            del sys.modules[name]
        vars(compat).pop("cupy", None)
        sys.modules.update(hidden)
        if wrapper is not None:
            compat.cupy = wrapper
