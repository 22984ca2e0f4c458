"""`make demo`: two models of our own through the whole of mobilecat, and a picture of cats.

With --svg FILE the terminal's picture is written as well: the one in the README.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.table import Table

    from mobilecat.bundle.cascade import CascadeBundle
    from mobilecat.judge.report import Report
    from mobilecat.lanes import Lane, Runner
    from mobilecat.pictures.detections import Detections

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "demo"
GOLDEN = ROOT / "golden"
DRAWN = ROOT / "mobilecat" / "demo" / "pictures"
SHARED = ROOT.parent / "shared" / "data"
TIMED_RUNS = 3


@dataclass(frozen=True)
class Row:
    """One lane. box, landmark: largest distance from the source's, in pixels of the pictures."""

    lane: Lane
    milliseconds: float
    found: Sequence[Detections]
    box: float
    landmark: float
    same_count: bool


def main() -> int:
    svg = Path(sys.argv[2]) if sys.argv[1:2] == ["--svg"] else None
    console = Console(highlight=False, record=svg is not None, width=100 if svg else None)
    code = demo(console)
    if svg is not None:
        svg.parent.mkdir(parents=True, exist_ok=True)
        svg.write_text(console.export_svg(title="make demo"), encoding="utf-8")
    return code


def demo(console: Console) -> int:
    """Compile, run, hold to goldens and coordinates, draw; 0 where everything held."""
    from mobilecat.bundle.cascade import CascadeBundle, open_any
    from mobilecat.compile.cascade import export_cascade
    from mobilecat.demo import CASCADE

    begun = perf_counter()
    folder = OUT / "cats"
    with console.status("compiling") as status:
        step = status.update
        export_cascade(CASCADE, folder, progress=step)
        compiled = perf_counter() - begun
        bundle = open_any(folder)
        assert isinstance(bundle, CascadeBundle)
        pictures = _pictures()
        rows, not_run = _run(folder, bundle, list(pictures.values()), step)
        report, placed = _validated(folder, step)
    console.print(
        f"compiled in {compiled:.1f} s: a detector of cats' faces, nine landmarks in each, "
        f"{len(rows) - 1} ways to ship them"
    )
    console.print(_table(rows, report))
    for line in not_run:
        console.print(line, style="dim", soft_wrap=True)
    console.print(_sentence(report, placed))
    drawn = _draw(list(pictures.values()), rows[0].found, bundle)
    drawn.save(OUT / "cats.png")
    for what, file in (("the cats", "cats.png"), ("the report", "report.html")):
        console.print(f"{what + ':':12}{(OUT / file).relative_to(ROOT)}")
    console.print(f"{perf_counter() - begun:.0f} s in all. Your own model next:", style="bold")
    console.print(
        "  .venv/bin/mobilecat init your_model.onnx --image photo.jpg   writes mobilecat.toml\n"
        "  .venv/bin/mobilecat export                                   compiles it into bundle/\n"
        "  .venv/bin/mobilecat run photo.jpg --draw boxes.png           runs every artifact\n"
        "  docs/first-hour.md                                           the way from there"
    )
    agree = all(row.same_count for row in rows)
    return 0 if report.held and placed.held and agree else 1


def _pictures() -> dict[str, Image]:
    """The real photo, and the drawn pictures that are the goldens."""
    import skimage

    from mobilecat.pictures.reading import read_picture

    photo = Path(skimage.__file__).parent / "data" / "chelsea.png"
    return {p.stem: read_picture(p) for p in [photo, *sorted(DRAWN.glob("*.png"))]}


def _run(
    folder: Path, bundle: CascadeBundle, pictures: Sequence[Image], step: Callable[[str], None]
) -> tuple[list[Row], list[str]]:
    """Run every lane on every picture; the source comes first, the others are held to it."""
    from mobilecat.lanes import NotRun, lanes_of, open_lane

    rows: list[Row] = []
    not_run = []
    for lane in lanes_of(bundle):
        step(f"running {lane.name}")
        try:
            runner = open_lane(folder, bundle, lane)
        except NotRun as reason:
            not_run.append(f"{lane.name}: NOT_RUN, {reason}")
            continue
        found, times = _found(runner, bundle, pictures)
        expected = rows[0].found if rows else found
        same = all(len(a) == len(b) for a, b in zip(found, expected, strict=True))
        box, landmark = _apart(found, expected) if same else (float("nan"), float("nan"))
        rows.append(Row(lane, sorted(times)[len(times) // 2] * 1e3, found, box, landmark, same))
    return rows, not_run


def _found(
    runner: Runner, bundle: CascadeBundle, pictures: Sequence[Image]
) -> tuple[list[Detections], list[float]]:
    """Return what a lane finds on each picture, and the seconds of runs on the first."""
    from mobilecat.lanes import decode_outputs
    from mobilecat.lanes.inputs import picture_inputs

    found, times = [], []
    for picture in pictures:
        tensors, plan = picture_inputs(bundle, picture)
        found.append(decode_outputs(runner.infer(tensors), plan))
    tensors, _ = picture_inputs(bundle, pictures[0])
    for _ in range(TIMED_RUNS):
        start = perf_counter()
        runner.infer(tensors)
        times.append(perf_counter() - start)
    return found, times


def _apart(found: Sequence[Detections], expected: Sequence[Detections]) -> tuple[float, float]:
    import numpy as np

    box = landmark = 0.0
    for ours, theirs in zip(found, expected, strict=True):
        box = max(box, float(np.abs(ours.boxes_xyxy - theirs.boxes_xyxy).max(initial=0)))
        assert ours.landmarks_xy is not None and theirs.landmarks_xy is not None
        away = np.abs(ours.landmarks_xy - theirs.landmarks_xy)
        landmark = max(landmark, float(away.max(initial=0)))
    return box, landmark


def _validated(folder: Path, step: Callable[[str], None]) -> tuple[Report, Any]:
    """Hold the cascade to its goldens, its detector to the coordinates; write the page."""
    from mobilecat.coordinates.chains import check_coordinates
    from mobilecat.disk import write_text
    from mobilecat.judge.run import validate
    from mobilecat.judge.saved import recording
    from mobilecat.report.html import report_page

    with recording(None) as recorder:
        report = validate(folder, GOLDEN, progress=step, opener=recorder, write_pending=False)
        placed = check_coordinates(folder / "detector", GOLDEN, progress=step)
        write_text(OUT / "report.html", report_page(report, recorder.saved, placed.to_json()))
    return report, placed


def _table(rows: Sequence[Row], report: Report) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("runner", "format", "size", "latency", "cats", "box", "landmark", "goldens"):
        left = title in ("runner", "format", "goldens")
        table.add_column(title, justify="left" if left else "right", no_wrap=True)
    for row in rows:
        runner = row.lane.runner
        cats = str(sum(map(len, row.found)))
        ms = f"{row.milliseconds:.0f} ms"
        verdict = report.verdict(row.lane)
        if row is rows[0]:
            table.add_row(runner, "", "", ms, cats, "", "", verdict)
            continue
        apart = [f"{row.box:.4f} px", f"{row.landmark:.4f} px"]
        apart = apart if row.same_count else ["another count", ""]
        assert row.lane.artifact is not None
        size = f"{row.lane.artifact.bytes / 1e6:.1f} MB"
        table.add_row(runner, Path(row.lane.artifact.file).suffix, size, ms, cats, *apart, verdict)
    return table


def _sentence(report: Report, placed: Any) -> str:
    goldens = "held" if report.held else "FELL SHORT"
    chains = "held" if placed.held else "FELL SHORT"
    return (
        f"{len(report.cases)} goldens {goldens}; {len(placed.rows)} chains of rotation, crop, "
        f"gravity and buffer format {chains}.\n"
        "Differences are from the source models, in pixels of the pictures."
    )


def _draw(pictures: Sequence[Image], found: Sequence[Detections], bundle: CascadeBundle) -> Image:
    """Return the pictures side by side, in rows of equal height, with what was found."""
    from PIL import Image

    from mobilecat.pictures.drawing import draw_detections

    width, gap = 1200, 8
    tiles = [
        draw_detections(picture, detections, bundle.labels)
        for picture, detections in zip(pictures, found, strict=True)
    ]
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


if __name__ == "__main__":
    sys.exit(main())
