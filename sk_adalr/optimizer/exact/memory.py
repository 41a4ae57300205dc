r"""The number of past steps that an exact solver keeps.

Keeping m past steps with their predictions takes (m + 2)(n + p) k values of 8 bytes; keeping m pairs of parameters and
gradients, in buffers of twice the length, takes 4 m p k.
"""

_STEPS, _PAIRS = 10, 20
# More than ten past steps save some iterations; used if they are cheap.
_MORE_STEPS = (20, 15)
# Measured times in ns: per multiplication of a curvature, per entry of the data in a gradient, and per iteration.
_CURVATURE_NS, _GRADIENT_NS, _OVERHEAD_NS = 0.12, 1.6, 5e4
#: Most bytes that the past steps may take; at least one step is kept.
MAX_MEMORY = 2**30


def n_steps_of_squares(shape: tuple[int, int], n_outputs: int) -> int:
    """Return how many past steps to keep for least squares of n rows and p columns, at least 1."""
    return _affordable(_STEPS, 8 * n_outputs * sum(shape))


def n_steps_of_scores(shape: tuple[int, int], n_entries: int) -> int:
    """Return how many past steps to keep for a loss of one score per row, given the stored entries of the data.

    Each Newton step recomputes the curvature between all directions, which takes n (m + 2)^2 multiplications. More
    than ten steps are kept only if this takes less than half the time of a gradient plus the overhead of an iteration.
    """
    budget = 0.5 * (_GRADIENT_NS * n_entries + _OVERHEAD_NS)
    cheap = [m for m in _MORE_STEPS if _CURVATURE_NS * shape[0] * (m + 2) ** 2 <= budget]
    return _affordable(cheap[0] if cheap else _STEPS, 8 * sum(shape))


def n_pairs(n_features: int, n_outputs: int) -> int:
    """Return how many pairs of past steps and gradient changes to keep, at least 1."""
    return _affordable(_PAIRS, 32 * n_features * n_outputs)


def _affordable(wanted: int, bytes_per_step: int) -> int:
    return int(max(1, min(wanted, MAX_MEMORY // max(1, bytes_per_step) - 2)))
