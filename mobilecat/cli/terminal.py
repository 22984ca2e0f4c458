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
