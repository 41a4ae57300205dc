"""How the documentation is built: ``python -m sphinx -W -b html docs docs/_build/html``."""

import os
import re
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import sk_adalr

sys.path.insert(0, str(Path(__file__).parent))
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  (links to it are made without it)
from sphinx_extensions import GALLERY

with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
    metadata = tomllib.load(file)["project"]

project = "sk_adalr"
copyright = "the sk_adalr developers"
version = release = sk_adalr.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx_extensions",
]
if find_spec("sphinx_copybutton"):  # pages are the same without it, but for their buttons
    extensions.append("sphinx_copybutton")
exclude_patterns = ["_build", "results", "auto_examples/**/*.ipynb"]
templates_path = ["_templates"]
default_role = "literal"
smartquotes = False  # quotes and dashes are code as often as not
toc_object_entries_show_parents = "hide"
doctest_test_doctest_blocks = "default"

# API reference. The checks that are off ask for a summary on the second line; an example, a "See Also" and a long
# description in every method; one line of summary; unnamed return values, though scikit-learn writes
# ``self : estimator``.
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
numpydoc_validation_checks = {"all", "GL01", "SS06", "ES01", "EX01", "SA01", "RT02"}
# scikit-learn's own methods are not ours to check, and a protocol is not called.
numpydoc_validation_exclude = {
    r"\.(get|set)_params$",
    r"\.score$",
    r"\.((Elementwise)?Direction|LearningRate)$",
    # The shapes of their arguments stand once, in the table above them.
    r"\.(Elementwise)?Loss(\.\w+)?$",
}

# The gallery: every plot_*.py runs at build. Progress bars are as wide as the page.
os.environ["COLUMNS"] = "100"
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"quickstart\.py",
    "subsection_order": [f"../examples/{section}" for section in GALLERY],
    "within_subsection_order": "sphinx_extensions.GalleryOrder",
    "reset_modules": ("matplotlib", "sphinx_extensions.style_figures"),
    "doc_module": ("sk_adalr",),
    "backreferences_dir": "api/generated/backreferences",
    "image_srcset": ["2x"],
    "thumbnail_size": (640, 448),
    "write_computation_times": False,
    "download_all_examples": False,
    "show_memory": False,
    "plot_gallery": True,
    "remove_config_comments": True,
    "only_warn_on_example_error": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "sk_adalr"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_favicon = "_static/favicon.svg"
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
html_theme_options = {
    "logo": {"text": f"sk_adalr {version}"},
    "navbar_align": "left",
    "show_nav_level": 1,
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": {"**": ["page-toc"], "comparison": [], "benchmarks": []},
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    # The addresses of the project, once its maintainers have filled them in.
    "icon_links": [
        {"name": name, "url": url, "icon": "fa-solid fa-code-branch"}
        for name, url in metadata.get("urls", {}).items()
        if name == "Repository"
    ],
}
html_sidebars = {
    page: []
    for page in (
        "index", "install", "mathematics", "extending", "benchmarks", "comparison", "faq", "changelog", "reliability",
        "migration", "glossary", "citing", "contributing", "auto_examples/basics/plot_getting_started",
    )
}  # fmt: skip


def quote_shapes(app, what, name, obj, options, lines):
    """Quote fitted attributes in shapes, whose last underscore would make them links."""
    lines[:] = [re.sub(r"(?<=[( ])(n_\w+_)(?=[,)])", r"`\1`", line) if " shape (" in line else line for line in lines]


def setup(app):
    """Connect what is defined here."""
    app.connect("autodoc-process-docstring", quote_shapes, priority=100)
