"""The kernels compiled by numba, one pass over memory each. Importing this package imports numba."""

import platform
from functools import partial

from sk_adalr.backends.kernels.fused import csr, csr_steps, layers, losses, rule, steps
from sk_adalr.backends.kernels.fused.compile import EXPIT
from sk_adalr.backends.kernels.reference import REFERENCE, finish
from sk_adalr.backends.kernels.table import Kernels

# SciPy's products round as these do where its compiler has no fused multiply-add to contract them to.
_SAME_AS_SCIPY = platform.machine().lower() in ("x86_64", "amd64")

FUSED = Kernels(
    name="numba",
    step={"sgd": steps.sgd, "momentum": steps.momentum, "nesterov": steps.nesterov, "adam": steps.adam},
    interpolate=rule.interpolate,
    scale_direction=rule.scale_direction,
    move=rule.move,
    finish=partial(finish, rule.add_scaled),
    add_bias_relu=layers.add_bias_relu,
    relu_backward=layers.relu_backward,
    tanh_backward=layers.tanh_backward,
    logistic_backward=layers.logistic_backward,
    softmax_residual=losses.softmax_residual,
    binomial_residual=losses.binomial_residual,
    squared_residual=losses.squared_residual,
    gather=REFERENCE.gather,  # it copies a row faster than a compiled loop does
    gather_standardized=layers.gather_standardized,
    csr_matmul=csr.csr_matmul if _SAME_AS_SCIPY else REFERENCE.csr_matmul,
    csr_transposed_matmul=csr.csr_transposed_matmul if _SAME_AS_SCIPY else REFERENCE.csr_transposed_matmul,
    csr_steps=csr_steps.CSR_STEPS if _SAME_AS_SCIPY and EXPIT else {},
    # Of the exact mode: functions of float64 that NumPy has, and products.
    narrow=REFERENCE.narrow,
    log_loss=REFERENCE.log_loss,
    log_loss_derivatives=REFERENCE.log_loss_derivatives,
    curvature=REFERENCE.curvature,
)
