"""The chapters of the guide: what the doctests of the documentation do not run, and what a search must find."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRMLPClassifier

DOCS = Path(__file__).parents[2] / "docs"
pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the source distribution leaves the documentation out")


def test_the_code_on_skops_runs_and_its_assertion_holds(tmp_path, monkeypatch):
    pytest.importorskip("skops")
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "guide" / "saving.rst").read_text(encoding="utf-8")
    (block,) = re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", page, re.MULTILINE)
    names = {}
    exec(compile(re.sub("^   ", "", block, flags=re.MULTILINE), "saving.rst", "exec"), names)
    assert (names["loaded"].coef_ == names["model"].coef_).all()


def test_the_code_on_chunks_of_parquet_and_csv_reads_them(tmp_path, monkeypatch):
    parquet, pandas = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    rows = pandas.DataFrame(np.random.default_rng(0).normal(size=(300, 3)), columns=["a", "b", "target"])
    rows.to_csv("rows.csv", index=False)
    rows.to_parquet("rows.parquet")
    page = (DOCS / "large_data.rst").read_text(encoding="utf-8")
    block = page[page.index("   def chunks():\n       for batch") : page.index("Least squares take three readings")]
    functions = ["def chunks():" + part for part in re.sub("^   ", "", block, flags=re.M).split("def chunks():")[1:]]
    assert len(functions) == 2
    expected = AdaptiveLRLinearRegression().fit(rows[["a", "b"]], rows["target"]).coef_
    for function in functions:
        names = {"pyarrow": SimpleNamespace(parquet=parquet), "pandas": pandas, "columns": ["a", "b"]}
        exec(compile(function, "large_data.rst", "exec"), names)
        model = AdaptiveLRLinearRegression().fit_chunks(names["chunks"])
        np.testing.assert_allclose(model.coef_, expected, rtol=1e-9)


def test_the_lines_for_a_network_and_dask_train_it(tmp_path, monkeypatch):
    dataframe, pandas = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)
    rows = pandas.DataFrame(np.random.default_rng(0).normal(size=(300, 2)), columns=["a", "b"])
    dataframe.from_pandas(rows.assign(target=rows["a"] > rows["b"]), npartitions=3).to_parquet("rows")
    page = (DOCS / "large_data.rst").read_text(encoding="utf-8")
    block = re.search(r"(   rows = .*\n   model = AdaptiveLRMLP.*\n   model.score.*\n)", page)[1]
    names = {"dd": dataframe, "columns": ["a", "b"], "AdaptiveLRMLPClassifier": AdaptiveLRMLPClassifier}
    exec(compile(re.sub("^   ", "", block, flags=re.MULTILINE), "large_data.rst", "exec"), names)
    assert names["model"].score(rows, rows["a"] > rows["b"]) > 0.9


@pytest.mark.parametrize(
    ("term", "page"),
    [
        ("NaN", "guide/tabular"),
        ("categorical", "guide/tabular"),
        ("class imbalance", "guide/imbalance"),
        ("save model", "guide/saving"),
        ("hyperparameter", "guide/searching"),
        ("cite", "citing"),
    ],
)
def test_the_glossary_leads_from_what_people_search_for_to_its_page(term, page):
    glossary = (DOCS / "glossary.rst").read_text(encoding="utf-8")
    entry = re.search(rf"^   {term}\n(?:   \S.*\n)*((?:      .*\n)+)", glossary, re.MULTILINE)
    assert f":doc:`{page}`" in entry[1]
    assert (DOCS / f"{page}.rst").exists()


def test_every_chapter_of_the_guide_is_listed_on_its_first_page():
    guide = (DOCS / "user_guide.rst").read_text(encoding="utf-8")
    for chapter in DOCS.glob("guide/*.rst"):
        assert f":doc:`guide/{chapter.stem}`" in guide
        assert f"   guide/{chapter.stem}\n" in guide
