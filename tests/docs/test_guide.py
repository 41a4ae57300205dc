"""The chapters of the guide: what a search must find, and that each is listed."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the source distribution leaves the documentation out")


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
