"""Fits on a cluster: rows stay on their workers, which may die."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier
from sk_adalr.blocks import dask_blocks

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")

N_ROWS, N_COLUMNS = 1500, 8


def features(block, n_rows=N_ROWS, n_columns=N_COLUMNS):
    return np.random.default_rng(block).normal(size=(n_rows, n_columns))


#: The blocks that were made, in this process.
MADE = []


def noted(X, seed):
    MADE.append(seed)
    return X


def labels(X):
    return (X[:, 0] - X[:, 1] + np.sin(1e3 * X[:, 2]) > 0).astype(int)


def collections(n_blocks=6, n_rows=N_ROWS, n_columns=N_COLUMNS):
    """Return features and labels that are made on the workers."""
    shape = (n_rows, n_columns)
    blocks = [da.from_delayed(dask.delayed(features)(block, *shape), shape, dtype=float) for block in range(n_blocks)]
    X = da.concatenate(blocks)
    return X, X.map_blocks(labels, dtype=int, drop_axis=1)


@pytest.fixture
def client():
    """Two workers in this process: a fit is then a matter of milliseconds, and a worker is lost at will."""
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    # By default a worker waits for 30 s for one that is lost.
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "2s"}),
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def trips(monkeypatch):
    """Return what every round trip is told to: the number of its tasks."""
    seen = []

    def counted(self, *arguments):
        seen.append(len(self._shards))
        return reduced(self, *arguments)

    reduced = dask_blocks._Shards.reduced
    monkeypatch.setattr(dask_blocks._Shards, "reduced", counted)
    return seen


@pytest.fixture(scope="module")
def in_memory():
    X, y = collections()
    with dask.config.set(scheduler="synchronous"):
        X, y = dask.compute(X, y)
    return AdaptiveLRLogisticRegression(tol=1e-8).fit(X, y), X, y


def test_a_fit_on_a_cluster_is_that_in_memory(client, in_memory):
    whole, X, y = in_memory
    model = AdaptiveLRLogisticRegression(tol=1e-8).fit(*collections())
    np.testing.assert_allclose(model.coef_, whole.coef_, rtol=1e-9)
    assert model.score(*collections()) == whole.score(X, y)
    np.testing.assert_array_equal(model.predict(collections()[0]).compute(), whole.predict(X))


def test_an_iteration_takes_few_round_trips_of_a_task_per_thread(client, trips):
    model = AdaptiveLRLogisticRegression(tol=1e-8).fit(*collections())
    assert set(trips) == {2}
    assert len(trips) <= 2 * model.n_iter_[0] + 4
    trips.clear()
    AdaptiveLRLinearRegression().fit(*collections())
    assert len(trips) <= 3


@pytest.mark.parametrize("lost_at", range(1, 11))
def test_a_worker_that_is_lost_at_any_round_trip_changes_nothing(client, trips, in_memory, monkeypatch, lost_at):
    reduced, lost = dask_blocks._Shards.reduced, []

    def losing(self, *arguments):
        if len(trips) == lost_at:
            lost.append(client.cluster.workers[0])
            client.sync(lost[0].close, nanny=False, executor_wait=False)
        return reduced(self, *arguments)

    monkeypatch.setattr(dask_blocks._Shards, "reduced", losing)
    model = AdaptiveLRLogisticRegression(tol=1e-8).fit(*collections())
    assert len(lost) == 1
    np.testing.assert_allclose(model.coef_, in_memory[0].coef_, rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_no_shard_is_made_again_in_an_undisturbed_fit(client, seed):
    X, y = collections(n_blocks=8)
    X = X.map_blocks(noted, seed, dtype=float, meta=np.zeros((0, 0)))
    AdaptiveLRLogisticRegression(tol=1e-8).fit(X, y)
    assert MADE.count(seed) == 8


def test_every_thread_of_a_worker_has_a_shard(trips, in_memory):
    options = {"n_workers": 1, "threads_per_worker": 3, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
        model = AdaptiveLRLogisticRegression(tol=1e-8).fit(*collections())
    assert set(trips) == {3}
    np.testing.assert_allclose(model.coef_, in_memory[0].coef_, rtol=1e-9)


NETWORK = {"hidden_layer_sizes": (10,), "max_iter": 3, "tol": 0, "early_stopping": True, "random_state": 0}


@pytest.fixture(scope="module")
def network():
    """Return the network of a fit without a cluster."""
    with dask.config.set(scheduler="synchronous"):
        return AdaptiveLRMLPClassifier(**NETWORK).fit(*collections())


def test_a_network_on_a_cluster_is_that_without_one(client, network):
    model = AdaptiveLRMLPClassifier(**NETWORK).fit(*collections())
    assert model.validation_scores_ == network.validation_scores_
    np.testing.assert_allclose(model.coefs_[0], network.coefs_[0], rtol=1e-9)


@pytest.mark.parametrize("lost_at", [1, 4, 8, 15])
def test_a_worker_that_is_lost_at_any_visit_changes_nothing(client, network, monkeypatch, lost_at):
    n_visits, block = 0, dask_blocks._Shards._block

    def losing(self, *place):
        nonlocal n_visits
        n_visits += 1
        if n_visits == lost_at:
            worker = client.cluster.workers[0]
            client.sync(worker.close, nanny=False, executor_wait=False)
        return block(self, *place)

    monkeypatch.setattr(dask_blocks._Shards, "_block", losing)
    model = AdaptiveLRMLPClassifier(**NETWORK).fit(*collections())
    assert n_visits == 18
    assert len(client.scheduler_info()["workers"]) == 1
    np.testing.assert_allclose(model.coefs_[0], network.coefs_[0], rtol=1e-9)


def test_an_error_on_a_worker_comes_to_the_user(client):
    X, y = collections()
    with pytest.raises(ValueError, match=r"Block \d: Input X contains NaN"):
        AdaptiveLRLogisticRegression().fit(da.where(X > 0, X, np.nan), y)


def test_callbacks_stay_with_the_driver(client):
    class Locked:
        def __reduce__(self):
            raise AssertionError("it travels")

    X, y = collections()
    model = AdaptiveLRLogisticRegression().fit(X, y)
    model._skl_callbacks = [Locked()]
    assert model.score(X, y) == (model.predict(X) == y).compute().mean()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_driver_holds_no_rows_and_a_killed_process_no_fit_up():
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options, silence_logs=50) as cluster, distributed.Client(cluster) as client:
        X, y = collections(20, 50_000, 50)  # 400 MB
        before = psutil.Process().memory_info().rss
        model = AdaptiveLRLogisticRegression().fit(X, y)
        assert psutil.Process().memory_info().rss - before < 50e6

        X, y = collections(20)
        model = AdaptiveLRLogisticRegression(tol=1e-8).fit(X, y)
        process = next(iter(client.run(os.getpid).values()))
        killer = threading.Timer(0.5, os.kill, (process, signal.SIGKILL))
        killer.start()
        start = time.monotonic()
        again = AdaptiveLRLogisticRegression(tol=1e-8)
        while killer.is_alive() or not hasattr(again, "coef_"):
            again.fit(X, y)
        assert time.monotonic() - start < 60
        np.testing.assert_allclose(again.coef_, model.coef_, rtol=1e-9)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(20))
def test_a_process_that_is_killed_at_a_random_round_trip_changes_nothing(trips, in_memory, monkeypatch, seed):
    rng = np.random.default_rng(seed)
    kill_at, reduced = rng.integers(1, 15), dask_blocks._Shards.reduced

    def killing(self, *arguments):
        if len(trips) == kill_at:
            os.kill(int(rng.choice(processes)), signal.SIGKILL)
        return reduced(self, *arguments)

    monkeypatch.setattr(dask_blocks._Shards, "reduced", killing)
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options, silence_logs=50) as cluster, distributed.Client(cluster) as client:
        processes = list(client.run(os.getpid).values())
        start = time.monotonic()
        model = AdaptiveLRLogisticRegression(tol=1e-8).fit(*collections())
        assert time.monotonic() - start < 60
        assert len(trips) > kill_at
        assert set(client.run(os.getpid).values()) != set(processes)
    np.testing.assert_allclose(model.coef_, in_memory[0].coef_, rtol=1e-9)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_cluster_in_a_box_survives_the_loss_of_a_worker():
    script = Path(__file__).parents[2] / "examples" / "tasks" / "cluster_in_a_box.py"
    if not script.exists():
        pytest.skip("the source distribution leaves the examples out")
    command = [sys.executable, str(script), "1000000"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=280)
    difference = float(re.search(r"coefficients differ by (\S+) of the largest", done.stdout)[1])
    assert difference <= 1e-9
