"""Does an installed sk_adalr work? Run outside the repository, with `python -I`, where only it can be imported."""

import pickle
import re
from importlib.metadata import files, metadata, requires, version

import numpy as np
import sklearn
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression

import sk_adalr
from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
    minimize,
)


def check(condition, what):
    """Fail with a sentence; an `assert` would be silent under -O."""
    if not condition:
        raise SystemExit(f"smoke test failed: {what}")


check(sk_adalr.__version__ == version("sk-adalr"), "the version of the package is that of its metadata")
hard = {re.match(r"[\w-]+", line)[0] for line in requires("sk-adalr") if "extra ==" not in line}
check(hard == {"numpy", "scipy", "scikit-learn"}, f"three hard dependencies, got {sorted(hard)}")
tops = {path.parts[0] for path in files("sk-adalr") if path.parts[0] != ".."}
check(tops == {"sk_adalr", f"sk_adalr-{version('sk-adalr')}.dist-info"}, f"nothing else is installed, got {tops}")
check(any(path.name == "py.typed" for path in files("sk-adalr")), "the types are marked")
check("# sk_adalr" in metadata("sk-adalr").get_payload(), "the description is the README")

X, y = load_diabetes(return_X_y=True)
linear = AdaptiveLRLinearRegression().fit(X, y)
# Both solve the same least squares; 1e-6 of predictions of about 150 is far below the residuals.
check(np.allclose(linear.predict(X), LinearRegression().fit(X, y).predict(X), rtol=1e-6), "least squares")
check(AdaptiveLRMLPRegressor(random_state=0).fit(X, y).score(X, y) > 0.4, "the network for regression")

X, y = load_iris(return_X_y=True)
for model in (AdaptiveLRLogisticRegression(), AdaptiveLRMLPClassifier(random_state=0)):
    model.fit(X, y)
    check(model.score(X, y) > 0.9, type(model).__name__)
    again = pickle.loads(pickle.dumps(model))
    check(np.array_equal(again.predict_proba(X), model.predict_proba(X)), f"pickle of {type(model).__name__}")

result = minimize(lambda w: float(w @ w), np.array([1.0, -2.0]), jac=lambda w: 2 * w)
check(result.fun < 4.9, "minimize lowers a function from 5")
print(f"sk_adalr {sk_adalr.__version__} works with numpy {np.__version__}, scikit-learn {sklearn.__version__}")
