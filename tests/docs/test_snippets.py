"""Every block of code on a page, in README and in a docstring runs, and does what the text around it says."""

import re
import runpy
import tomllib

import numpy as np
import pytest
import snippets
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier

pytestmark = pytest.mark.skipif(
    not (snippets.ROOT / "docs").exists(), reason="the source distribution leaves the documentation out"
)
PAGES = snippets.files_with_code() if (snippets.ROOT / "docs").exists() else {}
#: Pages whose code has a test of its own elsewhere.
ELSEWHERE = {"README.md": "test_readme.py"}
RUNS = {}


def runs(page):
    """Register the test of a page."""

    def register(function):
        RUNS[page] = function
        return function

    return register


def wine():
    X, y = load_wine(return_X_y=True)
    return {"X": X, "y": y}


def run(page, names, replacements=None):
    """Run a page; return what is not installed."""
    return snippets.run(PAGES[page], names, replacements)[1]


@runs("docs/backends.rst")
def on_a_stand_in_for_the_gpu(request, tmp_path):
    request.getfixturevalue("cupy")
    (on_gpu, of_torch, _), missing = snippets.run(
        PAGES["docs/backends.rst"], wine(), {'device="cuda"': 'device="cpu"'}
    )
    assert isinstance(on_gpu.coefs_[0], np.ndarray)
    if "torch" not in missing:
        assert of_torch.coefs_[0].device.type == "cpu"
    return missing


@runs("docs/deploying.rst")
def to_onnx_c_and_mlflow(request, tmp_path):
    try:
        import mlflow
    except ImportError:
        pass
    else:
        request.getfixturevalue("monkeypatch").setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    names = {}
    missing = run("docs/deploying.rst", names)
    if "onnxruntime" not in missing:
        assert (tmp_path / "wine.onnx").exists()
    if "m2cgen" not in missing:
        assert "score" in names["code"]
    if "mlflow" not in missing:
        data = mlflow.MlflowClient().get_run(names["run"].info.run_id).data
        assert data.params["adaptivelrmlpclassifier__learning_rate"] == "auto"
        assert data.metrics["training_score"] == names["model"].score(names["X"], names["y"])
        assert data.metrics["loss"] == names["model"][-1].loss_
    return missing


@runs("docs/guide/saving.rst")
def with_skops(request, tmp_path):
    names = {}
    missing = run("docs/guide/saving.rst", names)
    if not missing:
        assert (names["loaded"].coef_ == names["model"].coef_).all()
    return missing


@runs("docs/guide/searching.rst")
def with_a_progress_bar(request, tmp_path):
    pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    printed = request.getfixturevalue("capsys")
    network = AdaptiveLRMLPClassifier((4,), max_iter=5, tol=0, random_state=0)
    search = GridSearchCV(network, {"alpha": [1e-4, 1.0]}, cv=2)
    missing = run("docs/guide/searching.rst", {"search": search, **wine()})
    assert "GridSearchCV - fit" in printed.readouterr().out
    return missing


@runs("docs/large_data.rst")
def from_files_and_dask(request, tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    rows = pandas.DataFrame(np.random.default_rng(0).normal(size=(300, 2)), columns=["a", "b"])
    rows["target"] = (rows["a"] > rows["b"]).astype(int)
    rows.to_csv("rows.csv", index=False)
    rows.to_parquet("rows.parquet")
    (tmp_path / "rows").mkdir()
    for part in range(3):
        rows[100 * part : 100 * (part + 1)].to_parquet(f"rows/{part}.parquet")
    names = {"columns": ["a", "b"], "AdaptiveLRLogisticRegression": AdaptiveLRLogisticRegression}
    client = {"Client()": "Client(processes=False, dashboard_address=None)"}
    (from_parquet, from_csv, linear, network), missing = snippets.run(PAGES["docs/large_data.rst"], names, client)
    expected = AdaptiveLRLinearRegression().fit(rows[["a", "b"]], rows["target"]).coef_
    for model in (from_parquet, from_csv):
        np.testing.assert_allclose(model.coef_, expected, rtol=1e-9)
    if not missing:
        names["client"].close()
        whole = AdaptiveLRLogisticRegression().fit(rows[["a", "b"]], rows["target"])
        np.testing.assert_allclose(linear.coef_, whole.coef_, rtol=1e-6)
        assert network.score(rows[["a", "b"]], rows["target"]) > 0.9
    return missing


@runs("docs/reliability.rst")
def with_a_checkpoint(request, tmp_path):
    pytest.importorskip("sklearn.callback")
    model = AdaptiveLRMLPClassifier((4,), max_iter=20, early_stopping=False, random_state=0)
    missing = run("docs/reliability.rst", {"model": model, **wine()})
    assert (tmp_path / "fit.checkpoint").exists()
    return missing


@runs("sk_adalr/callbacks/optuna_pruning.py")
def with_optuna(request, tmp_path):
    names = {}
    missing = run("sk_adalr/callbacks/optuna_pruning.py", names, {"n_trials=100": "n_trials=3"})
    if not missing:
        assert len(names["study"].trials) == 3
    return missing


@runs("sk_adalr/callbacks/summary_logger.py")
def with_the_writer_of_torch(request, tmp_path):
    from sk_adalr.callbacks import SummaryLogger

    names = {"model": AdaptiveLRMLPClassifier(max_iter=5), "SummaryLogger": SummaryLogger, **wine()}
    missing = run("sk_adalr/callbacks/summary_logger.py", names)
    if not missing:
        assert list((tmp_path / "runs" / "iris").iterdir())
    return missing


@pytest.mark.filterwarnings("ignore")  # those of the other libraries
@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE])
def test_the_code_of_a_page_runs(page, request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert page in RUNS, "say above how the code of this page runs"
    if missing := RUNS[page](request, tmp_path):
        pytest.skip(f"ran without the blocks that need {', '.join(missing)}")


def test_the_gallerys_page_on_gpus_trains_on_a_stand_in_for_the_gpu(cupy, tmp_path, capsys):
    script = (snippets.ROOT / "examples" / "tasks" / "gpu_training.py").read_text(encoding="utf-8")
    smaller = {"200_000": "2_000", "(1024, 1024)": "(64,)", "batch_size=4096": "batch_size=256"}
    for written, instead in smaller.items():
        assert written in script
        script = script.replace(written, instead)
    (tmp_path / "gpu_training.py").write_text(script, encoding="utf-8")
    model = runpy.run_path(str(tmp_path / "gpu_training.py"))["model"]
    assert isinstance(model.coefs_[0], np.ndarray)
    accuracy = float(re.search(r"test accuracy (\S+)\. ", capsys.readouterr().out)[1])
    assert accuracy > 0.5  # of five classes


def test_commands_on_the_pages_name_extras_and_files_that_exist():
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (
            *snippets.ROOT.glob("*.md"),
            *snippets.ROOT.glob("docs/*.rst"),
            *snippets.ROOT.glob("docs/guide/*.rst"),
        )
        if path.name != "CHANGELOG.md"
    )
    with (snippets.ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    installed = re.findall(r"pip install .*?'?\.\[([\w,]+)\]", text)
    assert len(installed) > 5
    assert {extra for names in installed for extra in names.split(",")} <= set(extras)
    scripts = re.findall(r"python3? ((?:examples|benchmarks|docs)/\S+\.py)", text)
    assert len(scripts) > 1
    assert all((snippets.ROOT / script).exists() for script in scripts)
