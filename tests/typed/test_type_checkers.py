"""Type checkers accept what users write, and refuse what `fit` would; what they are told is true."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from estimator_cases import ESTIMATORS, fit, problem

from sk_adalr.directions import DIRECTIONS, DirectionName
from sk_adalr.learning_rates import GRANULARITIES, LEARNING_RATES, GranularityName, LearningRateName
from sk_adalr.objectives import ACTIVATIONS, LOSSES, ActivationName, LossName

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
USER, MISUSE = HERE / "user.py", HERE / "misuse.py"
REFUSED = {
    ("misuse", i)
    for i, line in enumerate(MISUSE.read_text(encoding="utf-8").splitlines(), 1)
    if line.endswith("# refused")
}


def checked(folder, *command):
    """Return what a type checker prints of both files."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(ROOT), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.stdout


@pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed")
def test_mypy_finds_the_lines_to_refuse_and_nothing_else(tmp_path):
    options = ["--strict", "--follow-imports=silent", "--config-file=", "--cache-dir", str(tmp_path / "cache")]
    printed = checked(tmp_path, "mypy", *options, str(USER), str(MISUSE))
    assert "checked 2 source files" in printed
    errors = re.findall(r"(\w+)\.py:(\d+): error", printed)
    assert {(file, int(line)) for file, line in errors} == REFUSED, printed


@pytest.mark.skipif(find_spec("pyright") is None, reason="pyright is not installed")
def test_pyright_finds_the_lines_to_refuse_and_nothing_else(tmp_path):
    for file in (USER, MISUSE):  # it checks what lies below its settings
        shutil.copy(file, tmp_path)
    settings = {"typeCheckingMode": "strict", "extraPaths": [str(ROOT)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    try:
        printed = checked(tmp_path, "pyright", "--outputjson", "--project", str(tmp_path))
        found = json.loads(printed)
    except (subprocess.TimeoutExpired, ValueError):
        pytest.skip("pyright does not start: it needs Node, and a network when it runs first")
    assert found["summary"]["filesAnalyzed"] == 2
    errors = {
        (Path(one["file"]).stem, one["range"]["start"]["line"] + 1)
        for one in found["generalDiagnostics"]
        if one["severity"] == "error"
    }
    assert errors == REFUSED, printed


def test_what_the_user_writes_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(USER))


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (DirectionName, DIRECTIONS),
        (LearningRateName, LEARNING_RATES),
        (GranularityName, GRANULARITIES),
        (LossName, LOSSES),
        (ActivationName, ACTIVATIONS),
    ],
)
def test_the_names_that_type_checkers_know_are_those_of_the_table(names, table):
    assert set(get_args(names)) == set(table)


def is_of(value, kind):
    """Return whether a value is of the kind that an annotation says."""
    if get_origin(kind) in (UnionType,):
        return any(is_of(value, one) for one in get_args(kind))
    if get_origin(kind) is list:
        return isinstance(value, list) and all(is_of(entry, get_args(kind)[0]) for entry in value)
    if kind is float:
        return isinstance(value, float | np.floating)
    return kind is Any or isinstance(value, kind)


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
@pytest.mark.parametrize("params", [{}, {"solver": "adam", "max_iter": 3}, {"early_stopping": True}], ids=str)
def test_fitted_attributes_are_what_their_annotations_say(cls, params):
    model = fit(cls(random_state=0, **params), *problem(cls))
    annotations = {name: kind for name, kind in get_type_hints(cls).items() if name.endswith("_")}
    annotations.pop("estimators_", None)  # of an ensemble only
    assert len(annotations) > 8
    wrong = {name: getattr(model, name) for name, kind in annotations.items() if not is_of(getattr(model, name), kind)}
    assert not wrong
