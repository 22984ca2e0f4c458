"""A clip through the lanes of a bundle: decoding in a child, inference here, a frame at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.clips.clip import Clip, Frame
from mobilecat.clips.writing import SUFFIXES, ClipWriter, new_clip
from mobilecat.compare.compare import Check
from mobilecat.compare.match import compare_detections
from mobilecat.compare.tolerances import Limits, limits_of
from mobilecat.errors import MobileCatError, Problem
from mobilecat.formats.base.runner import NotRun, Runner
from mobilecat.geometry.affine import Affine
from mobilecat.lanes.base import Lane, lanes_of
from mobilecat.lanes.worker import home_of
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.drawing import draw_detections
from mobilecat.playback.phones import Setup, setup_named
from mobilecat.playback.result import LaneReplay, Replay
from mobilecat.playback.rows import CsvWriter, columns_of, rows_of
from mobilecat.playback.spread import Seen, idle_on, seen_here, seen_on
from mobilecat.playback.through import Agreement, Through
from mobilecat.rows import ROWS
from mobilecat.spec import RawHead
from mobilecat.spread import workers_on
from mobilecat.tracks.stability import Steadiness, faults

Each = Callable[[Frame, dict[str, Detections]], object]


@dataclass
class _Running:
    """A lane on the way. engine: None where workers have it."""

    lane: Lane
    engine: Runner | None
    limits: Limits
    steadiness: Steadiness
    found: int = 0
    seconds: float = 0.0
    differing: list[int] = field(default_factory=list)
    differs: int = 0
    first_difference: str = ""
    largest: dict[str, float] = field(default_factory=dict)


def replay(
    folder: Path,
    bundle: Bundle,
    clip: Clip,
    *,
    every: int = 1,
    runner: str | Sequence[str] | None = None,
    artifact: str | None = None,
    csv: Path | None = None,
    draw: Path | None = None,
    simulate: str | None = None,
    opener: Callable[[Lane], Runner],
    on: str | None = None,
    source: Path | None = None,
    each: Each = lambda *_: None,
    progress: Callable[[str], None] = lambda _: None,
) -> Replay:
    """Run the lanes on every frame of `clip`, which gives each N-th (`every`) already.

    runner: one engine, or several; all without. csv: a row a detection. draw: the clip again, boxes
    of the first lane on it. simulate: a phone that the frames go through (`phones`). on: Dask's
    workers, who run the frames (`playback.spread`) and open the engines, with the model at `source`
    where it is not the bundle's; `opener` does else. each: is told what every lane found in a
    frame.
    Errors: MobileCatError for a bundle without detections, a lane or phone that is not there, where
    no lane runs; ImageError for a clip that is not whole, after what could be read.
    """
    spec = bundle.spec
    if spec.input is None or isinstance(spec.head, RawHead):
        said = Problem("its head is raw", str(folder), "name a head in the spec; export again")
        raise MobileCatError("This bundle gives tensors, not detections", [said])
    if draw is not None and draw.suffix.lower() not in SUFFIXES:
        fix = f"one of {', '.join(SUFFIXES)}"
        raise MobileCatError("This is no clip", [Problem(str(draw), "--draw", fix)])
    setup = None
    if simulate is not None:
        if isinstance(bundle, CascadeBundle):
            said = Problem("a cascade crops by itself", "--simulate", "replay its detector")
            raise MobileCatError("A phone is simulated for one model", [said])
        setup = setup_named(simulate, spec.input)
    if on is not None and simulate is not None:
        said = Problem("a phone is simulated in this process", "--simulate", "leave --on out")
        raise MobileCatError("These do not go together", [said])
    lanes = _lanes(bundle, runner, artifact)
    with ExitStack() as stack:
        if on is None:
            running, idle = _opened(bundle, lanes, opener)
            engines = {r.lane.name: r.engine.infer for r in running if r.engine is not None}
            frames = seen_here(bundle, engines, clip)
        else:
            workers = stack.enter_context(workers_on(on, None, progress))
            home = home_of(folder, bundle, source)
            reasons = idle_on(workers, home, lanes)
            running, idle = _opened(bundle, lanes, lambda lane: _elsewhere(lane, reasons))
            frames = seen_on(workers, home, bundle, [r.lane for r in running], clip)
        rows = _csv(csv, bundle)
        if rows is not None:
            stack.callback(rows.close)
        loop = _Loop(bundle, running, rows, draw, clip, setup, stack, each, progress, every)
        loop.run(frames)
        if rows is not None:
            rows.finish()
    return loop.result(idle, csv, draw)


def _lanes(bundle: Bundle, runner: str | Sequence[str] | None, artifact: str | None) -> list[Lane]:
    """Return the lanes of each runner that is named, all without; each once."""
    named = [runner] if runner is None or isinstance(runner, str) else list(runner)
    found = [lane for name in named for lane in lanes_of(bundle, name, artifact, slow=False)]
    return list({lane.name: lane for lane in found}.values())


def _csv(path: Path | None, bundle: Bundle) -> CsvWriter | None:
    if path is None:
        return None
    names = {t.name for t in bundle.outputs}
    columns = columns_of(_landmark_names(bundle), "angles" in names, "masks" in names)
    return CsvWriter(path, columns)


def _landmark_names(bundle: Bundle) -> Sequence[str]:
    """Return the landmarks' names; their numbers where the spec names none."""
    if bundle.spec.landmarks:
        return bundle.spec.landmarks
    found = next((t for t in bundle.outputs if t.name == "landmarks"), None)
    if found is None:
        return ()
    count = ROWS["landmarks"].rows(np.zeros(found.shape), found.shape[1]).shape[1]
    return [f"landmark{k}" for k in range(count)]


def _elsewhere(lane: Lane, reasons: Mapping[str, str]) -> None:
    """Open nothing, as workers do that; NotRun where they said why they cannot."""
    if lane.name in reasons:
        raise NotRun(reasons[lane.name])


def _opened(
    bundle: Bundle, lanes: Sequence[Lane], opener: Callable[[Lane], Runner | None]
) -> tuple[list[_Running], list[LaneReplay]]:
    nms = bundle.spec.effective_nms
    running, idle = [], []
    for lane in lanes:
        try:
            engine = opener(lane)
        except NotRun as why:
            idle.append(LaneReplay(lane, not_run=str(why)))
            continue
        threshold = nms.score_threshold if nms else None
        running.append(_Running(lane, engine, limits_of(lane, bundle), Steadiness(threshold)))
    if not running:
        problems = [Problem(i.not_run, i.lane.name) for i in idle]
        raise MobileCatError("Nothing ran", problems)
    # The source first: the others are held to it.
    return sorted(running, key=lambda r: r.lane.artifact is not None), idle


class _Loop:
    """Frames through lanes. wall: seconds of all; work: seconds of fitting and inference alone."""

    def __init__(
        self,
        bundle: Bundle,
        running: list[_Running],
        rows: CsvWriter | None,
        draw: Path | None,
        clip: Clip,
        setup: Setup | None,
        stack: ExitStack,
        each: Each,
        progress: Callable[[str], None],
        every: int,
    ) -> None:
        self._bundle, self._running, self._rows, self._clip = bundle, running, rows, clip
        self._draw, self._stack, self._each, self._progress = draw, stack, each, progress
        self._every = every
        self._through = {r.lane.name: Through(setup, r.limits) for r in running} if setup else {}
        self._setup = setup
        self._writer: ClipWriter | None = None
        self.frames, self.wall, self.work = 0, 0.0, 0.0

    def run(self, frames: Iterable[tuple[Frame, Seen]]) -> None:
        start = perf_counter()
        for frame, seen in frames:
            found = self._frame(frame, seen)
            self._write(frame, found)
            self._each(frame, found)
            self.frames += 1
            self.wall = perf_counter() - start
            self._progress(self._words(frame))
        if self._writer is not None:
            self._progress("writing the last frames")
        self.wall = perf_counter() - start

    def _words(self, frame: Frame) -> str:
        total = self._clip.facts.frames
        of = f" of {total}" if total else ""
        at = "" if frame.seconds is None else f", {frame.seconds:.2f} s"
        return f"frame {frame.index + 1}{of}{at}, {self.frames / self.wall:.1f} frames/s"

    def _frame(self, frame: Frame, seen: Seen) -> dict[str, Detections]:
        to_model, found = seen.plan.model_from_image, seen.found
        source: Detections | None = None
        source_ids: list[int] | None = None
        for r in self._running:
            r.seconds += seen.seconds[r.lane.name]
            r.found += len(found[r.lane.name])
        self.work += seen.work
        shown = dict(found)
        for r in self._running:
            got = found[r.lane.name]
            ids = r.steadiness.add(self.frames, got.placed(to_model), source, source_ids)
            if r.lane.artifact is None:
                source, source_ids = got.placed(to_model), ids
            elif source is not None:
                self._hold(r, frame, found["source"], got, to_model)
            if r.lane.name in self._through:
                assert self._setup is not None and r.engine is not None
                through = self._through[r.lane.name]
                shown[r.lane.name] = through.run(r.engine, self._bundle, frame, got, to_model)
        return shown

    def _hold(
        self, r: _Running, frame: Frame, want: Detections, got: Detections, to_model: Affine
    ) -> None:
        """Compare a lane's detections with the source's of the same frame."""
        nms = self._bundle.spec.effective_nms
        threshold = nms.score_threshold if nms else None
        checks = compare_detections(want, got, r.limits, to_model, threshold, "source")
        for check in checks:
            if check.value is not None and check.name in ("boxes", "landmarks", "scores"):
                r.largest[check.name] = max(r.largest.get(check.name, 0.0), check.value)
        bad = next((c for c in checks if c.verdict == "FAIL"), None)
        if bad is not None:
            r.differs += 1
            r.differing += [frame.index] if len(r.differing) < 20 else []
            r.first_difference = r.first_difference or f"frame {frame.index}: {_of(bad)}"

    def _write(self, frame: Frame, found: dict[str, Detections]) -> None:
        spec = self._bundle.spec
        if self._rows is not None:
            names = _landmark_names(self._bundle)
            rows = [
                row
                for lane, got in found.items()
                for row in rows_of(frame, lane, got, spec.labels, names)
            ]
            self._rows.write(rows)
        if self._draw is not None:
            if self._writer is None:
                made = new_clip(self._draw, self._clip, frame.wh)
                self._writer = self._stack.enter_context(made)
            lane = next((n for n, f in found.items() if len(f)), next(iter(found)))
            self._writer.add(frame, drawn(frame, found[lane], lane, self._bundle))

    def result(self, idle: Sequence[LaneReplay], csv: Path | None, draw: Path | None) -> Replay:
        """Return what the clip showed."""
        lanes = list(self._lanes())
        copied = self._writer.copied if self._writer else 0
        return Replay(
            self._bundle.name,
            self._clip.facts,
            self._every,
            self.frames,
            self.wall,
            self.work,
            (*lanes, *idle),
            self._setup.name if self._setup else None,
            csv,
            draw if self._writer else None,
            copied,
        )

    def _lanes(self) -> Iterator[LaneReplay]:
        source = None
        for r in self._running:
            steady = r.steadiness.finish()
            said = []
            if r.differs:
                n = f"{r.differs} of {self.frames} frames differ from the source"
                said.append(f"{n}, first {r.first_difference}")
            if r.lane.artifact is None:
                source = steady
            elif source is not None:
                said += faults(steady, source, r.limits.boxes_px)
            through: Agreement | None = None
            if r.lane.name in self._through:
                through = self._through[r.lane.name].agreement
                said += through.faults(self._setup.name if self._setup else "")
            yield LaneReplay(
                r.lane,
                self.frames,
                r.found,
                1e3 * r.seconds / max(1, self.frames),
                steady,
                r.differs if r.lane.artifact is not None and source is not None else None,
                dict(r.largest),
                through,
                tuple(said),
            )


def _of(check: Check) -> str:
    return f"{check.name}: {check.detail or check.value}"


def drawn(frame: Frame, found: Detections, lane: str, bundle: Bundle) -> np.ndarray:
    """Return the frame with what a lane found, its number, its time and the lane's name on it."""
    from PIL import Image, ImageDraw, ImageFont

    spec = bundle.spec
    picture = draw_detections(
        Image.fromarray(frame.pixels), found, spec.labels, spec.landmarks, spec.skeleton
    )
    pen = ImageDraw.Draw(picture)
    size = max(9, round(min(picture.size) / 28))
    font = ImageFont.load_default(size=size)
    at = "" if frame.seconds is None else f"  {frame.seconds:.3f} s"
    text = f"{frame.index}{at}  {lane}"
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    y = picture.height - (bottom - top) - 6
    pen.rectangle((0, y - 2, right - left + 8, picture.height), fill="black")
    pen.text((4 - left, y - top), text, fill="white", font=font)
    return np.asarray(picture, np.uint8)
