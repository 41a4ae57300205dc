"""With a scikit-learn that has no callbacks, everything else works, and callbacks say what they need."""

import subprocess
import sys

SCRIPT = """
import sys
import numpy as np
import sklearn.linear_model, sklearn.model_selection, sklearn.neural_network, sklearn.pipeline
sys.modules["sklearn.callback"] = None  # importing it is now an ImportError, as before version 1.9
from sk_adalr import AdaptiveLRMLPClassifier
from sk_adalr.checkpoint import Checkpoint

X = np.random.RandomState(0).standard_normal((40, 2))
model = AdaptiveLRMLPClassifier((4,), max_iter=3, tol=0, random_state=0)
assert model.set_callbacks() is model
print(model.fit(X, X[:, 0] > 0).partial_fit(X, X[:, 0] > 0).score(X, X[:, 0] > 0))
try:
    model.set_callbacks(Checkpoint("file"))
except ImportError as error:
    print(error)
"""


def test_without_callbacks_estimators_fit_and_say_what_callbacks_need():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=120)
    score, message = done.stdout.splitlines()
    assert 0 <= float(score) <= 1
    assert "checkpoints and progress bars, need scikit-learn 1.9 or newer; this is" in message
