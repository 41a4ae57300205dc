"""Exact hypergradient against L-BFGS and scikit-learn's solvers: gradient evaluations and wall time.

    python benchmarks/bench_exact.py --data DIR [--part binary|multinomial|squared|all] [--quick] [--solvers] [--cpu]

DIR holds the real data sets as .npz files; without it only scikit-learn's bundled and synthetic problems run.
`--quick` leaves out the large sets. A row is printed only if the final objective, recomputed in float64 from the
fitted coefficients, agrees with an independent solution of the same problem: Newton's method from zero, or from
scikit-learn's solution, until half its squared decrement, which estimates the remaining gap, is negligible.

Gradient evaluations are full passes, forward and backward, set-up included. Times are of the estimators' `fit`;
`--cpu` takes those of the process instead of the clock's, for machines that are busy (with one BLAS thread).
Counts are those of solver="exact", where a default fit may be Newton's method: its row says which it was. `ratio`
compares default fits; `equal` lets the default fit make as many iterations as it needs for an objective no
larger than the one that scikit-learn's fit ended with. Gaps are relative to the loss of the constant model.
"""

import argparse
import contextlib
import pathlib
import platform
import time
import warnings

import numpy as np
import scipy
import sklearn
from scipy import linalg, optimize, sparse, special
from sklearn import datasets, exceptions, linear_model

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression
from sk_adalr.objectives import BinomialLogLoss
from sk_adalr.objectives.columns import standardised_columns
from sk_adalr.optimizer.exact.first_order import FirstOrder
from sk_adalr.optimizer.exact.memory import n_steps_of_scores
from sk_adalr.optimizer.exact.problem import Problem

LIMIT = 2000
# Larger data sets are cut to this many values: the independent solutions take minutes otherwise.
MOST_VALUES = 2_000_000
LARGE = ("mnist", "shuttle", "letter", "w8a", "spambase", "california", "rotated, condition 1e4")
SOLVERS = ("newton-cg", "newton-cholesky", "sag", "saga", "liblinear")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--part", default="all", choices=("binary", "multinomial", "squared", "all"))
    parser.add_argument("--only", default="", help="run the problems whose name contains this")
    parser.add_argument("--solvers", action="store_true", help="also time scikit-learn's other solvers")
    parser.add_argument("--quick", action="store_true", help="leave out the large data sets")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cpu", action="store_true", help="processor time instead of wall time")
    options = parser.parse_args()
    options.clock = time.process_time if options.cpu else time.perf_counter
    warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
    warnings.simplefilter("ignore", linalg.LinAlgWarning)
    print(
        f"# {platform.machine()} {platform.python_version()},",
        f"numpy {np.__version__}, scipy {scipy.__version__},",
        end=" ",
    )
    clock = "processor" if options.cpu else "wall"
    runs = f"medians of {options.repeats} interleaved runs, {clock} time"
    print(f"scikit-learn {sklearn.__version__}, seeds 0..2, {runs}")
    for part in (binary, multinomial, squared):
        if options.part in (part.__name__, "all"):
            part(options)


def load(directory, name):
    """(X, y) of a data set, or None without the data."""
    if directory is None or not (directory / f"{name}.npz").exists():
        return None
    z = np.load(directory / f"{name}.npz")
    if "indptr" in z:
        return sparse.csr_matrix((z["data"], z["indices"], z["indptr"]), shape=tuple(z["shape"])), z["y"]
    return z["X"].astype(np.float32), z["y"]


def standardised(X):
    deviation = X.std(axis=0, dtype=np.float64)
    result = (X - X.mean(axis=0, dtype=np.float64)) / np.where(deviation > 0, deviation, 1.0)
    return result.astype(X.dtype)


def binary_problems(directory):
    """(name, X, y) with y in {0, 1}."""
    for name in ("a9a_t", "w8a", "rtpolarity_tfidf"):
        if data := load(directory, name):
            yield name, data[0].astype(np.float64), (data[1] == data[1].max()).astype(int)
    dense = {
        "breast cancer": (datasets.load_breast_cancer(return_X_y=True), lambda y: y),
        "digits odd/even": (datasets.load_digits(return_X_y=True), lambda y: y % 2),
        "wine 0/rest": (datasets.load_wine(return_X_y=True), lambda y: y == 0),
        "iris 2/rest": (datasets.load_iris(return_X_y=True), lambda y: y == 2),
        "spambase": (load(directory, "spambase_raw"), lambda y: y),
        "letter A-M/N-Z": (load(directory, "letter"), lambda y: y < 13),
        "shuttle 0/rest": (load(directory, "shuttle_raw"), lambda y: y == y[np.argmax(np.bincount(y))]),
        "mnist odd/even": (load(directory, "mnist_t10k"), lambda y: y % 2),
    }
    for name, (data, rule) in dense.items():
        if data:
            X, y = data[0].astype(np.float64), np.asarray(rule(data[1].astype(int)), int)
            X, y = X[: MOST_VALUES // X.shape[1]], y[: MOST_VALUES // X.shape[1]]
            yield name + " raw", X, y
            yield name + " std", standardised(X), y
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(4000, 60)) @ np.diag(np.logspace(0, seed, 60)) @ linear_rotation(rng, 60)
        y = rng.random(4000) < special.expit(X @ rng.normal(size=60) / np.sqrt((X**2).sum(1).mean()) * 3)
        yield f"rotated, condition 1e{2 * seed}", X, y.astype(int)


def linear_rotation(rng, p):
    return np.linalg.qr(rng.normal(size=(p, p)))[0]


def multinomial_problems(directory):
    """(name, X, y) with y in 0 .. K - 1."""
    sets = {
        "iris": datasets.load_iris(return_X_y=True),
        "wine": datasets.load_wine(return_X_y=True),
        "digits": datasets.load_digits(return_X_y=True),
        "letter": load(directory, "letter"),
        "shuttle": load(directory, "shuttle_raw"),
        "mnist_t10k": load(directory, "mnist_t10k"),
    }
    for name, data in sets.items():
        if data:
            y = np.unique(data[1], return_inverse=True)[1]
            yield name + " raw", data[0], y
            yield name + " std", standardised(data[0]), y


def logistic_objective(X, y, lam):
    """Value and gradient of one binary problem on its own columns, params = (w, b)."""
    n, p = X.shape
    sign = 1.0 - 2.0 * y

    def value_and_grad(params):
        margins = sign * (X @ params[:p] + params[p])
        loss = np.logaddexp(0, margins).mean() + 0.5 * lam * params[:p] @ params[:p]
        residual = sign * special.expit(margins) / n
        return loss, np.append(X.T @ residual + lam * params[:p], residual.sum())

    return value_and_grad


class Verifier:
    """Newton's method for one logistic problem on standardised float64 columns, sharing no code with the package.

    Parameters
    ----------
    X : {array, sparse matrix} of shape (n, p)
    y : int array of shape (n,), 0 .. K - 1
    lam : float
    """

    # Above this many parameters a Newton step takes conjugate gradients instead of the Hessian itself.
    _DENSE = 1000

    def __init__(self, X, y, lam):
        self.K = y.max() + 1
        # Many sparse columns would not fit as dense ones; with few of them a Newton step needs the dense matrix.
        is_wide = sparse.issparse(X) and X.shape[1] * self.K > self._DENSE
        X = X.tocsr() if is_wide else X.toarray() if sparse.issparse(X) else np.asarray(X, np.float64)
        self.mean = np.asarray(X.mean(axis=0)).ravel()
        square = X.multiply(X).mean(axis=0) - self.mean**2 if is_wide else None
        deviation = np.sqrt(np.asarray(square).ravel()) if is_wide else X.std(axis=0)
        alive = deviation > 1e-12 * np.abs(self.mean)
        self.scale = np.where(alive, deviation, 1.0)
        self.X, self.n = X, len(y)
        self.Z = None if is_wide else self._dense(X, alive)
        # Two classes need one row of scores only: the first class keeps the score 0.
        self.free = slice(1, 2) if self.K == 2 else slice(0, self.K)
        self.Y = np.eye(self.K)[y].T
        self.penalty = np.append(np.where(alive, lam / self.scale**2, 1.0), 0.0)

    def _dense(self, X, alive):
        return np.column_stack([np.where(alive, (X - self.mean) / self.scale, 0.0), np.ones(len(X))])

    def forward(self, params):
        """Scores (k, n) of parameters (k, p + 1)."""
        if self.Z is not None:
            return params @ self.Z.T
        coef = params[:, :-1] / self.scale
        return (self.X @ coef.T).T + (params[:, -1] - coef @ self.mean)[:, None]

    def backward(self, residual):
        """Sums (k, p + 1) over rows of residuals (k, n) times columns."""
        if self.Z is not None:
            return residual @ self.Z
        total = residual.sum(axis=1)
        return np.column_stack([((self.X.T @ residual.T).T - np.outer(total, self.mean)) / self.scale, total])

    def squares(self, weight):
        """Sums (k, p + 1) over rows of weights (k, n) times squared columns."""
        if self.Z is not None:
            return weight @ self.Z**2
        total = weight.sum(axis=1)
        moments = [(power.T @ weight.T).T for power in (self.X, self.X.multiply(self.X).tocsr())]
        centred = moments[1] - 2 * self.mean * moments[0] + np.outer(total, self.mean**2)
        return np.column_stack([centred / self.scale**2, total])

    def value(self, params):
        """Loss, gradient (k, p + 1) and probabilities (K, n)."""
        scores = np.zeros(self.Y.shape)
        scores[self.free] = self.forward(params)
        scores -= scores.max(axis=0)
        log_total = np.log(np.exp(scores).sum(axis=0))
        loss = np.mean(log_total - (scores * self.Y).sum(axis=0)) + 0.5 * np.sum(self.penalty * params**2)
        P = np.exp(scores - log_total)
        return loss, self.backward((P - self.Y)[self.free]) / self.n + self.penalty * params, P

    def loss_of(self, coef, intercept):
        """Loss of coef (k, p) and intercept (k,) in the units of X."""
        return self.value(self.standardised(coef, intercept))[0]

    def standardised(self, coef, intercept):
        """Parameters (k, p + 1) of standardised columns."""
        return np.column_stack([coef * self.scale, intercept + coef @ self.mean])

    def optimum(self, start):
        """Optimal value and the estimate of what is missing, both from a Newton iteration."""
        params = np.zeros((self.Y[self.free].shape[0], len(self.penalty)))
        exact = params.size <= self._DENSE
        if not exact:
            params = start
        goal = 1e-12 if exact else 5e-7
        loss, grad, P = self.value(params)
        unit = special.entr(self.Y.mean(axis=1)).sum()
        missing = np.inf
        for _ in range(200):
            if exact:
                step = self._newton_step(grad, P[self.free])
            else:
                step = self._inexact_step(grad, P[self.free], 0.1 if missing > 1e-4 else 0.01)
            slope = np.sum(grad * step)
            missing = -0.5 * slope / unit
            length = 1.0
            while length > 1e-10:
                new_loss, new_grad, new_P = self.value(params + length * step)
                if new_loss <= loss + 1e-4 * length * slope:
                    break
                length /= 2
            if new_loss <= loss:
                params, loss, grad, P = params + length * step, new_loss, new_grad, new_P
            if missing <= goal or length <= 1e-10:
                break
        return loss, missing, unit

    def _newton_step(self, grad, P):
        k, size = grad.shape
        H = np.zeros((k, size, k, size))
        for a in range(k):
            for b in range(a + 1):
                weight = P[a] * ((a == b) - P[b]) / self.n
                H[a, :, b] = (self.Z.T * weight) @ self.Z
                H[b, :, a] = H[a, :, b].T
            H[a, :, a] += np.diag(self.penalty)
        H = H.reshape(k * size, k * size)
        # The common shift of all intercepts is not seen by the loss; a trace of the identity fixes it.
        H.flat[:: len(H) + 1] += 1e-13 * np.trace(H) / len(H) + 1e-18
        return -linalg.solve(H, grad.ravel(), assume_a="sym").reshape(k, size)

    def _inexact_step(self, grad, P, tolerance):
        n = self.n

        def product(v):
            V = v.reshape(grad.shape)
            change = P * self.forward(V)
            change -= P * change.sum(axis=0)
            return (self.backward(change) / n + self.penalty * V).ravel()

        operator = sparse.linalg.LinearOperator((grad.size, grad.size), matvec=product)
        curvature = (self.squares(P * (1 - P)) / n + self.penalty + 1e-12).ravel()
        jacobi = sparse.linalg.LinearOperator(operator.shape, matvec=lambda v: v.ravel() / curvature)
        step = sparse.linalg.cg(operator, -grad.ravel(), rtol=tolerance, maxiter=300, M=jacobi)[0]
        return step.reshape(grad.shape)


def verified(name, model, verifier, peer):
    """(final loss, peer's loss, optimum, unit) of fitted models, or None where they contradict the verifier."""
    final = verifier.loss_of(model.coef_, model.intercept_)
    peer_loss = verifier.loss_of(peer.coef_, peer.intercept_)
    optimum, missing, unit = verifier.optimum(verifier.standardised(peer.coef_, peer.intercept_))
    optimum = min(optimum, final) if (optimum - final) / unit <= 2 * missing + 1e-10 else optimum
    gap = (final - optimum) / unit
    if missing > 1e-6 or not -1e-10 <= gap < 5e-3 or abs(final - model.loss_) > 1e-5 * final + 1e-7:
        print(f"{name}: NOT VERIFIED, loss {model.loss_} recomputed {final} optimum {optimum} to {missing:.1e}")
        return None
    return final, peer_loss, optimum, unit


def equal_fit(C, X, y, peer_loss):
    """A function that fits until the objective is no larger than `peer_loss`; None where it never is."""
    for tol, limit in ((1e-4, 1000), (1e-8, 5000)):
        curve = np.array(AdaptiveLRLogisticRegression(C=C, tol=tol, max_iter=limit).fit(X, y).loss_curve_)
        if curve[-1] <= peer_loss:
            n_iter = 1 + int(np.argmax(curve <= peer_loss))
            return AdaptiveLRLogisticRegression(C=C, tol=0.0, max_iter=n_iter)
    return None


class Counts:
    """Gradient evaluations until each target is met for the first time."""

    def __init__(self, optimum, start):
        self.optimum, self.start, self.found = optimum, start, {}

    def see(self, evaluations, loss, grad):
        """Note the targets that are met; return whether all are."""
        gap = (loss - self.optimum) / (self.start - self.optimum)
        for name, met in (("1e-3", gap <= 1e-3), ("1e-6", gap <= 1e-6), ("|g|", np.abs(grad).max() <= 1e-4)):
            if met:
                self.found.setdefault(name, evaluations)
        return len(self.found) == 3

    def get(self, name):
        """Evaluations until the target of this name, at most LIMIT."""
        return self.found.get(name, LIMIT)


def count_exact(X, y, lam, counts):
    columns = standardised_columns(X)
    penalty = lam / columns.scale**2
    n_steps = n_steps_of_scores(X.shape, columns.n_entries)
    problem = Problem(columns, BinomialLogLoss(), y[:, None], None, penalty, fit_intercept=True)
    solver = FirstOrder(problem, n_steps)
    for _ in range(LIMIT):
        solver.optimality()
        raw = columns.scale * solver._grad + columns.mean * solver.grad_intercept
        if counts.see(solver.n_passes / 2, solver.loss, np.append(raw, solver.grad_intercept)) or not solver.step():
            break


def count_lbfgs(X, y, lam, counts, rates=None):
    """L-BFGS-B of scipy; with `rates`, in the variables that make them the unit matrix."""
    fun = logistic_objective(X, y, lam)
    root = 1.0 if rates is None else np.sqrt(rates)
    evaluations = 0

    def counted(params):
        nonlocal evaluations
        loss, grad = fun(root * params)
        evaluations += 1
        if counts.see(evaluations + (rates is not None), loss, grad):
            raise StopIteration
        return loss, root * grad

    start = np.zeros(X.shape[1] + 1)
    bounds = {"maxiter": LIMIT, "maxfun": LIMIT, "ftol": 0, "gtol": 0, "maxcor": 10}
    with contextlib.suppress(StopIteration):
        optimize.minimize(counted, start, jac=True, method="L-BFGS-B", options=bounds)


def initial_rates(X, y, lam):
    columns = standardised_columns(X)
    share = y.mean()
    curvature = share * (1 - share) * columns.scale**2 * columns.alive + lam
    return np.append(1 / np.maximum(curvature, 1e-10), 1 / (share * (1 - share)))


def times(functions, options):
    """Median seconds of each function, interleaved, and the last results."""
    spent, results = [[] for _ in functions], [None] * len(functions)
    for _ in range(options.repeats):
        for index, function in enumerate(functions):
            begin = options.clock()
            results[index] = function()
            spent[index].append(options.clock() - begin)
    return np.median(spent, axis=1), results


def summary(title, ratios):
    ratios = np.maximum(ratios, 1e-9)
    print(
        f"  {title}: geometric mean {np.exp(np.mean(np.log(ratios))):.3f},",
        f"worst {max(ratios):.2f} ({len(ratios)})",
    )


def binary(options):
    print("binary logistic: gradients to gap 1e-3 / 1e-6 / |g|<=1e-4, exact | L-BFGS | same with the diagonal")
    ratios = {key: [] for key in ("gradients", "gradients, same diagonal", "fit time", "time to equal objective")}
    for name, X, y in binary_problems(options.data):
        for C in (1.0, 1e6):
            if options.only in name and not (options.quick and name.startswith(LARGE)):
                _binary_row(f"{name} C={C:g}", X, y, C, options, ratios)
    for title, values in ratios.items():
        summary(title, values)


def _peers(C, options):
    return {s: linear_model.LogisticRegression(C=C, solver=s, max_iter=1000) for s in SOLVERS if options.solvers}


def _fit_times(C, X, y, peer_loss, options, skip=()):
    """Seconds of the default fit, the fit to equal objective and of scikit-learn's, and the others' as text."""
    peers = {s: m for s, m in _peers(C, options).items() if s not in skip}
    model, equal = AdaptiveLRLogisticRegression(C=C), equal_fit(C, X, y, peer_loss)
    models = [model, equal or model, linear_model.LogisticRegression(C=C), *peers.values()]
    seconds, _ = times([lambda m=m: m.fit(X, y) for m in models], options)
    return seconds[:3], "".join(f" {s} {t * 1e3:.1f}" for s, t in zip(peers, seconds[3:], strict=True)), equal


def _binary_row(name, X, y, C, options, ratios):
    lam = 1.0 / (C * len(y))
    peer = linear_model.LogisticRegression(C=C).fit(X, y)
    model = AdaptiveLRLogisticRegression(C=C).fit(X, y)
    losses = verified(name, model, Verifier(X, y, lam), peer)
    if losses is None:
        return
    final, peer_loss, optimum, unit = losses
    counts = [Counts(optimum, np.log(2)) for _ in range(3)]
    count_exact(X, y, lam, counts[0])
    count_lbfgs(X, y, lam, counts[1])
    count_lbfgs(X, y, lam, counts[2], initial_rates(X, y, lam))
    seconds, others, equal = _fit_times(C, X, y, peer_loss, options)
    ratios["gradients"].append(counts[0].get("|g|") / counts[1].get("|g|"))
    ratios["gradients, same diagonal"].append(counts[0].get("|g|") / counts[2].get("|g|"))
    ratios["fit time"].append(seconds[0] / seconds[2])
    ratios["time to equal objective"].append(seconds[1] / seconds[2])
    shown = " | ".join("/".join(f"{c.get(k):g}" for k in ("1e-3", "1e-6", "|g|")) for c in counts)
    gaps = f"gap {(final - optimum) / unit:.1e} peer {(peer_loss - optimum) / unit:.1e}"
    stop = f"{model.solver_} stop {model.n_gradient_evaluations_:g}"
    print(f"{name:32s} {shown:42s} {stop}; {gaps};", end=" ")
    print(f"ms {seconds[0] * 1e3:.1f} lbfgs {seconds[2] * 1e3:.1f}{others}", end=" ")
    reached = f"equal {seconds[1] / seconds[2]:.2f}" if equal else "equal never"
    print(f"ratio {seconds[0] / seconds[2]:.2f} {reached}", flush=True)


def multinomial(options):
    print("multinomial: default fit against LogisticRegression(solver='lbfgs')")
    ratios = {"fit time": [], "time to equal objective": []}
    for name, X, y in multinomial_problems(options.data):
        for C in (1.0, 1e4):
            if options.only in name and not (options.quick and name.startswith(LARGE)):
                _multinomial_row(f"{name} C={C:g}", X, y, C, options, ratios)
    for title, values in ratios.items():
        summary(title, values)


def _multinomial_row(name, X, y, C, options, ratios):
    peer = linear_model.LogisticRegression(C=C).fit(X, y)
    model = AdaptiveLRLogisticRegression(C=C).fit(X, y)
    losses = verified(name, model, Verifier(X, y, 1.0 / (C * len(y))), peer)
    if losses is None:
        return
    final, peer_loss, optimum, unit = losses
    seconds, others, equal = _fit_times(C, X, y, peer_loss, options, skip=("liblinear",))
    ratios["fit time"].append(seconds[0] / seconds[2])
    ratios["time to equal objective"].append(seconds[1] / seconds[2])
    print(f"{name:24s} {model.solver_} gradients {model.n_gradient_evaluations_:g}", end="")
    print(f", to equal about {equal.max_iter + 2}" if equal else "", end="; ")
    print(f"lbfgs iterations {peer.n_iter_[0]}; objective {final:.6g} lbfgs {peer_loss:.6g};", end=" ")
    print(f"gap {(final - optimum) / unit:.1e} peer {(peer_loss - optimum) / unit:.1e};", end=" ")
    print(f"ms {seconds[0] * 1e3:.1f} lbfgs {seconds[2] * 1e3:.1f}{others}", end=" ")
    reached = f"equal {seconds[1] / seconds[2]:.2f}" if equal else "equal never"
    print(f"ratio {seconds[0] / seconds[2]:.2f} {reached}", flush=True)


def squared(options):
    print("least squares: iterations of exact and of Jacobi-preconditioned CG to the same stop")
    for name in ("california_raw", "powerplant_raw", "winequality_red_raw"):
        if data := load(options.data, name):
            _squared_row(name, *data, options)
    _squared_row("diabetes", *datasets.load_diabetes(return_X_y=True), options)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(5000, 300)) @ np.diag(np.logspace(0, 1 + seed, 300)) @ linear_rotation(rng, 300)
        _squared_row(
            f"rotated, condition 1e{2 + 2 * seed}",
            X,
            X @ rng.normal(size=300) + rng.normal(size=5000),
            options,
        )


def _squared_row(name, X, y, options):
    if options.only not in name or (options.quick and name.startswith(LARGE)):
        return
    X, y = X.astype(np.float64), y.astype(np.float64)
    Z, target = standardised(X), y - y.mean()
    best = 0.5 * np.mean((target - Z @ np.linalg.lstsq(Z, target)[0]) ** 2)
    models = [
        AdaptiveLRLinearRegression(),
        AdaptiveLRLinearRegression(solver="exact"),
        linear_model.LinearRegression(),
        AdaptiveLRLinearRegression(alpha=1.0),
        linear_model.Ridge(1.0),
    ]
    seconds, (default, exact, _, ridge, peer) = times([lambda m=m: m.fit(X, y) for m in models], options)
    ridge_error = np.abs(ridge.coef_ - peer.coef_).max() / np.abs(peer.coef_).max()
    for model in (default, exact):
        loss = 0.5 * np.mean((y - model.predict(X)) ** 2)
        if not -1e-9 < (loss - best) / (0.5 * target.var()) < 1e-4 or ridge_error > 1e-3:
            print(f"{name}: NOT VERIFIED, loss {loss} optimum {best}, Ridge differs by {ridge_error}")
            return
    iterations = jacobi_cg_iterations(Z, target, 1e-8)
    shown = " ".join(f"{t * 1e3:.1f}" for t in seconds)
    print(f"{name:24s} exact {exact.n_iter_} PCG {iterations}; default is {default.solver_};", end=" ")
    print(f"ms default / exact / LinearRegression / default with alpha=1 / Ridge {shown}", flush=True)


def jacobi_cg_iterations(Z, target, threshold):
    """Iterations of conjugate gradients on standardised columns until the same stop as the exact solver's."""
    n = len(target)
    w, residual = np.zeros(Z.shape[1]), Z.T @ target / n
    direction, square = residual.copy(), residual @ residual
    for iteration in range(10_000):
        if square <= threshold * 0.5 * target.var():
            return iteration
        image = Z.T @ (Z @ direction) / n
        length = square / (direction @ image)
        w, residual = w + length * direction, residual - length * image
        square, previous = residual @ residual, square
        direction = residual + square / previous * direction
    return iteration


if __name__ == "__main__":
    main()
