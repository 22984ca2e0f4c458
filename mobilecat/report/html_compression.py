"""What `mobilecat compress` found, as a page of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from mobilecat.pictures.chart import Chart
from mobilecat.report.html_page import render
from mobilecat.shown import Line, Table, exact_size

_FIRST = 15
"""Layers that are shown at once; the others are behind a click."""
_MOST = 400
_LONG_DIFF = 24
"""Lines."""


@dataclass(frozen=True)
class Layer:
    """One layer. moves: how far detections move with it alone stored so, a recipe each; None: not
    asked. chosen: how the chosen recipe stores it."""

    node: str
    moves: tuple[float | None, ...]
    chosen: str | None


@dataclass(frozen=True)
class Target:
    """One file. rows: its recipes, as the JSON has them, the largest first. best: what was chosen.
    near: where nothing was, the row that loses least. recipes: columns of `layers`."""

    file: str
    rows: Sequence[Mapping[str, Any]]
    best: Mapping[str, Any] | None
    near: Mapping[str, Any] | None
    recipes: tuple[str, ...]
    layers: tuple[Layer, ...]

    @property
    def floats(self) -> str:
        """The oldest system that loads it as floats; "" where the format names none."""
        return next((str(r["needs"]) for r in self.rows if r["recipe"] == "float32"), "")

    @property
    def most(self) -> float:
        """The largest move, which gauges are drawn against."""
        return max((v for x in self.layers for v in x.moves if v is not None), default=0.0)


def compression_page(
    told: Mapping[str, Any], words: Iterable[Line | Table], chart: Chart | None
) -> str:
    """Return a compression as a page: what was chosen and what that rests on, the frontier, every
    recipe, and how sensitive layers are. told: its JSON. words: it as a terminal shows it."""
    lines = [x for x in words if isinstance(x, Line)]
    few = told["measure"] != "NME" and 0 < told["budget"] < 10 * told["least"]
    diff = [x for x in told["diff"].splitlines() if x]
    return render(
        "report_compression.html.j2",
        d=told,
        name=told["name"] or Path(told["spec"]).name,
        of=told["spec"],
        sign="FAIL" if told["exit_code"] else "WAIT" if few else "PASS",
        few=few,
        rests=next((x.text for x in lines if x.style == "dim"), ""),
        warnings=_warnings(lines),
        reasons=_reasons(lines),
        targets=_targets(told),
        chart=chart,
        diff=diff,
        long_diff=len(diff) > _LONG_DIFF,
        first=_FIRST,
        size=exact_size,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _warnings(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """Return what a reader must mind of each choice, and the file; it stands below the choice."""
    found, file = [], ""
    for line in lines:
        if "bold" in line.style:
            file = line.text.partition(":")[0]
        elif line.style == "yellow":
            found.append((file, line.text.strip()))
    return found


def _reasons(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """Return why a choice is not the very first of its file, with the file."""
    return [
        (choice.text.partition(":")[0], why.text.strip())
        for choice, why in pairwise(lines)
        if "bold" in choice.style and not why.style and why.text.startswith("  ")
    ]


def _targets(told: Mapping[str, Any]) -> list[Target]:
    files = dict.fromkeys([*(r["file"] for r in told["rows"]), *told["unfit"]])
    found = []
    for file in files:
        rows = [r for r in told["rows"] if r["file"] == file]
        recipes, layers = _layers([s for s in told["sensitive"] if s["file"] == file])
        best = next((r for r in rows if r["chosen"]), None)
        near = told["unfit"].get(file)
        found.append(Target(file, rows, best, near, recipes, layers))
    return found


def _layers(sensitive: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[Layer, ...]]:
    """Return the recipes that layers were rounded to, and the layers, the most sensitive first."""
    recipes = tuple(dict.fromkeys(s["recipe"] for s in sensitive))
    moves = {(s["node"], s["recipe"]): s["error"] for s in sensitive}
    chosen = {s["node"]: s["chosen"] for s in sensitive}
    layers = [
        Layer(node, tuple(moves.get((node, r)) for r in recipes), stored)
        for node, stored in chosen.items()
    ]
    layers.sort(key=lambda x: -max(v for v in x.moves if v is not None))
    return recipes, tuple(layers[:_MOST])
