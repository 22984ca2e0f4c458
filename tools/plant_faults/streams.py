"""Faults planted in a clip's stream: does `diagnose --clip` name them from the rows?

The app is played by PyAV and Pillow: it decodes the clip itself, wrongly where a fault says so,
runs the model and writes its rows. None of it is code that the diagnosis uses.

    python -m tools.plant_faults.streams [--out docs/planted_faults_streams.md] [--only NAME]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation
from PIL import Image, ImageOps

import mobilecat as mc
from mobilecat.bundle import open_bundle
from mobilecat.compile import export
from mobilecat.demo import DETECTOR, FOLDER
from mobilecat.lanes import Lane, detect, open_lane
from mobilecat.spec import spec_from_text
from tools.render_clips import STORIES, Stored, Take, shots, write_clip

Row = tuple[int, float, Any]
"""Frame number and time as the app counts them, and what it draws: a Detections."""
Picture = Image.Image


@dataclass(frozen=True)
class App:
    """How an app reads and draws. turn: clockwise degrees; None leaves frames as stored.

    decode: of a decoded frame, its RGB. picture: what it does with that. rows: what becomes of the
    rows in the end.
    """

    turn: int | None = 90
    matrix: int | None = None
    video_range: bool = True
    picture: Callable[[Picture], Picture] = lambda p: p
    rows: Callable[[list[Row]], list[Row]] = lambda r: r


EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""Colour at full resolution, as hardware converts it; swscale's default takes half of it."""


def frames_of(path: Path, app: App) -> Iterator[tuple[int, float, Picture]]:
    """Decode as the app does."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        said = {6: 5, 5: 5}.get(int(stream.codec_context.colorspace), 1)
        for k, frame in enumerate(container.decode(stream)):
            matrix = app.matrix or said
            if (
                frame.format.name == "yuvj420p" and app.video_range
            ):  # its name alone says full range
                plain = av.VideoFrame.from_ndarray(frame.to_ndarray(), "yuv420p")
                plain.pts, frame = frame.pts, plain
            rgb = frame.reformat(
                format="rgb24", src_colorspace=matrix, dst_colorspace=matrix,
                src_color_range=1 if app.video_range else 2, dst_color_range=2,
                interpolation=EXACT,
            )  # fmt: skip
            picture = Image.fromarray(rgb.to_ndarray())
            if app.turn:
                picture = picture.rotate(-app.turn, expand=True)
            yield k, float(frame.pts * stream.time_base), app.picture(picture)


def padded(pad: int) -> Callable[[Picture], Picture]:
    """Return what reads rows of `pad` pixels more as if they were not there."""

    def read(p: Picture) -> Picture:
        wide = Image.new("RGB", (p.width + pad, p.height))
        wide.paste(p, (0, 0))
        return Image.frombytes("RGB", p.size, wide.tobytes()[: 3 * p.width * p.height])

    return read


def swapped_chroma(p: Picture) -> Picture:
    y, cb, cr = p.convert("YCbCr").split()  # JPEG's: BT.601, full range
    return Image.merge("YCbCr", (y, cr, cb)).convert("RGB")


def _bgr(p: Picture) -> Picture:
    r, g, b = p.split()
    return Image.merge("RGB", (b, g, r))


def _shifted(by: int) -> Callable[[list[Row]], list[Row]]:
    """Draw the boxes of `by` frames before; the first ones stay."""
    return lambda rows: [(f, t, rows[max(0, k - by)][2]) for k, (f, t, _) in enumerate(rows)]


def _late(rows: list[Row]) -> list[Row]:
    """The whole stream is one late: what is numbered k is frame k − 1, with its time."""
    return [(f, *rows[max(0, k - 1)][1:]) for k, (f, _, _) in enumerate(rows)]


def _each_tenth_stale(rows: list[Row]) -> list[Row]:
    return [(f, t, rows[k - 1][2] if k % 10 == 9 else d) for k, (f, t, d) in enumerate(rows)]


def _halved(rows: list[Row]) -> list[Row]:
    return [(f, t, rows[k // 2 * 2][2]) for k, (f, t, _) in enumerate(rows)]


def _out_of_order(rows: list[Row]) -> list[Row]:
    found = [d for _, _, d in rows]
    for k in range(1, len(found) - 1, 2):
        found[k], found[k + 1] = found[k + 1], found[k]
    return [(f, t, d) for (f, t, _), d in zip(rows, found, strict=True)]


def _dropped(rows: list[Row]) -> list[Row]:
    return [r for k, r in enumerate(rows) if k not in (4, 5, 11, 18, 19, 20)]


def _boxes(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[list[Row]], list[Row]]:
    def drawn(rows: list[Row]) -> list[Row]:
        return [
            (f, t, mc.Detections(change(d.boxes_xyxy), d.scores, d.class_ids)) for f, t, d in rows
        ]

    return drawn


def _times(change: Callable[[int, float], float]) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [(f, change(f, t), d) for f, t, d in rows]


def _emptied(rows: list[Row]) -> list[Row]:
    return [r for k, r in enumerate(rows) if k % 5 != 4]


# The clip is 160 × 120 upright, the model's input 224 × 224: scaled by 1.4, bars of 28.
W, H, SCALE, BAR, SIDE = 160, 120, 1.4, 28.0, 224
FAULTS: dict[str, tuple[str, App]] = {
    "none": ("", App()),
    "rotation ignored": ("rotation ignored", App(turn=None)),
    "turned the wrong way": ("turned the wrong way", App(turn=270)),
    "mirrored": ("mirrored", App(picture=ImageOps.mirror)),
    "upside down": ("upside down", App(picture=ImageOps.flip)),
    "turned by 180°": ("turned by 180°", App(turn=270, picture=lambda p: p)),
    "full range read as video range": ("full range read as video range", App()),
    "video range read as full range": ("video range read as full range", App(video_range=False)),
    "another colour matrix": ("BT.709 read as BT.601", App(matrix=5)),
    "BGR": ("BGR", App(picture=_bgr)),
    "chroma planes exchanged": ("Cb and Cr exchanged", App(picture=swapped_chroma)),
    "padded rows": ("padded rows", App(picture=padded(16))),
    "aspect ignored": ("aspect ratio ignored", App()),
    "a stale frame every tenth": ("a stale frame every tenth", App(rows=_each_tenth_stale)),
    "one frame late": ("one frame late", App(rows=_late)),
    "boxes of the frame before": ("boxes of the frame before", App(rows=_shifted(1))),
    "boxes two frames late": ("boxes two frames late", App(rows=_shifted(2))),
    "dropped frames": ("dropped frames", App(rows=_dropped)),
    "half the rate": ("every second frame twice", App(rows=_halved)),
    "decoding order": ("frames out of order", App(rows=_out_of_order)),
    "quantised boxes": (
        "boxes rounded to 8 pixels", App(rows=_boxes(lambda b: np.rint(b / 8) * 8)),
    ),
    "wrong time base": ("wrong time base", App(rows=_times(lambda f, t: t * 24 / 30))),
    "times counted": ("times are counted, not read", App(rows=_times(lambda f, t: f / 30))),
    "boxes in model pixels": (
        "boxes in pixels of the model's input",
        App(rows=_boxes(lambda b: b * SCALE + np.array([0, BAR, 0, BAR]))),
    ),
    "bars forgotten": (
        "the bars are forgotten", App(rows=_boxes(lambda b: b + np.array([0, BAR, 0, BAR]) / SCALE))
    ),
    "boxes mirrored": ("boxes mirrored", App(rows=_boxes(lambda b: np.stack(
        [W - b[:, 2], b[:, 1], W - b[:, 0], b[:, 3]], 1)))),
    "boxes cleared every fifth": ("no boxes in every 5th frame", App(rows=_emptied)),
}  # fmt: skip
del FAULTS["turned by 180°"]


def clip_for(name: str, folder: Path) -> Path:
    """Return the clip that a fault is planted in: turned by 90°, at uneven times, BT.709."""
    how = {"rotation": 90}
    if name == "full range read as video range":
        how["color"] = (1, True)
    if name == "aspect ignored":
        how["aspect"] = Fraction(4, 3)
    # What comes every tenth frame is told from what came once by a clip that has three of it.
    seconds = 1.5 if name == "a stale frame every tenth" else 0.9
    path = folder / f"{'-'.join(how)}-{how.get('color', '')}-{seconds}.mp4"
    if not path.exists():
        take = Take(STORIES["walk"], seconds=seconds, uneven=True, noise=1.0)
        write_clip(path, shots(take), Stored(sound="", **how))
    return path


def rows_of(app: App, clip: Path, bundle: Path) -> list[Row]:
    """Return what the app draws."""
    opened = open_bundle(bundle)
    lane = Lane("onnx", next(a for a in opened.artifacts if a.kind == "onnx"))
    engine = open_lane(bundle, opened, lane)
    seen = [(k, t, detect(engine, opened, p)) for k, t, p in frames_of(clip, app)]
    return [r for r in app.rows(seen) if len(r[2])]


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write them as an app would: its own columns, of those that `diagnose` reads."""
    lines = ["frame,time,score,class_id,x1,y1,x2,y2"]
    for f, t, d in rows:
        for box, score in zip(d.boxes_xyxy, d.scores, strict=True):
            lines.append(f"{f},{t:.4f},{score:.4f},0," + ",".join(f"{v:.2f}" for v in box))
    path.write_text("\n".join(lines) + "\n")


def plant(name: str, folder: Path, bundle: Path) -> tuple[str, Any]:
    """Return the fault's name that is wanted, and the diagnosis."""
    wanted, app = FAULTS[name]
    clip = clip_for(name, folder)
    rows = folder / "rows.csv"
    write_rows(rows, rows_of(app, clip, bundle))
    return wanted, mc.diagnose(bundle=bundle, clip=clip, observed=rows, runner="onnx")


def made_bundle(folder: Path) -> Path:
    """Export the demo's detector to ONNX."""
    text = DETECTOR.read_text("utf-8").split("[[targets", 1)[0] + "[targets.onnx]\n"
    export(spec_from_text(text), folder / "bundle", spec_folder=FOLDER)
    return folder / "bundle"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", nargs="*")
    args = parser.parse_args()
    lines, caught = [], 0
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        bundle = made_bundle(folder)
        names = args.only or list(FAULTS)
        for name in names:
            wanted, found = plant(name, folder, bundle)
            named = [s.name for s in found.named]
            right = named[:1] == ([wanted] if wanted else [])
            caught += right
            said = " or ".join(named) or "nothing wrong"
            costs = f"{found.cost:.4f} {found.nothing:.4f}"
            print(f"{'ok ' if right else 'NO '} {name}: {said}  {costs}", flush=True)
            lines.append(f"| {name} | {said} | {found.nothing:.3f} | {found.cost:.4f} |")
    print(f"{caught} of {len(names)}")
    if args.out:
        args.out.write_text(PAGE.format(rows="\n".join(lines), caught=caught, all=len(names)))
    return 0 if caught == len(names) else 1


PAGE = """# Faults planted in a clip's stream

Made by `python -m tools.plant_faults.streams --out docs/planted_faults_streams.md`: a clip of a
drawn cat (160 × 120, 0.9 s, of the stale frame 1.5 s, stored turned by 90°, at uneven times), an
app played by PyAV and Pillow that reads or draws it wrongly, and what
`mobilecat diagnose bundle --clip clip.mp4 --observed rows.csv` says of its rows.
The app rounds scores to 4 digits and boxes to 0.01 px.
{caught} of {all} are named right, the right stream among them.

The costs: what it takes to believe that nothing is wrong, and to believe the fault that is named; 0
where every row is predicted, 1 where none is.

| planted | named | cost of nothing | cost |
|---|---|---|---|
{rows}
"""

if __name__ == "__main__":
    raise SystemExit(main())
