"""What a result says, in lines and tables: once, for a terminal, a notebook and a `repr` alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

LONGEST = 2000
WARNING = "warning: "
"""How a note begins that is to be acted on; a step of long work that begins so stays to be read."""


@dataclass(frozen=True)
class Line:
    """A line. style: in rich's words, `bold red`; of `lead` alone, where there is one."""

    text: str
    style: str = ""
    lead: str = ""

    def __str__(self) -> str:
        return f"{self.lead}  {self._short}" if self.lead else self._short

    def html(self) -> str:
        css, text = _css(self.style), escape(self._short)
        if self.lead:
            lead = f'<span style="{css}">{escape(self.lead)}</span>'
            return f'<div style="{_PLAIN}">{lead}  {text}</div>'
        return f'<div style="{_PLAIN}{css}">{text}</div>'

    def markdown(self) -> str:
        text = _marked(self._short)
        if self.lead:
            return f"**{_marked(self.lead)}** {text}"
        return f"**{text}**" if "bold" in self.style and text else text

    @property
    def _short(self) -> str:
        """What goes on for pages is shown whole in a terminal only."""
        return self.text if len(self.text) <= LONGEST else f"{self.text[: LONGEST - 1]}…"


@dataclass(frozen=True)
class Column:
    """kind: `text` may fold, `word` never does, `number` is a word on the right."""

    title: str
    kind: Literal["text", "word", "number"] = "number"


@dataclass(frozen=True)
class Table:
    """strong: rows to point out, by number."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    strong: Sequence[int] = ()

    def __str__(self) -> str:
        every = [[c.title for c in self.columns], *self.rows]
        wide = [max(map(len, column)) for column in zip(*every, strict=True)]
        return "\n".join(
            "  ".join(
                cell.rjust(w) if c.kind == "number" else cell.ljust(w)
                for cell, w, c in zip(row, wide, self.columns, strict=True)
            ).rstrip()
            for row in every
        )

    def html(self) -> str:
        sides = ["right" if c.kind == "number" else "left" for c in self.columns]

        def row(tag: str, cells: Iterable[str], css: str = "") -> str:
            made = (
                f'<{tag} style="text-align:{side};padding:1px 8px;{css}">{escape(cell)}</{tag}>'
                for cell, side in zip(cells, sides, strict=True)
            )
            return f"<tr>{''.join(made)}</tr>"

        head = row("th", [c.title for c in self.columns], "opacity:.65;font-weight:normal")
        body = (
            row("td", cells, "font-weight:bold" if k in self.strong else "")
            for k, cells in enumerate(self.rows)
        )
        return f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"

    def markdown(self) -> str:
        """https://github.github.com/gfm/#tables-extension-"""
        rule = ["--:" if c.kind == "number" else "---" for c in self.columns]
        bold = (
            [f"**{_marked(c)}**" if k in self.strong and c else _marked(c) for c in row]
            for k, row in enumerate(self.rows)
        )
        rows = [[_marked(c.title) for c in self.columns], rule, *bold]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)


@dataclass(frozen=True)
class Drawn:
    """A picture, for who can show one. url: its data URL. text: what is on it."""

    url: str
    text: str

    def html(self) -> str:
        return f'<img alt="{escape(self.text)}" style="max-width:100%" src="{escape(self.url)}">'


class Shown:
    """A result that says itself: `words()` is its `repr`, and its HTML in a notebook."""

    def words(self) -> Iterable[Line | Table]:
        """Return what there is to say, the verdict first."""
        raise NotImplementedError

    def drawings(self) -> Iterable[Drawn]:
        """Return what a notebook shows above the words."""
        return ()

    def __repr__(self) -> str:
        return "\n".join(map(str, self.words()))

    def _repr_html_(self) -> str:
        return "\n".join(part.html() for part in (*self.drawings(), *self.words()))

    def markdown(self) -> str:
        """Return the words as Markdown, for release notes and job summaries."""
        return "\n\n".join(text for part in self.words() if (text := part.markdown())) + "\n"


def _marked(text: str) -> str:
    """Return text that Markdown shows as it is: names are strangers'."""
    line = " ".join(text.split())
    return _ACTIVE.sub(r"\\\g<0>", line.replace("&", "&amp;").replace("<", "&lt;"))


_ACTIVE = re.compile(r"[\\`*_\[\]|~#]")
"""What begins something in Markdown; a pipe ends a cell."""

_PLAIN = "white-space:pre-wrap;overflow-wrap:anywhere;font-family:ui-monospace,monospace;"
_COLOURS = {"red": "#c0392b", "green": "#1e8449", "yellow": "#b9770e"}


def _css(style: str) -> str:
    said = {"bold": "font-weight:bold;", "dim": "opacity:.65;"}
    said |= {name: f"color:{colour};" for name, colour in _COLOURS.items()}
    return "".join(said.get(word, "") for word in style.split())


def human_size(count: int) -> str:
    """Return a size in bytes for people: 231 kB, 4.2 MB."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def exact_size(count: int) -> str:
    """Return a size with the digits that tell rows of a table apart: 2.404 MB, 61.3 kB."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.3f} MB"


def lost_or_gained(loss: float, pictures: int, limit: float) -> str:
    """Say what a file loses of mAP beside its limit; a loss below 0 is a gain. In points."""
    amount = f"{abs(loss):.2f} points of mAP on {pictures} pictures"
    if loss > -0.005:
        return f"loses {amount}, {limit:g} are allowed"
    return f"gains {amount}, where {limit:g} may be lost"
