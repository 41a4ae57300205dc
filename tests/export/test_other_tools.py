"""What other tools make of the linear models, beside the models themselves and scikit-learn's."""

import numpy as np
import pytest
from estimator_cases import CLASSIFIERS, LINEAR, problem
from sklearn.linear_model import LinearRegression, LogisticRegression

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression
from sk_adalr.export import register_eli5, register_m2cgen


def computed(model, X):
    """Return what the Python code of m2cgen computes from each row."""
    code = pytest.importorskip("m2cgen").export_to_python(model)
    names = {}
    exec(code, names)
    return np.array([names["score"](list(row)) for row in X])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_code_of_m2cgen_computes_the_decision_function(n_classes):
    pytest.importorskip("m2cgen")
    register_m2cgen()
    X, y = problem(AdaptiveLRLogisticRegression, n_classes=n_classes)
    model = AdaptiveLRLogisticRegression().fit(X, y)
    np.testing.assert_allclose(computed(model, X), model.decision_function(X), rtol=1e-9, atol=1e-9)
    model.sparsify()
    np.testing.assert_allclose(computed(model, X), model.decision_function(X), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_the_code_of_m2cgen_computes_the_prediction(n_outputs, loss):
    pytest.importorskip("m2cgen")
    register_m2cgen()
    X, y = problem(AdaptiveLRLinearRegression)
    model = AdaptiveLRLinearRegression(loss=loss).fit(X, np.exp(np.outer(y, np.ones(n_outputs)) / 4))
    expected = model.predict(X)
    np.testing.assert_allclose(computed(model, X).reshape(expected.shape), expected, rtol=1e-9, atol=1e-9)


def weights(explanation):
    """Return target and weights by feature of each explained target."""
    assert explanation.error is None
    parts = [(part.target, part.feature_weights) for part in explanation.targets]
    return {str(target): {w.feature: w.weight for w in (*of.pos, *of.neg)} for target, of in parts}


@pytest.mark.parametrize("explained", ["weights", "prediction"])
@pytest.mark.parametrize(
    ("cls", "peer", "n_classes"),
    [
        (AdaptiveLRLogisticRegression, LogisticRegression, 2),
        (AdaptiveLRLogisticRegression, LogisticRegression, 3),
        (AdaptiveLRLinearRegression, LinearRegression, 2),
    ],
)
def test_eli5_explains_a_linear_model_as_that_of_scikit_learn(cls, peer, n_classes, explained):
    eli5 = pytest.importorskip("eli5")
    register_eli5()
    X, y = problem(cls, n_classes=n_classes, raw_units=False)
    ours, theirs = cls(tol=1e-8).fit(X, y), peer(**({"tol": 1e-10} if cls in CLASSIFIERS.values() else {})).fit(X, y)
    explain = eli5.explain_weights if explained == "weights" else lambda model: eli5.explain_prediction(model, X[0])
    one, other = weights(explain(ours)), weights(explain(theirs))
    assert one.keys() == other.keys()
    for target in one:
        assert one[target] == pytest.approx(other[target], abs=1e-5)


def test_eli5_says_that_a_prediction_with_a_link_is_no_sum():
    eli5 = pytest.importorskip("eli5")
    register_eli5()
    X, y = problem(AdaptiveLRLinearRegression)
    model = AdaptiveLRLinearRegression(loss="poisson").fit(X, np.exp(y / 4))
    assert "not a sum over features" in eli5.explain_prediction(model, X[0]).error
    assert weights(eli5.explain_weights(model))["y"]["x0"] == pytest.approx(model.coef_[0])


@pytest.mark.parametrize("cls", LINEAR.values(), ids=list(LINEAR))
def test_shap_explains_a_linear_model_exactly_and_without_registration(cls):
    shap = pytest.importorskip("shap")
    X, y = problem(cls, raw_units=False)
    model = cls().fit(X, y)
    explainer = shap.Explainer(model, X)
    assert isinstance(explainer, shap.LinearExplainer)
    expected = (X[:3] - X.mean(axis=0)) * model.coef_
    np.testing.assert_allclose(explainer(X[:3]).values, expected, rtol=1e-6, atol=1e-8)
