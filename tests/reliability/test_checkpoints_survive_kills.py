"""A fit that is killed at any moment goes on from its checkpoint to the model of a fit that never was, bitwise."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
from estimator_cases import needs_callbacks

# Each line of its input begins a process with a fit, of which it tells the number and how it ended. To import all that
# a fit needs takes several times as long as the fit: this one does so for all.
SCRIPT = """
import os
import sys
import numpy as np
from sklearn.datasets import load_digits
from sk_adalr import AdaptiveLRMLPClassifier
from sk_adalr.checkpoint import Checkpoint

path, result = sys.argv[1:]
X, y = (part[:600] for part in load_digits(return_X_y=True))
for _ in sys.stdin:
    process = os.fork()
    if process == 0:
        model = AdaptiveLRMLPClassifier((32,), max_iter=30, tol=0, early_stopping=True, random_state=0)
        model.set_callbacks(Checkpoint(path)).fit(X, y)
        np.savez(result, *model.coefs_, *model.intercepts_, model.loss_curve_, model.validation_scores_)
        os._exit(0)
    print(process, flush=True)
    print(os.waitpid(process, 0)[1], flush=True)
"""


def begun(parent):
    """Begin a fit and return the number of its process."""
    parent.stdin.write("fit\n")
    parent.stdin.flush()
    return int(parent.stdout.readline())


def ended(parent):
    """Wait for the fit and return the exit code of its process."""
    return os.waitstatus_to_exitcode(int(parent.stdout.readline()))


def result(folder):
    with np.load(folder / "result.npz") as arrays:
        return [arrays[name].tobytes() for name in arrays.files]


@needs_callbacks
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no way to fork")
@pytest.mark.parametrize("n_kills", [3, pytest.param(50, marks=pytest.mark.long)])
def test_a_fit_killed_at_random_moments_ends_as_one_that_was_not(n_kills, tmp_path):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "checkpoint"), str(tmp_path / "result.npz")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as parent:
        begun(parent)
        begin = time.perf_counter()
        assert ended(parent) == 0
        duration = time.perf_counter() - begin
        expected = result(tmp_path)
        (tmp_path / "checkpoint").unlink()

        rng = np.random.RandomState(n_kills)
        killed = 0
        while killed < n_kills:
            process = begun(parent)
            time.sleep(rng.uniform(0, 0.3 * duration))
            with suppress(ProcessLookupError):  # it has ended
                os.kill(process, signal.SIGKILL)
            status = ended(parent)
            killed += status == -signal.SIGKILL
            if status == 0:  # it was faster: compare, and begin again
                assert result(tmp_path) == expected
                (tmp_path / "checkpoint").unlink()
        begun(parent)
        assert ended(parent) == 0
        assert result(tmp_path) == expected
        parent.stdin.close()
