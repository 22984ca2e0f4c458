"""Results on the terminal: in colours where somebody looks, as plain text elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mobilecat.cli.plain import as_text, nobody_looks
from mobilecat.cli.plain import plain as plain
from mobilecat.shown import Line, Table

if TYPE_CHECKING:
    from rich.console import Console

_WIDE, _USUAL = 120, 80


def terminal(**options: Any) -> Console:
    """Return rich's console for results; see `mobilecat.cli.styled`."""
    from mobilecat.cli.styled import terminal as styled

    return styled(**options)


def use_any_encoding() -> None:
    """Let stdout and stderr spell out what their encoding does not have: `\\xd7` for ×."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def show(parts: Iterable[Line | Table], wide: bool = True, console: Console | None = None) -> None:
    """Print lines and tables; wide: in 120 columns where nobody looks. console: another one."""
    parts = list(parts)
    if console is None and nobody_looks():
        columns = os.environ.get("COLUMNS", "")
        usual = int(columns) if columns.isdigit() else _USUAL
        text = as_text(parts, _WIDE if wide else usual)
        if text is not None:
            sys.stdout.write(text)
            return
    from mobilecat.cli.styled import show_styled

    show_styled(parts, console or (terminal() if wide else terminal(width=None)))
