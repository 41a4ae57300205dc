"""Links to other documentation, without an inventory or a network: its addresses follow from the names.

``check_links.py --external`` opens them.
"""

import ast
import html
import inspect
import re
import sys
from importlib import import_module

from sphinx.util.docutils import nodes

SCIKIT_LEARN = "https://scikit-learn.org/stable"
#: Where the functions and classes of a package are documented, one page for each.
PAGES = {
    "sklearn": SCIKIT_LEARN + "/modules/generated/{}.html",
    "scipy": "https://docs.scipy.org/doc/scipy/reference/generated/{}.html",
    "numpy": "https://numpy.org/doc/stable/reference/generated/{}.html",
    "pandas": "https://pandas.pydata.org/docs/reference/api/{}.html",
    "matplotlib": "https://matplotlib.org/stable/api/_as_gen/{}.html",
    "joblib": "https://joblib.readthedocs.io/en/stable/generated/{}.html",
}
_NUMPY, _MATPLOTLIB = "https://numpy.org/doc/stable/reference/", "https://matplotlib.org/stable/api/"
#: Names that share a page with others, or have a longer name there.
ODD_PAGES = {
    "matplotlib.use": f"{_MATPLOTLIB}matplotlib_configuration_api.html#matplotlib.use",
    "numpy.abs": f"{_NUMPY}generated/numpy.absolute.html",
    "numpy.random.default_rng": f"{_NUMPY}random/generator.html#numpy.random.default_rng",
    "numpy.random.RandomState": f"{_NUMPY}random/legacy.html#numpy.random.RandomState",
} | {f"numpy.{name}": f"{_NUMPY}arrays.scalars.html#numpy.{name}" for name in ("float32", "float64", "int8")}
ANCHORS = {
    "metadata_routing": "/metadata_routing.html",
    "accuracy_score": "/modules/model_evaluation.html#accuracy-score",
    "r2_score": "/modules/model_evaluation.html#r2-score",
}

_BLOCK = re.compile(r'<div class="highlight-(?:default|python|pycon)[^>]*>.*?</pre>', re.DOTALL | re.IGNORECASE)
_ANCHOR = re.compile(r"(<a .*?</a>)", re.DOTALL)
_CHAIN = re.compile(
    r'(?<!<span class="o">\.</span>)<span class="n">\w+</span>(?:<span class="o">\.</span><span class="n">\w+</span>)*'
)


def address(name):
    """Return where a name of another package is documented, or None."""
    package = name.partition(".")[0]
    if name in ODD_PAGES:
        return ODD_PAGES[name]
    if package in PAGES:
        return PAGES[package].format(name)
    if "." in name and package in sys.stdlib_module_names:
        return f"https://docs.python.org/3/library/{_module(name)}.html#{name}"
    return None


def _module(name):
    """Return the part of a name that is a module."""
    while "." in name and name not in sys.modules:
        name = name.rpartition(".")[0]
    return name


def link_outside(app, env, node, contnode):
    """Link names of other packages in text and docstrings."""
    target = node.get("reftarget", "")
    url = SCIKIT_LEARN + ANCHORS[target] if target in ANCHORS else address(target)
    if node.get("reftype") == "term":
        url = f"{SCIKIT_LEARN}/glossary.html"
    return url and nodes.reference("", "", contnode, internal=False, refuri=url)


def link_names(app, pagename, templatename, context, doctree):
    """Link names in the code of a page: those that a block of the page imports."""
    imported = {}
    objects = app.env.domains["py"].objects

    def find(name):
        if name in objects:
            entry = objects[name]
            return f"{app.builder.get_relative_uri(pagename, entry.docname)}#{entry.node_id}"
        url = address(name)
        return url if url and _is_documented(name) else None

    if context.get("body") and not pagename.startswith("_modules"):
        context["body"] = _BLOCK.sub(lambda block: _link_block(block[0], imported, find), context["body"])


def _link_block(block, imported, find):
    imported.update(imports(html.unescape(re.sub("<[^>]*>", "", block))))
    parts = _ANCHOR.split(block)
    parts[::2] = [_CHAIN.sub(lambda chain: _link_chain(chain[0], imported, find), part) for part in parts[::2]]
    return "".join(parts)


def _link_chain(chain, imported, find):
    """Link the longest part of ``np.random.default_rng`` that is documented."""
    spans = re.split(r'(?=<span class="o">)', chain)
    first, *others = re.findall(r'class="n">(\w+)<', chain)
    if first not in imported:
        return chain
    for count in range(len(others), -1, -1):
        name = ".".join([imported[first], *others[:count]])
        if url := find(name):
            head, tail = "".join(spans[: count + 1]), "".join(spans[count + 1 :])
            return f'<a class="code-link" href="{url}" title="{name}">{head}</a>{tail}'
    return chain


def imports(code):
    """Return the full names of what a block imports, by their names in it."""
    prompts = re.findall(r"^ *(?:>>>|\.\.\.)(?: (.*))?$", code, re.MULTILINE)
    lines = "\n".join(prompts) if prompts else code
    found = {}
    for statement in re.findall(r"^(?:from [\w.]+ )?import (?:\([^)]*\)|.+)", lines, re.MULTILINE):
        try:
            (node,) = ast.parse(statement).body
        except SyntaxError:  # a line of a text in the code
            continue
        for alias in node.names:
            full = f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
            found[alias.asname or alias.name] = full
    return found


def _is_documented(name):
    """Whether a name is that of a function or a class, rather than of a module or a number."""
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError):
        return False
    return callable(found) and not inspect.ismodule(found)
