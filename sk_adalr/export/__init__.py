"""Export of fitted models: ONNX graphs with skl2onnx, source code with m2cgen, explanations with eli5."""

from sk_adalr.export.convert import register_converters, to_onnx
from sk_adalr.export.others import register_eli5, register_m2cgen
from sk_adalr.public import publish

__all__ = ["register_converters", "register_eli5", "register_m2cgen", "to_onnx"]

publish(__name__, register_converters, register_eli5, register_m2cgen, to_onnx)
