"""The code of the page on deploying a model runs, and its assertions hold."""

import re
from pathlib import Path

import pytest
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline

PAGE = Path(__file__).parents[2] / "docs" / "deploying.rst"


def blocks_of_code():
    """Return the code on the page: to export a model, and to log it."""
    found = re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", PAGE.read_text("utf-8"), re.MULTILINE)
    blocks = [re.sub("^   ", "", block, flags=re.MULTILINE) for block in found]
    return [block for block in blocks if "mlflow" not in block], [block for block in blocks if "mlflow" in block]


def test_the_code_on_deploying_a_model_runs(tmp_path, monkeypatch):
    for tool in ("skl2onnx", "onnxruntime", "m2cgen"):
        pytest.importorskip(tool)
    monkeypatch.chdir(tmp_path)
    blocks, _ = blocks_of_code()
    assert len(blocks) == 3
    names = {}
    exec(compile("".join(blocks), PAGE.name, "exec"), names)
    assert (tmp_path / "wine.onnx").exists()
    assert "score" in names["code"]


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_the_code_on_mlflow_logs_parameters_scores_and_the_model(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    names = {"make_pipeline": make_pipeline}
    names["X"], names["y"] = load_wine(return_X_y=True)
    _, (block,) = blocks_of_code()
    exec(compile(block, PAGE.name, "exec"), names)
    data = mlflow.MlflowClient().get_run(names["run"].info.run_id).data
    assert data.params["adaptivelrmlpclassifier__learning_rate"] == "auto"
    assert data.metrics["training_score"] == names["model"].score(names["X"], names["y"])
    assert data.metrics["loss"] == names["model"][-1].loss_
