"""Markdown pages as values: links, headings as anchors, fenced blocks, the commands in them."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(
    r"^(?P<mark>`{3,}|~{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=mark)`*[ ]*$", re.M | re.S
)
_LINK = re.compile(r"(?<!\\)\]\(\s*(?P<to>[^)\s]+)(?:\s+\"[^\"]*\")?\s*\)")
_HEADING = re.compile(r"^#{1,6}[ ]+(.+?)[ ]*#*$", re.M)


@dataclass(frozen=True)
class Block:
    """A fenced block. start and end: of what is between its fences, in the page's text."""

    language: str
    text: str
    start: int
    end: int


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page."""
    return [
        Block(m["info"].strip().partition(" ")[0], m["body"], m.start("body"), m.end("body"))
        for m in _FENCE.finditer(page)
    ]


def prose(page: str) -> str:
    """Return a page without its fenced blocks and comments."""
    return re.sub(r"<!--.*?-->", "", _FENCE.sub("", page), flags=re.S)


def links(page: str) -> list[str]:
    """Return where the links and pictures of a page lead."""
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    return [m["to"] for m in _LINK.finditer(text)]


def anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings, as MkDocs makes them."""
    seen: set[str] = set()
    for title in _HEADING.findall(prose(page)):
        name, k = slug(title), 1
        while name in seen:
            name, k = f"{slug(title)}_{k}", k + 1
        seen.add(name)
    return seen


def slug(title: str) -> str:
    """As markdown.extensions.toc.slugify: https://python-markdown.github.io/extensions/toc/."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
    plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


SHELLS = ("console", "sh", "bash", "shell", "")


def commands(page: str) -> Iterator[list[str]]:
    """Give the words of each `mobilecat …` of a page's shell blocks, from the verb on.

    Of a block of `console` only the lines after `$`; elsewhere lines that begin with `mobilecat`,
    also those of a usage, whose brackets are left out.
    """
    indented = re.findall(r"(?:^ {4}\S[^\n]*\n?)+", prose(page), re.M)
    texts = [(b.language, b.text) for b in blocks(page) if b.language in SHELLS]
    for language, text in [*texts, *(("", t) for t in indented)]:
        for line in text.replace("\\\n", " ").split("\n"):
            yield from _calls(line.strip(), language == "console")


def _calls(line: str, console: bool) -> Iterator[list[str]]:
    if console and not line.startswith("$ "):
        return
    line = line.removeprefix("$ ")
    if not console and not line.startswith("mobilecat "):
        return
    line = re.sub(r"\s[#→].*", "", line).replace("[", " ").replace("]", " ")
    lexer = shlex.shlex(line.replace("…", " "), posix=True, punctuation_chars=";&|")
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = [*lexer, ";"]
    except ValueError:  # a quotation that goes on below, or an apostrophe
        words = [*line.split(), ";"]
    call: list[str] = []
    for word in words:
        if not set(word) <= set(";&|"):
            call.append(word)
            continue
        if call[:1] == ["mobilecat"]:
            yield call[1:]
        call = []
