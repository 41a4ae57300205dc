"""What the documentation needs beyond Sphinx: links without an inventory, formulas without a network, one style."""

from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util.docutils import nodes
from sphinx.util.logging import getLogger

logger = getLogger(__name__)

SCIKIT_LEARN = "https://scikit-learn.org/stable"
SCIPY = "https://docs.scipy.org/doc/scipy/reference/generated"
#: The order of the gallery: for users first, then the experiments of the source, then for builders.
GALLERY = (
    "plot_any_learning_rate",
    "plot_pipeline",
    "plot_no_grid",
    "plot_learned_penalty",
    "plot_unscaled_data",
    "plot_claim_counts",
    "plot_exact_lbfgs",
    "plot_regularization_path",
    "plot_watching_a_fit",
    "plot_callbacks",
    "plot_searches",
    "plot_out_of_core",
    "plot_checkpoint",
    "plot_sparse_text",
    "plot_beale_paths",
    "plot_beale_loss",
    "plot_rosenbrock_loss",
    "plot_linear_regression",
    "plot_logistic_regression",
    "plot_mlp",
    "plot_layer_rates",
    "plot_own_loss",
    "plot_own_objective",
    "plot_own_direction",
    "gpu_training",
    "cluster_in_a_box",
)


class GalleryOrder:
    """Sort key of the gallery's pages."""

    def __init__(self, folder):
        pass

    def __call__(self, file_name):
        """Return the place of a script."""
        return GALLERY.index(file_name.removesuffix(".py"))


def style_figures(gallery_conf, file_name):
    """Give every script the same figures: letters as large as the text, colours that everyone can tell apart."""
    import matplotlib as mpl

    colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00"]
    mpl.rcParams.update(
        {
            "font.size": 13,
            "figure.figsize": (8, 5),
            "figure.dpi": 100,
            "axes.prop_cycle": mpl.cycler(color=colors),
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )


def link_outside(app, env, node, contnode):
    """Link names of scikit-learn and scipy to their documentation, whose addresses follow from the names."""
    target = node.get("reftarget", "")
    url = None
    if node.get("reftype") == "term":
        url = f"{SCIKIT_LEARN}/glossary.html"
    elif target == "metadata_routing":
        url = f"{SCIKIT_LEARN}/metadata_routing.html"
    elif target in ("accuracy_score", "r2_score"):
        url = f"{SCIKIT_LEARN}/modules/model_evaluation.html#{target.replace('_', '-')}"
    elif target.startswith("sklearn."):
        url = f"{SCIKIT_LEARN}/modules/generated/{target}.html"
    elif target.startswith("scipy."):
        url = f"{SCIPY}/{target}.html"
    if url is None:
        return None
    return nodes.reference("", "", contnode, internal=False, refuri=url)


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
    app.connect("missing-reference", link_outside)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True}
