"""Bars for the ratios of a table of benchmarks: ``.. ratio-chart:: results/bench_search.txt``."""

import html
import math
import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive, directives

_ROW = re.compile(
    r"^(?P<case>\S.*?)\s{2,}(?P<ours>\S.*?)\s{2,}(?P<kernels>numpy|numba|cupy)\s{2,}(?P<against>\S.*?)\s{2,}.*?"
    r"(?P<ratio>\d+\.\d+) \[",
    re.MULTILINE,
)


def rows_of(table, **wanted):
    """Return (label, ratio) of the rows of a table whose columns match all patterns."""
    found = [match.groupdict() for match in _ROW.finditer(table)]
    found = [row for row in found if all(re.fullmatch(pattern, row[name]) for name, pattern in wanted.items())]
    varying = [name for name in ("case", "ours", "kernels", "against") if len({row[name] for row in found}) > 1]
    return [(", ".join(row[name] for name in varying), float(row["ratio"])) for row in found]


def bars(rows):
    """Return the bars as HTML, on a logarithmic scale from the ratio 1: to the left we are faster."""
    low = math.log(min(0.5, *(ratio for _, ratio in rows)))
    high = math.log(max(2, *(ratio for _, ratio in rows)))
    place = {ratio: 100 * (math.log(ratio) - low) / (high - low) for ratio in [1, *(ratio for _, ratio in rows)]}
    lines = []
    for label, ratio in rows:
        left, right = sorted((place[1], place[ratio]))
        side = "faster" if ratio < 1 else "slower"
        lines.append(
            f'<div class="ratio"><span>{html.escape(label)}</span><span class="track" style="--one: {place[1]:.1f}%">'
            f'<span class="{side}" style="left: {left:.1f}%; width: {right - left:.1f}%"></span></span>'
            f"<span>{ratio:.3g}</span></div>"
        )
    return '<div class="ratios">' + "".join(lines) + "</div>"


class RatioChart(Directive):
    """Draw the ratios of some rows of a table; the line is at equal time."""

    required_arguments = 1
    option_spec = dict.fromkeys(("ours", "kernels", "against", "case"), directives.unchanged)

    def run(self):
        """Return the bars."""
        page = self.state.document.settings.env
        path = Path(page.srcdir) / self.arguments[0]
        page.note_dependency(str(path))
        rows = rows_of(path.read_text(encoding="utf-8"), **self.options)
        if not rows:
            return [self.state.document.reporter.warning(f"no row of {path.name} matches", line=self.lineno)]
        return [nodes.raw("", bars(rows), format="html")]
