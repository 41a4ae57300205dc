"""Kernels that are faster if compiled by numba, each in one pass over memory. Importing this package imports numba."""

import platform
from dataclasses import replace
from functools import partial

from sk_adalr.backends.kernels.fused import csr, csr_steps, layers, losses, rule, steps
from sk_adalr.backends.kernels.fused.compile import EXPIT
from sk_adalr.backends.kernels.reference import REFERENCE, finish

# Products equal SciPy's bitwise only on machines for which SciPy is compiled without fused multiply-add.
_SAME_AS_SCIPY = platform.machine().lower() in ("x86_64", "amd64")

FUSED = replace(
    REFERENCE,
    name="numba",
    step={"sgd": steps.sgd, "momentum": steps.momentum, "nesterov": steps.nesterov, "adam": steps.adam},
    scale_direction=rule.scale_direction,
    move=rule.move,
    finish=partial(finish, rule.add_scaled),
    add_bias_relu=layers.add_bias_relu,
    relu_backward=layers.relu_backward,
    softmax_residual=losses.softmax_residual,
    gather_standardized=layers.gather_standardized,
    csr_transposed_matmul=csr.csr_transposed_matmul if _SAME_AS_SCIPY else REFERENCE.csr_transposed_matmul,
    csr_steps=csr_steps.CSR_STEPS if _SAME_AS_SCIPY and EXPIT else {},
)
