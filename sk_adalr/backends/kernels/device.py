"""The kernels as launches of CuPy, one each wherever one element, or one row of few, does not need the others.

`SOURCES` holds C expressions, which can be compiled for the CPU as well; CuPy builds a kernel of them when it is first
launched. As in ``cupy.ElementwiseKernel``, each is the body of a loop over the broadcast elements, `i` counts them,
and `raw` arguments are indexed by hand. Scalars are declared `T`, so that float32 stays float32. A launch costs some
microseconds whatever it computes, and the arrays of a step are small: the fewer launches, the faster the step.
"""

from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from sk_adalr.backends.kernels.reference import REFERENCE, row_sums
from sk_adalr.backends.kernels.table import Kernels, least_log_probability, least_probability
from sk_adalr.backends.namespace import Array, namespace


class Source(NamedTuple):
    """The arguments of an elementwise kernel, read and written, its body in C, and the functions that it calls."""

    inputs: str
    outputs: str
    body: str
    functions: str = ""


#: What SciPy and NumPy have as functions. Beyond its range, `exp` is infinite or 0, and so both are right there.
LOGISTIC = """
template <typename T> __device__ T expit(T x) { return T(1) / (T(1) + exp(-x)); }
template <typename T> __device__ T log1pexp(T x) { return (x > T(0) ? x : T(0)) + log1p(exp(-fabs(x))); }
"""


# The directions of a step: what they read and write beside it, and how they make `d` of `g`. Both are local, for the
# compiler would have to read memory again after every write.
_DIRECTIONS = {
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


def _step_sources() -> dict[str, Source]:
    sources = {}
    for name, (constants, state, set_direction, _) in _DIRECTIONS.items():
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
    "adapt_multipliers": Source(
        "T grad, T step_size, T decay, T tiny",
        "T direction, T scale",
        """
        const T product = direction * grad;
        const T size = fabs(product);
        const T decayed = scale * decay + tiny;
        // Not `max`: NaN has to win on either side.
        const T largest = !(size <= decayed) && decayed == decayed ? size : decayed;
        scale = largest;
        direction = product / largest * step_size;
        """,
    ),
    "change_logarithms": Source(
        "T change, T log_sum, T change_sum, T count, T least, T bound",
        "T a",
        """
        const T x = a * exp(change - (log_sum + change_sum) / count);
        a = x < least ? least : x > bound ? bound : x;
        """,
    ),
    "scale_direction": Source(
        "T multiplier, T grad, T decay, T correction, T epsilon",
        "T direction, T moment",
        """
        const T square = moment * decay + grad * grad;
        moment = square;
        direction = grad / (sqrt(square * correction) + epsilon) * multiplier;
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
    "watch": Source(
        "float64 loss, T square, float64 first_loss, float64 largest_square, float64 spike, float64 smoothing, "
        "float64 relative_norm, float64 norm_smoothing",
        "raw float64 memory",
        """
        const double smoothed = memory[0], lowest = memory[1], mean_norm = memory[2], first = fabs(first_loss);
        const double scale = fabs(smoothed) > first ? fabs(smoothed) : first;
        const double height = fabs(lowest) > first ? fabs(lowest) : first;
        const bool is_finite = loss - loss == 0 && square <= largest_square;
        if (!is_finite || loss > smoothed + spike * scale || smoothed > lowest + height) memory[4] = 1;
        const double now = smoothed + smoothing * (loss - smoothed);
        memory[0] = now;
        memory[1] = now < lowest ? now : lowest;
        const double norm = sqrt((double) square), longest = relative_norm * mean_norm;
        const bool is_long = norm > longest;
        memory[2] = mean_norm + norm_smoothing * ((is_long ? longest : norm) - mean_norm);
        memory[3] = is_long ? longest / norm : 1.0;
        """,
    ),
    "penalize": Source(
        "raw T coefs, int64 n_coefs, T square, float64 total, float64 weight_sum, T scale, T factor, T half_factor",
        "T grad, raw float64 value",
        """
        const T scaled = grad * scale;
        grad = i < n_coefs ? scaled + factor * coefs[i] : scaled;
        if (i == 0) value[0] = total / weight_sum + half_factor * square;
        """,
    ),
    "add_bias_relu": Source("T bias", "T a", "const T x = a + bias; a = x <= T(0) ? T(0) : x;"),
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
    "gather_standardized": Source(
        "raw T X, I row, T center, T scale, int32 n_columns",
        "T out",
        "out = (X[(ptrdiff_t) row * n_columns + (int) (i % n_columns)] - center) / scale;",
    ),
}

#: Classes up to which one thread works through a row; more of them keep the threads of the library's passes busy.
MAX_CLASSES_PER_THREAD = 64


@cache
def _built(xp: ModuleType, name: str) -> Any:
    inputs, outputs, body, functions = SOURCES[name]
    return xp.ElementwiseKernel(inputs, outputs, body, f"sk_adalr_{name}", preamble=functions)


def _launch(name: str, *arguments: Any) -> None:
    """Launch the kernel: inputs, then outputs, of which the last is an array."""
    _built(namespace(arguments[-1]), name)(*arguments)


def _step(name: str) -> Any:
    n_arrays = _DIRECTIONS[name].outputs.count("T ")

    def step(
        params: Array,
        grad: Array,
        direction: Array,
        rates: Array,
        hyper_learning_rate: float,
        adapts: bool,
        *operands: Any,
    ) -> None:
        arrays, constants = operands[:n_arrays], operands[n_arrays:]
        if adapts:
            outputs = (params, direction, *arrays, rates)
            _launch(f"{name}_step_adapted", grad, hyper_learning_rate, *constants, *outputs)
        else:
            _launch(f"{name}_step", grad, rates, *constants, params, direction, *arrays)

    return step


def _interpolate(out: Array, a: Array, b: Array, weight: float, scratch: Array) -> None:
    _launch("interpolate", a, b, weight, 1 - weight, out)


def _adapt_multipliers(
    multipliers: Array,
    scale: Array,
    direction: Array,
    grad: Array,
    step_size: float,
    decay: float,
    bound: float,
    scratch: Array,
) -> None:
    tiny = float(namespace(grad).finfo(scale.dtype).tiny)
    _launch("adapt_multipliers", grad, step_size, decay, tiny, direction, scale)
    sums = namespace(grad).log(multipliers).sum(), direction.sum()
    _launch("change_logarithms", direction, *sums, direction.size, 1 / bound, bound, multipliers)


def _scale_direction(
    direction: Array,
    multipliers: Array | None,
    grad: Array,
    moment: Array,
    decay: float,
    correction: float,
    epsilon: float,
    scratch: Array,
) -> None:
    multipliers = 1.0 if multipliers is None else multipliers
    _launch("scale_direction", multipliers, grad, decay, correction, epsilon, direction, moment)


def _move(
    iterate: Array,
    average: Array,
    direction: Array,
    rate: float,
    weight: float,
    point: Array,
    interpolation: float,
    scratch: Array,
) -> None:
    _launch("move", direction, rate, weight, interpolation, 1 - interpolation, iterate, average, point)


def _watch(memory: Array, loss: Array, square: Array, *constants: float) -> None:
    _launch("watch", loss, square, *constants, memory)


def _penalize(
    grad: Array, coefs: Array, square: Array, total: Array, weight_sum: float, factor: float, scale: float
) -> Array:
    value = namespace(grad).empty(1, dtype="float64")
    scalars = (square, total, weight_sum, scale, factor, 0.5 * factor)
    _launch("penalize", coefs, coefs.size, *scalars, grad, value)
    return value[0]


def _add_bias_relu(a: Array, bias: Array) -> None:
    _launch("add_bias_relu", bias, a)


def _relu_backward(delta: Array, output: Array) -> None:
    _launch("relu_backward", output, delta)


def _tanh_backward(delta: Array, output: Array) -> None:
    _launch("tanh_backward", output, delta)


def _logistic_backward(delta: Array, output: Array) -> None:
    _launch("logistic_backward", output, delta)


def _softmax_residual(raw: Array, target: Array, scale: float, bias: Array | None = None) -> Array:
    n_rows, n_classes = raw.shape
    if n_classes > MAX_CLASSES_PER_THREAD:
        return REFERENCE.softmax_residual(raw, target, scale, bias)
    row_losses = namespace(raw).empty(n_rows, dtype=raw.dtype)
    constants = (n_classes, scale, least_log_probability(raw.dtype))
    offset = (raw, 0) if bias is None else (bias, 1)  # an array of the device either way
    _launch("softmax_residual", target, *constants, *offset, row_losses, raw)
    return row_losses


def _binomial_residual(raw: Array, target: Array, scale: float, bias: Array | None = None) -> Array:
    losses = namespace(raw).empty_like(raw)
    offset = 0.0 if bias is None else bias
    _launch("binomial_residual", target, scale, offset, least_probability(raw.dtype), losses, raw)
    return row_sums(losses)


def _squared_residual(raw: Array, target: Array, scale: float, bias: Array | None = None) -> Array:
    losses = namespace(raw).empty_like(raw)
    _launch("squared_residual", target, scale, 0.0 if bias is None else bias, losses, raw)
    return row_sums(losses)


def _gather_standardized(X: Array, rows: Array, center: Array, scale: Array, out: Array) -> None:
    _launch("gather_standardized", X, rows[:, None], center, scale, X.shape[1], out)


def _csr_matmul(matrix: Any, coef: Array, offset: Array | None, out: Array) -> None:
    out[...] = matrix @ coef
    if offset is not None:
        out -= offset @ coef


def _csr_transposed_matmul(matrix: Any, residual: Array, offset: Array | None, out: Array) -> None:
    out[...] = matrix.T @ residual
    if offset is not None:
        out -= namespace(residual).outer(offset, residual.sum(axis=0))


#: What is one launch of the library's own already stays with the reference.
DEVICE = Kernels(
    name="cupy",
    step={name: _step(name) for name in _DIRECTIONS},
    interpolate=_interpolate,
    adapt_multipliers=_adapt_multipliers,
    scale_direction=_scale_direction,
    move=_move,
    watch=_watch,
    penalize=_penalize,
    add_bias_relu=_add_bias_relu,
    relu_backward=_relu_backward,
    tanh_backward=_tanh_backward,
    logistic_backward=_logistic_backward,
    softmax_residual=_softmax_residual,
    binomial_residual=_binomial_residual,
    squared_residual=_squared_residual,
    gather=REFERENCE.gather,
    gather_standardized=_gather_standardized,
    csr_matmul=_csr_matmul,
    csr_transposed_matmul=_csr_transposed_matmul,
)
