"""List what makes the documentation hard to read: ``python tests/docs/prose.py``.

Four kinds of findings: paragraphs of more than 80 words, sentences of more than 40, lines of code of more than 88
columns, and words that data scientists do not use. It searches the pages, the examples, README and CONTRIBUTING, and
the docstrings and messages of the package.
"""

import ast
import functools
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAX_WORDS, MAX_WORDS_OF_A_SENTENCE, MAX_COLUMNS = 80, 40, 88

#: What not to write, and what to write instead.
WORDS = {
    r"rows that judge|judged? by rows|(rows|folds?|nobody) judges?\b|\bto judge\b": "validation data",
    r"to the (same )?bits?\b|bit (by|for) bit|the same bits": "bitwise",
    r"\b(go|goes|going|went|gone) on\b": "continue",
    r"^Questions$": "FAQ",
    r"^Where to go$": "Next steps",
    r"What is true": "Takeaway",
    r"\bthe source(?! (code|distribution)|s\b)": "the paper",
    r"how many epochs pay|epochs pay\b": "the best number of epochs",
    r"\b(with|without) a word\b|a word on\b|\bone word more\b": "say what is meant",
    r"\bfloors\b|\brooms\b|public room": "layer, module, lower bound",
    r"\bcuttings\b": "crops",
    r"told? apart": "distinguish, separate",
    r"\bweighs? half\b": "halves the weight",
    r"at the door\b": "on input",
    r"\bcourses of\b": "runs of",
    r"\bwild predictions\b": "outliers",
    r"\bblown? up\b": "inflate",
    r"\bset out from\b": "start from",
    r"\bbeforehand\b": "in advance",
    r"\b(of|for) one's own\b": "custom, your own",
    r"\bthereof\b|\bwhereof\b|\bthereby\b": "plain words",
}


def pages():
    """Return the files that are read as documentation."""
    found = [*ROOT.glob("docs/*.rst"), *ROOT.glob("docs/api/*.rst"), *ROOT.glob("docs/guide/*.rst")]
    found += [*ROOT.glob("examples/**/*.py"), *ROOT.glob("examples/**/*.rst")]
    found += [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    return sorted(path for path in found if path.name not in ("changelog.rst", "sg_execution_times.rst"))


def modules():
    """Return the modules of the package, whose docstrings and messages users read."""
    found = sorted(ROOT.glob("sk_adalr/**/*.py"))
    return [path for path in found if path.parent.name != "device"]  # their strings are the source of kernels


def texts_and_code(path):
    """Return the prose of a file, a list of (line, text), and its code, a list of (line, code)."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return _markdown(source)
    if path.suffix == ".py":
        return _example(source)
    return _restructured(source)


def _markdown(source):
    texts, code, fenced = [], [], False
    for number, line in enumerate(source.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            texts.append((number, ""))
        elif fenced:
            code.append((number, line.strip()))
        elif line.startswith("|"):
            texts += [(number, text) for cell in line.split("|") for text in (cell, "")]
        else:
            texts.append((number, line))
    return texts, code


def _example(source):
    tree = ast.parse(source)
    head = tree.body[0]
    texts = list(enumerate(source.splitlines()[: head.end_lineno], 1))
    texts[0], texts[-1] = (1, ""), (head.end_lineno, "")
    code, in_cell = [], False
    for number, line in list(enumerate(source.splitlines(), 1))[head.end_lineno :]:
        in_cell = line.startswith("# %%") or (in_cell and line.startswith("#"))
        if in_cell:
            texts.append((number, "" if line.startswith("# %%") else line[2:]))
        else:
            code.append((number, line))
            texts.append((number, ""))
    # Text within a cell may have blocks of code of its own.
    prose, more = _restructured("\n".join(_fill(texts)))
    return prose, code + more


def _fill(texts):
    """Yield the text of each line, in order."""
    last = 0
    for number, text in texts:
        yield from [""] * (number - last - 1)
        yield text
        last = number


_CODE = re.compile(r"^\s*\.\. (code-block|doctest|testcode|testsetup)::|^\s*(?!\.\. )\S.*::$")
_NEITHER = re.compile(
    r"^\s*\.\. (testoutput|math|literalinclude|image|figure|toctree|autosummary|raw|include|only|minigallery)::"
)


def _restructured(source):
    texts, code = [], []
    block, is_code = None, False  # the indentation of what opened a block, and whether it is one of code
    for number, line in enumerate(source.splitlines(), 1):
        indent = len(line) - len(line.lstrip())
        if block is not None and line.strip() and indent <= block:
            block = None
        text = ""
        if block is not None:
            if is_code:
                code.append((number, line[block + 3 :]))
        elif _CODE.match(line) or _NEITHER.match(line):
            block, is_code = indent, bool(_CODE.match(line))
            text = "" if line.lstrip().startswith("..") else line
        elif line.lstrip().startswith((">>>", "...")):
            code.append((number, line.strip()))
        else:
            text = line
        texts.append((number, text))
    return texts, code


_ITEM = re.compile(r"^\s*((\* )?[-*+]|\d+\.|\.\. \[\d+\])(\s+|$)")


def paragraphs(texts):
    """Yield (line, text) for each paragraph, list item, definition and cell of a table."""
    start, lines, indent = None, [], 0
    for number, line in [*texts, (0, "")]:
        item = _ITEM.match(line)
        here = item.end() if item else len(line) - len(line.lstrip())
        if lines and (not line.strip() or item or here != indent):
            yield start, " ".join(" ".join(lines).split())
            lines = []
        if line.strip():
            if not lines:
                start, indent = number, here
            lines.append(line)


@functools.cache
def messages(path):
    """Return the docstrings and other strings of a module, a list of (line, text)."""
    return list(_messages(path))


def _messages(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(part.value if isinstance(part, ast.Constant) else "1" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            yield node.lineno, node.value


def n_words(text):
    """Count the words of a paragraph, roles and formulas as one each."""
    text = re.sub(r":\w+(:\w+)*:`[^`]*`|``[^`]*``|`[^`]*`", "x", text)
    return len([word for word in text.split() if re.search(r"\w", word)])


def long_paragraphs():
    """Yield where a paragraph has more than `MAX_WORDS` words."""
    for path in pages():
        for number, text in paragraphs(texts_and_code(path)[0]):
            if n_words(text) > MAX_WORDS:
                yield _finding(path, number, f"{n_words(text)} words: {text[:60]}")
    for path in modules():
        for start, message in messages(path):
            for number, text in paragraphs(_restructured(message)[0]):
                if n_words(text) > MAX_WORDS:
                    yield _finding(path, start + number - 1, f"{n_words(text)} words: {text[:60]}")


def long_sentences():
    """Yield where a sentence of a page has more than `MAX_WORDS_OF_A_SENTENCE` words."""
    for path in pages():
        for number, text in paragraphs(texts_and_code(path)[0]):
            for sentence in re.split(r"(?<=[.!?:])\s+(?=[A-Z`:*\"(])", text):
                if n_words(sentence) > MAX_WORDS_OF_A_SENTENCE and "====" not in sentence:  # a table
                    yield _finding(path, number, f"{n_words(sentence)} words: {sentence[:60]}")


def wide_code():
    """Yield where a line of code on a page, or of a doctest, has more than `MAX_COLUMNS` columns."""
    for path in pages():
        for number, line in texts_and_code(path)[1]:
            if len(line) > MAX_COLUMNS:
                yield _finding(path, number, f"{len(line)} columns: {line.strip()[:60]}")
    for path in modules():
        for start, message in messages(path):
            for number, line in enumerate(message.splitlines()):
                if len(line.strip()) > MAX_COLUMNS and line.strip().startswith((">>> ", "... ")):
                    yield _finding(path, start + number, f"{len(line.strip())} columns: {line.strip()[:60]}")


def odd_words():
    """Yield where a word stands that data scientists do not use."""
    for path in pages():
        for number, text in paragraphs(texts_and_code(path)[0]):
            yield from (_finding(path, number, found) for found in _odd(text))
    for path in modules():
        for start, message in messages(path):
            yield from (_finding(path, start, found) for found in _odd(" ".join(message.split())))


def _odd(text):
    for pattern, better in WORDS.items():
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield f'"{match[0]}": {better}'


def _finding(path, number, what):
    return f"{path.relative_to(ROOT)}:{number}: {what}"


CHECKS = {check.__name__: check for check in (long_paragraphs, long_sentences, wide_code, odd_words)}

if __name__ == "__main__":
    found = [finding for check in CHECKS.values() for finding in check()]
    print(*found, sep="\n")
    sys.exit(bool(found))
