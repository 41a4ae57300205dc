"""The tools that models are exported to are needed when they are used, and then an error says what to install."""

import subprocess
import sys

import pytest

from sk_adalr.export import register_converters, register_eli5, register_m2cgen, to_onnx


@pytest.mark.parametrize(
    ("tool", "install", "function"),
    [
        ("skl2onnx", r"sk-adalr\[onnx\]", lambda: to_onnx(None, None)),
        ("skl2onnx", r"sk-adalr\[onnx\]", register_converters),
        ("m2cgen", "m2cgen", register_m2cgen),
        ("eli5", "eli5", register_eli5),
    ],
)
def test_without_a_tool_an_error_says_what_to_install(tool, install, function, monkeypatch):
    monkeypatch.setitem(sys.modules, tool, None)
    with pytest.raises(ImportError, match=rf"needs {tool}. Install it with `pip install '?{install}"):
        function()


def test_importing_the_export_loads_no_other_tool():
    code = "import sys, sk_adalr.export; print({'onnx', 'skl2onnx', 'm2cgen', 'eli5'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "set()"
