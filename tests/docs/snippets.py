"""The code on pages that no doctest runs."""

import copy
import importlib
import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
_RESTRUCTURED = re.compile(r"^( *)\.\. code-block:: python\n\n((?:\1   .*\n|\n)+)", re.MULTILINE)
_MARKDOWN = re.compile(r"^()```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(path):
    """Return the blocks of Python code of a file, those of doctests left out."""
    pattern = _MARKDOWN if path.suffix == ".md" else _RESTRUCTURED
    return [textwrap.dedent(code) for _, code in pattern.findall(path.read_text(encoding="utf-8"))]


def files_with_code():
    """Return the pages and modules that have such blocks."""
    found = [*ROOT.glob("docs/*.rst"), *ROOT.glob("docs/*/*.rst"), *ROOT.glob("*.md"), *ROOT.glob("sk_adalr/**/*.py")]
    found = [path for path in found if "generated" not in path.parts and "auto_examples" not in path.parts]
    return {path.relative_to(ROOT).as_posix(): path for path in sorted(found) if blocks(path)}


def run(path, names, replacements=None):
    """Run the blocks of a file in one namespace.

    Return the model as it is after each block, and the modules that are not installed, without whose blocks it ran.
    """
    models, missing = [], []
    for code in blocks(path):
        for written, instead in (replacements or {}).items():
            code = code.replace(written, instead)
        modules = re.findall(r"^ *(?:import|from) ([\w.]+)", code, re.MULTILINE)
        absent = [module for module in modules if not _there(module)]
        missing += absent
        if not absent:
            exec(compile(code, path.name, "exec"), names)
        models.append(copy.copy(names.get("model")))  # a later block may fit it again
    return models, missing


def _there(module):
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True
