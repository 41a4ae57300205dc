"""Converters of fitted models to ONNX operators."""

from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit
from sklearn.utils.validation import check_is_fitted

from sk_adalr.backends import fitted_array
from sk_adalr.estimators.model import dense_coef
from sk_adalr.export.graph import Graph
from sk_adalr.names import make_loss
from sk_adalr.validation import check_finite_model

_ACTIVATIONS = {"identity": "Identity", "relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}
#: Inverse links: the ONNX operator, and the same function in NumPy.
_LINKS = {"Identity": lambda raw: raw, "Exp": np.exp, "Sigmoid": expit}


class Layers(NamedTuple):
    """The layers of a model: coefficients (n_in, n_out) and intercepts (n_out,); a linear model has a single layer."""

    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]
    activation: str

    @classmethod
    def of(cls, model: Any) -> "Layers":
        """Return the layers of a fitted model, on the host; raise an error if they are missing or not finite."""
        check_is_fitted(model)
        if hasattr(model, "coefs_"):
            coefs, intercepts = ([fitted_array(array) for array in a] for a in (model.coefs_, model.intercepts_))
            layers = cls(coefs, intercepts, model.activation)
        else:
            layers = cls([dense_coef(vars(model)).T], [np.atleast_1d(fitted_array(model.intercept_))], "identity")
        check_finite_model(model, *layers.coefs, *layers.intercepts)
        return layers

    @property
    def n_outputs(self) -> int:
        """Number of columns of the raw prediction."""
        return self.coefs[-1].shape[1]

    def add_to(self, graph: Graph, inputs: list[str], dtype: np.dtype) -> str:
        """Add the raw prediction (n_rows, n_outputs), computed in `dtype`, to the graph; return its name."""
        parts = [graph.cast(name, dtype) for name in inputs]
        value = parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=1)
        for i, (coef, intercept) in enumerate(zip(self.coefs, self.intercepts, strict=True)):
            if i > 0:
                value = graph.node(_ACTIVATIONS[self.activation], value)
            value = graph.node("MatMul", value, graph.constant(coef.astype(dtype)))
            value = graph.node("Add", value, graph.constant(intercept.astype(dtype)))
        return value


def classifier_shapes(operator: Any) -> None:
    """Set the types of labels and probabilities."""
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType

    model, n_rows = operator.raw_operator, operator.inputs[0].get_first_dimension()
    labels = _labels(model, operator.scope_inst.get_options(model, {"nocl": False}))
    label_type = Int64TensorType if labels.dtype == np.int64 else StringTensorType
    operator.outputs[0].set_type(label_type([n_rows, len(labels)] if model._multilabel else [n_rows]))
    operator.outputs[1].set_type(_float_type(operator)([n_rows, len(labels)]))


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add labels and probabilities to the graph."""
    model, graph = operator.raw_operator, Graph(scope, container)
    options = scope.get_options(model, {"raw_scores": False, "nocl": False, "double": True})
    labels = _labels(model, options)
    layers, dtype = Layers.of(model), _dtype(operator)
    inner_dtype = _inner_dtype(layers, dtype, options)
    label, scores = _names(operator.outputs)
    raw = layers.add_to(graph, _names(operator.inputs), inner_dtype)
    is_binary = layers.n_outputs < len(labels)
    if model._multilabel:
        is_positive = graph.node("Greater", raw, graph.constant(np.zeros(1, dtype=inner_dtype)))
        graph.cast(is_positive, np.int64, out=label)
    else:
        if is_binary:
            raw = graph.node("Concat", graph.node("Neg", raw), raw, axis=1)
        index = graph.node("ArgMax", raw, axis=1, keepdims=0)
        graph.node("Gather", graph.constant(labels), index, out=label)
    if options["raw_scores"]:
        graph.cast(raw, dtype, out=scores)
    elif model._multilabel:  # strictly between 0 and 1, as in `predict_proba`
        limits = np.finfo(dtype)
        ends = (graph.constant(np.array(end, dtype=dtype)) for end in (limits.tiny, 1 - limits.epsneg))
        graph.node("Clip", graph.cast(graph.node("Sigmoid", raw), dtype), *ends, out=scores)
    elif is_binary:
        graph.cast(graph.node("Sigmoid", raw), dtype, out=scores)
    else:
        graph.cast(graph.node("Softmax", raw, axis=1), dtype, out=scores)


def regressor_shapes(operator: Any) -> None:
    """Set the type of the outputs."""
    n_outputs = Layers.of(operator.raw_operator).n_outputs
    operator.outputs[0].set_type(_float_type(operator)([operator.inputs[0].get_first_dimension(), n_outputs]))


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Add the prediction to the graph, with one column per output."""
    model, graph = operator.raw_operator, Graph(scope, container)
    options = scope.get_options(model, {"raw_scores": False, "double": True})
    layers, dtype = Layers.of(model), _dtype(operator)
    raw = layers.add_to(graph, _names(operator.inputs), _inner_dtype(layers, dtype, options))
    prediction = raw if options["raw_scores"] else graph.node(inverse_link(model), raw)
    graph.cast(prediction, dtype, out=operator.outputs[0].full_name)


def inverse_link(model: Any) -> str:
    """Return the ONNX operator for the inverse link, found by comparing values, which works for custom losses, too."""
    loss, raw = make_loss(model._loss), np.linspace(-4, 4, 9)[:, None]
    prediction = loss.predict(raw.copy())
    for operator, function in _LINKS.items():
        if np.allclose(prediction, function(raw), rtol=1e-12, atol=0):
            return operator
    raise ValueError(
        f"The loss {loss!r} of this {type(model).__name__} has a `predict` that has no operator in ONNX here: the "
        "identity, the exponential and the logistic function have. Export the raw prediction with "
        "`options={'raw_scores': True}`, and apply `predict` of the loss to what the graph returns."
    )


def _labels(model: Any, options: dict[str, Any]) -> np.ndarray:
    """Return the class labels of the graph, as int64 or as strings of dtype object."""
    check_is_fitted(model)
    classes = np.arange(len(model.classes_)) if options["nocl"] else model.classes_
    if classes.dtype.kind in "biuf":
        numbers = classes.astype(np.int64)
        if (numbers == classes).all():
            return numbers
    elif all(isinstance(label, str) for label in classes):
        return classes.astype(object)
    raise TypeError(
        f"ONNX has int64 and strings for class labels, and the classes of this {type(model).__name__} are "
        f"{classes.tolist()}. Fit to `y.astype(str)`, or export the numbers of the classes with "
        "`options={'nocl': True}`."
    )


def _names(variables: list[Any]) -> list[str]:
    return [variable.full_name for variable in variables]


def _float_type(operator: Any) -> Any:
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    is_double = any(isinstance(variable.type, DoubleTensorType) for variable in operator.inputs)
    return DoubleTensorType if is_double else FloatTensorType


def _dtype(operator: Any) -> np.dtype:
    """Return the dtype of the operator's output."""
    return np.dtype(np.float64 if _float_type(operator).__name__ == "DoubleTensorType" else np.float32)


def _inner_dtype(layers: Layers, dtype: np.dtype, options: dict[str, Any]) -> np.dtype:
    """Return the dtype of the computation: like `predict`, the wider of input and model dtype, if `double`."""
    return np.result_type(dtype, *layers.coefs) if options["double"] else dtype
