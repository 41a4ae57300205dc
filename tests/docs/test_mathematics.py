"""The page of mathematics has every equation and figure of the paper, and names code that exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mathematics.rst"
EQUATIONS = (
    "weight_update",
    "learning_rate_update",
    "dLdeta",
    "dwdeta",
    "dLdeta_2",
    "learning_rate_update_2",
    "weight_update_2",
    "dLdeta_global",
    "dLdeta_global_2",
    "learning_rate_update_global",
    "weight_update_global",
)
FIGURES = {
    "gd_gd": "plot_beale_paths",
    "gd_gdm": "plot_beale_paths",
    "gd_adam": "plot_beale_paths",
    "loss_beale": "plot_beale_loss",
    "loss_rosenbrock": "plot_rosenbrock_loss",
    "linear regression": "plot_linear_regression",
    "logistic regression": "plot_logistic_regression",
    "multilayer fully connected networks": "plot_mlp",
}

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the source distribution leaves the documentation out")


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("equation", EQUATIONS)
def test_every_equation_of_the_paper_is_named(page, equation):
    assert f"``{equation}``" in page


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_of_the_paper_has_its_page(page, figure):
    table = page[page.index("The paper's figures") : page.index("Exact\n-----")]
    rows = re.split(r"^   \* - ", table, flags=re.MULTILINE)
    (row,) = [
        row
        for row in rows
        if figure in row.split("\n     - ")[0].replace("``", " ").replace(",", " ").split(":")[0]
        and re.search(rf"(^|\W){figure}(\W|$)", row)
    ]
    assert f"sphx_glr_auto_examples_{FIGURES[figure]}.py" in row


def test_all_code_that_is_named_exists(page):
    named = re.findall(
        r"``(\w+(?:\.\w+)?)``(?: or ``(\w+\.\w+)``)?(?: and ``(\w+\.\w+)``)?\s+in\s+``([\w/]+\.py)``", page
    )
    assert len(named) > 15
    for *names, path in named:
        source = (ROOT / "sk_adalr" / path).read_text(encoding="utf-8")
        for name in filter(None, names):
            for part in name.split("."):
                assert re.search(rf"^\s*(def|class) {part}\b", source, re.MULTILINE), f"{name} in {path}"


def test_no_letter_has_two_meanings(page):
    table = page[page.index("Notation\n") : page.index("One step\n")]
    defined = re.findall(r"^   \* - (:math:.*)$", table, re.MULTILINE)
    letters = [
        re.sub(r"_\{?[\w,]+\}?", "", letter) for row in defined for letter in re.findall(r":math:`([^`]+)`", row)
    ]
    letters = [part.strip() for letter in letters for part in letter.split(",")]
    later = page[page.index("Exact\n-----") :]
    tables = page[page.index("Automatic\n") : page.index("Standardised units\n")]
    automatic = re.findall(r"^   \* - :math:`([^`]+)`$", tables, re.MULTILINE)
    for letter in (re.sub(r"_\w", "", letter) for letter in automatic):
        assert letter == "d" or letter not in letters, letter
    assert "m_t" not in later
    assert r"\mu" not in later
    assert r"\alpha" not in re.sub(r"of size :math:`\\alpha`", "", later)
