"""A fit that is killed at any moment goes on from its checkpoint to the model of a fit that never was, bitwise."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from estimator_cases import needs_callbacks

SCRIPT = """
import sys
import numpy as np
from sklearn.datasets import load_digits
from sk_adalr import AdaptiveLRMLPClassifier
from sk_adalr.checkpoint import Checkpoint

path, result = sys.argv[1:]
X, y = (part[:600] for part in load_digits(return_X_y=True))
model = AdaptiveLRMLPClassifier((32,), max_iter=30, tol=0, early_stopping=True, random_state=0)
model.set_callbacks(Checkpoint(path))
print("fit", flush=True)
model.fit(X, y)
np.savez(result, *model.coefs_, *model.intercepts_, model.loss_curve_, model.validation_scores_)
"""


def start(folder):
    arguments = [sys.executable, "-c", SCRIPT, str(folder / "checkpoint"), str(folder / "result.npz")]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def result(folder):
    with np.load(folder / "result.npz") as arrays:
        return [arrays[name].tobytes() for name in arrays.files]


@needs_callbacks
@pytest.mark.parametrize("n_kills", [3, pytest.param(50, marks=pytest.mark.long)])
def test_a_fit_killed_at_random_moments_ends_as_one_that_was_not(n_kills, tmp_path):
    begin = time.perf_counter()
    with start(tmp_path) as process:
        assert process.wait() == 0
    duration = time.perf_counter() - begin
    expected = result(tmp_path)
    (tmp_path / "checkpoint").unlink()

    rng = np.random.RandomState(n_kills)
    killed = 0
    while killed < n_kills:
        with start(tmp_path) as process:
            time.sleep(rng.uniform(0, 0.3 * duration))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        if process.returncode == 0:  # it was faster: compare, and begin again
            assert result(tmp_path) == expected
            (tmp_path / "checkpoint").unlink()
    with start(tmp_path) as process:
        assert process.wait() == 0
    assert result(tmp_path) == expected
