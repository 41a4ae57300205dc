"""The bars of the page of benchmarks are the ratios of its tables."""

import importlib
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TABLE = """CPU time, median ratio of 3 rounds.

case            ours           kernels  against        loss, ours / other         ratio [quartiles]   goal
wine, MLP       literal rule   numpy    torch, fused   0.0000 / 0.0000      0.022 [0.021, 0.024]   0.04  met
wine, MLP       literal rule   numba    torch, fused   0.0000 / 0.0000      1.500 [1.400, 1.600]
wine, MLP       literal rule   numpy    F_gemm                              2.000 [1.900, 2.100]
wine, logistic  literal rule   numpy    torch, fused   0.0222 / 0.0222            refused
"""


@pytest.fixture
def charts(monkeypatch):
    if not DOCS.exists():
        pytest.skip("the source distribution leaves the documentation out")
    pytest.importorskip("docutils")
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module("charts")


def test_rows_that_are_wanted_and_not_refused_are_found_and_named_by_what_differs(charts):
    assert charts.rows_of(TABLE, against="torch.*") == [("numpy", 0.022), ("numba", 1.5)]
    assert charts.rows_of(TABLE, kernels="numpy") == [("torch, fused", 0.022), ("F_gemm", 2.0)]
    assert charts.rows_of(TABLE, kernels="cupy") == []


def test_bars_start_at_equal_time_and_go_to_the_left_where_we_are_faster(charts):
    found = re.findall(
        r'--one: ([\d.]+)%"><span class="(\w+)" style="left: ([\d.]+)%; width: ([\d.]+)%',
        charts.bars([("a", 0.25), ("b", 4.0)]),
    )
    assert found == [("50.0", "faster", "0.0", "50.0"), ("50.0", "slower", "50.0", "50.0")]


def test_every_chart_of_the_page_has_rows(charts):
    page = (DOCS / "benchmarks.rst").read_text(encoding="utf-8")
    found = re.findall(r"^\.\. ratio-chart:: (\S+)\n((?:   :.*\n)+)", page, re.MULTILINE)
    assert len(found) > 3
    for path, options in found:
        wanted = dict(re.findall(r":(\w+): (.*)", options))
        assert charts.rows_of((DOCS / path).read_text(encoding="utf-8"), **wanted), path


def test_pipes_become_tables_and_other_lines_stay(charts):
    nodes = importlib.import_module("docutils.nodes")
    text = "# 2 seeds\n\n| set | loss |\n|---|---|\n| iris | 0.1 |\n| wine | 0.2 |\n\n| all |\n|---|\n| 0.3 |\n"
    other = nodes.literal_block("", "a | b")
    document = nodes.container("", nodes.literal_block("", text), other)
    charts.tables_of_pipes(None, document)
    first, *tables, last = document.children
    assert first.astext() == "2 seeds"
    assert last is other
    cells = [[entry.astext() for entry in table.findall(nodes.entry)] for table in tables]
    assert cells == [["set", "loss", "iris", "0.1", "wine", "0.2"], ["all", "0.3"]]
