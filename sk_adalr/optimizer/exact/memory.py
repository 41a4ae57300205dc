r"""How many past steps an exact solver keeps.

Binary and squared losses keep the predictions of every past step: (m + 2)(n + p) k values of 8 bytes. The
multinomial solver keeps pairs of parameters only, in buffers of twice the length: 4 m p K values. A binary solver
recomputes the curvature between all its directions, n (m + 2)^2 multiplications, in every Newton step; that work
stays below half of a gradient and of the fixed costs of an iteration.
"""

_STEPS = {"squared": 10, "binomial": 10, "multinomial": 20}
# More past steps than ten save some iterations, where they are cheap.
_MORE_STEPS = (20, 15)
# Measured nanoseconds: a multiplication of the curvature, an entry of the data in a gradient, an iteration's
# overhead.
_CURVATURE_NS, _GRADIENT_NS, _OVERHEAD_NS = 0.12, 1.6, 5e4
#: Bytes that the past steps may take, if there is more than one.
MAX_MEMORY = 2**30


def n_kept_steps(loss: str, shape: tuple[int, int], n_entries: int, n_outputs: int) -> int:
    """Return how many past steps to keep, at least 1.

    Parameters
    ----------
    loss : {"squared", "binomial", "multinomial"}
    shape : (n, p)
    n_entries : int
        Number of stored entries of the data.
    n_outputs : int
        Number of outputs or classes.
    """
    n, p = shape
    wanted = _STEPS[loss]
    if loss == "binomial":
        budget = 0.5 * (_GRADIENT_NS * n_entries + _OVERHEAD_NS)
        cheap = [m for m in _MORE_STEPS if _CURVATURE_NS * n * (m + 2) ** 2 <= budget]
        wanted = cheap[0] if cheap else wanted
    bytes_per_step = 8 * n_outputs * (4 * p if loss == "multinomial" else n + p)
    affordable = MAX_MEMORY // max(1, bytes_per_step)
    return int(max(1, min(wanted, affordable - 2)))
