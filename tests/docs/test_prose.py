"""The documentation reads easily: short paragraphs and sentences, code that fits the page, words of the field."""

import prose
import pytest

pytestmark = pytest.mark.skipif(
    not (prose.ROOT / "docs").exists(), reason="the source distribution leaves the documentation out"
)


@pytest.mark.parametrize("check", prose.CHECKS.values(), ids=list(prose.CHECKS))
def test_nothing_makes_the_documentation_hard_to_read(check):
    assert list(check()) == []


def test_long_paragraphs_and_sentences_wide_code_and_odd_words_are_found(tmp_path, monkeypatch):
    page = tmp_path / "docs" / "page.rst"
    page.parent.mkdir()
    page.write_text(
        f"Title\n=====\n\n{'word ' * 40}. W{'word ' * 41}\n\n- {'word ' * 40}. W{'word ' * 40}\n- {'word ' * 81}\n\n"
        f".. code-block:: python\n\n   {'x' * 88}\n   {'x' * 89}\n\nTraining goes on.\n"
    )
    monkeypatch.setattr(prose, "ROOT", tmp_path)
    monkeypatch.setattr(prose, "pages", lambda: [page])
    monkeypatch.setattr(prose, "modules", list)
    assert [finding.split(":")[1] for finding in prose.long_paragraphs()] == ["4", "7"]
    assert [finding.split(":")[1] for finding in prose.long_sentences()] == ["4", "7"]
    assert [finding.split(":")[1] for finding in prose.wide_code()] == ["12"]
    assert list(prose.odd_words()) == ['docs/page.rst:14: "goes on": continue']
