"""Running an exported model, beside the model itself."""

import numpy as np
import pytest
from estimator_cases import fit, make, problem

from sk_adalr.export import to_onnx

onnxruntime = pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")

# What the export promises. Outputs are rounded to float32, which is 6e-8 of them.
TOLERANCE = {"rtol": 1e-6, "atol": 1e-5}


def run(graph, inputs):
    """Return the outputs of an ONNX graph by name."""
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs if isinstance(inputs, dict) else {"X": inputs}), strict=True))


def assert_classifies_as(model, X, given=None):
    """Check labels and probabilities of the graph, which gets `given`, against those of the model."""
    outputs = run(to_onnx(model, X), X if given is None else given)
    expected = model.predict_proba(X)
    np.testing.assert_allclose(outputs["probabilities"], expected, **TOLERANCE)
    # The second best is far enough behind for the labels not to be a matter of rounding.
    ranked = np.sort(expected, axis=1)
    clear = np.ones(len(ranked), dtype=bool) if ranked.shape[1] == 1 else ranked[:, -1] - ranked[:, -2] > 1e-4
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(outputs["label"][clear], model.predict(X)[clear])
    return outputs


def assert_predicts_as(model, X, given=None):
    """Check the output of the graph, which gets `given`, against the prediction of the model."""
    prediction = run(to_onnx(model, X), X if given is None else given)["variable"]
    expected = model.predict(X).reshape(len(prediction), -1)
    np.testing.assert_allclose(prediction, expected, **TOLERANCE)
    return prediction


def classification(cls, classes, seed=0, **params):
    """Return a model and its X; columns are in units of their own."""
    X, y = problem(cls, n_classes=len(classes))
    return fit(make(cls, random_state=seed, **params), X, classes[y]), X
