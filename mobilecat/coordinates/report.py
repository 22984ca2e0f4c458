"""The ways through a simulated phone, and what came of them: values for terminal, page and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mobilecat.camera.layout import PixelFormat
from mobilecat.compare.compare import Verdict
from mobilecat.geometry.orientation import Orientation
from mobilecat.geometry.vision import CropAndScale
from mobilecat.shown import Column, Line, Shown, Table

OWN = "own"
OPTIONS: tuple[str, ...] = (OWN, *CropAndScale)
WOULD_DO = (
    "A picture that would do: one object, a third to two thirds of the picture, whole, off the "
    "middle, sharp, upright, with a score well above the threshold, that the crops leave whole."
)
GRAVITIES = ("resizeAspectFill", "resizeAspect", "resize")


@dataclass(frozen=True)
class Chain:
    """One way through a phone. option: `own` (the spec's resize) or Vision's crop-and-scale."""

    orientation: Orientation
    option: str
    gravity: str
    format: PixelFormat

    @property
    def words(self) -> str:
        place = f"EXIF {int(self.orientation)}, {self.option}"
        return f"{place}, {self.gravity}, {self.format}"


@dataclass(frozen=True)
class Row:
    """One chain on one lane and picture.

    max_px: the corner that moved most, in model pixels, of boxes steady enough to measure by.
    """

    lane: str
    case: str
    chain: Chain
    verdict: Verdict
    max_px: float | None
    limit_px: float
    boxes: int
    detail: str = ""


@dataclass(frozen=True, repr=False)
class CoordinateReport(Shown):
    """held: no chain failed, and there were chains.

    verdict: HELD, FELL_SHORT, or NOT_MEASURABLE where nothing failed, but some chain of a lane had
    no box to measure by on any picture: that says something of the pictures, nothing of the app.
    """

    rows: tuple[Row, ...]
    not_run: tuple[str, ...]
    model_runs: int
    full: bool

    @property
    def failed(self) -> list[Row]:
        return [r for r in self.rows if r.verdict == "FAIL"]

    @property
    def shortfalls(self) -> list[str]:
        """What was asked for and did not run at all."""
        return [] if self.rows else ["no chain was compared", *self.not_run]

    @property
    def unmeasured(self) -> list[str]:
        """A sentence for each lane with chains that no picture has a box to measure by."""
        done = {(r.lane, r.chain) for r in self.rows if r.verdict != "NOT_RUN"}
        missed: dict[str, dict[Chain, str]] = {}
        for r in self.rows:
            if (r.lane, r.chain) not in done:
                missed.setdefault(r.lane, {})[r.chain] = r.detail
        many = {lane: len({r.chain for r in self.rows if r.lane == lane}) for lane in missed}
        return [
            f"{lane}: {len(found)} of {many[lane]} chains are not measurable with these pictures; "
            f"{next(iter(found)).words}: {next(iter(found.values()))}"
            for lane, found in missed.items()
        ]

    @property
    def advice(self) -> str:
        """Return which picture would do; "" where every chain was measured."""
        return WOULD_DO if self.unmeasured and not self.failed else ""

    @property
    def verdict(self) -> str:
        if not self.held:
            return "FELL_SHORT"
        return "NOT_MEASURABLE" if self.unmeasured else "HELD"

    @property
    def held(self) -> bool:
        return not self.failed and not self.shortfalls

    def words(self) -> Iterator[Line | Table]:
        """Give the verdict, and the corner that moved most by option and orientation, in px."""
        many = f"{len(self.rows)} chains from {self.model_runs} model runs"
        if self.verdict == "NOT_MEASURABLE":
            words = "COORDINATES NOT MEASURABLE with these pictures; nothing failed."
            yield Line(f"{words} {many}.", "bold yellow")
        elif self.held:
            held = f"COORDINATES HELD: boxes land where they belong. {many}."
            yield Line(held, "bold green")
        else:
            short = f"COORDINATES FELL SHORT: {len(self.failed)} chains failed. {many}."
            yield Line(short, "bold red")
        said = filter(None, (*self.shortfalls, *self.unmeasured, self.advice))
        yield from (Line(f"  {text}") for text in said)
        head, *body = self.grid()
        kinds = [Column(t, "word") if k < 2 else Column(t) for k, t in enumerate(head)]
        yield Table(kinds, body)
        bad = dict.fromkeys(f"{r.lane}, {r.chain.option}: {r.detail}" for r in self.failed)
        yield from (Line(f"FAIL  {text}") for text in list(bad)[:12])
        yield from (Line(f"NOT_RUN  {text}") for text in self.not_run)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values; docs/coordinates.md describes every key."""
        return {
            "schema": 1,
            "verdict": self.verdict,
            "full": self.full,
            "model_runs": self.model_runs,
            "shortfalls": self.shortfalls,
            "unmeasured": self.unmeasured,
            "advice": self.advice,
            "not_run": list(self.not_run),
            "chains": [
                {
                    "lane": r.lane,
                    "case": r.case,
                    "orientation": int(r.chain.orientation),
                    "option": r.chain.option,
                    "gravity": r.chain.gravity,
                    "format": r.chain.format,
                    "verdict": r.verdict,
                    "max_px": None if r.max_px is None else round(r.max_px, 3),
                    "limit_px": r.limit_px,
                    "boxes": r.boxes,
                    "detail": r.detail,
                }
                for r in self.rows
            ],
        }

    def grid(self) -> list[list[str]]:
        """Return a table: a row a lane and option, a column an orientation, the worst px inside."""
        head = ["lane", "option", *(f"EXIF {int(o)}" for o in Orientation)]
        body = []
        for lane in dict.fromkeys(r.lane for r in self.rows):
            for option in dict.fromkeys(r.chain.option for r in self.rows):
                cells = [self._cell(lane, option, o) for o in Orientation]
                body.append([lane, option, *cells])
        return [head, *body]

    def _cell(self, lane: str, option: str, o: Orientation) -> str:
        found = [
            r
            for r in self.rows
            if (r.lane, r.chain.option, r.chain.orientation) == (lane, option, o)
        ]
        if any(r.verdict == "FAIL" for r in found):
            worst = [r.max_px for r in found if r.verdict == "FAIL" and r.max_px is not None]
            return f"FAIL {max(worst):.1f}" if worst else "FAIL"
        known = [r.max_px for r in found if r.max_px is not None]
        return f"{max(known):.1f}" if known else ("–" if not found else "NOT_RUN")


def chains(full: bool, formats: tuple[PixelFormat, ...]) -> list[Chain]:
    """Return every chain, or a set in which each value of each axis occurs.

    The small one: the own fit in all orientations, formats and gravities taking turns; the others
    in every other orientation, from 32BGRA.
    """
    found = []
    for i, o in enumerate(Orientation):
        for j, option in enumerate(OPTIONS):
            if full:
                found += [Chain(o, option, g, f) for g in GRAVITIES for f in formats]
            elif option == OWN:
                turn = formats[(i + i // 4) % len(formats)]
                found.append(Chain(o, option, GRAVITIES[i % 3], turn))
            elif (i + j) % 2:
                found.append(Chain(o, option, GRAVITIES[(i + j) % 3], formats[0]))
    return found
