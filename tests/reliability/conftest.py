"""The count of the hostile inputs, printed at the end of a run."""

from collections import Counter

import pytest

OUTCOMES = ("right", "clear error", "warning", "wrong")


@pytest.fixture
def cell(record_property):
    """Record how an input of a group ended for an estimator."""

    def record(group, estimator, outcome):
        record_property("cell", (group, type(estimator).__name__, outcome))

    return record


def pytest_terminal_summary(terminalreporter):
    reports = [r for outcome in ("passed", "failed") for r in terminalreporter.stats.get(outcome, [])]
    cells = Counter()
    for report in reports:
        found = [value for name, value in getattr(report, "user_properties", []) if name == "cell"]
        # What failed after it was recorded is wrong, too.
        spoilt = report.failed and not any(outcome == "wrong" for _, _, outcome in found)
        for group, estimator, outcome in found:
            cells[group, estimator, "wrong" if spoilt else outcome] += 1
    if not cells:
        return
    write = terminalreporter.write_line
    terminalreporter.section("hostile inputs")
    write(f"{'group':24}{'estimator':30}" + "".join(f"{outcome:>12}" for outcome in OUTCOMES))
    rows = sorted({key[:2] for key in cells})
    for group, estimator in rows:
        write(f"{group:24}{estimator:30}" + "".join(f"{cells[group, estimator, o]:12}" for o in OUTCOMES))
    total = [sum(count for key, count in cells.items() if key[2] == outcome) for outcome in OUTCOMES]
    write(f"{'all':54}" + "".join(f"{count:12}" for count in total))
    write(f"{1 - total[-1] / sum(total):.2%} of {sum(total)} cells as they should be")
