"""The code of the page on deploying a model runs, and its assertions hold."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "deploying.rst"


def test_the_code_on_deploying_a_model_runs(tmp_path, monkeypatch):
    for tool in ("skl2onnx", "onnxruntime", "m2cgen"):
        pytest.importorskip(tool)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(blocks) == 3
    code = "".join(re.sub("^   ", "", block, flags=re.MULTILINE) for block in blocks)
    names = {}
    exec(compile(code, PAGE.name, "exec"), names)
    assert (tmp_path / "wine.onnx").exists()
    assert "score" in names["code"]
