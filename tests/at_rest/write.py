"""Write what tests/test_models_at_rest.py reads, with the version that is installed: ``python write.py``.

The files beside this one are of version 0.1.0. They stay as they are: a later version adds a folder of its own.
"""

import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

import sk_adalr
from sk_adalr.checkpoint import Checkpoint

SMALL = {"max_iter": 3, "tol": 0, "random_state": 0, "batch_size": 8}
NETWORK = {**SMALL, "hidden_layer_sizes": 3}
#: Class, parameters, and whether it is fitted chunk by chunk.
MODELS = {
    "exact linear": ("AdaptiveLRLinearRegression", {}, False),
    "stream linear": ("AdaptiveLRLinearRegression", {}, True),
    "adam linear": ("AdaptiveLRLinearRegression", {"solver": "adam", **SMALL}, False),
    "exact logistic": ("AdaptiveLRLogisticRegression", {}, False),
    "stream logistic": ("AdaptiveLRLogisticRegression", {}, True),
    "hypergradient logistic": (
        "AdaptiveLRLogisticRegression",
        {"solver": "momentum", "learning_rate": "hypergradient", "early_stopping": True, **SMALL},
        False,
    ),
    "network classifier": ("AdaptiveLRMLPClassifier", NETWORK, False),
    "network regressor": ("AdaptiveLRMLPRegressor", {"granularity": "layer", **NETWORK}, False),
}


def rows(name, part):
    """Return X and a target of three classes, or of numbers."""
    rng = np.random.RandomState(part)
    X = rng.standard_normal((24, 3))
    signal = X @ [1.0, -2.0, 0.5] + 0.1 * rng.standard_normal(24)
    is_classifier = "logistic" in name or "classifier" in name
    return X, np.digitize(signal, [-1.0, 1.0]) if is_classifier else signal


def gone_on(name, model):
    """Return what the model predicts now, and after it has trained on."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = rows(name, 1)
    predict = getattr(model, "predict_proba", model.predict)
    before = predict(X)
    if MODELS[name][2]:
        model.partial_fit(X, y)
    else:
        model.set_params(warm_start=True).fit(*rows(name, 0))
    return np.array([before, predict(X)])


def fitted(name):
    """Return a model of the first rows."""
    cls, params, is_stream = MODELS[name]
    model = getattr(sk_adalr, cls)(**params)
    X, y = rows(name, 0)
    if not is_stream:
        return model.fit(X, y)
    return model.partial_fit(X, y, **({"classes": [0, 1, 2]} if "Logistic" in cls else {}))


class Crash(Exception):
    """The end of a fit."""


class CrashingCheckpoint(Checkpoint):
    """Ends the fit after the second epoch is written."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Write, and crash."""
        super().on_fit_task_end(estimator, context, fitted_estimator=fitted_estimator)
        if context.task_id == 1:
            raise Crash


def network():
    """Return the network that a checkpoint is of, and its rows."""
    return sk_adalr.AdaptiveLRMLPRegressor(**{**NETWORK, "max_iter": 5}), rows("network regressor", 0)


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    folder = Path(__file__).parent / sk_adalr.__version__
    folder.mkdir()
    models = {name: fitted(name) for name in MODELS}
    # Protocol 4 is read by every Python that is supported.
    (folder / "models.pickle").write_bytes(pickle.dumps(models, protocol=4))
    expected = {name: gone_on(name, model) for name, model in models.items()}
    model, (X, y) = network()
    expected["checkpoint"] = model.fit(X, y).predict(X)
    np.savez(folder / "expected.npz", **expected)
    try:
        network()[0].set_callbacks(CrashingCheckpoint(folder / "network.checkpoint")).fit(X, y)
    except Crash:
        sys.exit()
