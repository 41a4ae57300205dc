"""Training on a GPU: times the same fit on NumPy, torch eager, torch with CUDA graphs, and a copy of the data.

    python benchmarks/bench_gpu.py [--repeats 7] [--quick] [--cpu]

This script has not been run on a device yet: no figure of it exists. With ``--cpu`` all sides but the CUDA graphs
compute on the CPU, which shows that the script works and says nothing about a GPU: no goal is then judged.

Checks the claims that a step with a learning rate per parameter is few launches, that small batches hence take less
time than torch's and large ones about as much, and that the exact mode reads the data as fast as they can be copied.
"MLP" trains on generated float32 values with 784 columns and 10 classes, torch with plain Adam and without the L2
penalty. "logistic" is the exact mode on 256 columns and 2 classes; F_copy copies the data once, which reads and writes
as many bytes as a gradient, a pass forward and one backward, has to read.

Times are wall times of fits from host memory, to the end of all work on the device. What is paid once a fit, moving
the data and capturing a graph for instance, is left out: the times are those of the last epochs or iterations of a
long fit, the difference to a shorter one. Launches are counted by torch's profiler, which sees those of CuPy, in the
same way. The loss is the log loss on the training rows after the long fit.
"""

import sys
import time
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import numpy as np
from bench_epoch import MODES, RATE, generate, torch_network
from bench_fullbatch import generate as generate_logistic
from harness import Table, installed, measure, parse
from sklearn.metrics import log_loss

from sk_adalr import AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier
from sk_adalr.backends import import_cupy

SHORT, LONG = 2, 6  # epochs
FEW, MANY = 5, 15  # iterations of the exact mode
#: (hidden sizes, batch size): {against: goal}.
GOALS = {
    ((100,), 256): {"torch, eager": 0.5},
    ((100,), 4096): {},
    ((1024, 1024), 256): {"torch, eager": 0.5},
    ((1024, 1024), 4096): {"torch, eager": 1.1},
}
BANDWIDTH_GOAL = 1 / 0.7
LAUNCHES_GOAL = 11  # ten of the step, and one that gathers its batch


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

    def copies(self, X):
        """Return a function that copies `X` once where it lies: the floor F_copy."""
        xp = import_cupy() if self.backend == "cupy" else np
        source = xp.asarray(X)
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
            return self.network(torch.from_numpy(X).to(device)).softmax(dim=1).cpu().numpy()


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


def n_launches(run):
    """Return how many kernels a function launches on the device."""
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        run()
    on_device = [event for event in profiled.events() if event.device_type == DeviceType.CUDA]
    return sum(not event.name.startswith(("Memcpy", "Memset")) for event in on_device)


def further(long, short):
    """Return the `Measured` of what the long fit does beyond the short one."""
    return replace(long, seconds=long.seconds - short.seconds)


def compare_mlps(table, options, place):
    """Print a row for each peer of each network; return {case: function(n_epochs) of our fit}, and its rows."""
    X, y = generate(4096 if options.quick else 65_536)
    fits = {}
    for (hidden, batch_size), goals in list(GOALS.items())[: 2 if options.quick else None]:
        data = (hidden, batch_size, X, y)
        peers = {"NumPy": partial(fit_mlp, *data, "numpy")}
        if installed("torch"):
            peers["torch, eager"] = partial(TorchMLP, *data, place.torch_device)
            if place.torch_device == "cuda":
                peers["torch, CUDA graph"] = partial(TorchMLP, *data, "cuda", graph=True)
        case = f"MLP {hidden} / {batch_size}"
        fits[case] = partial(fit_mlp, *data, place.backend)
        fit_sides = {"hypergradient": fits[case], **peers}
        sides = {(name, n): partial(run, n_epochs=n) for name, run in fit_sides.items() for n in (SHORT, LONG)}
        measured = measure(
            sides,
            options.repeats,
            lambda model: log_loss(y, model.predict_proba(X)),
            clock=time.perf_counter,
            n_threads=None,
        )
        epochs = {name: further(measured[name, LONG], measured[name, SHORT]) for name in fit_sides}
        for name in peers:
            ours = ("hypergradient", epochs["hypergradient"])
            table.row(case, ours, place.backend, (name, epochs[name]), goal=place.goal(goals.get(name)))
    return fits, len(X)


def compare_logistic(table, options, place):
    """Print what part of a copy of the data, and of the peers' gradients, one gradient of the exact mode takes."""
    X, y = generate_logistic(20_000 if options.quick else 1_000_000, 2, n_features=256)

    def fit(backend, n_iter):
        return AdaptiveLRLogisticRegression(C=1e-3, solver="exact", max_iter=n_iter, tol=0, backend=backend).fit(X, y)

    sides = {"F_copy": place.copies(X)}
    for n_iter in (FEW, MANY):
        sides |= {(backend, n_iter): partial(fit, backend, n_iter) for backend in {place.backend, "numpy"}}
        if installed("torch"):
            sides["torch", n_iter] = partial(torch_gradients, X, y, place.torch_device, n_iter)
    measured = measure(
        sides,
        options.repeats,
        lambda model: log_loss(y, model.predict_proba(X)),
        clock=time.perf_counter,
        n_threads=None,
    )

    def gradient(backend):
        many, few = measured[backend, MANY], measured[backend, FEW]
        return further(many, few).per(many.result.n_gradient_evaluations_ - few.result.n_gradient_evaluations_)

    ours = ("exact, a gradient", gradient(place.backend))
    others = {"NumPy": gradient("numpy")}
    if installed("torch"):
        others["torch, eager"] = further(measured["torch", MANY], measured["torch", FEW]).per(MANY - FEW)
    table.row("logistic", ours, place.backend, ("F_copy", measured["F_copy"]), goal=place.goal(BANDWIDTH_GOAL))
    for name, other in others.items():
        table.row("logistic", ours, place.backend, (name, other))
    bandwidth = 2 * X.nbytes / np.median(measured["F_copy"].seconds)
    print(f"\nF_copy: {bandwidth / 1e9:.0f} GB/s, reading and writing {X.nbytes / 1e9:.3g} GB each")


def count_launches(fits, n_rows):
    """Print how many kernels a step of each network launches, its batch included."""
    for case, fit in fits.items():
        batch_size = int(case.rpartition("/")[2])
        n_steps = (LONG - SHORT) * -(-n_rows // batch_size)
        long, short = (n_launches(partial(fit, n_epochs=n)) for n in (LONG, SHORT))
        print(f"{case}: {(long - short) / n_steps:.1f} launches per step with its batch; goal {LAUNCHES_GOAL}")


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
    fits, n_rows = compare_mlps(table, options, place)
    compare_logistic(table, options, place)
    if place.backend == "cupy" and installed("torch"):
        count_launches(fits, n_rows)


if __name__ == "__main__":
    main()
