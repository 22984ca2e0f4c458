"""A capture → what went wrong: the model run again where there is a picture, the boxes compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mobilecat.diagnosis.answer import NOISE_PX, Answer, diagnose, pairs_of
from mobilecat.diagnosis.capture import FARTHEST, Capture, CapturedBox, CapturedFrame
from mobilecat.diagnosis.facts import Facts
from mobilecat.diagnosis.looks import Pixels
from mobilecat.diagnosis.rerun import Rerun, read_stored, rerun
from mobilecat.diagnosis.scenes import Setting, norm_from, setting_of
from mobilecat.diagnosis.told import direction_lines, rerun_json
from mobilecat.diagnosis.words import NOTHING, headline, lines, to_json
from mobilecat.errors import MobileCatError, Problem
from mobilecat.geometry.orientation import apply_orientation
from mobilecat.geometry.vision import FULL_REGION
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.drawing import data_url, draw_detections
from mobilecat.shown import Drawn, Line, Shown, Table

if TYPE_CHECKING:
    from PIL.Image import Image

ONE_BOX = (
    "one box fits a flip, a swap, and a plain move or scale alike, and the known bug is named "
    "first: three boxes in different places tell them apart"
)


@dataclass(frozen=True, repr=False, eq=False)
class Diagnosis(Shown):
    """What went wrong between model and screen.

    answer: what the boxes say, of `setting`; None where there is none to compare.
    rerun: what the model finds in the first frame with a picture; None without one.
    stored: the first frame's pixels where the caller gave them, as stored. pictures: each scene's
    file, as stored, where the capture names one.
    """

    answer: Answer | None
    setting: Setting | None
    rerun: Rerun | None
    stored: Pixels | None = None
    pictures: tuple[Path | None, ...] = ()

    @property
    def wrong(self) -> bool:
        """Whether a bug is named, or something stays unexplained."""
        if self.rerun is not None and (self.rerun.wrong or (self.answer is None and self._untold)):
            return True
        return self.answer is not None and self.answer.verdict != "nothing wrong"

    @property
    def _untold(self) -> bool:
        return self.rerun is not None and self.rerun.untold

    @property
    def exit_code(self) -> int:
        return 1 if self.wrong else 0

    @property
    def _facts(self) -> Facts | None:
        return self.setting.scenes[0].facts if self.setting and self.setting.scenes else None

    def words(self) -> Iterator[Line | Table]:
        found = self.answer is not None and self.answer.verdict == "named"
        frame_is_fine = self.rerun is not None and self.rerun.verdict == "nothing wrong"
        parts = [self._of_the_frame(), self._of_the_boxes()]
        # What is wrong is read first.
        for part in reversed(parts) if found and frame_is_fine else parts:
            yield from part

    def _of_the_frame(self) -> Iterator[Line | Table]:
        result = self.rerun
        if result is None:
            return
        colour = "red" if result.wrong else "yellow" if result.untold else "green"
        yield Line(result.sentence, f"bold {colour}")
        if result.directions is not None:
            yield from direction_lines(result.directions)
        for t in result.repairs:
            mark = "→" if t is result.restored else " "
            found = f"{len(t.found):3d} found, best {t.best:.2f}"
            yield Line(f"  {mark} {found}  {t.chain.words()}")
        yield from (Line(f"  {note}", "dim") for note in (result.engine, *result.notes))

    def _of_the_boxes(self) -> Iterator[Line | Table]:
        answer, facts = self.answer, self._facts
        if answer is None or facts is None or self.setting is None:
            return
        said = headline(answer, facts)
        if answer.verdict == "no boxes" and self.rerun is not None:
            said = self.rerun.silent
        fine = answer.verdict == "nothing wrong"
        yield Line(said, "bold green" if fine else "bold red")
        yield from (Line(f"  {line}") for line in lines(answer, facts))
        if answer.named and answer.boxes == 1:
            yield Line(f"  note: {ONE_BOX}", "yellow")
        yield from (Line(f"  note: {note}", "yellow") for note in self.setting.notes)

    def drawings(self) -> Iterator[Drawn]:
        drawn = self.draw()
        if drawn is not None:
            yield Drawn(data_url(drawn, 480), "true and observed boxes of one frame")

    def draw(self) -> Image | None:
        """Return true and observed boxes of one frame, or what the re-run found; None without."""
        from PIL import Image

        from mobilecat.diagnosis.drawing import draw_scene

        if self.setting is None or not self.setting.scenes:
            frame = self._frame(0)
            if self.rerun is None or frame is None:
                return None
            found = self.rerun.restored
            turned = apply_orientation(frame, found.chain.orientation)
            return draw_detections(Image.fromarray(turned), found.found)
        scenes = self.setting.scenes
        k = max(range(len(scenes)), key=lambda i: len(scenes[i].evidence))
        frame, turn = self._frame(k), scenes[k].facts.orientation
        shown = None if frame is None else Image.fromarray(apply_orientation(frame, turn))
        first = self.answer.first if self.answer is not None else None
        joined = None if first is None else pairs_of(scenes[k], first)
        return draw_scene(scenes[k], shown, joined=joined)

    def _frame(self, k: int) -> Pixels | None:
        """Return the k-th scene's frame as stored, its bytes in their own layout; None without."""
        path = self.pictures[k] if k < len(self.pictures) else None
        frame = self.stored if k == 0 else None
        if frame is None and path is not None and path.is_file():
            frame = read_stored(path)
        mended = self.rerun.mended if self.rerun is not None and k == 0 else None
        return frame if frame is None or mended is None else mended

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; docs/diagnosis.md describes every key."""
        answer, facts, result = self.answer, self._facts, self.rerun
        out: dict[str, Any] = {"schema": 1}
        if answer is not None and facts is not None and self.setting is not None:
            out = to_json(answer, facts, self.setting.notes)
        if result is not None:
            out["rerun"] = rerun_json(result)
            if result.ids or answer is None:
                out["sentence"] = result.sentence
            elif answer.verdict == "no boxes":
                out["sentence"] = result.silent
        return out


def _once(
    frames: list[CapturedFrame], found: dict[int, list[CapturedBox]]
) -> tuple[list[CapturedFrame], dict[int, list[CapturedBox]]]:
    """Leave out frames that say again what one before them said.

    A still subject in front of a still camera gives the same boxes in every frame: the same error
    twelve times over is no more evidence than once.
    """
    seen: set[str] = set()
    kept: list[CapturedFrame] = []
    theirs: dict[int, list[CapturedBox]] = {}
    for k, frame in enumerate(frames):
        model = [b.model_dump_json() for b in found.get(k, [])]
        said = frame.model_dump_json(exclude={"time", "image"}) + "".join(model)
        if said in seen:
            continue
        seen.add(said)
        if k in found:
            theirs[len(kept)] = found[k]
        kept.append(frame)
    return kept, theirs


REGION_NOISE_PX = 3 * NOISE_PX
"""A model that saw a region of the picture, and one that sees it all, differ by more than noise."""


def diagnose_capture(
    given: Capture,
    *,
    home: Path | None = None,
    stored: Pixels | None = None,
    bundle: Path | None = None,
    noise: float = NOISE_PX,
    runner: str | None = None,
    source: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Diagnosis:
    """Name the bug in a capture.

    home: the capture's folder, where its pictures are; None where options made it. stored: the
    first frame's pixels. bundle: runs every frame that has a picture. noise: pixels at 640 that
    boxes may differ by without a bug. Errors: MobileCatError.
    """
    first: Rerun | None = None
    frames = list(given.frames)
    found: dict[int, list[CapturedBox]] = {}
    for k, frame in enumerate(frames if bundle is not None else []):
        pixels = stored if k == 0 else None
        if pixels is None and frame.image and home is not None:
            pixels = read_stored(home / frame.image)
        if pixels is None or bundle is None:
            continue
        frames[k] = frame = frame.model_copy(update={"size_wh": (pixels.shape[1], pixels.shape[0])})
        truth = None
        if frame.true and not frame.app_drew:
            facts = frame.facts
            w, h = facts.image_wh
            norm = norm_from(frame.true_in, facts).boxes_xyxy([b.box_xyxy for b in frame.true])
            truth = norm * [w, h, w, h]
        result = rerun(
            bundle,
            pixels,
            frame.facts,
            truth=truth,
            runner=runner,
            source=source,
            progress=progress,
        )
        first = first or result
        turn = int(result.restored.chain.orientation)
        # What the model cannot tell is no fact: only what else is said of the frame stays one.
        if result.upright_told or frame.facts.orientation != turn:
            frames[k] = frame.model_copy(update={"upright": turn})
        found[k] = _captured(result.restored.found)
    # A capture without a box says that none was drawn; options without --observed say nothing.
    drawn = home is not None or any(f.drawn or f.outputs for f in frames)
    if first is not None and not drawn:
        return Diagnosis(None, None, first, stored, _pictures(frames, home))
    frames, found = _once(frames, found)
    pictures = _pictures(frames, home)
    setting = setting_of(given.model_copy(update={"frames": tuple(frames)}), found)
    if found and any(f.facts.region != FULL_REGION for f in frames):
        noise = max(noise, REGION_NOISE_PX)
    answer = diagnose(setting.scenes, noise)
    if answer.verdict == "no boxes" and not (answer.missing or answer.extra):
        if first is None:
            fix = "capture a frame with an object in it, or give DIR --image FILE"
            raise MobileCatError("These frames cannot be diagnosed", [Problem(NOTHING, fix=fix)])
        return Diagnosis(None, None, first, stored, pictures)
    return Diagnosis(answer, setting, first, stored, pictures)


def _captured(found: Detections) -> list[CapturedBox]:
    """Return what a model finds as boxes of a capture, without those that no capture can hold: with
    a wrong range some networks give boxes of millions of pixels."""
    there = np.abs(found.boxes_xyxy).max(axis=1, initial=0.0) <= FARTHEST
    return [CapturedBox.model_validate(row) for row in found.chosen(there).to_json()]


def _pictures(frames: Sequence[CapturedFrame], home: Path | None) -> tuple[Path | None, ...]:
    """Return each frame's picture: a capture names it beside itself."""
    return tuple(home / f.image if home is not None and f.image else None for f in frames)
