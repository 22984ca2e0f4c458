"""What reaches the terminal: a stranger's names as text that it shows, and never as what it does.

Labels, tensors, layers and files are named by whoever made the model. A name may hold an escape
sequence (move the cursor, change the title, write to the clipboard) or a character that the
terminal's encoding does not have.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping

from mobilecat.shown import Line, Table

_SHOWN = {c: f"\\x{c:02x}" for c in (*range(0x20), 0x7F, *range(0x80, 0xA0)) if c not in (9, 10)}
_TURNED = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F), None)
"""Marks that turn the direction of what follows: a name could show as another."""
_ASKS_FOR_STYLE = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
_NARROW = ("L", "N", "P", "S", "Zs")
"""Categories of characters that take a column each, but for wide ones."""


def plain(text: str) -> str:
    """Return `text` with what a terminal would act on spelled out: `\\x1b` for escape."""
    return text.translate(_SHOWN | {c: f"\\u{c:04x}" for c in _TURNED})


def cut(text: str, columns: int) -> str:
    """Return the beginning of one line of `plain` text that a terminal shows in `columns`, with …
    at its end where something was left out."""
    if sum(map(_columns_of, text)) <= columns:
        return text
    taken, kept = 1, ""  # the … takes one
    for c in text:
        taken += _columns_of(c)
        if taken > columns:
            break
        kept += c
    return f"{kept}…" if columns > 0 else ""


def _columns_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def nobody_looks(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether no stream is a terminal, and nobody asks for colours all the same."""
    streams = (sys.__stdin__, sys.__stdout__, sys.__stderr__, sys.stdout)
    if any(s is not None and not s.closed and s.isatty() for s in streams):
        return False
    return not any(environment.get(name) for name in _ASKS_FOR_STYLE)


def as_text(parts: Iterable[Line | Table], width: int) -> str | None:
    """Return lines and tables as text; None for what needs more care: a table that has to be folded
    to fit, tabs, spaces at an end, characters that take another number of columns than one."""
    lines = []
    for part in parts:
        if isinstance(part, Line):
            lines.append(f"{part.lead}  {part.text}" if part.lead else part.text)
        elif (drawn := _drawn(part, width)) is not None:
            lines += drawn
        else:
            return None
    if any("\t" in line for line in lines):
        return None
    return "".join(f"{plain(line)}\n" for line in lines)


def _drawn(table: Table, width: int) -> list[str] | None:
    """Columns with two spaces between them, each filled up, also the last."""
    rows = [[c.title for c in table.columns], *map(list, table.rows)]
    if not all(_narrow(text) for row in rows for text in row):
        return None
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if not 0 < sum(widths) <= width - 2 * (len(widths) - 1):
        return None
    right = [c.kind == "number" for c in table.columns]
    return [
        "  ".join(
            text.rjust(size) if to_right else text.ljust(size)
            for text, size, to_right in zip(row, widths, right, strict=True)
        )
        for row in rows
    ]


def _narrow(text: str) -> bool:
    return not text.endswith(" ") and all(
        unicodedata.category(c).startswith(_NARROW)
        and unicodedata.east_asian_width(c) not in ("W", "F")
        for c in text
        if not " " <= c <= "~"
    )
