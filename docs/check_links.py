"""Follow every link of the built pages: ``python docs/check_links.py docs/_build/html``.

Findings are files that do not exist, places that a page does not have, and links of one page to itself that lead
nowhere. ``--external`` opens the addresses of other sites as well, which needs a network and takes minutes.
"""

import argparse
import functools
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit


class Page(HTMLParser):
    """The targets of a page's links, and the places that links can lead to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.places = set(), {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Keep what a tag links to, and its name."""
        attributes = dict(attrs)
        self.places.update(attributes[name] for name in ("id", "name") if attributes.get(name))
        if tag == "link" and attributes.get("rel") not in ("stylesheet", "icon"):
            return
        self.links.update(attributes[name] for name in ("href", "src") if attributes.get(name))
        if attributes.get("srcset"):
            self.links.update(part.split()[0] for part in attributes["srcset"].split(","))


def findings(folder):
    """Return the number of pages, what is wrong with the links between them, and the addresses of other sites."""
    read = functools.cache(Page)
    pages = sorted(path for path in folder.rglob("*.html") if "_static" not in path.relative_to(folder).parts)
    wrong, external = [], {}
    for path in pages:
        for link in sorted(read(path).links):
            if urlsplit(link).scheme in ("http", "https"):
                external.setdefault(link, path.relative_to(folder).as_posix())
            elif not urlsplit(link).scheme and (reason := _unreachable(path, link, read)):
                wrong.append(f"{path.relative_to(folder).as_posix()}: {link}: {reason}")
    return len(pages), wrong, external


def _unreachable(path, link, read):
    file, place = map(unquote, urldefrag(link))
    target = (path.parent / urlsplit(file).path).resolve() if file else path
    if target.is_dir():
        target /= "index.html"
    if not target.exists():
        return "no such file"
    if target.suffix == ".html" and place not in read(target).places:
        return "no such place"
    return None


def open_address(address):
    """Return why an address cannot be opened, or None."""
    request = urllib.request.Request(urldefrag(address).url, headers={"User-Agent": "Mozilla/5.0 (link check)"})
    try:
        with urllib.request.urlopen(request, timeout=20):
            return None
    except (urllib.error.URLError, TimeoutError, ValueError) as error:
        return str(error)


def main():
    """Print the findings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--external", action="store_true", help="open the addresses of other sites as well")
    options = parser.parse_args()
    count, found, external = findings(options.folder.resolve())
    if options.external:
        with ThreadPoolExecutor(4) as pool:
            reasons = zip(external.items(), pool.map(open_address, external), strict=True)
            found += [f"{page}: {address}: {reason}" for (address, page), reason in reasons if reason]
    print(*found, sep="\n")
    print(f"{count} pages, {len(external)} addresses of other sites, {len(found)} findings")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
