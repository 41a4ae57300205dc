"""What scripts printed, shown: bars of ratios (``.. ratio-chart:: results/bench_search.txt``), and tables of pipes."""

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


def tables_of_pipes(app, doctree):
    """Turn the pipes of what a script printed into tables."""
    for block in list(doctree.findall(nodes.literal_block)):
        lines = block.astext().splitlines()
        if not any(line.startswith("|---") for line in lines):
            continue
        shown, rows = [], []
        for line in [*lines, ""]:
            if line.startswith("|"):
                rows.append([cell.strip() for cell in line.strip("|").split("|")])
                continue
            if rows:
                shown.append(_table(rows[0], rows[2:]))
                rows = []
            if line.strip():
                shown.append(nodes.paragraph("", line.lstrip("# ")))
        block.replace_self(shown)


def _table(head, rows):
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += nodes.thead("", _row(head))
    group += nodes.tbody("", *map(_row, rows))
    return nodes.table("", group, classes=["pipes"])


def _row(cells):
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", cell)) for cell in cells))
