"""Which line of a TOML file says a key. tomllib parses the file, but keeps no positions."""

from __future__ import annotations

import re
from collections import Counter

KeyPath = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"))*)\s*="""
)

_PART = re.compile(r""""[^"]*"|'[^']*'|[^\s.]+""")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return key path → line, from 1. Keys inside an inline table have their table's line."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    seen: Counter[KeyPath] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            path: KeyPath = _split(header[2])
            if header[1] == "[[":
                seen[path] += 1
                path = (*path, seen[path] - 1)
            table = path
            for end in range(1, len(path) + 1):
                lines.setdefault(path[:end], number)
        elif key := _KEY.match(line):
            path = (*table, *_split(key[1]))
            for end in range(len(table) + 1, len(path) + 1):
                lines.setdefault(path[:end], number)
    return lines


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of `path`, or of the nearest enclosing key that the file has."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
