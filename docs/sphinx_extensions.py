"""What the documentation needs beyond Sphinx: formulas without a script, links to source code, one style."""

import functools
import inspect
import re
import textwrap
from collections import defaultdict
from pathlib import Path

from alt_texts import ALT_TEXTS
from charts import RatioChart, tables_of_pipes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from links import link_names, link_outside
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import nodes
from sphinx.util.inspect import stringify_signature
from sphinx.util.logging import getLogger
from sphinx_gallery.directives import imgsgnode

import sk_adalr

logger = getLogger(__name__)

PACKAGE = Path(sk_adalr.__file__).parent
CODE_FILE = re.compile(r"``([a-z_/]+)\.py``")
#: The order of the gallery: its sections, and the pages of each.
GALLERY = {
    "basics": (
        "plot_getting_started",
        "plot_any_learning_rate",
        "plot_pipeline",
        "plot_no_grid",
        "plot_learned_penalty",
        "plot_unscaled_data",
    ),
    "tasks": (
        "plot_watching_a_fit",
        "plot_searches",
        "plot_callbacks",
        "plot_claim_counts",
        "plot_own_loss",
        "plot_sparse_text",
        "plot_out_of_core",
        "plot_checkpoint",
        "gpu_training",
        "cluster_in_a_box",
    ),
    "paper": (
        "plot_beale_paths",
        "plot_beale_loss",
        "plot_rosenbrock_loss",
        "plot_linear_regression",
        "plot_logistic_regression",
        "plot_mlp",
    ),
    "advanced": (
        "plot_exact_lbfgs",
        "plot_regularization_path",
        "plot_layer_rates",
        "plot_own_objective",
        "plot_own_direction",
    ),
}


class GalleryOrder:
    """Sort key of the pages of a section."""

    def __init__(self, folder):
        self.pages = GALLERY.get(Path(folder).name, ())

    def __call__(self, file_name):
        """Return the place of a script."""
        return self.pages.index(file_name.removesuffix(".py"))


def style_figures(gallery_conf, file_name):
    """Give every script the same figures: narrow, so that a phone shows their letters large enough; clear colours."""
    import matplotlib as mpl

    colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00"]
    mpl.rcParams.update(
        {
            "font.size": 12,
            "figure.figsize": (5.4, 3.8),
            "figure.dpi": 100,
            "axes.prop_cycle": mpl.cycler(color=colors),
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )


def crop_thumbnails(app):
    """Show the first panel of a picture whose panels are below each other: all of them would be too small."""
    from PIL import Image

    for path in Path(app.srcdir).glob("auto_examples/*/images/thumb/sphx_glr_plot_*_thumb.png"):
        page = path.name.removesuffix("_thumb.png")
        picture = path.parents[1] / f"{page}_001_2_00x.png"
        if not picture.exists():
            continue
        with Image.open(picture) as image:
            if image.height > 1.1 * image.width:
                panels = round(image.height / image.width / 0.55)
                shown = image.crop((0, 0, image.width, int(0.94 * image.height / panels)))
                width, height = app.config.sphinx_gallery_conf["thumbnail_size"]
                shown.thumbnail((width, height))
                thumbnail = Image.new("RGB", (width, height), "white")
                thumbnail.paste(shown, ((width - shown.width) // 2, (height - shown.height) // 2))
                thumbnail.save(path)


def describe_pictures(app, doctree):
    """Give each picture of the gallery its text."""
    page = app.env.docname.rpartition("/")[2]
    pictures = [node for node in doctree.findall(imgsgnode) if "sphx_glr_plot_" in node["uri"]]
    texts = ALT_TEXTS.get(page, [])
    if len(pictures) != len(texts):
        logger.warning(
            "%d pictures, but %d texts in alt_texts.py", len(pictures), len(texts), location=app.env.docname
        )
    for node, text in zip(pictures, texts, strict=False):
        node["alt"] = text


def from_markdown(app, path, docname, content):
    """Turn an included page of Markdown into reStructuredText: headings, code, tables, links."""
    if path.suffix != ".md":
        return
    prose, blocks = [], re.split(r"^( *)```(\w*)\n(.*?)^ *```$", content[0], flags=re.MULTILINE | re.DOTALL)
    while blocks:
        prose.append(_prose_of_markdown(blocks.pop(0)))
        if blocks:
            indent, language, code = blocks[:3]
            del blocks[:3]
            code = "".join(f"{indent}   {line}\n" for line in textwrap.dedent(code).splitlines())
            prose.append(f"{indent}.. code-block:: {language or 'text'}\n\n{code}")
    content[0] = "".join(prose)


def _prose_of_markdown(text):
    for marks, underline in (("###", "~"), ("##", "-"), ("#", "=")):
        text = re.sub(
            rf"^{marks} (.+)$",
            lambda match, line=underline: f"{match[1]}\n{line * len(match[1])}",
            text,
            flags=re.MULTILINE,
        )
    text = re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", text)
    text = re.sub(r"\[([^]]+)\]\((https?://[^)]+)\)", r"`\1 <\2>`__", text)
    text = re.sub(r"\[([^]]+)\]", r"\1", text)
    return re.sub(r"(?:^\|.*\n)+", _table_of_markdown, text, flags=re.MULTILINE)


def _table_of_markdown(match):
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in match[0].splitlines()]
    del rows[1]  # of dashes
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'* -' if i == 0 else '  -'} {cell}" for i, cell in enumerate(row)]
    return "\n".join(lines) + "\n\n"


@functools.cache
def modules_of_definitions():
    """Return the modules that define each class and function of the package."""
    found = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for name in re.findall(r"^(?:class|def) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            found[name].append(module)
    return found


def module_of_source(app, module, name):
    """Return the module that defines a public name, which says that it is of another one."""
    found = modules_of_definitions().get(name.partition(".")[0], [])
    return next((defining for defining in found if defining.startswith(module)), None)


def link_code(app, doctree):
    """Link the files that the page of mathematics names to their source."""
    if app.env.docname != "mathematics":
        return
    for node in list(doctree.findall(nodes.literal)):
        if found := CODE_FILE.fullmatch(node.rawsource):
            page = f"_modules/sk_adalr/{found[1]}.html"
            node.replace_self(nodes.reference("", "", node.deepcopy(), refuri=page))


def show_code(app, env):
    """Have a page of source for each file that the page of mathematics names."""
    modules = getattr(env, "_viewcode_modules", {})
    for path in CODE_FILE.findall(Path(env.doc2path("mathematics")).read_text(encoding="utf-8")):
        module = f"sk_adalr.{path.replace('/', '.')}"
        if not modules.get(module):
            analyzer = ModuleAnalyzer.for_module(module)
            analyzer.find_tags()
            modules[module] = analyzer.code, analyzer.tags, {}, module


def true_signature(app, what, name, obj, options, signature, return_annotation):
    """Return the parameters of a class whose constructor hides them behind a check of unknown ones."""
    if what != "class" or "*args" not in (signature or ""):
        return None
    if getattr(obj, "_is_protocol", False):  # which nobody calls
        return "", return_annotation
    return stringify_signature(inspect.signature(obj), show_annotation=False), return_annotation


def visit_math(translator, node):
    """Write a formula within a line as MathML, which browsers show without a script."""
    translator.body.append(_mathml(node, as_block=False))
    raise nodes.SkipNode


def visit_displaymath(translator, node):
    """Write a formula on lines of its own."""
    translator.body.append(f'<div class="math-block">{_mathml(node, as_block=True)}</div>')
    raise nodes.SkipNode


def _mathml(node, *, as_block):
    code = node.astext()
    if as_block and ("&" in code or r"\\" in code) and r"\begin" not in code:
        code = rf"\begin{{aligned}}{code}\end{{aligned}}"
    try:
        return tex2mathml(code, as_block=as_block)
    except MathError as error:
        logger.warning("formula not understood: %s", error, location=node)
        return ""


def setup(app):
    """Register the above."""
    app.add_directive("ratio-chart", RatioChart)
    app.connect("missing-reference", link_outside)
    app.connect("builder-inited", crop_thumbnails, priority=900)  # after the gallery is made
    app.connect("doctree-read", describe_pictures)
    app.connect("doctree-read", tables_of_pipes)
    app.connect("doctree-read", link_code)
    app.connect("env-updated", show_code)
    app.connect("html-page-context", link_names)
    app.connect("include-read", from_markdown)
    app.connect("autodoc-process-signature", true_signature)
    app.connect("viewcode-follow-imported", module_of_source)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True}
