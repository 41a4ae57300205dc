"""One optimizer step, Adam with or without a learning rate per parameter: times F_rmw, scikit-learn and torch.

    python benchmarks/bench_step.py [--repeats 15] [--quick]

Checks the claim that the step runs at memory speed. Timed is `Optimizer.step` on float32 parameters whose gradient is
given: their first values, in every step. With a rate per parameter the step must read the gradient, and read and write
the parameter, both moments, the rate and the direction that the next hypergradient needs: 44 bytes of each parameter.
F_rmw is one in-place product, `a *= s`, over as many bytes in total. The peers make a step of plain Adam, which needs
28 bytes: scikit-learn's optimizer, torch's, and torch's fused one. The loss is the mean square of the parameters after
the first 1e6 / n_params steps.
"""

from functools import partial

import numpy as np
from harness import Table, installed, kernel_tables, kernels, measure, parse
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer

from sk_adalr.directions import Adam
from sk_adalr.learning_rates import Constant, Hypergradient
from sk_adalr.optimizer import Optimizer
from sk_adalr.parameters import ParameterLayout

SIZES = (10**4, 10**5, 10**6, 10**7)
RATE = 1e-3
MODES = {"constant": Constant(RATE), "hypergradient": Hypergradient(RATE, 1e-4)}
BYTES = 44
# Of the hypergradient from 1e5 parameters on: 90 % of F_rmw with numba's kernels, and NumPy's relative to these.
GOALS = {"numba": {"F_rmw": 1 / 0.9}, "numpy": {"hypergradient, numba": 3.5}}


def first_values(n_params):
    """Return the parameters that all sides start from; they are the gradient too."""
    return np.random.default_rng(0).standard_normal(n_params, dtype=np.float32)


def mean_square(params):
    return np.mean(np.square(params, dtype=np.float64))


def our_side(mode, n_params, n_steps, kernel):
    """Return a function that makes `n_steps` steps and returns the parameters; so do the next ones."""
    params = first_values(n_params)
    optimizer = Optimizer(Adam(), MODES[mode], ParameterLayout.vector(n_params))
    with kernels(kernel):
        state = optimizer.init(params)
    state.grad[...] = params

    def given(params, out=None):
        """Stand in for the loss: its gradient is in `out` already."""
        return 0.0

    def run():
        with kernels(kernel):
            for _ in range(n_steps):
                optimizer.step(state, params, given)
        return params

    return run


def sklearn_side(n_params, n_steps):
    params, grad = first_values(n_params), first_values(n_params)
    optimizer = AdamOptimizer([params], RATE)

    def run():
        for _ in range(n_steps):
            optimizer.update_params([params], [grad])
        return params

    return run


def torch_side(n_params, n_steps, *, fused):
    import torch

    params = torch.from_numpy(first_values(n_params)).requires_grad_()
    params.grad = torch.from_numpy(first_values(n_params))
    optimizer = torch.optim.Adam([params], lr=RATE, fused=fused)

    def run():
        for _ in range(n_steps):
            optimizer.step()
        return params.detach().numpy()

    return run


def floor(n_params, n_steps):
    """Return a function that reads and writes as many bytes as the steps must, in place."""
    memory = np.ones(n_params * BYTES // 8, dtype=np.float32)

    def run():
        for _ in range(n_steps):
            np.multiply(memory, np.float32(1), out=memory)

    return run


def main():
    options = parse(__doc__, repeats=15)
    peers = {"scikit-learn": sklearn_side}
    if installed("torch"):
        peers |= {"torch": partial(torch_side, fused=False), "torch, fused": partial(torch_side, fused=True)}
    table = Table(tolerance=1e-4)
    for n_params in SIZES[: 2 if options.quick else None]:
        n_steps = max(1, 10**6 // n_params)
        sides = {name: make(n_params, n_steps) for name, make in {"F_rmw": floor, **peers}.items()}
        for kernel in kernel_tables():
            sides |= {f"{mode}, {kernel}": our_side(mode, n_params, n_steps, kernel) for mode in MODES}
        measured = measure(sides, options.repeats, mean_square)
        for kernel in kernel_tables():
            for mode in MODES:
                adapts = mode == "hypergradient"
                goals = GOALS[kernel] if adapts and n_params >= 10**5 else {}
                against = ["F_rmw", f"constant, {kernel}", *peers] if adapts else list(peers)
                against += [name for name in measured if name == f"{mode}, numba" and kernel == "numpy"]
                for name in against:
                    ours = (mode, measured[f"{mode}, {kernel}"])
                    table.row(f"{n_params:.0e} parameters", ours, kernel, (name, measured[name]), goal=goals.get(name))


if __name__ == "__main__":
    main()
