"""Look at every built page in a browser: ``python docs/check_layout.py docs/_build/html``.

Needs Chromium. Each page is opened at the widths of a laptop and of a phone, light and dark. Findings are
what is wider than the page, code that is cut on a laptop, and pictures without a text or shown too small.
"""

import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

WIDTHS, THEMES = (1400, 390), ("light", "dark")

#: Opens one page after the other in a frame, and writes down what it finds.
HARNESS = """<!doctype html><body><iframe id="frame" style="height: 900px; border: 0"></iframe><script>
const frame = document.getElementById("frame"), found = [];
const wide = (element) => element.scrollWidth > element.clientWidth + 1;
const say = (page, width, theme, what) => found.push(`${page} at ${width}, ${theme}: ${what}`);
async function look(page, width, theme) {
  frame.style.width = width + "px";
  await new Promise((done) => { frame.onload = done; frame.src = "/" + page; });
  const doc = frame.contentDocument;
  doc.documentElement.dataset.theme = theme;
  await new Promise((done) => setTimeout(done, 30));
  const out = [...doc.querySelectorAll("article :is(h1, h2, h3, p, dt, li, img, table, pre, math)")].find((element) =>
    element.getBoundingClientRect().right > width + 1
    && !element.closest(".math-block, .pst-scrollable-table-container, div[class*=highlight-], .sphx-glr-script-out"));
  if (out || wide(doc.scrollingElement))
    say(page, width, theme, `wider than the page: ${out ? out.outerHTML.slice(0, 80) : "?"}`);
  for (const pre of doc.querySelectorAll("article div[class*=highlight-] pre"))
    if (width > 1000 && wide(pre) && !pre.closest(".results, .sphx-glr-script-out, .viewcode-block"))
      say(page, width, theme, `cut code: ${pre.textContent.split("\\n").sort((a, b) => b.length - a.length)[0]}`);
  for (const image of doc.querySelectorAll("article :not(.sphx-glr-thumbcontainer) > img")) {
    if (!(image.alt || "").trim()) say(page, width, theme, `picture without a text: ${image.src}`);
    // The hero is twice as large as its letters ask for.
    if (image.naturalWidth > (image.matches(".hero") ? 3.2 : 1.6) * image.clientWidth)
      say(page, width, theme, `letters too small to read: ${image.src}`);
  }
}
(async () => {
  for (const page of PAGES) for (const width of WIDTHS) for (const theme of THEMES) await look(page, width, theme);
  document.body.innerHTML = "<pre id=found></pre>";
  document.getElementById("found").textContent = "BEGIN" + JSON.stringify(found) + "END";
})();
</script>"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve a folder without a log."""

    def log_message(self, *args):
        """Log nothing."""


def findings(folder):
    """Return what is wrong with the layout of the pages in `folder`."""
    browser = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
    if browser is None:
        raise SystemExit("Chromium is not installed.")
    pages = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
    pages = [page for page in pages if not page.startswith(("_static", "_modules"))]
    harness = HARNESS
    for name, value in {"PAGES": pages, "WIDTHS": WIDTHS, "THEMES": THEMES}.items():
        harness = re.sub(rf"of {name}\)", lambda _, value=value: f"of {json.dumps(value)})", harness)
    with (
        tempfile.NamedTemporaryFile("w", suffix=".html", dir=folder) as file,
        tempfile.TemporaryDirectory() as profile,
    ):
        file.write(harness)
        file.flush()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
        ]
        options += ["--window-size=1500,1000", "--virtual-time-budget=100000000", "--dump-dom"]
        address = f"http://127.0.0.1:{server.server_port}/{Path(file.name).name}"
        done = subprocess.run([browser, *options, address], capture_output=True, text=True, timeout=1200)
        server.shutdown()
    result = re.search("BEGIN(.*)END", done.stdout, re.DOTALL)
    if result is None:
        raise SystemExit(f"The browser gave no answer.\n{done.stderr[-2000:]}")
    text = result[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return len(pages), json.loads(text)


if __name__ == "__main__":
    count, found = findings(Path(sys.argv[1]).resolve())
    print(*found, sep="\n")
    print(f"{count} pages, {len(found)} findings")
    sys.exit(bool(found))
