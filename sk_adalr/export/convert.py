"""Conversion of fitted models to ONNX graphs."""

from typing import Any

from scipy import sparse
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from sk_adalr.estimators import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)
from sk_adalr.export.operators import classifier_shapes, convert_classifier, convert_regressor, regressor_shapes

_SWITCH = [False, True]
_OPTIONS = {"double": _SWITCH, "raw_scores": _SWITCH}
_CLASSIFIER_OPTIONS = {**_OPTIONS, "zipmap": [True, False, "columns"], "nocl": _SWITCH}


def register_converters() -> None:
    """Register converters with skl2onnx for the four estimators, alone and in pipelines and other meta-estimators.

    `to_onnx` does this for you. Call it once before you call skl2onnx directly. Then, as for all classifiers, the
    probabilities are a list of dicts unless you pass ``options={"zipmap": False}``.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    See Also
    --------
    to_onnx : Convert a model in one call; documents the options of the converters.
    """
    skl2onnx = _import_skl2onnx("register_converters")
    classifiers = (classifier_shapes, convert_classifier, _CLASSIFIER_OPTIONS)
    regressors = (regressor_shapes, convert_regressor, _OPTIONS)
    for cls, (shapes, convert, options) in {
        AdaptiveLRLogisticRegression: classifiers,
        AdaptiveLRMLPClassifier: classifiers,
        AdaptiveLRLinearRegression: regressors,
        AdaptiveLRMLPRegressor: regressors,
    }.items():
        skl2onnx.update_registered_converter(cls, f"SkAdalr{cls.__name__}", shapes, convert, options=options)


def to_onnx(model: Any, X: Any, *, options: dict[Any, Any] | None = None, **kwargs: Any) -> Any:
    """Convert a fitted estimator, or a pipeline with one, to an ONNX graph.

    The graph takes dense rows. A classifier has the outputs ``label`` and ``probabilities``, a regressor has
    ``variable``, with one column per output. Boolean labels and whole numbers of any kind become int64, strings stay
    strings. Unlike `predict`, the graph does not check its input for NaN or infinity.

    Parameters
    ----------
    model : estimator
        One of the four estimators, or a pipeline or other meta-estimator that skl2onnx knows.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features), or pandas.DataFrame
        Example rows, which determine the input types of the graph; one row is enough. float32 and integers give
        float32 outputs, float64 gives float64. Each column of a data frame becomes a separate input.
    options : dict, default=None
        Options of skl2onnx, such as ``{"raw_scores": True}``. For a pipeline they apply to the last step; write
        ``{"name__raw_scores": True}`` for another step. The options of the estimators here are:

        - ``double`` (default True): compute in float64 if the model or the input is float64, as `predict` does,
          whatever the dtype of the output. Features with large means, such as years, need it. False computes in the
          dtype of the output, for runtimes without float64.
        - ``raw_scores`` (default False): return the raw prediction, before the inverse link; for a classifier, instead
          of the probabilities, one column per class (the negative and the positive decision function of two classes).
        - ``nocl`` (default False): return class indices instead of class labels.
        - ``zipmap`` (default False, unlike in skl2onnx): return the probabilities as a list of dicts (True), or one
          output per class ("columns").
    **kwargs : dict
        Other arguments of ``skl2onnx.to_onnx``, such as ``target_opset``.

    Returns
    -------
    onnx.ModelProto
        Save it by ``SerializeToString()``.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.
    NotFittedError
        If the model is not fitted.
    TypeError
        If the class labels are neither numbers nor strings.
    ValueError
        If the loss is an object whose `predict` has no counterpart in ONNX.

    See Also
    --------
    register_converters : Use this if you call skl2onnx directly.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_adalr import AdaptiveLRLogisticRegression
    >>> from sk_adalr.export import to_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> model = AdaptiveLRLogisticRegression().fit(X, y)
    >>> graph = to_onnx(model, X[:1])  # doctest: +SKIP
    >>> with open("iris.onnx", "wb") as file:  # doctest: +SKIP
    ...     file.write(graph.SerializeToString())
    """
    skl2onnx = _import_skl2onnx("to_onnx")
    register_converters()
    rows = X[:1]
    if sparse.issparse(rows):
        rows = rows.toarray()
    return skl2onnx.to_onnx(model, rows, options=_by_step(model, options or {}), **kwargs)


def _by_step(model: Any, options: dict[Any, Any]) -> dict[Any, Any]:
    """Return options with our defaults; for a pipeline, options without a step name are for the last step."""
    if not all(isinstance(key, str) for key in options):
        return options  # keyed by class or id, which cannot be combined with names
    if is_classifier(model):
        options = {"zipmap": False, **options}
    prefix = ""
    while isinstance(model, Pipeline):
        name, model = model.steps[-1]
        prefix += f"{name}__"
    return {key if "__" in key else prefix + key: value for key, value in options.items()}


def _import_skl2onnx(caller: str) -> Any:
    try:
        import skl2onnx
    except ImportError as error:
        raise ImportError(
            f"{caller} needs skl2onnx. Install it with `pip install 'sk-adalr[onnx]'`, or `pip install skl2onnx`."
        ) from error
    return skl2onnx
