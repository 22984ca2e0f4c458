"""Faults planted in streams that the rules of `diagnose --clip` were not written on.

Other scenes, sizes, lengths, codecs, seeds and another model; the same faults, at other phases and
steps. `streams.py` is the set that the rules were written on.

    python -m tools.plant_faults.streams_unseen DATA [--scene NAME …] [--only FAULT …]

DATA: the folder with astronaut.png and models/ (docs/development.md).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

import mobilecat as mc
from mobilecat.bundle import open_bundle
from mobilecat.compile import export
from mobilecat.lanes import Lane, detect, open_lane
from mobilecat.spec import spec_from_text
from tools.plant_faults.streams import (
    App,
    Row,
    _bgr,
    _boxes,
    _out_of_order,
    _shifted,
    _times,
    frames_of,
    made_bundle,
    padded,
    swapped_chroma,
    write_rows,
)
from tools.render_clips import Shot, Stored, Take, leave, shots, times, two, write_clip


@dataclass(frozen=True)
class Scene:
    """wh: upright. side: of the model's square input, or (width, height), letterboxed.

    rotation: clockwise degrees that turn a stored frame upright. bundle: (folder, DATA) → made.
    """

    name: str
    wh: tuple[int, int]
    side: tuple[int, int]
    how: Stored
    shots: Callable[[Path], Sequence[Shot]]
    bundle: Callable[[Path, Path], Path]

    @property
    def scale(self) -> float:
        return min(self.side[0] / self.wh[0], self.side[1] / self.wh[1])

    @property
    def bars(self) -> np.ndarray:
        w, h = ((s - self.scale * v) / 2 for s, v in zip(self.side, self.wh, strict=True))
        return np.array([w, h, w, h])


def _face(data: Path) -> list[Shot]:
    """A camera that pans over a photograph of a person, coming nearer; 24 uneven frames."""
    photo = Image.open(data / "astronaut.png").convert("RGB")
    take = Take(two, seconds=1.2, rate=30, uneven=True)
    found = []
    for t in times(take):
        side = 300 - 60 * float(t)
        x, y = 60 + 60 * float(t), 25 + 20 * np.sin(3 * float(t))
        crop = photo.resize((192, 256), Image.Resampling.BICUBIC, (x, y, x + 0.75 * side, y + side))
        noise = np.random.default_rng([91, int(t * 1000)]).normal(0, 1.5, (256, 192, 3))
        pixels = np.clip(np.asarray(crop, np.float64) + noise, 0, 255).astype(np.uint8)
        found.append(Shot(pixels, t, np.zeros((0, 4)), np.zeros((0, 9, 2)), ()))
    return found


def _yunet(folder: Path, data: Path) -> Path:
    text = f"""
name = "yunet"
source = "{data / "models/face_detection_yunet_2023mar.onnx"}"
labels = ["face"]
[input]
size = [320, 320]
color = "BGR"
range = [0, 255]
resize = "letterbox"
[head]
kind = "yunet"
[nms]
score_threshold = 0.5
[shapes]
input = [1, 3, 320, 320]
[targets.onnx]
"""
    export(spec_from_text(text), folder / "yunet", spec_folder=folder)
    return folder / "yunet"


def _leaving(data: Path) -> list[Shot]:
    """A cat that is gone for a while, in a tall picture; 16 even frames at 15 a second."""
    return list(shots(Take(leave, seconds=1.05, wh=(144, 192), rate=15, seed=31, noise=3)))


SCENES = {
    s.name: s
    for s in (
        Scene("face", (192, 256), (320, 320), Stored(rotation=270, sound=""), _face, _yunet),
        Scene(
            "leaving cat",
            (144, 192),
            (224, 224),
            Stored(rotation=180, sound="", color=(5, False)),
            _leaving,
            lambda folder, data: made_bundle(folder),
        ),
    )
}


def faults_of(scene: Scene) -> dict[str, tuple[str, App]]:
    """Return the faults of `streams.py`, for this scene, at phases and steps of its own.

    Left out: what makes no difference to a scene, such as counted times of even frames.
    """
    turn, w, k, bars = scene.how.rotation, scene.wh[0], scene.scale, scene.bars
    right = App(turn=turn)
    matrix = 1 if scene.how.color[0] == 5 else 5
    other = "BT.601 read as BT.709" if matrix == 1 else "BT.709 read as BT.601"

    def with_(**more: Any) -> App:
        return replace(right, **more)

    found = {
        "none": ("", right),
        "rotation ignored": ("rotation ignored", with_(turn=None)),
        "turned the wrong way": ("turned the wrong way", with_(turn=360 - turn)),
        "mirrored": ("mirrored", with_(picture=ImageOps.mirror)),
        "upside down": ("upside down", with_(picture=ImageOps.flip)),
        "full range read as video range": ("full range read as video range", right),
        "video range read as full range": (
            "video range read as full range", with_(video_range=False)
        ),
        "another colour matrix": (other, with_(matrix=matrix)),
        "BGR": ("BGR", with_(picture=_bgr)),
        "chroma planes exchanged": ("Cb and Cr exchanged", with_(picture=swapped_chroma)),
        "padded rows": ("padded rows", with_(picture=padded(48))),
        "aspect ignored": ("aspect ratio ignored", right),
        "a stale frame every tenth": ("a stale frame every tenth", with_(rows=_stale(10, 3))),
        "one frame late": ("one frame late", with_(rows=_one_late)),
        "boxes of the frame before": ("boxes of the frame before", with_(rows=_shifted(1))),
        "boxes two frames late": ("boxes two frames late", with_(rows=_shifted(2))),
        "dropped frames": ("dropped frames", with_(rows=_without(1, 2, 7, 8))),
        "half the rate": ("every second frame twice", with_(rows=_stale(2, 0))),
        "decoding order": ("frames out of order", with_(rows=_out_of_order)),
        "quantised boxes": (
            "boxes rounded to 16 pixels", with_(rows=_boxes(lambda b: np.rint(b / 16) * 16))
        ),
        "wrong time base": ("wrong time base", with_(rows=_times(lambda f, t: t * 1001 / 900))),
        "times counted": ("times are counted, not read", with_(rows=_times(lambda f, t: f / 25))),
        "boxes in model pixels": (
            "boxes in pixels of the model's input", with_(rows=_boxes(lambda b: b * k + bars))
        ),
        "bars forgotten": ("the bars are forgotten", with_(rows=_boxes(lambda b: b + bars / k))),
        "boxes mirrored": ("boxes mirrored", with_(rows=_boxes(lambda b: np.stack(
            [w - b[:, 2], b[:, 1], w - b[:, 0], b[:, 3]], 1)))),
        "boxes cleared every fifth": (
            "no boxes in every 5th frame",
            with_(rows=lambda rows: [r for i, r in enumerate(rows) if i % 5 != 2]),
        ),
    }  # fmt: skip
    if turn == 180:  # the same both ways
        del found["turned the wrong way"]
    if scene.name != "face":  # even frames: a count is right but for its rate
        del found["times counted"]
    return found


def _stale(each: int, at: int) -> Callable[[list[Row]], list[Row]]:
    """Repeat the boxes of the frame before in each N-th; of half the rate, in every odd one."""

    def drawn(rows: list[Row]) -> list[Row]:
        if each == 2:
            return [(f, t, rows[k - k % 2][2]) for k, (f, t, _) in enumerate(rows)]
        return [(f, t, rows[k - 1][2] if k % each == at else d) for k, (f, t, d) in enumerate(rows)]

    return drawn


def _one_late(rows: list[Row]) -> list[Row]:
    return [(f, *rows[max(0, k - 1)][1:]) for k, (f, _, _) in enumerate(rows)]


def _without(*gone: int) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [r for k, r in enumerate(rows) if k not in gone]


class Set:
    """One scene with its bundle, clips and plain detections, each made once."""

    def __init__(self, scene: Scene, folder: Path, data: Path) -> None:
        self._scene, self._folder = scene, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._shots = scene.shots(data)
        self.bundle = scene.bundle(folder, data)
        opened = open_bundle(self.bundle)
        lane = Lane("onnx", next(a for a in opened.artifacts if a.kind == "onnx"))
        engine = open_lane(self.bundle, opened, lane)
        self._detect = lambda p: detect(engine, opened, p)
        self._seen = cache(self._seen_plainly)

    def clip_for(self, name: str) -> Path:
        how = self._scene.how
        if name == "full range read as video range":
            how = replace(how, color=(how.color[0], True))
        if name == "aspect ignored":
            how = replace(how, aspect=Fraction(8, 5))
        path = self._folder / f"{how.color}-{how.aspect.numerator}.mp4"
        if not path.exists():
            write_clip(path, self._shots, how)
        return path

    def _seen_plainly(self, clip: Path, turn: int | None) -> list[Row]:
        return [(k, t, self._detect(p)) for k, t, p in frames_of(clip, App(turn=turn))]

    def plant(self, name: str, wanted: str, app: App) -> Any:
        """Return the diagnosis of what the app drew."""
        clip = self.clip_for(name)
        right = App(turn=self._scene.how.rotation)
        if replace(app, rows=right.rows) == right:  # only its rows are wrong
            seen = self._seen(clip, app.turn)
        else:
            seen = [(k, t, self._detect(p)) for k, t, p in frames_of(clip, app)]
        rows = self._folder / "rows.csv"
        write_rows(rows, [r for r in app.rows(list(seen)) if len(r[2])])
        return mc.diagnose(bundle=self.bundle, clip=clip, observed=rows, runner="onnx")


def planted(scene: Scene, folder: Path, data: Path, only: Sequence[str]) -> Iterator[str]:
    """Yield a row of the table a fault, and print it."""
    made = Set(scene, folder / scene.name.replace(" ", "_"), data)
    for name, (wanted, app) in faults_of(scene).items():
        if only and name not in only:
            continue
        found = made.plant(name, wanted, app)
        named = [s.name for s in found.named]
        right = named[:1] == ([wanted] if wanted else []) and found.unexplained is False
        said = " or ".join(named) or ("unexplained" if found.unexplained else "nothing wrong")
        mark = "yes" if right else "**no**"
        print(f"{mark}: {scene.name}, {name}: {said} {found.nothing:.4f} {found.cost:.4f}",
              flush=True)  # fmt: skip
        costs = f"{found.nothing:.3f} | {found.cost:.4f}"
        yield f"| {scene.name} | {name} | {said} | {mark} | {costs} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--scene", nargs="*", default=list(SCENES))
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        rows = [
            row
            for name in args.scene
            for row in planted(SCENES[name], Path(home), args.data.resolve(), args.only)
        ]
    right = sum("| yes |" in row for row in rows)
    print(f"{right} of {len(rows)}")
    if args.out:
        args.out.write_text("\n".join([*rows, f"{right} of {len(rows)}"]) + "\n")


if __name__ == "__main__":
    main()
