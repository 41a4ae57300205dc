"""Names in the code of a page lead to their documentation, and the check of links finds what leads nowhere."""

import functools
import http.server
import importlib
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

DOCS = Path(__file__).parents[2] / "docs"
pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the source distribution leaves the documentation out")


@pytest.fixture
def links(monkeypatch):
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module("links")


@pytest.fixture
def check_links(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module("check_links")


def span(*names):
    return '<span class="o">.</span>'.join(f'<span class="n">{name}</span>' for name in names)


def linked(links, code):
    """Return the code of a page whose project documents ``sk_adalr.minimize``."""
    entry = SimpleNamespace(docname="api", node_id="sk_adalr.minimize")
    domain = SimpleNamespace(objects={"sk_adalr.minimize": entry})
    app = SimpleNamespace(
        env=SimpleNamespace(domains={"py": domain}),
        builder=SimpleNamespace(get_relative_uri=lambda origin, target: f"{target}.html"),
    )
    context = {"body": f'<div class="highlight-default notranslate"><pre>{code}</pre></div>'}
    links.link_names(app, "page", "", context, None)
    return context["body"]


def test_names_that_a_block_imports_are_linked(links):
    code = "&gt;&gt;&gt; import numpy as np\n&gt;&gt;&gt; from sk_adalr import minimize\n" + span("minimize")
    page = linked(links, code + span("np", "linalg", "norm"))
    assert (
        f'<a class="code-link" href="api.html#sk_adalr.minimize" title="sk_adalr.minimize">{span("minimize")}</a>'
        in page
    )
    norm = "https://numpy.org/doc/stable/reference/generated/numpy.linalg.norm.html"
    assert f'href="{norm}" title="numpy.linalg.norm">{span("np", "linalg", "norm")}</a>' in page


def test_what_a_function_returns_is_not_part_of_its_link(links):
    page = linked(links, "from numpy import array\n" + span("array", "nowhere"))
    assert f'{span("array")}</a><span class="o">.</span>' in page


@pytest.mark.parametrize(
    "code",
    [
        span("minimize"),  # of a block that does not import it
        "from sk_adalr import minimize\n" + span("result", "minimize"),
        "import numpy as np\n" + span("np"),  # a module
        f'from sk_adalr import minimize\n<a href="elsewhere">{span("minimize")}</a>',
    ],
)
def test_other_names_are_left_alone(links, code):
    assert "code-link" not in linked(links, code)


def test_imports_are_read_from_several_lines_and_prompts(links):
    code = ">>> from sklearn.pipeline import (\n...     make_pipeline,\n...     Pipeline as P,\n... )\n"
    code += ">>> import numpy as np"
    assert links.imports(code) == {
        "make_pipeline": "sklearn.pipeline.make_pipeline",
        "P": "sklearn.pipeline.Pipeline",
        "np": "numpy",
    }


def test_links_to_files_and_places_that_do_not_exist_are_found(check_links, tmp_path):
    (tmp_path / "guide").mkdir()
    (tmp_path / "a.html").write_text('<h1 id="top"></h1><a href="guide/b.html#there"></a><a href="#top"></a>')
    (tmp_path / "guide" / "b.html").write_text(
        '<i id="there"></i><a href="../a.html#nowhere"></a><img src="lost.png"><a href="#lost"></a>'
        '<a href="https://example.org/x#y"></a>'
    )
    count, wrong, external = check_links.findings(tmp_path)
    assert count == 2
    assert wrong == [
        "guide/b.html: #lost: no such place",
        "guide/b.html: ../a.html#nowhere: no such place",
        "guide/b.html: lost.png: no such file",
    ]
    assert external == {"https://example.org/x#y": "guide/b.html"}


def test_addresses_that_cannot_be_opened_are_found(check_links, tmp_path):
    (tmp_path / "there.html").write_text("")
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert check_links.open_address(f"{address}/there.html#place") is None
        assert "404" in check_links.open_address(f"{address}/lost.html")
        server.shutdown()
    assert check_links.open_address(f"{address}/there.html") is not None  # nobody answers


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass
