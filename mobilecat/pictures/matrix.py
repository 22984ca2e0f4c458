"""A table of counts as a value, and as an SVG whose cells are darker the more they hold."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from mobilecat.shown import Drawn

_CELL, _LEFT, _TOP, _EDGE = 64, 190, 150, 28
_LONGEST = 22
MOST = 14
"""Rows and columns that can still be read."""


@dataclass(frozen=True)
class Matrix:
    """counts: [row][column]. down, across: what rows and columns are."""

    title: str
    down: str
    across: str
    rows: Sequence[str]
    columns: Sequence[str]
    counts: Sequence[Sequence[int]]

    @property
    def drawn(self) -> Drawn:
        """The table as a page shows it."""
        data = base64.b64encode(self.svg().encode()).decode()
        return Drawn(f"data:image/svg+xml;base64,{data}", self.title)

    def svg(self) -> str:
        """Return the picture as text: one file, without script or anything from elsewhere."""
        from jinja2 import Environment, StrictUndefined

        environment = Environment(
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        environment.filters["short"] = _short
        source = files("mobilecat").joinpath("templates", "matrix.svg.j2").read_text("utf-8")
        most = [max(1, *row) for row in self.counts]
        return environment.from_string(source).render(
            matrix=self,
            share=[[n / whole for n in row] for row, whole in zip(self.counts, most, strict=True)],
            cell=_CELL,
            left=_LEFT,
            top=_TOP,
            width=max(_LEFT + _CELL * len(self.columns) + _EDGE, 560),
            height=_TOP + _CELL * len(self.rows) + _EDGE,
        )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
