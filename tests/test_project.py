"""What is released is whole, and public names are where the API reference says."""

import importlib
import pickle
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import numpy as np
import pytest
from estimator_cases import ESTIMATORS, fit, make, problem

import sk_adalr

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LISTED = re.findall(r"^   (\w[\w.]*)$", (ROOT / "docs/api/index.rst").read_text(encoding="utf-8"), re.MULTILINE)
VERSION = sk_adalr.__version__.replace(".", r"\.")

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
listed = pytest.mark.parametrize("name", LISTED)


@listed
def test_a_public_name_says_the_module_that_the_reference_lists(name):
    module, _, attribute = f"sk_adalr.{name}".rpartition(".")
    public = getattr(importlib.import_module(module), attribute)
    assert (public.__module__, public.__qualname__) == (module, attribute)
    assert pickle.loads(pickle.dumps(public)) is public


def test_dir_shows_what_the_reference_lists_and_nothing_else():
    assert set(dir(sk_adalr)) - {"__version__"} == {name.partition(".")[0] for name in LISTED}


def test_all_that_dir_shows_is_there_after_a_plain_import():
    code = "import sk_adalr; print(all(getattr(sk_adalr, name) is not None for name in dir(sk_adalr)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "True"


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'sk_adalr' has no attribute 'nothing'"):
        _ = sk_adalr.nothing


@estimators
def test_a_pickle_that_names_the_file_of_the_class_still_loads(cls):
    """Those written before the class said `sk_adalr` do; protocol 0 names modules in plain text."""
    X, y = problem(cls)
    model = fit(make(cls), X, y)
    file = cls.__init__.__module__
    new, old = (f"c{module}\n{cls.__name__}\n".encode() for module in ("sk_adalr", file))
    data = pickle.dumps(model, protocol=0)
    assert data.count(new) == 1
    loaded = pickle.loads(data.replace(new, old))
    assert type(loaded) is cls
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """Names of the files in the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (archive,) = folder.iterdir()
    with tarfile.open(archive) as tar:
        return {name.partition("/")[2] for name in tar.getnames()}


def test_the_sdist_has_all_that_the_readme_the_tests_and_the_documentation_use(sdist):
    patterns = [f"{folder}/**/*.py" for folder in ("sk_adalr", "tests", "examples", "benchmarks")]
    patterns += [
        "tests/**/*.toml",
        "docs/*.py",
        "docs/*.rst",
        "docs/api/*.rst",
        "docs/guide/*.rst",
        "docs/results/*",
        "docs/_static/*",
    ]
    patterns += ["docs/_templates/**/*.rst", "*.md", "LICENSE", "CITATION.cff", ".ci/run", ".github/workflows/*"]
    wanted = {path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern)}
    assert wanted - {"docs/sg_execution_times.rst"} <= sdist  # the documentation's build leaves that one


def test_the_sdist_has_nothing_that_a_build_leaves(sdist):
    left = ("docs/_build/", "docs/auto_examples/", "docs/api/generated/", "benchmarks/results/", ".venv/", "dist/")
    assert not [name for name in sdist if name.startswith(left) or "__pycache__" in name]


def test_the_readme_renders_without_its_repository():
    """A package index shows the README alone, and knows neither its neighbours nor formulas."""
    text = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)", text) + re.findall(r"(?:href|src)=[\"']([^\"']+)", text)
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    assert "$" not in re.sub(r"`[^`]*`", "", text)


@pytest.mark.parametrize("path", ["CITATION.cff", "recipe/meta.yaml"])
def test_every_file_that_names_the_version_names_the_same(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf'^(?:version: |{{% set version = "){VERSION}(?:" %}})?$', text, re.MULTILINE)


def test_there_are_three_hard_dependencies_and_the_recipe_has_the_same():
    recipe = (ROOT / "recipe/meta.yaml").read_text(encoding="utf-8")
    run = re.search(r"^  run:\n((?:    - .*\n)+)", recipe, re.MULTILINE)[1]
    needs = {line.replace(" ", "").removeprefix("-") for line in run.splitlines()}
    assert {re.match(r"[\w-]+", need)[0] for need in PROJECT["dependencies"]} == {"numpy", "scipy", "scikit-learn"}
    assert needs == {*PROJECT["dependencies"], f"python{PROJECT['requires-python']}"}


def test_the_workflows_run_every_python_that_the_metadata_names():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert re.findall(r'"(3\.\d+)"', re.search(r"python: \[(.*)\]", workflow)[1]) == named
