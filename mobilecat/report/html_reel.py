"""A clip's golden on the review page: approved and pending side by side, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

from mobilecat.bundle import Bundle
from mobilecat.clips.reading import ClipReader
from mobilecat.compare.compare import Check
from mobilecat.compare.tolerances import Limits
from mobilecat.errors import MobileCatError
from mobilecat.golden.moving import FrameResult
from mobilecat.golden.store import Expected, read_case_file
from mobilecat.judge.moving import judge_frames
from mobilecat.pictures.drawing import data_url
from mobilecat.review.approve import Pending

MOST_FRAMES = 240
"""On one page: some 3 MB."""
_LONGEST = 320


@dataclass(frozen=True)
class Mark:
    """A box as the page draws it: x, y, width, height, its words, and its landmarks."""

    box: tuple[float, float, float, float]
    says: str
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class ReelFrame:
    """One frame. url: its picture. sides: the boxes of each side, in the order of `Reel.titles`."""

    number: int
    says: str
    url: str
    sides: tuple[tuple[Mark, ...], ...]
    differs: str
    seconds: float


@dataclass(frozen=True)
class Reel:
    """titles: of the sides. wh: a frame's size in its pixels. left: frames that are not shown."""

    titles: tuple[str, ...]
    wh: tuple[int, int]
    frames: tuple[ReelFrame, ...]
    left: int

    @property
    def differing(self) -> int:
        return sum(bool(f.differs) for f in self.frames)


def reel_of(pending: Pending, old: Expected | None, bundle: Bundle, limits: Limits) -> Reel | None:
    """Return what a pending clip shows; None where it is no clip, or cannot be read here."""
    new = pending.found
    if not new.frames or new.plan is None:
        return None
    case = read_case_file(pending.folder)
    path = pending.folder / case.input.file
    before = {f.index: f for f in old.frames} if old is not None else {}
    now = {f.index: f for f in new.frames}
    frames: list[ReelFrame] = []
    try:
        with ClipReader(path, case.every) as clip:
            for frame in clip:
                if len(frames) == MOST_FRAMES:
                    break
                got, was = now.get(frame.index), before.get(frame.index)
                if got is None:
                    continue
                bad = ""
                if was is not None:
                    checks = judge_frames(bundle, [was], [got], new.plan, limits)
                    bad = "; ".join(_of_frame(c, got) for c in checks if c.verdict == "FAIL")
                sides = [was, got] if old is not None else [got]
                frames.append(
                    ReelFrame(
                        frame.index,
                        got.words,
                        _picture(frame.pixels),
                        tuple(_marks(s) for s in sides),
                        bad,
                        frame.seconds or frame.index / 30,
                    )
                )
    except MobileCatError:
        return None
    lane = pending.lane or new.made.lane
    titles = (f"approved: {old.made.lane}", lane) if old is not None else (lane,)
    return Reel(titles, new.plan.src_wh, tuple(frames), len(new.frames) - len(frames))


def _of_frame(check: Check, frame: FrameResult) -> str:
    """Return what differs, without saying again in which frame."""
    return f"{check.name}: {check.detail.rpartition(f'{frame.words}: ')[2]}"


def _picture(pixels: object) -> str:
    from PIL import Image

    return data_url(Image.fromarray(pixels), _LONGEST)  # type: ignore[arg-type]


def _marks(found: FrameResult | None) -> tuple[Mark, ...]:
    marks = []
    for d in found.detections if found is not None else ():
        x1, y1, x2, y2 = d["box_xyxy"]
        name = d.get("label", f"class {d['class_id']}")
        says = f"{name} {d['score']:.2f}"
        points = d.get("landmarks") or {}
        at = tuple(tuple(p) for p in (points.values() if isinstance(points, dict) else points))
        marks.append(Mark((x1, y1, x2 - x1, y2 - y1), says, at))
    return tuple(marks)
