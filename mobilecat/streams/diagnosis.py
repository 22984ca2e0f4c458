"""A clip, a model and what an app drew → the named fault of the stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.clips.clip import Clip, Pixels
from mobilecat.diagnosis.whole import Diagnosis
from mobilecat.errors import MobileCatError, Problem
from mobilecat.formats.base.runner import Runner
from mobilecat.geometry.affine import Affine
from mobilecat.geometry.orientation import Orientation
from mobilecat.lanes.detect import decode_outputs
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.pictures.detections import Detections
from mobilecat.playback.rows import read_rows
from mobilecat.shown import Line, Table
from mobilecat.streams.pictures import PICTURE_FAULTS, Seen
from mobilecat.streams.search import (
    NOISE,
    TIMES_BETTER,
    Kept,
    Rows,
    Suspect,
    dropped,
    suspects,
    time_fault,
)

FRAMES = 6
"""Whose pixels are kept, spread over the clip's first half minute, to try faults of pixels on."""
MOST = 900


@dataclass(frozen=True, repr=False, eq=False)
class StreamDiagnosis(Diagnosis):
    """What a clip says of itself, and the fault behind what was drawn on it.

    named: faults that explain it, which cannot be told apart where there are several. unexplained:
    rows that no fault predicts. ignoring: boxes found upright, and as stored, where the clip is
    to be turned. cost: of the best fault; nothing: of none.
    """

    clip: str = ""
    facts: str = ""
    named: tuple[Suspect, ...] = ()
    unexplained: bool = False
    compared: int = 0
    ignoring: tuple[int, int] | None = None
    cost: float = 0.0
    nothing: float = 0.0

    @property
    def wrong(self) -> bool:
        return bool(self.named) or self.unexplained

    def words(self) -> Iterator[Line | Table]:
        yield Line(f"{self.clip}  {self.facts}")
        if self.named:
            yield Line(self.named[0].says, "bold red")
            for other in self.named[1:]:
                yield Line(f"  or, which looks the same here: {other.says}", "red")
        elif self.unexplained:
            said = "The rows are not what the model finds in this clip, and no known fault is."
            yield Line(said, "bold red")
        elif self.compared:
            said = f"Nothing wrong: {self.compared} frames show what the model finds there."
            yield Line(said, "bold green")
        if self.ignoring is not None:
            upright, stored = self.ignoring
            said = f"upright the model finds {upright} boxes in {FRAMES} frames, as stored {stored}"
            yield Line(f"  {said}; an app must turn them")
        if not (self.named or self.unexplained or self.compared):
            said = (
                "No rows were given, so no fault is looked for: add what your app drew, --observed "
            )
            yield Line(f"  {said}rows.csv, with the columns of `mobilecat replay --csv`")
        if self.compared:
            yield Line(f"  cost {self.cost:.4f}; of nothing wrong {self.nothing:.4f}", "dim")

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "schema": 1,
            "clip": self.clip,
            "named": [{"name": s.name, "says": s.says, "cost": s.cost} for s in self.named],
            "unexplained": self.unexplained,
            "frames": self.compared,
            "found_upright_and_as_stored": list(self.ignoring) if self.ignoring else None,
            "cost_of_nothing": self.nothing,
        }


def diagnose_clip(
    bundle: Bundle,
    engine: Runner,
    clip: Clip,
    rows_file: Path | None,
    lane: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> StreamDiagnosis:
    """Say what a clip demands of an app; and, of the rows an app wrote, which fault they show.

    rows_file: CSV with the columns of `mobilecat replay`; lane: whose rows of it.
    Errors: MobileCatError for a bundle without detections, rows that are none, frames beyond the
    clip.
    """
    rows: Rows = {} if rows_file is None else read_rows(rows_file, lane)
    kept = _kept(bundle, engine, clip, rows, progress)
    if rows and not set(rows) & set(kept.right):
        said = Problem("not one frame of the rows is in the clip", str(rows_file))
        raise MobileCatError("The rows are of another clip", [said])

    def run(pixels: Pixels) -> Detections:
        return _found(bundle, engine, pixels)[0]

    found = StreamDiagnosis(
        None,
        None,
        None,
        clip=clip.facts.name,
        facts=clip.facts.words(),
        ignoring=_ignoring(kept, run),
    )
    if rows_file is None:
        return found
    progress("trying what could be wrong")
    return _answer(found, kept, rows, run)


def _answer(
    found: StreamDiagnosis, kept: Kept, rows: Rows, run: Callable[[Pixels], Detections]
) -> StreamDiagnosis:
    from dataclasses import replace

    ranked, nothing = suspects(kept, rows, run)
    best = ranked[0]
    compared = len(set(rows) & set(kept.right))
    late = time_fault(kept, rows)
    missing = dropped(kept, rows)
    named: list[Suspect] = []
    if late is not None and late[0] == "one frame late" and best.name.startswith("boxes of the"):
        named = [Suspect(*late, best.cost, nothing)]
    elif best.explains:
        near = TIMES_BETTER * best.share + 0.02
        named = [s for s in ranked if s.explains and s.share <= near]
    if not named and missing and nothing < 1:
        listed = ", ".join(map(str, missing[:6])) + (" …" if missing[6:] else "")
        said = (
            f"{len(missing)} frames have no rows though the model finds something there ({listed}):"
            " they were dropped on the way (alwaysDiscardsLateVideoFrames, a full queue)."
        )
        named = [Suspect("dropped frames", said, nothing, nothing)]
    if not named and late is not None and nothing < 4 * NOISE:
        named = [Suspect(*late, nothing, nothing)]
    unexplained = not named and nothing > 4 * NOISE
    return replace(
        found,
        named=tuple(named),
        unexplained=unexplained,
        compared=compared,
        cost=min(best.cost, nothing),
        nothing=nothing,
    )


def _ignoring(kept: Kept, run: Callable[[Pixels], Detections]) -> tuple[int, int] | None:
    if kept.facts.orientation == Orientation.UP:
        return None
    ignored = PICTURE_FAULTS[0]
    seen = [ignored.change(Seen(p, kept.facts)) for p in kept.pixels.values()]
    upright = sum(len(kept.right[f]) for f in kept.pixels)
    return upright, sum(len(run(p)) for p in seen if p is not None)


def _found(bundle: Bundle, engine: Runner, pixels: Pixels) -> tuple[Detections, Affine]:
    from PIL import Image

    tensors, plan = picture_inputs(bundle, Image.fromarray(pixels))
    return decode_outputs(engine.infer(tensors), plan), plan.model_from_image


def _kept(
    bundle: Bundle,
    engine: Runner,
    clip: Clip,
    rows: Mapping[int, object],
    progress: Callable[[str], None],
) -> Kept:
    right: dict[int, Detections] = {}
    pixels: dict[int, Pixels] = {}
    times: dict[int, float | None] = {}
    to_model, wh = Affine.identity(), (1, 1)
    last = max(rows, default=29)
    wanted = {int(v) for v in np.linspace(0, min(last, clip.facts.frames or last, MOST), FRAMES)}
    for frame in clip:
        progress(f"frame {frame.index}")
        found, to_model = _found(bundle, engine, frame.pixels)
        right[frame.index], times[frame.index] = found, frame.seconds
        wh = frame.wh
        if len(found) and len(pixels) < FRAMES and any(frame.index >= w for w in wanted):
            pixels[frame.index] = frame.pixels
            wanted -= {min(wanted)}
        if len(right) >= MOST or (rows and frame.index > last) or (not rows and not wanted):
            break
    return Kept(clip.facts, right, pixels, times, to_model, wh, clip.path)
