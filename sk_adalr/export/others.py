"""Registration with tools that look up estimators by class: m2cgen (source code) and eli5 (explanations)."""

from typing import Any

from sk_adalr.estimators import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression
from sk_adalr.export.operators import Layers, inverse_link


def register_m2cgen() -> None:
    """Register the two linear models with m2cgen, which generates source code in Python, C, Java and other languages.

    The code of a classifier computes the decision function, as for scikit-learn's linear classifiers; the code of a
    regressor computes the prediction. m2cgen does not support networks.

    Raises
    ------
    ImportError
        If m2cgen is not installed.

    See Also
    --------
    to_onnx : All models and their pipelines, as an ONNX graph.
    """
    try:
        import m2cgen  # noqa: F401
    except ImportError as error:
        raise ImportError("register_m2cgen needs m2cgen. Install it with `pip install m2cgen`.") from error
    from m2cgen import assemblers, ast
    from m2cgen.assemblers.linear import BaseLinearModelAssembler

    functions = {"Identity": lambda raw: raw, "Exp": ast.ExpExpr, "Sigmoid": ast.SigmoidExpr}

    class Classifier(BaseLinearModelAssembler):
        def _get_coef(self) -> Any:
            return Layers.of(self.model).coefs[0].T

        def _get_intercept(self) -> Any:
            return Layers.of(self.model).intercepts[0]

    class Regressor(Classifier):
        def _final_transform(self, raw: Any) -> Any:
            return functions[inverse_link(self.model)](raw)

    assemblers.SUPPORTED_MODELS |= {
        f"sk_adalr_{AdaptiveLRLogisticRegression.__name__}": Classifier,
        f"sk_adalr_{AdaptiveLRLinearRegression.__name__}": Regressor,
    }


def register_eli5() -> None:
    """Register the two linear models with eli5, which shows weights, and each feature's contribution to a prediction.

    If the loss has a link, like "poisson", the weights refer to the raw prediction, the logarithm of the mean. A
    prediction is then not a sum over features, so eli5 does not explain it.

    Raises
    ------
    ImportError
        If eli5 is not installed.

    See Also
    --------
    to_onnx : Models as an ONNX graph.
    """
    try:
        import eli5  # noqa: F401
    except ImportError as error:
        raise ImportError("register_eli5 needs eli5. Install it with `pip install eli5`.") from error
    from eli5.base import Explanation
    from eli5.sklearn import explain_prediction, explain_weights

    def explain_sum(reg: Any, doc: Any, *args: Any, **kwargs: Any) -> Any:
        if inverse_link(reg) == "Identity":
            return explain_prediction.explain_prediction_linear_regressor(reg, doc, *args, **kwargs)
        why = f"With the loss {reg.loss!r} a prediction is not a sum over features; see `explain_weights`."
        return Explanation(estimator=repr(reg), error=why)

    classifier, regressor = AdaptiveLRLogisticRegression, AdaptiveLRLinearRegression
    explain_weights.register(classifier)(explain_weights.explain_linear_classifier_weights)
    explain_weights.register(regressor)(explain_weights.explain_linear_regressor_weights)
    explain_prediction.register(classifier)(explain_prediction.explain_prediction_linear_classifier)
    explain_prediction.register(regressor)(explain_sum)
