"""Lay the site's pages together, for a generator to build: python -m tools.site.gather FOLDER.

docs/ as it is, README.md as the first page, and whatever they link to beside docs/ under repo/: a
page links as it does in the repository (`../ios_sample/README.md`), and here each such link is
turned to where the file lies in the site. No generator's own hooks, so that another can take its
place.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from tools.site.pages import DOCS, ROOT, blocks, links

OUTSIDE = "repo"
ALWAYS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
SHOWN = (".md", ".png", ".svg", ".jpg")
_LINK = re.compile(r"\]\((?P<space>\s*)(?P<to>[^)\s#]+)(?P<anchor>#[^)\s]*)?(?=[)\s])")


def address(path: Path) -> str:
    """Return where a file of the repository lies in the site's folder."""
    inside = path.relative_to(ROOT)
    if inside == Path("README.md"):
        return "index.md"
    if inside.parts[0] == "docs":
        return Path(*inside.parts[1:]).as_posix()
    # A file that a browser would offer to save is shown as text.
    name = inside.as_posix()
    return f"{OUTSIDE}/{name}" if inside.suffix in SHOWN else f"{OUTSIDE}/{name}.txt"


def target(page: Path, link: str) -> Path | None:
    """Return the file of the repository that a page's link means; None: it leads elsewhere."""
    to = link.partition("#")[0]
    if not to or re.match(r"[a-z]+:|//", to):
        return None
    found = (page.parent / to).resolve()
    return found if found.is_relative_to(ROOT) else None


def turned(text: str, page: Path) -> str:
    """Return a page's text with each link to a file of the repository as one of the site."""
    base = Path(address(page)).parent.as_posix()

    def turn(m: re.Match[str]) -> str:
        to = target(page, m["to"])
        if to is None or not to.is_file():
            return m[0]
        return f"]({os.path.relpath(address(to), base)}{m['anchor'] or ''}"

    parts, at = [], 0
    for block in blocks(text):
        parts += [_LINK.sub(turn, text[at : block.start]), text[block.start : block.end]]
        at = block.end
    return "".join([*parts, _LINK.sub(turn, text[at:])])


def gather(out: Path) -> list[Path]:
    """Write the site's pages into `out`, in place of what was there; return their sources."""
    shutil.rmtree(out, ignore_errors=True)
    todo = [*(ROOT / name for name in ALWAYS), *(p for p in DOCS.rglob("*") if p.is_file())]
    seen = set(todo)
    for source in todo:  # grows as it goes
        to = out / address(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix != ".md":
            shutil.copy(source, to)
            continue
        text = source.read_text("utf-8")
        to.write_text(turned(text, source), "utf-8")
        for link in links(text):
            found = target(source, link)
            if found is not None and found.is_file() and found not in seen:
                seen.add(found)
                todo.append(found)
    return todo


if __name__ == "__main__":
    print(f"{len(gather(Path(sys.argv[1])))} files into {sys.argv[1]}")
