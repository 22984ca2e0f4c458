"""What reaches the terminal: a stranger's names as text that it shows, and never as what it does.

Labels, tensors, layers and files are named by whoever made the model. A name may hold an escape
sequence (move the cursor, change the title, write to the clipboard) or a character that the
terminal's encoding does not have.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table as RichTable

from mobilecat.shown import Line, Table

_SHOWN = {c: f"\\x{c:02x}" for c in (*range(0x20), 0x7F, *range(0x80, 0xA0)) if c not in (9, 10)}
_TURNED = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F), None)
"""Marks that turn the direction of what follows: a name could show as another."""


def plain(text: str) -> str:
    """Return `text` with what a terminal would act on spelled out: `\\x1b` for escape."""
    return text.translate(_SHOWN | {c: f"\\u{c:04x}" for c in _TURNED})


class _Terminal(Console):
    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else plain(text), style, control)


def terminal(**options: Any) -> Console:
    """Return a console for results: no markup, no wrapping, 120 columns where nobody looks.

    options: of rich's Console, in place of these.
    """
    width = None if sys.stdout.isatty() else 120
    usual = {"highlight": False, "markup": False, "soft_wrap": True, "width": width}
    return _Terminal(**{**usual, **options})


def use_any_encoding() -> None:
    """Let stdout and stderr spell out what their encoding does not have: `\\xd7` for ×."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def show(parts: Iterable[Line | Table], wide: bool = True, console: Console | None = None) -> None:
    """Print lines and tables; wide: in 120 columns where nobody looks. console: another one."""
    to = console or (terminal() if wide else terminal(width=None))
    for part in parts:
        if isinstance(part, Table):
            to.print(_drawn(part))
            continue
        if part.lead:
            to.print(part.lead, style=part.style, end="  ")
        to.print(part.text, style=None if part.lead else part.style)


def _drawn(table: Table) -> RichTable:
    drawn = RichTable(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    for c in table.columns:
        text, number = c.kind == "text", c.kind == "number"
        drawn.add_column(
            c.title,
            justify="right" if number else "left",
            no_wrap=not text,
            overflow="fold" if text else "ellipsis",
        )
    for k, row in enumerate(table.rows):
        drawn.add_row(*row, style="bold green" if k in table.strong else None)
    return drawn
