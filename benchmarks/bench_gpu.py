"""Training on a GPU: times the same fit on NumPy, torch eager, torch with CUDA graphs, and a copy of the data.

    python benchmarks/bench_gpu.py [--repeats 7] [--quick] [--cpu]

With ``--cpu`` all sides but the CUDA graphs compute on the CPU, which shows that the script works and says nothing
about a GPU: no goal is then judged.

Checks the claims that a step with a learning rate per parameter is few launches, that small batches hence take less
time than torch's and large ones about as much, and that the exact mode reads the data about as fast as they can be
copied. "MLP" trains on 65536 rows of generated float32 values, 784 columns and 10 classes; torch has plain Adam and no
L2 penalty. "logistic" is the exact mode on a million rows of 256 columns, neighbours correlated to .9, and 2 classes;
F_copy copies the data once, which reads and writes as many bytes as a gradient, a pass forward and one back, reads.

Times are wall times of fits, to the end of all work on the device, from data that lie there. What is paid once a fit,
standardising the data and capturing a graph for instance, is left out: the times are those of the last epochs or
iterations of a long fit, the difference to a shorter one. The loss is the log loss on the training rows after the long
fit. NumPy, which trains to the same model, see the tests marked `gpu`, is timed in one round, on fewer epochs or
iterations, and without a loss. Launches are counted by torch's profiler: those of our kernels, and others, which are
those of the products, of some of which cuBLAS makes several, and what an epoch does once, such as ordering the rates.
"""

import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

os.environ.setdefault("SCIPY_ARRAY_API", "1")  # data may lie on the device, see `main`

import numpy as np
import sklearn
from bench_epoch import MODES, RATE, generate, torch_network
from bench_fullbatch import generate as generate_logistic
from harness import Table, installed, measure, parse
from sklearn.metrics import log_loss

from sk_adalr import AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier
from sk_adalr.backends import import_cupy, to_host

EPOCHS = {256: (2, 6), 4096: (4, 44)}  # of each batch size
FEW, MANY = 30, 100  # iterations of the exact mode: all of its past steps take part
FEW_ON_NUMPY, MANY_ON_NUMPY = 12, 14
ROWS_ON_NUMPY = (16_384, 4096)  # of MLPs; in a quick run
#: (hidden sizes, batch size): {against: goal}.
GOALS = {
    ((100,), 256): {"torch, eager": 0.5},
    ((100,), 4096): {},
    ((1024, 1024), 256): {"torch, eager": 0.5},
    ((1024, 1024), 4096): {"torch, eager": 1.1},
}
BANDWIDTH_GOAL = 1 / 0.7


@dataclass(frozen=True)
class Place:
    """Where our side and torch compute."""

    backend: str
    torch_device: str

    def goal(self, goal):
        """Return the goal where it is one: on a GPU."""
        return goal if self.backend == "cupy" else None

    def synchronize(self):
        """Wait for all that the device was told to do."""
        if self.backend == "cupy":
            import_cupy().cuda.get_current_stream().synchronize()

    @property
    def xp(self):
        """The array library that computes there."""
        return import_cupy() if self.backend == "cupy" else np

    def moved(self, X):
        """Return `X` where we compute."""
        return self.xp.asarray(X)

    def copies(self, X):
        """Return a function that copies `X` once where it lies: the floor F_copy."""
        xp, source = self.xp, self.moved(X)
        target = xp.empty_like(source)

        def run():
            xp.copyto(target, source)
            self.synchronize()

        return run


def describe_device():
    """Return what the figures depend on."""
    cupy = import_cupy()
    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    runtime, driver = cupy.cuda.runtime.runtimeGetVersion(), cupy.cuda.runtime.driverGetVersion()
    return f"{properties['name'].decode()}, CuPy {cupy.__version__}, CUDA {runtime}, driver {driver}"


def fit_mlp(hidden, batch_size, X, y, backend, n_epochs):
    options = {"solver": "adam", "tol": 0, "early_stopping": False, "random_state": 0, **MODES["hypergradient"]}
    return AdaptiveLRMLPClassifier(hidden, batch_size=batch_size, max_iter=n_epochs, backend=backend, **options).fit(
        X, y
    )


class TorchMLP:
    """The loop that the tutorials write, with plain Adam; with `graph`, a step is captured once and then replayed."""

    def __init__(self, hidden, batch_size, X, y, device, n_epochs, graph=False):
        import torch

        torch.manual_seed(0)
        self.network = torch_network(hidden, X.shape[1]).to(device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=RATE, capturable=graph)
        X, y = torch.from_numpy(X).to(device), torch.from_numpy(y).to(device)
        step = self._captured(X[:batch_size].clone(), y[:batch_size].clone()) if graph else self._step
        for _ in range(n_epochs):
            for rows in torch.randperm(len(X), device=device).split(batch_size):
                step(X[rows], y[rows])
        if device == "cuda":
            torch.cuda.synchronize()

    def _step(self, X, y):
        import torch

        self.optimizer.zero_grad()
        torch.nn.functional.cross_entropy(self.network(X), y).backward()
        self.optimizer.step()

    def _captured(self, X, y):
        """Return a step that copies its batch to `X` and `y` and replays what was recorded on them."""
        import torch

        start = [parameter.detach().clone() for parameter in self.network.parameters()]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):  # warms up, as torch asks for
                self._step(X, y)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad()
        with torch.cuda.graph(graph):
            torch.nn.functional.cross_entropy(self.network(X), y).backward()
            self.optimizer.step()
        with torch.no_grad():  # training begins where the other sides begin
            for parameter, value in zip(self.network.parameters(), start, strict=True):
                parameter.copy_(value)
            for state in self.optimizer.state.values():
                for value in state.values():
                    value.zero_()

        def step(X_batch, y_batch):
            X.copy_(X_batch)
            y.copy_(y_batch)
            graph.replay()

        return step

    def predict_proba(self, X):
        """Return the probability of each class, (n_rows, n_classes)."""
        import torch

        with torch.no_grad():
            device = next(self.network.parameters()).device
            return self.network(torch.as_tensor(X, device=device)).softmax(dim=1).cpu().numpy()


def torch_gradients(X, y, device, n_gradients):
    """Evaluate loss and gradient of logistic regression so often, with a step of gradient descent after each."""
    import torch

    X, y = torch.from_numpy(X).to(device), torch.from_numpy(y.astype(X.dtype)).to(device)
    coef = torch.zeros(X.shape[1], dtype=X.dtype, device=device, requires_grad=True)
    for _ in range(n_gradients):
        torch.nn.functional.binary_cross_entropy_with_logits(X @ coef, y).backward()
        with torch.no_grad():
            coef -= 1e-3 * coef.grad
        coef.grad = None
    if device == "cuda":
        torch.cuda.synchronize()


def launches(run):
    """Return the names of the kernels that a function launches on the device."""
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        run()
    names = [event.name for event in profiled.events() if event.device_type == DeviceType.CUDA]
    return [name for name in names if not name.startswith(("Memcpy", "Memset"))]


def timed(sides, repeats, loss=None):
    """Return {(name, n): Measured} of wall times."""
    return measure(sides, repeats, loss, clock=time.perf_counter, n_threads=None)


def further(measured, name, few, many):
    """Return the `Measured` of what the fit of many epochs or iterations does beyond that of few."""
    long, short = measured[name, many], measured[name, few]
    return replace(long, seconds=long.seconds - short.seconds)


def compare_mlps(table, options, place):
    """Print a row for each peer; return {case: function(n_epochs) of our fit}, the number of rows, and our times."""
    X, y = generate(8192 if options.quick else 65_536)
    moved, few_rows = place.moved(X), ROWS_ON_NUMPY[options.quick]
    fits, units = {}, {}
    for (hidden, batch_size), goals in list(GOALS.items())[: 2 if options.quick else None]:
        data, case = (hidden, batch_size, moved, y), f"MLP {hidden} / {batch_size}"
        fits[case] = partial(fit_mlp, *data, place.backend)
        fit_sides = {"hypergradient": fits[case]}
        if installed("torch"):
            fit_sides["torch, eager"] = partial(TorchMLP, hidden, batch_size, X, y, place.torch_device)
            if place.torch_device == "cuda":
                fit_sides["torch, CUDA graph"] = partial(TorchMLP, hidden, batch_size, X, y, "cuda", graph=True)
        epochs = EPOCHS[batch_size]
        sides = {(side, n): partial(run, n_epochs=n) for side, run in fit_sides.items() for n in epochs}
        measured = timed(sides, options.repeats, lambda model: log_loss(y, to_host(model.predict_proba(moved))))
        steps = {side: a_step(measured, side, epochs, len(X), batch_size) for side in fit_sides}
        on_numpy = (hidden, batch_size, X[:few_rows], y[:few_rows], "numpy")
        sides = {("NumPy", n): partial(fit_mlp, *on_numpy, n) for n in (1, 2)}
        steps["NumPy"] = a_step(timed(sides, 1), "NumPy", (1, 2), few_rows, batch_size)
        ours = ("hypergradient", steps.pop("hypergradient"))
        for peer, step in steps.items():
            table.row(case, ours, place.backend, (peer, step), goal=place.goal(goals.get(peer)))
        units[f"{case}, a step"] = ours[1]
    return fits, len(X), units


def a_step(measured, name, epochs, n_rows, batch_size):
    """Return the `Measured` of one step."""
    few, many = epochs
    return further(measured, name, few, many).per((many - few) * -(-n_rows // batch_size))


def generate_correlated(n_rows, n_features=256):
    """Return the data of `bench_fullbatch` with 2 classes, the columns mixed so that neighbours are correlated."""
    X, y = generate_logistic(n_rows, 2, n_features)
    correlation = 0.9 ** np.abs(np.subtract.outer(np.arange(n_features), np.arange(n_features)))
    return X @ np.linalg.cholesky(correlation).T.astype(np.float32), y


def compare_logistic(table, options, place):
    """Compare a gradient of the exact mode with a copy of the data and the peers' gradients; return the times."""
    X, y = generate_correlated(20_000 if options.quick else 1_000_000)
    moved = place.moved(X)

    def fit(X, backend, n_iter):
        return AdaptiveLRLogisticRegression(C=1e-3, solver="exact", max_iter=n_iter, tol=0, backend=backend).fit(X, y)

    def gradient(measured, name, few, many):
        fits = [measured[name, n].result for n in (few, many)]
        n_gradients = fits[1].n_gradient_evaluations_ - fits[0].n_gradient_evaluations_
        return further(measured, name, few, many).per(n_gradients)

    sides = {"F_copy": place.copies(moved)}
    for n_iter in (FEW, MANY):
        sides["exact", n_iter] = partial(fit, moved, place.backend, n_iter)
        if installed("torch"):
            sides["torch", n_iter] = partial(torch_gradients, X, y, place.torch_device, n_iter)
    measured = timed(sides, options.repeats, lambda model: log_loss(y, to_host(model.predict_proba(moved))))
    others = {"F_copy": measured["F_copy"]}
    if installed("torch"):
        others["torch, eager"] = further(measured, "torch", FEW, MANY).per(MANY - FEW)
    sides = {("numpy", n): partial(fit, X, "numpy", n) for n in (FEW_ON_NUMPY, MANY_ON_NUMPY)}
    on_numpy = timed(sides, 1)
    others["NumPy"] = gradient(on_numpy, "numpy", FEW_ON_NUMPY, MANY_ON_NUMPY)
    ours = ("exact, a gradient", gradient(measured, "exact", FEW, MANY))
    for name, other in others.items():
        goal = place.goal(BANDWIDTH_GOAL) if name == "F_copy" else None
        table.row("logistic", ours, place.backend, (name, other), goal=goal)
    return {"logistic, a gradient": ours[1], f"F_copy, of {X.nbytes / 1e9:.3g} GB": measured["F_copy"]}


def count_launches(fits, n_rows):
    """Print how many kernels a step of each network launches, its batch and its share of the epoch's included."""
    for case, fit in fits.items():
        batch_size = int(case.rpartition("/")[2])
        few, many = 1, 3  # epochs
        n_steps = (many - few) * -(-n_rows // batch_size)
        short, long = (Counter(map(is_ours, launches(partial(fit, n_epochs=n)))) for n in (few, many))
        ours, others = ((long[key] - short[key]) / n_steps for key in (True, False))
        print(f"{case}: a step with its batch launches {ours:.1f} kernels of ours and {others:.1f} others")


def is_ours(name):
    return name.startswith("sk_adalr")


def main():
    flags = {"--cpu": "compute on the CPU: does the script work?"}
    options = parse(__doc__, repeats=7, flags=flags, wall_time=True)
    if options.cpu:
        place = Place("numpy", "cpu")
        print("On the CPU: nothing below is a figure of a GPU.")
    else:
        try:
            device = describe_device()
        except (ImportError, ValueError) as error:
            sys.exit(f"\nNothing was measured, for this benchmark needs a CUDA device. {error}")
        print(f"{date.today()}, {device}.")
        place = Place("cupy", "cuda")
    table = Table(tolerance=0.05, margin=0.01)
    with sklearn.config_context(array_api_dispatch=True):
        fits, n_rows, units = compare_mlps(table, options, place)
        units |= compare_logistic(table, options, place)
        print()
        for name, unit in units.items():
            print(f"{name}: {1e6 * np.median(unit.seconds):.0f} us")
        if place.backend == "cupy" and installed("torch"):
            count_launches(fits, n_rows)


if __name__ == "__main__":
    main()
