"""A chart as a value, and as an SVG that any browser shows: lines, dots, a legend, two axes."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilecat.disk import refuse_golden, write_text
from mobilecat.errors import MobileCatError, Problem
from mobilecat.shown import Drawn

# Okabe and Ito's colours, told apart by everybody (https://jfly.uni-koeln.de/color).
BLACK, ORANGE, SKY, GREEN, VERMILION, PINK, BLUE, YELLOW = (
    "#1D2126", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#0072B2", "#F0E442",
)  # fmt: skip
COLOURS = (BLACK, ORANGE, SKY, GREEN, VERMILION, PINK, BLUE, YELLOW)
SIZE_WH = (1200, 640)
_LEFT, _RIGHT, _TOP, _BOTTOM, _ROW = 84, 28, 72, 64, 26
_NARROW = 560
_NAME, _LETTER = 56, 8
"""Where names begin in the legend, and about how wide a letter is."""
Point = tuple[float, float]
"""Shares of the field, 0..1, from its lower left corner."""


@dataclass(frozen=True)
class Axis:
    """ticks: (share of the axis, what is written there)."""

    label: str
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Line:
    """name: in the legend; "" leaves it out."""

    points: tuple[Point, ...]
    colour: str
    name: str = ""
    width: float = 3


@dataclass(frozen=True)
class Dots:
    """ring: drawn as a circle around each place. note: what is written beside the first."""

    points: tuple[Point, ...]
    colour: str
    name: str = ""
    radius: float = 4
    ring: bool = False
    note: str = ""


@dataclass(frozen=True)
class Chart:
    title: str
    x: Axis
    y: Axis
    marks: tuple[Line | Dots, ...]

    @property
    def drawn(self) -> Drawn:
        """The chart as a notebook shows it."""
        data = base64.b64encode(self.svg().encode()).decode()
        return Drawn(f"data:image/svg+xml;base64,{data}", self.title)

    @property
    def narrow(self) -> Drawn:
        """The same for a phone's screen: half as wide with letters as large, without its title,
        which is the page's, and with long names cut."""
        data = base64.b64encode(self.svg(_NARROW).encode()).decode()
        return Drawn(f"data:image/svg+xml;base64,{data}", self.title)

    def svg(self, width: int = SIZE_WH[0]) -> str:
        """Return the picture as text: one file, without script or anything from elsewhere.

        width: in its own pixels; a narrow one has no title, and cuts names that do not fit.
        """
        from jinja2 import Environment, StrictUndefined

        environment = Environment(
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        environment.filters["px"] = lambda v: f"{v:.1f}".removesuffix(".0")
        from importlib.resources import files

        source = files("mobilecat").joinpath("templates", "chart.svg.j2").read_text("utf-8")
        named = [m for m in self.marks if m.name]
        height, narrow = SIZE_WH[1], width < SIZE_WH[0]
        longest = (width - _LEFT - _NAME) // _LETTER
        return environment.from_string(source).render(
            chart=self,
            named=named,
            width=width,
            height=height + _ROW * len(named),
            left=_LEFT,
            right=width - _RIGHT,
            top=_TOP,
            bottom=height - _BOTTOM,
            legend=height,
            row=_ROW,
            ink=BLACK,
            at=lambda point: _at(point, width),
            title="" if narrow else self.title,
            cut=lambda name: name if len(name) <= longest else f"{name[: longest - 1]}…",
            is_line=lambda mark: isinstance(mark, Line),
        )


def _at(point: Point, width: int) -> Point:
    height = SIZE_WH[1]
    return (
        _LEFT + point[0] * (width - _LEFT - _RIGHT),
        height - _BOTTOM - point[1] * (height - _TOP - _BOTTOM),
    )


def round_numbers(count: int) -> Sequence[int]:
    """Return the first and some ten round numbers of 1..count, for an axis of things in order."""
    step = next(s * 10**k for k in range(9) for s in (1, 2, 5) if s * 10**k * 12 >= count)
    return [1, *(n for n in range(step, count + 1, step) if n > max(1, step / 2))] if count else []


def round_ticks(least: float) -> tuple[float, tuple[tuple[float, str], ...]]:
    """Return (where an axis from 0 ends that holds `least`, its ticks), in round steps."""
    steps = (s * 10.0**k for k in range(-9, 13) for s in (1, 2, 5))
    step = next(s for s in steps if 5 * s >= least)
    count = max(2, math.ceil(least / step - 1e-9))
    ticks = tuple((i / count, f"{i * step:.6g}") for i in range(count + 1))
    return count * step, ticks


def require_svg(path: Path | None) -> None:
    """Raise MobileCatError where a chart could not be written under this name."""
    if path is not None and path.suffix.lower() != ".svg":
        raise MobileCatError(
            "A plot is written as SVG",
            [
                Problem(
                    f"{path}: {path.suffix or 'no suffix'}", "--plot", f"{path.with_suffix('.svg')}"
                )
            ],
        )


def write_chart(chart: Chart, path: Path) -> None:
    """Write the chart's SVG, whole or not at all; never over an approved golden."""
    refuse_golden(path)
    require_svg(path)
    write_text(path, chart.svg())
