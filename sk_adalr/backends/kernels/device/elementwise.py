"""The elementwise device kernels, with one launch each: elements, or short rows, are independent of each other.

`SOURCES` holds C code that can be compiled for the CPU as well; CuPy builds a kernel when it is first launched. As in
``cupy.ElementwiseKernel``, each is the body of a loop over the broadcast elements, `i` is the index of the element,
and `raw` arguments are indexed explicitly. Scalars are declared `T`, so that float32 stays float32.
"""

from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from sk_adalr.backends.namespace import namespace


class Source(NamedTuple):
    """The inputs and outputs of an elementwise kernel, its body in C, and the functions that it calls."""

    inputs: str
    outputs: str
    body: str
    functions: str = ""


#: Functions of SciPy and NumPy in C. Where `exp` overflows to infinity or underflows to 0, both are still correct.
LOGISTIC = """
template <typename T> __device__ T expit(T x) { return T(1) / (T(1) + exp(-x)); }
template <typename T> __device__ T log1pexp(T x) { return (x > T(0) ? x : T(0)) + log1p(exp(-fabs(x))); }
"""


# The directions: their constants, their state arrays, and the code that computes the direction `d` from the gradient
# `g`. Both are local variables, because the compiler would have to reread memory after every write.
DIRECTIONS = {
    "sgd": Source("", "", "const T d = g;"),
    "momentum": Source(", T momentum", ", T velocity", "const T d = velocity * momentum + g; velocity = d;"),
    "nesterov": Source(
        ", T momentum",
        ", T velocity",
        "const T v = velocity * momentum + g; const T d = v * momentum + g; velocity = v;",
    ),
    "adam": Source(
        ", T beta_1, T beta_2, T ratio, T shift",
        ", T grad_sum, T square_sum",
        "const T m = grad_sum * beta_1 + g; const T v = square_sum * beta_2 + g * g;"
        "const T d = m / (sqrt(v) * ratio + shift); grad_sum = m; square_sum = v;",
    ),
}


# Row and column of element `i` of a C-contiguous matrix, without a 64-bit division if 32 bits suffice. CuPy would do a
# 64-bit division to broadcast a vector over rows.
_PLACE = """
const ptrdiff_t row = i >> 32 ? i / n_columns : (ptrdiff_t) ((unsigned int) i / (unsigned int) n_columns);
const int column = (int) (i - row * n_columns);
"""
# The element of column j of `X` also copies the columns j, j + n_columns, ... of the target.
_GATHER_TARGET = """
for (int k = column; k < n_targets; k += n_columns) target_out[row * n_targets + k] = target[from * n_targets + k];
"""


def _step_sources() -> dict[str, Source]:
    sources = {}
    for name, (constants, state, set_direction, _) in DIRECTIONS.items():
        body = "const T g = grad;{} " + set_direction + " direction = d; params -= rate * d;"
        outputs = "T params, T direction" + state
        sources[f"{name}_step"] = Source("T grad, T rate" + constants, outputs, body.format(""))
        sources[f"{name}_step_adapted"] = Source(
            "T grad, T hyper_learning_rate" + constants,
            outputs + ", T rate",
            body.format(" rate += g * direction * hyper_learning_rate;"),
        )
    return sources


SOURCES = {
    **_step_sources(),
    "interpolate": Source("T a, T b, T weight, T rest", "T out", "out = a * weight + b * rest;"),
    "scale_direction": Source(
        "T decay, T correction, T epsilon",
        "T grad, T moment",
        """
        const T square = moment * decay + grad * grad;
        moment = square;
        grad = grad / (sqrt(square * correction) + epsilon);
        """,
    ),
    "move": Source(
        "T direction, float64 rate, T weight, T interpolation, T rest",
        "T iterate, T average, T point",
        """
        const T moved = iterate - direction * T(rate);
        const T mean = average + (moved - average) * weight;
        iterate = moved;
        average = mean;
        point = mean * interpolation + moved * rest;
        """,
    ),
    "add_bias_relu": Source(
        "raw T bias, int32 n_columns", "T a", _PLACE + "const T x = a + bias[column]; a = x <= T(0) ? T(0) : x;"
    ),
    "relu_backward": Source("T output", "T delta", "delta *= output > T(0) ? T(1) : T(0);"),
    "tanh_backward": Source("T output", "T delta", "delta *= T(1) - output * output;"),
    "logistic_backward": Source(
        "T output", "T delta", "const T centered = output - T(0.5); delta *= T(0.25) - centered * centered;"
    ),
    "softmax_residual": Source(
        "I target, int32 n_classes, T scale, T least, raw T bias, int32 has_bias",
        "T row_loss, raw T scores",
        """
        const ptrdiff_t start = (ptrdiff_t) i * n_classes;
        if (has_bias) for (int k = 0; k < n_classes; ++k) scores[start + k] += bias[k];
        T largest = scores[start];
        for (int k = 1; k < n_classes; ++k) {
            const T score = scores[start + k];
            largest = score <= largest || largest != largest ? largest : score;
        }
        const T true_class = scores[start + target] - largest;
        T total = T(0);
        for (int k = 0; k < n_classes; ++k) {
            const T shifted = scores[start + k] - largest;
            const T exponential = exp(shifted < least ? least : shifted);
            scores[start + k] = exponential;
            total += exponential;
        }
        for (int k = 0; k < n_classes; ++k) scores[start + k] /= total;
        scores[start + target] -= T(1);
        for (int k = 0; k < n_classes; ++k) scores[start + k] *= scale;
        row_loss = log(total) - true_class;
        """,
    ),
    "binomial_residual": Source(
        "T target, T scale, T bias, T least",
        "T loss, T raw_prediction",
        """
        const T x = raw_prediction + bias;
        const T share = expit(x);
        loss = log1pexp(x) - x * target;
        raw_prediction = ((share < least ? least : share) - target) * scale;
        """,
        LOGISTIC,
    ),
    "squared_residual": Source(
        "T target, T scale, T bias",
        "T loss, T raw_prediction",
        """
        const T error = raw_prediction + bias - target;
        loss = error * error * T(0.5);
        raw_prediction = error * scale;
        """,
    ),
    "narrow": Source("S a, T least", "T out", "const T x = T(a); out = fabs(x) < least ? T(0) : x;"),
    "gather": Source(
        "raw T X, raw U target, raw I rows, int32 n_columns, int32 n_targets",
        "T out, raw U target_out",
        _PLACE + "const ptrdiff_t from = rows[row]; out = X[from * n_columns + column];" + _GATHER_TARGET,
    ),
    "gather_standardized": Source(
        "raw T X, raw U target, raw I rows, raw T center, raw T scale, int32 n_columns, int32 n_targets",
        "T out, raw U target_out",
        _PLACE
        + "const ptrdiff_t from = rows[row]; out = (X[from * n_columns + column] - center[column]) / scale[column];"
        + _GATHER_TARGET,
    ),
}


@cache
def _built(xp: ModuleType, name: str) -> Any:
    inputs, outputs, body, functions = SOURCES[name]
    return xp.ElementwiseKernel(inputs, outputs, body, f"sk_adalr_{name}", preamble=functions)


def launch(name: str, *arguments: Any) -> None:
    """Launch a kernel with its inputs, then its outputs; the last argument must be an array."""
    _built(namespace(arguments[-1]), name)(*arguments)
