r"""How many past steps an exact solver keeps.

Binary and squared losses keep the predictions of every past step: (m + 2)(n + p) k values of 8 bytes, and 3/2 of that
for the binary loss' scratch space. The multinomial solver keeps pairs of parameters only: 2 m p K values.
"""

# Ten were never beaten by fewer on binary problems; more help little and cost memory.
_STEPS = {"squared": 10, "binomial": 10, "multinomial": 20}
_DEFAULT_MEMORY = 2**30


def n_kept_steps(loss, shape, n_outputs, max_memory=None):
    """Number of past steps for data of this shape (n, p), within `max_memory` bytes (default 1 GiB), at least one."""
    n, p = shape
    bytes_per_step = 8 * n_outputs * (2 * p if loss == "multinomial" else 2 * n + p)
    affordable = (_DEFAULT_MEMORY if max_memory is None else max_memory) // max(1, bytes_per_step)
    return int(max(1, min(_STEPS[loss], affordable - 2)))
