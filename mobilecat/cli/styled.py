"""rich's console for results, imported where somebody looks: it takes as long as numpy's half."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table as RichTable

from mobilecat.cli.plain import plain
from mobilecat.shown import Line, Table


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


def show_styled(parts: Iterable[Line | Table], to: Console) -> None:
    """Print lines and tables on a console."""
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
