"""The coordinate matrix of `validate --coordinates`, its JSON as a grid for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ORIENTATIONS = (
    "up",
    "up, mirrored",
    "down",
    "down, mirrored",
    "left, mirrored",
    "right",
    "right, mirrored",
    "left",
)
"""EXIF 1 to 8 in CGImagePropertyOrientation's words."""


@dataclass(frozen=True)
class GridCell:
    """The worst of all gravities, formats and pictures. verdict: "" where there is no chain."""

    verdict: str
    text: str
    title: str


@dataclass(frozen=True)
class Grid:
    """rows: (lane, option, a cell an orientation). worst: the same over all lanes. limit: the
    narrowest and the widest that a chain was held to, in pixels of the model input, as words.
    """

    held: bool
    full: bool
    model_runs: int
    chains: int
    shortfalls: tuple[str, ...]
    not_run: tuple[str, ...]
    limit: str
    worst: tuple[tuple[str, tuple[GridCell, ...]], ...]
    rows: tuple[tuple[str, str, tuple[GridCell, ...]], ...]
    failed: tuple[str, ...]


def grid_of(told: Mapping[str, Any]) -> Grid:
    """Return the grid of a coordinate report's JSON (docs/coordinates.md)."""
    chains: Sequence[Mapping[str, Any]] = told["chains"]
    places: dict[tuple[str, str], dict[int, list[Mapping[str, Any]]]] = {}
    options: dict[str, dict[int, list[Mapping[str, Any]]]] = {}
    for c in chains:
        orientation = int(c["orientation"])
        row = places.setdefault((str(c["lane"]), str(c["option"])), {})
        row.setdefault(orientation, []).append(c)
        options.setdefault(str(c["option"]), {}).setdefault(orientation, []).append(c)
    rows = tuple((lane, option, _cells(found)) for (lane, option), found in places.items())
    limits = sorted({float(c["limit_px"]) for c in chains})
    return Grid(
        told["verdict"] != "FELL_SHORT",
        bool(told.get("full")),
        int(told["model_runs"]),
        len(chains),
        (*told["shortfalls"], *told.get("unmeasured", ()), *filter(None, [told.get("advice")])),
        tuple(told["not_run"]),
        " to ".join(f"{x:g}" for x in dict.fromkeys([*limits[:1], *limits[-1:]])),
        tuple((option, _cells(found)) for option, found in options.items()),
        rows,
        tuple(_words(c) for c in chains if c["verdict"] == "FAIL"),
    )


def _cells(found: Mapping[int, Sequence[Mapping[str, Any]]]) -> tuple[GridCell, ...]:
    return tuple(_cell(found.get(o, [])) for o in range(1, 9))


def _cell(chains: Sequence[Mapping[str, Any]]) -> GridCell:
    if not chains:
        return GridCell("", "", "")
    verdicts = [c["verdict"] for c in chains]
    verdict = next(v for v in ("FAIL", "PASS", "NOT_RUN") if v in verdicts)
    of = [c for c in chains if c["verdict"] == verdict]
    known = [float(c["max_px"]) for c in of if c["max_px"] is not None]
    text = _px(max(known)) if known else {"NOT_RUN": "not run"}.get(verdict, verdict.lower())
    said = "; ".join(dict.fromkeys(c["detail"] for c in of if c["detail"]))
    return GridCell(verdict, f"✗ {text}" if verdict == "FAIL" else text, said)


def _px(value: float) -> str:
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def _words(c: Mapping[str, Any]) -> str:
    place = f"{c['lane']}, {c['case']}: EXIF {c['orientation']}, {c['option']}"
    return f"{place}, {c['gravity']}, {c['format']}: {c['detail']}"
