"""Ctrl-C ends a fit at once, with the best model so far."""

import signal
import subprocess
import sys
import time

import pytest
from estimator_cases import needs_callbacks

SCRIPT = """
import sys, time, warnings
import numpy as np
from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier

rng = np.random.RandomState(0)
X = np.cumsum(rng.standard_normal((40_000, 100)), axis=1)  # columns so much alike take many iterations
y = (X @ rng.standard_normal(100) + 50 * rng.standard_normal(len(X)) > 0).astype(int)
model = {
    "exact": AdaptiveLRLogisticRegression(solver="exact", tol=1e-30, max_iter=10**6),
    "adam": AdaptiveLRLogisticRegression(solver="adam", tol=0, max_iter=10**6, random_state=0),
    "network": AdaptiveLRMLPClassifier((100,), tol=0, max_iter=10**6, random_state=0),
}[sys.argv[1]]


class Started:
    def setup(self, estimator, context): pass
    def teardown(self, estimator, context): pass
    def on_fit_task_begin(self, estimator, context): pass
    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 0:
            print("started", flush=True)


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model.set_callbacks(Started()).fit(X, y)
print("stopped", flush=True)
assert any("interrupted by the user" in str(w.message) for w in caught), caught
assert "Interrupted" in model.stop_reason_
assert np.isfinite(model.predict(X)).all()
print("usable", flush=True)
"""


@needs_callbacks
@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "delay"),
    [("exact", 0.0), ("exact", 0.05), ("adam", 0.0), ("adam", 0.3), ("network", 0.0), ("network", 0.3)],
)
def test_ctrl_c_is_answered_within_half_a_second(name, delay):
    with subprocess.Popen([sys.executable, "-c", SCRIPT, name], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "started\n"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        sent = time.perf_counter()
        answered = process.stdout.readline()
        duration = time.perf_counter() - sent
        assert answered == "stopped\n"
        assert process.stdout.readline() == "usable\n"
    assert process.returncode == 0
    print(f"{name}: {duration:.3f} s")
    assert duration < 0.5
