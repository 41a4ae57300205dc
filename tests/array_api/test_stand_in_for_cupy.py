"""The whole training path on a stand-in for CuPy: bitwise NumPy's fits, and what the host reads on the way.

It shows that the data stay on the device and that no NumPy function meets them. Whether CuPy itself agrees, only the
tests marked `gpu` can tell.
"""

import sys
from contextlib import contextmanager
from unittest import mock

import fake_cupy
import numpy as np
import pytest
from estimator_cases import (
    CLASSIFIERS,
    ESTIMATORS,
    LINEAR,
    MLP,
    blocks,
    fit,
    make,
    needs_callbacks,
    problem,
    same_state,
)
from scipy import sparse

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)
from sk_adalr.checkpoint import Checkpoint
from sk_adalr.directions import DIRECTIONS
from sk_adalr.learning_rates import GRANULARITIES
from sk_adalr.objectives import LOSSES, Network
from sk_adalr.optimizer import Optimizer
from sk_adalr.optimizer.automatic import AutomaticOptimizer

RULES = {
    "constant": {"learning_rate": "constant"},
    **{f"literal-{g}": {"learning_rate": "hypergradient", "granularity": g} for g in GRANULARITIES},
    **{f"automatic-{g}": {"learning_rate": "auto", "granularity": g} for g in GRANULARITIES},
}
LITERAL = [name for name in RULES if not name.startswith("automatic")]
CASES = [
    *(
        (cls, {"solver": solver, **rule})
        for cls in ESTIMATORS.values()
        for solver in DIRECTIONS
        for rule in RULES.values()
    ),
    *((cls, {"solver": "auto", "learning_rate": "auto"}) for cls in LINEAR.values()),
    *((cls, {"solver": "exact", "learning_rate": "auto"}) for cls in LINEAR.values()),
]
cases = pytest.mark.parametrize(
    ("cls", "options"), CASES, ids=[f"{cls.__name__}-{'-'.join(map(str, options.values()))}" for cls, options in CASES]
)


def same_fit(one, other):
    return same_state(vars(one) | {"backend": None}, vars(other) | {"backend": None})


@contextmanager
def steps_of_any_network():
    """Train linear models of one output on CSR rows as all others: the host has steps of their own for them."""
    switch = property(lambda network: False, lambda network, value: None)
    with mock.patch.object(Network, "_is_scalar", switch, create=True):
        yield


def assert_same_fits(cls, options, *data, **fit_options):
    options = {"max_iter": 3, **options}
    with steps_of_any_network():
        expected = fit(make(cls, **options), *data, **fit_options)
    on_host = fit(make(cls, **options), *data, **fit_options)
    np.testing.assert_allclose(blocks(on_host), blocks(expected), rtol=1e-6, atol=1e-9)
    moved = fit(make(cls, **options, backend="cupy"), *data, **fit_options)
    assert fake_cupy.reads.count > 0  # the stand-in did compute
    assert same_fit(expected, moved)


@cases
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_every_fit_is_bitwise_numpys(cupy, cls, options, storage):
    X, y = problem(cls)
    assert_same_fits(cls, options, storage(X), y)


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (AdaptiveLRLinearRegression, {"solver": "auto", "learning_rate": "auto"}),
        (AdaptiveLRLinearRegression, {"solver": "exact", "learning_rate": "auto"}),
        (AdaptiveLRLinearRegression, {"learning_rate": "auto"}),
        (AdaptiveLRMLPRegressor, {"learning_rate": "auto"}),
    ],
    ids=["linear", "linear exact", "linear mini-batches", "network"],
)
def test_every_loss_is_bitwise_numpys(cupy, cls, options, weighted, loss):
    X, y = problem(cls)
    y = np.exp(np.column_stack([y, -y]) / 2)
    weight = np.random.RandomState(0).uniform(0.5, 2, len(y)) if weighted else None
    assert_same_fits(cls, {**options, "loss": loss}, X, y, sample_weight=weight)


@cases
def test_every_fit_with_weights_in_float32_without_intercept_is_bitwise_numpys(cupy, cls, options):
    X, y = problem(cls, n_classes=3)
    weight = np.random.RandomState(0).uniform(0.5, 2, len(y))
    weight[::7] = 0
    if cls in LINEAR.values():
        options = {**options, "fit_intercept": False}
    assert_same_fits(cls, options, X.astype(np.float32), y, sample_weight=weight)


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_early_stopping_by_a_scorer_is_bitwise_numpys(cupy, cls, storage):
    X, y = problem(cls, n_classes=3)
    scoring = "neg_log_loss" if cls in CLASSIFIERS.values() else "neg_mean_absolute_error"
    options, weight = {"early_stopping": True, "scoring": scoring}, np.random.RandomState(0).uniform(0.5, 2, len(y))
    assert_same_fits(cls, options, storage(X), y, sample_weight=weight)
    rows = {"X_val": storage(X[40:]), "y_val": y[40:], "sample_weight_val": weight[40:]}
    assert_same_fits(cls, options, storage(X[:40]), y[:40], **rows)


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_early_stopping_is_bitwise_numpys_for_every_activation(cupy, cls, activation):
    options = {"early_stopping": True, "validation_fraction": 0.3}
    if cls in MLP.values():
        options["activation"] = activation
    X, y = problem(cls)
    weight = np.random.RandomState(0).uniform(0.5, 2, len(y))
    assert_same_fits(cls, options, X, y, sample_weight=weight)
    assert_same_fits(cls, options, X[:40], y[:40], X_val=X[40:], y_val=y[40:], sample_weight_val=weight[40:])


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
@pytest.mark.parametrize("options", [{"standardize": False}, {"shuffle": False}, {"batch_size": 1000}], ids=str)
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_every_way_through_the_rows_is_bitwise_numpys(cupy, cls, options, storage):
    X, y = problem(cls, raw_units=False)
    assert_same_fits(cls, options, storage(X), y)


@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("cls", LINEAR.values(), ids=list(LINEAR))
def test_exact_fits_of_awkward_columns_are_bitwise_numpys(cupy, cls, storage):
    X, y = problem(cls)
    X = np.column_stack([X, np.ones(len(X)), np.zeros(len(X)), 1e200 * X[:, 0]])
    for weight in (None, np.random.RandomState(0).uniform(0.5, 2, len(y))):
        assert_same_fits(cls, {"solver": "exact", "learning_rate": "auto"}, storage(X), y, sample_weight=weight)


@pytest.mark.parametrize("shape", [(10, 30), (60, 8)], ids=["wide", "rank-deficient"])
def test_the_factorisation_of_singular_problems_is_bitwise_numpys(cupy, shape):
    rng = np.random.RandomState(0)
    X = rng.standard_normal(shape)
    X[:, -1] = X[:, 0]
    y = rng.standard_normal((shape[0], 2))
    for alpha in (0.0, 1.0):
        options = {"solver": "auto", "learning_rate": "auto", "alpha": alpha}
        assert_same_fits(AdaptiveLRLinearRegression, options, X, y, sample_weight=rng.uniform(1, 2, shape[0]))


def test_a_warm_start_of_the_exact_solver_is_bitwise_numpys(cupy):
    X, y = problem(AdaptiveLRLogisticRegression)
    models = [
        AdaptiveLRLogisticRegression(solver="exact", warm_start=True, max_iter=3, backend=backend)
        for backend in ("numpy", "cupy")
    ]
    for _ in range(2):
        for model in models:
            fit(model, X, y)
    assert same_fit(*models)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("granularity", ["parameter", "layer"])
def test_a_long_automatic_fit_is_bitwise_numpys(compiled_cupy, cls, solver, granularity):
    """Beyond the steps that find the rates, from where the device goes on by itself."""
    X, y = problem(cls)
    options = {"solver": solver, "learning_rate": "auto", "granularity": granularity, "max_iter": 40}
    assert_same_fits(cls, options, X, y)
    assert_same_fits(cls, options, X.astype(np.float32), y, sample_weight=np.linspace(1, 2, len(y)))


def test_a_label_matrix_is_bitwise_numpys(cupy):
    X, _ = problem(AdaptiveLRMLPClassifier)
    y = (X[:, :3] > X[:, :3].mean(axis=0)).astype(int)
    assert_same_fits(AdaptiveLRMLPClassifier, {"learning_rate": "auto"}, X, y)


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
@pytest.mark.parametrize("rule", ["auto", "hypergradient"])
def test_training_goes_on_bitwise_from_one_backend_to_the_other(cupy, cls, rule):
    X, y = problem(cls)
    stay, change = (make(cls, learning_rate=rule) for _ in range(2))
    for backend in ("numpy", "cupy", "numpy", "cupy"):
        change.backend = backend
        for model in (stay, change):
            model.partial_fit(X, y, **({"classes": np.unique(y)} if cls in CLASSIFIERS.values() else {}))
    assert same_fit(stay, change)


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_arrays_on_a_gpu_come_in_and_go_out_without_the_host(cupy, dispatch, cls):
    X, y = problem(cls)
    on_host = fit(make(cls), X, y)
    X_device, y_device = cupy.asarray(X), cupy.asarray(y)
    model = fit(make(cls), X_device, y_device)
    arrays = model.coefs_ + model.intercepts_ if hasattr(model, "coefs_") else [model.coef_, model.intercept_]
    assert all(isinstance(array, cupy.ndarray) for array in [*arrays, model.learning_rate_curve_])
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        if hasattr(model, method):
            predicted = getattr(model, method)(X_device)
            assert isinstance(predicted, cupy.ndarray)
            np.testing.assert_array_equal(predicted.get(), getattr(on_host, method)(X))


@needs_callbacks
def test_a_checkpoint_of_arrays_on_a_gpu_is_gone_on_from(cupy, dispatch, tmp_path):
    X, y = problem(AdaptiveLRMLPClassifier)
    whole, first, second = (make(AdaptiveLRMLPClassifier, max_iter=n) for n in (6, 3, 6))
    fit(whole, X, y)
    for model in (first, second):
        model.set_callbacks(Checkpoint(tmp_path / "fit"))
        fit(model, cupy.asarray(X), cupy.asarray(y))
    assert len(second.loss_curve_) == 6
    np.testing.assert_array_equal(second.coefs_[0].get(), whole.coefs_[0])


def test_early_stopping_on_a_gpu_counts_weighted_rows(cupy):
    X, y = problem(AdaptiveLRMLPClassifier, n_rows=2400)
    weight = np.random.RandomState(0).uniform(0.5, 2, len(y))
    options = {"early_stopping": "auto", "learning_rate": "auto", "max_iter": 1}
    assert_same_fits(AdaptiveLRMLPClassifier, options, X, y, sample_weight=weight)


@pytest.mark.parametrize("rule", ["constant", "hypergradient"])
def test_a_sparse_batch_makes_the_host_read_how_many_entries_it_has(cupy, rule):
    X, y = problem(AdaptiveLRMLPClassifier, n_rows=64)

    def n_reads(batch_size):
        model = make(AdaptiveLRMLPClassifier, learning_rate=rule, batch_size=batch_size, max_iter=5, backend="cupy")
        before = fake_cupy.reads.count
        fit(model, sparse.csr_array(X), y)
        return fake_cupy.reads.count - before

    # CuPy's own: when it takes the rows, and when it makes the matrix of the standardised ones
    assert n_reads(8) - n_reads(16) == 5 * 4 * 3


def test_the_host_can_train_on_arrays_of_a_gpu(cupy, dispatch):
    cls = AdaptiveLRLogisticRegression
    X, y = problem(cls)
    model = fit(make(cls, backend="numpy"), cupy.asarray(X), y)
    assert isinstance(model.coef_, cupy.ndarray)
    np.testing.assert_array_equal(model.coef_.get(), fit(make(cls), X, y).coef_)


def test_labels_that_are_strings_stay_on_the_host(cupy, dispatch):
    X, y = problem(AdaptiveLRLogisticRegression)
    labels = np.array(["no", "yes"])[y]
    predicted = fit(make(AdaptiveLRLogisticRegression), cupy.asarray(X), labels).predict(cupy.asarray(X))
    assert type(predicted) is np.ndarray
    assert set(predicted) == {"no", "yes"}


# Host reads: those of an epoch do not depend on how many batches it has.


def n_reads(cls, n_batches, **options):
    """Return how often a fit reads from the device."""
    X, y = problem(cls, n_rows=64)
    model = make(cls, **{"batch_size": 64 // n_batches, "backend": "cupy", **options})
    before = fake_cupy.reads.count
    fit(model, X, y, sample_weight=np.linspace(1, 2, 64))
    return fake_cupy.reads.count - before


@pytest.mark.one_in(3)
@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
@pytest.mark.parametrize("solver", DIRECTIONS)
@pytest.mark.parametrize("rule", LITERAL)
def test_no_constant_or_literal_step_makes_the_host_read(cupy, monkeypatch, cls, solver, rule):
    step = Optimizer.step

    def step_without_reads(*args):
        with fake_cupy.reads.forbid():
            return step(*args)

    monkeypatch.setattr(Optimizer, "step", step_without_reads)
    options = {"solver": solver, **RULES[rule]}
    assert n_reads(cls, 32, **options) == n_reads(cls, 4, **options)


def test_an_epoch_of_constant_or_literal_steps_reads_three_times(cupy):
    # its loss, whether the parameters are finite, and the rates for the history
    few, many = (n_reads(AdaptiveLRMLPClassifier, 4, max_iter=max_iter) for max_iter in (2, 12))
    assert many - few == 3 * 10


@pytest.mark.parametrize("cls", LINEAR.values(), ids=list(LINEAR))
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("solver", ["exact", "auto"])
def test_the_exact_solver_reads_nothing_that_grows_with_the_rows(cupy, cls, n_classes, solver):
    X, y = problem(cls, n_rows=3000, n_classes=n_classes)
    fit(make(cls, solver=solver, learning_rate="auto", backend="cupy"), X, y)
    assert 0 < fake_cupy.reads.largest <= 500  # a system with an unknown for each coefficient of each class


@pytest.mark.parametrize(("cls", "options"), [
    *((cls, {}) for cls in ESTIMATORS.values()),
    *((cls, {"solver": "exact", "learning_rate": "auto"}) for cls in LINEAR.values()),
])  # fmt: skip
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_data_are_moved_once(cupy, cls, options, storage):
    X, y = problem(cls, n_rows=500)
    fit(make(cls, **options, backend="cupy"), storage(X), y)
    assert fake_cupy.moves.count(X.size) == 1 + (storage is not np.asarray)  # the entries and where they are
    assert max(fake_cupy.moves) == X.size


# Launches: on small batches, their number is what a step costs.


def launches_of_a_step(monkeypatch, cls, **data):
    """Return what the last step of a literal fit launches."""
    step, recorded = Optimizer.step, []

    def recorded_step(*args):
        with fake_cupy.launches.recorded() as names, fake_cupy.reads.forbid():
            loss = step(*args)
        recorded[:] = names
        return loss

    monkeypatch.setattr(Optimizer, "step", recorded_step)
    X, y = problem(cls, n_rows=64, **data)
    fit(make(cls, backend="cupy"), X, y)
    return recorded


def test_a_literal_step_with_one_hidden_layer_is_ten_launches(compiled_cupy, monkeypatch):
    forward_and_loss = ["matmul", "sk_adalr_add_bias_relu", "matmul", "sk_adalr_softmax_residual"]
    backward = ["matmul", "matmul", "sk_adalr_relu_backward", "matmul"]
    sums_and_step = ["sk_adalr_finish", "sk_adalr_adam_step_adapted"]
    launches = launches_of_a_step(monkeypatch, AdaptiveLRMLPClassifier, n_classes=3)
    assert launches == forward_and_loss + backward + sums_and_step
    assert len(launches) == 10


@pytest.mark.parametrize(
    ("cls", "n_classes", "n_launches"),
    [
        (AdaptiveLRMLPClassifier, 2, 10),
        (AdaptiveLRMLPRegressor, 2, 10),
        (AdaptiveLRLogisticRegression, 3, 6),
        (AdaptiveLRLogisticRegression, 2, 6),
        (AdaptiveLRLinearRegression, 2, 5),
    ],
)
def test_launches_of_a_literal_step(compiled_cupy, monkeypatch, cls, n_classes, n_launches):
    assert len(launches_of_a_step(monkeypatch, cls, n_classes=n_classes)) == n_launches


def test_a_batch_is_one_launch_more(compiled_cupy):
    # its rows with their targets
    def n_launches(batch_size):
        X, y = problem(AdaptiveLRMLPClassifier, n_rows=64, n_classes=3)
        model = make(AdaptiveLRMLPClassifier, backend="cupy", batch_size=batch_size, max_iter=1)
        with fake_cupy.launches.recorded() as names:
            fit(model, X, y)
        return len(names)

    assert n_launches(8) - n_launches(16) == 4 * (10 + 1)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
@pytest.mark.parametrize("solver", ["adam", "nesterov", "sgd"])
def test_an_automatic_step_reads_nothing(cupy, monkeypatch, cls, solver):
    step, reads = AutomaticOptimizer.step, []

    def counted_step(*args):
        before = fake_cupy.reads.count
        loss = step(*args)
        reads.append(fake_cupy.reads.count - before)
        return loss

    monkeypatch.setattr(AutomaticOptimizer, "step", counted_step)
    X, y = problem(cls, n_rows=1024)
    options = {"solver": solver, "learning_rate": "auto", "early_stopping": False}
    fit(make(cls, **options, batch_size=32, backend="cupy"), X, y)
    assert reads == [0] * 160


def test_the_exact_solver_reads_as_often_for_many_rows_as_for_few(cupy):
    def reads(n_rows):
        X, y = problem(AdaptiveLRLogisticRegression, n_rows=n_rows)
        model = AdaptiveLRLogisticRegression(solver="exact", max_iter=1, tol=0, backend="cupy")
        before = fake_cupy.reads.count
        fit(model, X, y)
        return fake_cupy.reads.count - before

    assert reads(5000) == reads(500)


# The stand-in itself refuses what CuPy refuses: otherwise the tests above would prove nothing.


def test_numpy_functions_refuse_the_stand_in(cupy):
    array = cupy.asarray(np.arange(3.0))
    for attempt in (np.exp, np.sum, np.asarray, lambda a: a + np.ones(3), lambda a: np.ones(3) @ a):
        with pytest.raises(TypeError):
            attempt(array)
    with pytest.raises(TypeError):
        np.ones(3)[...] = array
    with pytest.raises(TypeError):
        array.max(initial=0)


@pytest.mark.parametrize("read", [float, bool, int, lambda a: a.item(), lambda a: a.tolist(), lambda a: a.get()])
def test_a_forbidden_read_of_the_stand_in_fails(cupy, read):
    array = cupy.asarray(np.array(1))
    read(array)
    assert fake_cupy.reads.count == 1
    with fake_cupy.reads.forbid(), pytest.raises(AssertionError, match="reads"):
        read(array)


# Without CuPy, or without a device.


@pytest.mark.skipif("cupy" in sys.modules, reason="CuPy is installed")
@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_without_cupy_the_error_names_the_extra_and_the_model_stays(monkeypatch, cls):
    monkeypatch.setitem(sys.modules, "cupy", None)
    X, y = problem(cls)
    model = fit(make(cls), X, y)
    before = dict(vars(model))
    with pytest.raises(ImportError, match=r"sk-adalr\[cuda12\].*sk-adalr\[cuda13\]"):
        model.set_params(backend="cupy").fit(X, y)
    assert vars(model) == before | {"backend": "cupy"}


def test_without_a_device_the_error_says_so(cupy, monkeypatch):
    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", lambda: 0)
    X, y = problem(AdaptiveLRLinearRegression)
    with pytest.raises(ValueError, match="no CUDA device"):
        make(AdaptiveLRLinearRegression, backend="cupy").fit(X, y)

    def fail():
        raise cupy.cuda.runtime.CUDARuntimeError("cudaErrorInsufficientDriver")

    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", fail)
    with pytest.raises(ValueError, match="cudaErrorInsufficientDriver"):
        make(AdaptiveLRLinearRegression, backend="cupy").fit(X, y)


@pytest.mark.parametrize("backend", ["torch", "CuPy"])
def test_an_unknown_backend_is_refused(backend):
    with pytest.raises(ValueError, match="`backend` must be one of 'auto', 'numpy', 'cupy'"):
        make(AdaptiveLRLinearRegression, backend=backend).fit([[0.0], [1.0]], [0.0, 1.0])
