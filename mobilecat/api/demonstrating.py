"""`mc.demonstrate`: two models of our own through the whole of mobilecat, and a picture of cats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from mobilecat.api.given import PathLike, Progress, silent
from mobilecat.bundle.cascade import CascadeBundle, open_any
from mobilecat.demo import CASCADE, GOLDEN, PHOTO, PICTURES
from mobilecat.disk import write_text
from mobilecat.lanes import Lane, NotRun, Runner, decode_outputs, lanes_of, open_lane
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.drawing import draw_detections, save_picture
from mobilecat.pictures.reading import read_picture
from mobilecat.shown import Column, Line, Shown, Table

if TYPE_CHECKING:
    from PIL.Image import Image

    from mobilecat.coordinates.report import CoordinateReport
    from mobilecat.judge.report import Report

_TIMED_RUNS = 3


@dataclass(frozen=True)
class LaneShown:
    """One lane. box, landmark: largest distance from the source's, in pixels of the pictures; of
    lanes that find another number of cats, not a number."""

    lane: Lane
    milliseconds: float
    found: Sequence[Detections]
    box: float
    landmark: float

    @property
    def same_count(self) -> bool:
        return bool(np.isfinite(self.box))


@dataclass(frozen=True, repr=False)
class Demonstration(Shown):
    """What the demo did. folder: where it wrote the bundle `cats`, `cats.png` and `report.html`.

    not_run: a sentence for each lane that this machine cannot run.
    """

    folder: Path
    lanes: tuple[LaneShown, ...]
    not_run: tuple[str, ...]
    report: Report
    coordinates: CoordinateReport
    compiled: float
    seconds: float

    @property
    def held(self) -> bool:
        agree = all(row.same_count for row in self.lanes)
        return self.report.held and self.coordinates.held and agree

    @property
    def exit_code(self) -> int:
        return 0 if self.held else 1

    def words(self) -> Iterator[Line | Table]:
        yield Line(
            f"compiled in {self.compiled:.1f} s: a detector of cats' faces, nine landmarks in "
            f"each, {len(self.lanes) - 1} ways to ship them"
        )
        yield self._table
        yield from (Line(line, "dim") for line in self.not_run)
        goldens = "held" if self.report.held else "FELL SHORT"
        chains = "held" if self.coordinates.held else "FELL SHORT"
        yield Line(
            f"{len(self.report.cases)} goldens {goldens}; {len(self.coordinates.rows)} chains of "
            f"rotation, crop, gravity and buffer format {chains}."
        )
        yield Line("Differences are from the source models, in pixels of the pictures.")
        yield Line(f"the cats:   {self.folder / 'cats.png'}")
        yield Line(f"the report: {self.folder / 'report.html'}")
        alone = self.folder / "cats" / "detector"
        yield Line(f"the detector alone: {alone} (run, explain and diagnose take it)")
        yield Line(f"{self.seconds:.0f} s in all. Your own model next:", "bold")
        yield Line("  mobilecat init your_model.onnx --image photo.jpg   writes mobilecat.toml")
        yield Line("  mobilecat export                                   compiles it into bundle/")
        yield Line("  mobilecat run photo.jpg --draw boxes.png           runs every artifact")
        yield Line("  mobilecat doctor                                   what is installed here")

    @property
    def _table(self) -> Table:
        columns = [Column("runner", "word"), Column("format", "word"), Column("size"),
                   Column("latency"), Column("cats"), Column("box"), Column("landmark"),
                   Column("goldens", "word")]  # fmt: skip
        return Table(columns, [self._row(row) for row in self.lanes])

    def _row(self, row: LaneShown) -> list[str]:
        cats = str(sum(map(len, row.found)))
        verdict = self.report.verdict(row.lane)
        ms = f"{row.milliseconds:.0f} ms"
        if row.lane.artifact is None:
            return [row.lane.runner, "", "", ms, cats, "", "", verdict]
        apart = [f"{v:.4f} px" if row.same_count else "–" for v in (row.box, row.landmark)]
        size = f"{row.lane.artifact.bytes / 1e6:.1f} MB"
        suffix = Path(row.lane.artifact.file).suffix
        return [row.lane.runner, suffix, size, ms, cats, *apart, verdict]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "schema": 1,
            "held": self.held,
            "folder": str(self.folder),
            "seconds": round(self.seconds, 1),
            "goldens": len(self.report.cases),
            "chains": len(self.coordinates.rows),
            "lanes": [
                {
                    "lane": row.lane.name,
                    "cats": sum(map(len, row.found)),
                    "milliseconds": round(row.milliseconds, 2),
                    "box_px": row.box if row.same_count else None,
                    "landmark_px": row.landmark if row.same_count else None,
                    "goldens": self.report.verdict(row.lane),
                }
                for row in self.lanes
            ],
            "not_run": list(self.not_run),
        }


def demonstrate(
    folder: PathLike = "mobilecat_demo", *, progress: Progress = silent
) -> Demonstration:
    """Compile the demo's two models, run every artifact, hold them to goldens, and draw the cats.

    folder: where the bundle, the picture and the report are written. It takes about half a minute.
    Errors: MobileCatError where that folder cannot be written.
    """
    from mobilecat.compile.cascade import export_cascade

    begun = perf_counter()
    home = Path(folder)
    bundled = home / "cats"
    progress("compiling")
    home.mkdir(parents=True, exist_ok=True)
    export_cascade(CASCADE, bundled, progress=progress)
    compiled = perf_counter() - begun
    bundle = open_any(bundled)
    assert isinstance(bundle, CascadeBundle)
    pictures = [read_picture(p) for p in (PHOTO, *sorted(PICTURES.glob("*.png")))]
    rows, not_run = _run(bundled, bundle, pictures, progress)
    report, placed = _validated(home, progress)
    save_picture(_sheet(pictures, rows[0].found, bundle.labels), home / "cats.png")
    seconds = perf_counter() - begun
    return Demonstration(home, tuple(rows), tuple(not_run), report, placed, compiled, seconds)


def _run(
    folder: Path, bundle: CascadeBundle, pictures: Sequence[Image], progress: Progress
) -> tuple[list[LaneShown], list[str]]:
    """Run every lane on every picture; the source comes first, the others are held to it."""
    rows: list[LaneShown] = []
    not_run = []
    for lane in lanes_of(bundle):
        progress(f"running {lane.name}")
        try:
            runner = open_lane(folder, bundle, lane)
        except NotRun as reason:
            not_run.append(f"{lane.name}: NOT_RUN, {reason}")
            continue
        found, times = _found(runner, bundle, pictures)
        box, landmark = _apart(found, rows[0].found if rows else found)
        rows.append(LaneShown(lane, sorted(times)[len(times) // 2] * 1e3, found, box, landmark))
    return rows, not_run


def _found(
    runner: Runner, bundle: CascadeBundle, pictures: Sequence[Image]
) -> tuple[list[Detections], list[float]]:
    """Return what a lane finds on each picture, and the seconds of runs on the first."""
    found, times = [], []
    for picture in pictures:
        tensors, plan = picture_inputs(bundle, picture)
        found.append(decode_outputs(runner.infer(tensors), plan))
    tensors, _ = picture_inputs(bundle, pictures[0])
    for _ in range(_TIMED_RUNS):
        start = perf_counter()
        runner.infer(tensors)
        times.append(perf_counter() - start)
    return found, times


def _apart(found: Sequence[Detections], expected: Sequence[Detections]) -> tuple[float, float]:
    box = landmark = 0.0
    for ours, theirs in zip(found, expected, strict=True):
        if len(ours) != len(theirs):
            return float("nan"), float("nan")
        box = max(box, float(np.abs(ours.boxes_xyxy - theirs.boxes_xyxy).max(initial=0)))
        assert ours.landmarks_xy is not None and theirs.landmarks_xy is not None
        away = np.abs(ours.landmarks_xy - theirs.landmarks_xy)
        landmark = max(landmark, float(away.max(initial=0)))
    return box, landmark


def _validated(home: Path, progress: Progress) -> tuple[Report, CoordinateReport]:
    """Hold the cascade to its goldens, its detector to the coordinates; write the page."""
    from mobilecat.coordinates.chains import check_coordinates
    from mobilecat.judge.run import validate
    from mobilecat.judge.saved import recording
    from mobilecat.report.html import report_page

    bundle = home / "cats"
    with recording(None) as recorder:
        report = validate(bundle, GOLDEN, progress=progress, opener=recorder, write_pending=False)
        placed = check_coordinates(bundle / "detector", GOLDEN, progress=progress)
        write_text(home / "report.html", report_page(report, recorder.saved, placed.to_json()))
    return report, placed


def _sheet(pictures: Sequence[Image], found: Sequence[Detections], labels: Sequence[str]) -> Image:
    """Return the pictures side by side, in rows of equal height, with what was found."""
    from PIL import Image

    width, gap = 1200, 8
    tiles = [draw_detections(p, d, labels) for p, d in zip(pictures, found, strict=True)]
    strips = [_strip(part, width, gap) for part in (tiles[:2], tiles[2:]) if part]
    height = sum(s.height for s in strips) + gap * (len(strips) - 1)
    sheet = Image.new("RGB", (width, height), "white")
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height + gap
    return sheet


def _strip(tiles: Sequence[Image], width: int, gap: int) -> Image:
    from PIL import Image

    inner = width - gap * (len(tiles) - 1)
    height = round(inner / sum(t.width / t.height for t in tiles))
    strip = Image.new("RGB", (width, height), "white")
    left = 0
    for tile in tiles:
        wide = round(tile.width * height / tile.height)
        strip.paste(tile.resize((wide, height)), (left, 0))
        left += wide + gap
    return strip
