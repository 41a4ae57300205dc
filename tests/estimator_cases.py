"""Every public estimator with a small problem of its kind: a new estimator joins by its name."""

import warnings
from importlib.util import find_spec

import numpy as np
import pytest
import sklearn
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

import sk_adalr
from sk_adalr.directions import DIRECTIONS
from sk_adalr.learning_rates import LEARNING_RATES
from sk_adalr.optimizer.automatic import AUTOMATIC_DIRECTIONS

ESTIMATORS = {name: getattr(sk_adalr, name) for name in sk_adalr.__all__ if name.startswith("AdaptiveLR")}
LINEAR = {name: cls for name, cls in ESTIMATORS.items() if "MLP" not in name}
MLP = {name: cls for name, cls in ESTIMATORS.items() if "MLP" in name}
CLASSIFIERS = {name: cls for name, cls in ESTIMATORS.items() if is_classifier(cls())}
REGRESSORS = {name: cls for name, cls in ESTIMATORS.items() if name not in CLASSIFIERS}
SOLVERS = {
    "auto": {"solver": "auto", "learning_rate": "auto"},
    **{name: {"solver": name} for name in DIRECTIONS},
    **{f"{name}-auto": {"solver": name, "learning_rate": "auto"} for name in AUTOMATIC_DIRECTIONS},
    # `make` trains with "adam" and "hypergradient" where nothing else is said.
    **{
        f"adam-{name}": {"solver": "adam", "learning_rate": name} for name in LEARNING_RATES if name != "hypergradient"
    },
}

needs_callbacks = pytest.mark.skipif(
    find_spec("sklearn.callback") is None, reason="scikit-learn has callbacks since version 1.9"
)


def make(cls, **params):
    """Return a small, fast, repeatable estimator."""
    small = {"hidden_layer_sizes": (4,)} if "hidden_layer_sizes" in cls().get_params() else {}
    # "auto" may lead to other solvers and rules: where it is meant, a test says so.
    return cls(
        **{
            "solver": "adam",
            "learning_rate": "hypergradient",
            "max_iter": 5,
            "tol": 0,
            "random_state": 0,
            "batch_size": 16,
            **small,
            **params,
        }
    )


def problem(cls, n_rows=60, n_classes=2, raw_units=True):
    """Return four columns X, each in units of its own or all standard normal, and a y of the estimator's kind."""
    rng = np.random.RandomState(0)
    Z = rng.standard_normal((n_rows, 4))
    signal = Z[:, 0] - 2 * Z[:, 1] + 0.5 * rng.standard_normal(n_rows)
    X = Z * [1.0, 50.0, 0.01, 3.0] + [0.0, 200.0, -1.0, 5.0] if raw_units else Z
    y = (
        np.digitize(signal, np.quantile(signal, np.arange(1, n_classes) / n_classes))
        if is_classifier(cls())
        else signal
    )
    return X, y


def fit(estimator, *args, **kwargs):
    """Fit to the last epoch, whether or not `tol` was met on the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*args, **kwargs)


def blocks(estimator):
    """Return the coefficients and intercepts as one vector."""
    if hasattr(estimator, "coefs_"):
        return np.concatenate([block.ravel() for block in (*estimator.coefs_, *estimator.intercepts_)])
    return np.concatenate([np.ravel(estimator.coef_), np.ravel(estimator.intercept_)])


def same_state(one, other):
    """Return whether two fitted values are bitwise the same, through all containers."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_state(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same_state, one, other))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return one == other or (one != one and other != other)


#: Checks of scikit-learn that fail with older versions of it; none with that of today.
EXPECTED_TO_FAIL = {}
if sklearn.__version__.startswith(("1.7.", "1.8.")):
    EXPECTED_TO_FAIL["check_array_api_input"] = (
        "before 1.9, it sets no seed, and asks for labels in the library of `X`"
    )


def run_check(check, estimator):
    """Run a check of scikit-learn, and skip one that an older version gets wrong."""
    reason = EXPECTED_TO_FAIL.get(check.func.__name__)
    if reason is not None:  # with some arrays it passes
        pytest.skip(reason)
    check(estimator)
