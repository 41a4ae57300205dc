"""The page on coming from scikit-learn has every parameter of each counterpart, and says what is so."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.fixes import parse_version

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)

PAGE = Path(__file__).parents[2] / "docs" / "migration.rst"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the source distribution leaves the documentation out")

OURS = {
    LinearRegression: AdaptiveLRLinearRegression,
    Ridge: AdaptiveLRLinearRegression,
    SGDRegressor: AdaptiveLRLinearRegression,
    LogisticRegression: AdaptiveLRLogisticRegression,
    SGDClassifier: AdaptiveLRLogisticRegression,
    MLPClassifier: AdaptiveLRMLPClassifier,
    MLPRegressor: AdaptiveLRMLPRegressor,
}
#: Parameters that scikit-learn has dropped since the oldest version that is supported.
DROPPED = {"multi_class"}
#: Values that `penalty` and `verbose` have as defaults there, and that mean the same.
MEANS = {"deprecated": "l2", 0: False}

counterparts = pytest.mark.parametrize("theirs", OURS, ids=lambda cls: cls.__name__)


def rows(theirs):
    """Return {parameter: (status, note)} of the table of a counterpart."""
    page = PAGE.read_text(encoding="utf-8")
    name = theirs.__name__
    section = page[page.index(f"\n{name}\n{'~' * len(name)}\n") :]
    section = re.split(r"\n\n(?=\w+\n[~-]+\n)", section)[0]
    found = re.findall(r"^   \* - ``(\w+)``\n     - (.*)\n     -(.*)$", section, re.MULTILINE)
    assert len({parameter for parameter, *_ in found}) == len(found)
    return {parameter: (status, note.strip()) for parameter, status, note in found}


def defaults(cls):
    return {name: parameter.default for name, parameter in inspect.signature(cls).parameters.items()}


@counterparts
def test_every_parameter_of_a_counterpart_has_a_row_and_every_row_is_a_parameter(theirs):
    documented = set(rows(theirs))
    assert set(defaults(theirs)) <= documented
    if parse_version(sklearn.__version__) >= parse_version("1.9"):
        assert documented - DROPPED <= set(defaults(theirs))


@counterparts
def test_what_is_the_same_has_the_same_default_and_what_is_absent_is_not_there(theirs):
    ours, there = defaults(OURS[theirs]), defaults(theirs)
    for name, (status, note) in rows(theirs).items():
        if status == "same":
            assert ours[name] == MEANS.get(there[name], there[name]), name
        elif status.startswith("default"):
            said = re.fullmatch("default ``(.*)``", status)[1]
            assert ours[name] == (said.strip('"') if '"' in said else eval(said)), name
            assert ours[name] != there[name] or ours[name] is not there[name], name
        elif status == "renamed":
            assert name not in ours
            assert re.match(r"``(\w+)``", note)[1] in ours
        elif status == "absent":
            assert name not in ours
        else:
            assert status.startswith("only ") or status in ("no effect", "other values", "other meaning"), status
            assert name in ours, name


@counterparts
def test_a_parameter_that_is_not_here_is_an_error_that_says_what_to_use(theirs):
    for name, (status, note) in rows(theirs).items():
        if status in ("absent", "renamed"):
            with pytest.raises(TypeError, match=f"has no parameter `{name}`") as caught:
                OURS[theirs](**{name: 1})
            if status == "renamed":
                assert re.match(r"``(\w+)``", note)[1] in str(caught.value)


@counterparts
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_has_no_effect_has_none(theirs):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    y = X @ [1.0, 2.0, -1.0] + rng.normal(size=40)
    if issubclass(theirs, ClassifierMixin):
        y = y > 0
    other = {"solver": "lbfgs", "copy_X": False, "n_jobs": 2, "nesterovs_momentum": False}
    options = {"random_state": 0} | ({"max_iter": 3} if "MLP" in theirs.__name__ else {})
    expected = OURS[theirs](**options).fit(X, y).predict(X)
    names = [name for name, (status, _) in rows(theirs).items() if status == "no effect" and name in other]
    assert names or theirs is SGDRegressor
    for name in names:
        model = OURS[theirs](**options, **{name: other[name]}).fit(X, y)
        np.testing.assert_array_equal(model.predict(X), expected)


def test_alpha_of_sgd_is_ours_over_the_number_of_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, 2.0, -1.0] + rng.normal(size=200)
    options = {"alpha": 0.1, "max_iter": 20_000, "tol": None, "average": True, "random_state": 0}
    theirs = SGDRegressor(eta0=1e-3, learning_rate="constant", **options).fit(X, y)
    ours = AdaptiveLRLinearRegression(0.1 * 200).fit(X, y)
    np.testing.assert_allclose(theirs.coef_, ours.coef_, rtol=1e-3)
    theirs = SGDClassifier(loss="log_loss", eta0=1e-3, learning_rate="constant", **options).fit(X, y > 0)
    ours = AdaptiveLRLogisticRegression(C=1 / (0.1 * 200), tol=1e-8).fit(X, y > 0)
    np.testing.assert_allclose(theirs.coef_, ours.coef_, rtol=1e-3)


@pytest.mark.parametrize("word", ["L1", "quantile", "positive"])
def test_what_is_not_here_is_said_once_with_what_to_use(word):
    page = PAGE.read_text(encoding="utf-8")
    section = page[page.index("What is not here") : page.index("\nParameters\n")]
    row = next(part for part in section.split("   * - ")[1:] if word in part)
    for name in re.findall(r":class:`~(sklearn[\w.]+)`", row):
        module, _, cls = name.rpartition(".")
        assert hasattr(__import__(module, fromlist=[cls]), cls)
    assert ":class:" in row


@pytest.mark.parametrize("name", ["Lasso", "ElasticNet", "QuantileRegressor", "HistGradientBoostingRegressor"])
def test_the_readme_names_the_same_tools_for_what_is_not_here(name):
    page = PAGE.read_text(encoding="utf-8")
    readme = (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")
    assert f".{name}`" in page[page.index("What is not here") : page.index("\nParameters\n")]
    assert f"`{name}`" in readme[readme.index("Not here:") : readme.index("## Three modes")]
