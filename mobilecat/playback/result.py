"""What a replay says: the clip, each lane's figures, and where one falls short of its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mobilecat.clips.clip import ClipFacts
from mobilecat.lanes.base import Lane
from mobilecat.playback.through import Agreement
from mobilecat.shown import Column, Line, Shown, Table
from mobilecat.tracks.stability import Stability


@dataclass(frozen=True)
class LaneReplay:
    """One lane over the clip.

    milliseconds: of its engine, a frame. differing: frames that differ from the source's beyond the
    lane's limits; None where there is no source to compare with. largest: the largest difference of
    boxes and landmarks, in pixels of the model input, and of scores. faults: a sentence each.
    """

    lane: Lane
    frames: int = 0
    detections: int = 0
    milliseconds: float = 0.0
    stability: Stability | None = None
    differing: int | None = None
    largest: Mapping[str, float] = field(default_factory=dict)
    through: Agreement | None = None
    faults: tuple[str, ...] = ()
    not_run: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        if self.not_run:
            return {"lane": self.lane.name, "not_run": self.not_run}
        return {
            "lane": self.lane.name,
            "frames": self.frames,
            "detections": self.detections,
            "milliseconds": round(self.milliseconds, 3),
            "stability": self.stability.to_json() if self.stability else None,
            "frames_that_differ": self.differing,
            "largest": {k: round(v, 5) for k, v in self.largest.items()},
            "through": asdict(self.through) if self.through else None,
            "faults": list(self.faults),
        }


@dataclass(frozen=True, repr=False, eq=False)
class Replay(Shown):
    """A clip through a bundle's lanes.

    wall: seconds it took; work: those of fitting and inference alone, of all workers. phone: what
    was simulated. csv, draw: what was written. copied: packets of sound in the drawn clip.
    """

    bundle: str
    clip: ClipFacts
    every: int
    frames: int
    wall: float
    work: float
    lanes: tuple[LaneReplay, ...]
    phone: str | None = None
    csv: Path | None = None
    draw: Path | None = None
    copied: int = 0

    @property
    def held(self) -> bool:
        """Whether no lane falls short of the source, nor the phone's set-up of the frames."""
        return not any(lane.faults for lane in self.lanes)

    @property
    def exit_code(self) -> int:
        return 0 if self.held else 1

    def words(self) -> Iterator[Line | Table]:
        rate = self.frames / self.wall if self.wall else 0.0
        yield Line(f"{self.clip.name}  {self.clip.words()}", "bold")
        at_work = self.work / self.wall if self.wall else 0.0
        share = f"{at_work:.0%} of the time in the models"
        if at_work > 1:
            share = f"{at_work:.1f} workers in the models at a time"
        each = "" if self.every == 1 else f", every {self.every}."
        yield Line(
            f"  {self.frames} frames{each} in {self.wall:.1f} s, {rate:.1f} a second; {share}"
        )
        ran = [lane for lane in self.lanes if not lane.not_run]
        yield Table(_COLUMNS, [_row(lane) for lane in ran])
        for lane in ran:
            if lane.through is not None and self.phone:
                a = lane.through
                said = f"{a.back} of {a.boxes} boxes come back through {self.phone}"
                yield Line(f"  {lane.lane.name}: {said}, the furthest {a.worst_px:.2f} px off")
            yield from (Line(f"{lane.lane.name}: {f}", "red") for f in lane.faults)
        for lane in self.lanes:
            if lane.not_run:
                yield Line(f"{lane.lane.name}: NOT_RUN, {lane.not_run}", "dim")
        if self.held:
            others = [lane for lane in ran if lane.differing is not None]
            if others:
                yield Line("every artifact follows its source, frame by frame", "bold green")
        else:
            yield Line("an artifact or the set-up falls short", "bold red")
        if self.csv:
            yield Line(f"wrote {self.csv}")
        if self.draw:
            sound = f", {self.copied} packets of sound as they were" if self.copied else ""
            yield Line(f"drew {self.draw}{sound}")

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; the detections are in the CSV."""
        return {
            "schema": 1,
            "bundle": self.bundle,
            "clip": self.clip.to_json(),
            "every": self.every,
            "frames": self.frames,
            "seconds": round(self.wall, 3),
            "frames_a_second": round(self.frames / self.wall, 3) if self.wall else None,
            "share_of_inference": round(self.work / self.wall, 4) if self.wall else None,
            "phone": self.phone,
            "held": self.held,
            "lanes": [lane.to_json() for lane in self.lanes],
        }


_COLUMNS = [
    Column("lane", "text"),
    *map(
        Column,
        ("boxes", "ms", "off by px", "frames differ", "jitter px", "flicker", "IDSW", "late"),
    ),
]


def _row(lane: LaneReplay) -> list[str]:
    s = lane.stability
    jitter = s.corner_jitter_px if s else None
    return [
        lane.lane.name,
        str(lane.detections),
        f"{lane.milliseconds:.1f}",
        f"{lane.largest['boxes']:.3g}" if "boxes" in lane.largest else "–",
        _count(lane.differing),
        "–" if jitter is None else f"{jitter:.2f}",
        _count(s.flickers if s else None),
        _count(s.id_switches if s else None),
        _count(s.late_frames if s else None),
    ]


def _count(value: int | None) -> str:
    return "–" if value is None else str(value)
