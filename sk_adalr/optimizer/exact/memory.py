r"""How many past steps an exact solver keeps.

Where the predictions of every past step are kept, m of them take (m + 2)(n + p) k values of 8 bytes; pairs of
parameters alone, in buffers of twice the length, take 4 m p k.
"""

_STEPS, _PAIRS = 10, 20
# More past steps than ten save some iterations, where they are cheap.
_MORE_STEPS = (20, 15)
# Measured nanoseconds: a multiplication of the curvature, an entry of the data in a gradient, an iteration's
# overhead.
_CURVATURE_NS, _GRADIENT_NS, _OVERHEAD_NS = 0.12, 1.6, 5e4
#: Bytes that the past steps may take, if there is more than one.
MAX_MEMORY = 2**30


def n_steps_of_squares(shape: tuple[int, int], n_outputs: int) -> int:
    """Return how many past steps to keep for least squares of n rows and p columns, at least 1."""
    return _affordable(_STEPS, 8 * n_outputs * sum(shape))


def n_steps_of_scores(shape: tuple[int, int], n_entries: int) -> int:
    """Return the same for a loss of one score per row, with the number of stored entries of the data.

    Each Newton step computes the curvature between all directions anew, n (m + 2)^2 multiplications; that work stays
    below half of a gradient and of the fixed costs of an iteration.
    """
    budget = 0.5 * (_GRADIENT_NS * n_entries + _OVERHEAD_NS)
    cheap = [m for m in _MORE_STEPS if _CURVATURE_NS * shape[0] * (m + 2) ** 2 <= budget]
    return _affordable(cheap[0] if cheap else _STEPS, 8 * sum(shape))


def n_pairs(n_features: int, n_outputs: int) -> int:
    """Return how many pairs of parameters to keep, at least 1."""
    return _affordable(_PAIRS, 32 * n_features * n_outputs)


def _affordable(wanted: int, bytes_per_step: int) -> int:
    return int(max(1, min(wanted, MAX_MEMORY // max(1, bytes_per_step) - 2)))
