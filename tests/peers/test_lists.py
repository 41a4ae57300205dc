"""The lists of scikit-learn's tests that fail on our classes say why, and the docs say so where it is deliberate."""

import tomllib
from pathlib import Path

import pytest
import sklearn.linear_model
from counterparts import load

from sk_adalr import AdaptiveLRLinearRegression

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
KINDS = {"deliberate", "internal", "not applicable"}


def _groups():
    for path in sorted(HERE.glob("*.toml")):
        for group in tomllib.loads(path.read_text()).get("fails", []):
            yield pytest.param(group, id=f"{path.stem}: {group['reason']}")


@pytest.mark.parametrize("group", _groups())
def test_every_group_has_a_kind_a_reason_and_tests(group):
    assert group["kind"] in KINDS
    assert group["reason"].endswith(".")
    assert group["tests"]
    assert ("docs" in group) == (group["kind"] == "deliberate")


@pytest.mark.skipif(not DOCS.exists(), reason="the docs are not part of the source distribution")
@pytest.mark.parametrize("group", [param for param in _groups() if param.values[0]["kind"] == "deliberate"])
def test_what_is_deliberate_is_said_in_the_docs(group):
    docs = " ".join(" ".join(path.read_text().split()) for path in DOCS.glob("*.rst"))
    assert " ".join(group["docs"].split()) in docs


@pytest.mark.long
def test_only_the_loaded_module_sees_our_classes():
    module = load("sklearn.linear_model.tests.test_base")
    assert module.LinearRegression is AdaptiveLRLinearRegression
    assert sklearn.linear_model.LinearRegression.__module__ == "sklearn.linear_model._base"
