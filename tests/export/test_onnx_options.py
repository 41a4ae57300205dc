"""Options of the export, and the links of losses."""

from dataclasses import dataclass

import numpy as np
import pytest
from estimator_cases import CLASSIFIERS, ESTIMATORS, REGRESSORS, fit, make, problem
from exported import TOLERANCE, assert_predicts_as, classification, run, skl2onnx
from scipy.special import expit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression
from sk_adalr.export import register_converters, to_onnx
from sk_adalr.objectives import ElementwiseLoss


@pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
@pytest.mark.parametrize("n_classes", [2, 3])
def test_raw_scores_are_the_decision_function(cls, n_classes):
    model, X = classification(cls, np.arange(n_classes))
    X = X.astype(np.float32)
    scores = run(to_onnx(model, X, options={"raw_scores": True}), X)["probabilities"]
    expected = model.decision_function(X)
    expected = np.column_stack([-expected, expected]) if n_classes == 2 else expected
    np.testing.assert_allclose(scores, expected, **TOLERANCE)


def test_columns_with_large_means_need_float64_inside_the_graph(rng):
    years = np.column_stack([rng.randint(1950, 2025, 400), rng.standard_normal(400)])
    model = AdaptiveLRLogisticRegression().fit(years, years[:, 0] + 5 * rng.standard_normal(400) > 2000)
    years, errors = years.astype(np.float32), []
    for double in (True, False):
        outputs = run(to_onnx(model, years, options={"double": double}), years)
        assert outputs["probabilities"].dtype == np.float32
        errors.append(abs(outputs["probabilities"] - model.predict_proba(years)).max())
    assert errors[0] < 1e-7  # the rounding of the output
    assert errors[1] > 10 * errors[0]


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_without_double_the_graph_has_no_float64(cls):
    X, y = problem(cls)
    model = fit(make(cls), X, y)
    graph = to_onnx(model, X.astype(np.float32), options={"double": False}).graph
    double = 11  # of onnx.TensorProto
    assert not any(tensor.data_type == double for tensor in graph.initializer)
    assert not any(part.i == double for node in graph.node if node.op_type == "Cast" for part in node.attribute)


def test_the_other_options_are_those_of_skl2onnx():
    model, X = classification(AdaptiveLRLogisticRegression, np.array(["a", "b", "c"]))
    X = X.astype(np.float32)
    expected = model.predict_proba(X)
    dicts = run(to_onnx(model, X, options={"zipmap": True}), X)["output_probability"]
    np.testing.assert_allclose([[row[c] for c in "abc"] for row in dicts], expected, **TOLERANCE)
    columns = run(to_onnx(model, X, options={"zipmap": "columns"}), X)
    np.testing.assert_allclose(np.column_stack([columns[f"s{c}"] for c in "abc"]), expected, **TOLERANCE)
    numbers = run(to_onnx(model, X, options={"nocl": True}), X)["label"]
    np.testing.assert_array_equal(model.classes_[numbers], model.predict(X))


def test_options_of_a_pipeline_are_those_of_its_last_step():
    X, y = problem(AdaptiveLRLinearRegression)
    inner = make_pipeline(StandardScaler(), AdaptiveLRLinearRegression(loss="poisson"))
    model = make_pipeline(StandardScaler(), inner).fit(X, np.exp(y / 4))
    for options in ({"raw_scores": True}, {"pipeline__adaptivelrlinearregression__raw_scores": True}):
        raw = run(to_onnx(model, X, options=options), X)["variable"]
        np.testing.assert_allclose(np.exp(raw[:, 0]), model.predict(X), **TOLERANCE)


def test_options_may_be_keyed_by_class_as_in_skl2onnx():
    model, X = classification(AdaptiveLRLogisticRegression, np.arange(3))
    outputs = run(to_onnx(model, X, options={type(model): {"zipmap": False, "raw_scores": True}}), X)
    np.testing.assert_allclose(outputs["probabilities"], model.decision_function(X), **TOLERANCE)


def test_skl2onnx_converts_once_converters_are_registered():
    model, X = classification(AdaptiveLRLogisticRegression, np.arange(2))
    register_converters()
    outputs = run(skl2onnx.to_onnx(model, X, options={"zipmap": False}), X)
    np.testing.assert_allclose(outputs["probabilities"], model.predict_proba(X), **TOLERANCE)


@dataclass(frozen=True)
class OwnSquares(ElementwiseLoss):
    """Squared errors of a prediction that is a function of the raw one, whose approximate gradient does for a test."""

    link: str

    def losses(self, raw, target):
        return 0.5 * (raw - target) ** 2

    def gradient(self, raw, target):
        return raw - target

    def hessian(self, raw, target):
        return np.ones_like(raw)

    def predict(self, raw):
        return {"identity": lambda u: u, "exp": np.exp, "logistic": expit, "square": np.square}[self.link](raw)


@pytest.mark.parametrize("link", ["identity", "exp", "logistic"])
@pytest.mark.parametrize("cls", REGRESSORS.values(), ids=list(REGRESSORS))
def test_the_link_of_a_loss_of_the_users_own_is_found_by_its_values(cls, link):
    X, y = problem(cls)
    assert_predicts_as(fit(make(cls, loss=OwnSquares(link)), X, y / 4), X.astype(np.float32))


def test_a_link_that_onnx_does_not_have_is_refused_and_the_raw_prediction_is_not():
    X, y = problem(AdaptiveLRLinearRegression)
    model = AdaptiveLRLinearRegression(loss=OwnSquares("square")).fit(X, y)
    with pytest.raises(ValueError, match=r"OwnSquares.*raw_scores"):
        to_onnx(model, X)
    raw = run(to_onnx(model, X, options={"raw_scores": True}), X)["variable"]
    np.testing.assert_allclose(raw[:, 0] ** 2, model.predict(X), **TOLERANCE)
