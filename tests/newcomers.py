"""A plugin of pytest, ``-p newcomers``: the classes of docs/extending.rst join the tables of names, from outside."""

import doctest
from pathlib import Path

from sk_adalr.directions import DIRECTIONS
from sk_adalr.learning_rates import LEARNING_RATES
from sk_adalr.objectives import LOSSES

PAGE = Path(__file__).parents[1] / "docs" / "extending.rst"
# In this module, so that the classes can be found by pickle.
for example in doctest.DocTestParser().get_examples(PAGE.read_text()):
    if example.source.startswith(("from", "import", "@dataclass")):
        exec(example.source)

Lion, Multiplicative, Huber = (globals()[name] for name in ("Lion", "Multiplicative", "Huber"))


def pytest_configure():
    DIRECTIONS["lion"] = Lion
    LEARNING_RATES["multiplicative"] = Multiplicative
    LOSSES["huber"] = Huber


def pytest_terminal_summary(terminalreporter):
    """Say how many tests each of them has passed."""
    passed = [report.nodeid for report in terminalreporter.getreports("passed") if report.when == "call"]
    for name in ("lion", "multiplicative", "huber"):
        terminalreporter.write_line(f"{name}: {sum(name in test for test in passed)} passed")
