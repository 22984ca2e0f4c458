"""Short clips of drawn cats that move, turn, leave and return, with their boxes; written by PyAV.

A clip is drawn upright, frame by frame, and stored as a phone would: turned, with a display matrix
that turns it back, at even or uneven times, as H.264 or MJPEG, with a sound track.

    python -m tools.render_clips build/clips
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.render_cats.book import meadow
from tools.render_cats.face import Face, Placed, head_map, sample_face
from tools.render_cats.head import Sprite, paint_body, paint_head
from tools.render_cats.scene import body_map, lay

Pixels = NDArray[np.uint8]
Pose = tuple[float, float, float, float, float]
"""x and y of the eyes' middle and the eyes' distance, of the frame's height; roll, radians; yaw."""


@dataclass(frozen=True)
class Take:
    """What happens. story: seconds → the pose of each cat, None for one that is out of sight."""

    story: Callable[[float], Sequence[Pose | None]]
    seconds: float = 1.0
    wh: tuple[int, int] = (160, 120)
    rate: int = 30
    uneven: bool = False
    noise: float = 2.0
    seed: int = 7


@dataclass(frozen=True)
class Shot:
    """One frame upright. time: seconds. boxes_xyxy (N,4), landmarks_xy (N,9,2): of cats in sight,
    in its pixels; ids: which cats those are."""

    pixels: Pixels
    time: Fraction
    boxes_xyxy: NDArray[np.float64]
    landmarks_xy: NDArray[np.float64]
    ids: tuple[int, ...]


def still(t: float) -> Sequence[Pose | None]:
    """A cat that does not move at all."""
    return [(0.62, 0.5, 0.2, 0.05, 0.0)]


def walk(t: float) -> Sequence[Pose | None]:
    """A cat that crosses the picture, nodding and turning its head."""
    return [(0.42 + 0.4 * t, 0.5 + 0.05 * np.sin(6 * t), 0.19, 0.3 * np.sin(4 * t), 0.3 * t)]


def leave(t: float) -> Sequence[Pose | None]:
    """A cat that is gone from 0.4 s to 0.6 s."""
    return [None if 0.4 <= t < 0.6 else (0.5 + 0.3 * t, 0.5, 0.2, 0.1, 0.0)]


def two(t: float) -> Sequence[Pose | None]:
    """Two cats side by side, one of which comes nearer."""
    return [(0.36, 0.5, 0.13 + 0.02 * t, 0.0, 0.0), (0.98, 0.52, 0.14, 0.2 * np.sin(5 * t), 0.0)]


def empty(t: float) -> Sequence[Pose | None]:
    """Nobody."""
    return []


STORIES = {f.__name__: f for f in (still, walk, leave, two, empty)}


def shots(take: Take) -> Iterator[Shot]:
    """Draw a take; the same take gives the same bytes."""
    w, h = take.wh
    rng = np.random.default_rng([take.seed, w, h])
    scenery = meadow(rng, (w, h))
    coats = ("ginger", "grey tabby")
    cats = [_cat(np.random.default_rng([take.seed, k]), coats[k % 2], h) for k in range(2)]
    for k, time in enumerate(times(take)):
        picture = scenery.copy()
        placed = [
            (i, _placed(cats[i][0], pose, h))
            for i, pose in enumerate(take.story(float(time)))
            if pose is not None
        ]
        for i, one in placed:
            lay(picture, cats[i][2], body_map(one))
        for i, one in placed:
            lay(picture, cats[i][1], one.matrix)
        pixels = np.asarray(picture, np.float64)
        grain = np.random.default_rng([take.seed, 99, k]).normal(0, take.noise, pixels.shape)
        marks = np.array([one.landmarks for _, one in placed]).reshape(-1, 9, 2)
        yield Shot(
            np.clip(np.rint(pixels + grain), 0, 255).astype(np.uint8),
            time,
            np.concatenate([marks.min(1), marks.max(1)], -1) if len(marks) else np.zeros((0, 4)),
            marks,
            tuple(i for i, _ in placed),
        )


def times(take: Take) -> list[Fraction]:
    """Return when each frame is shown: evenly, or at steps of 1, 2 and 1½ frames by turns."""
    step = Fraction(1, take.rate)
    steps = [Fraction(1), Fraction(2), Fraction(3, 2)] if take.uneven else [Fraction(1)]
    found, now = [], Fraction(0)
    while now < Fraction(str(take.seconds)):
        found.append(now)
        now += step * steps[(len(found) - 1) % len(steps)]
    return found


def _cat(rng: np.random.Generator, coat: str, height: int) -> tuple[Face, Sprite, Sprite]:
    try:
        face = sample_face(rng, book=True, coat=coat)
    except KeyError:
        face = sample_face(rng, book=True)
    face = replace(face, eye_open=0.95)
    unit = max(24.0, 0.25 * height)
    return face, paint_head(face, unit, style="book"), paint_body(face, 0.6 * unit, style="book")


def _placed(face: Face, pose: Pose, height: int) -> Placed:
    x, y, unit, roll, yaw = pose
    matrix = head_map(yaw, roll, unit * height, (x * height, y * height))
    return Placed(face, matrix, roll, unit * height)


# Clockwise degrees that turn the stored frame upright → a, b, c, d of its display matrix.
_MATRIX = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


@dataclass(frozen=True)
class Stored:
    """How a clip is stored. rotation: clockwise degrees that turn the stored frame upright.

    aspect: a pixel's width over its height. said: whether the display matrix is written. sound: its
    codec, "" for none. color: (matrix, full range) of H.264, as H.273 has them: 1 is BT.709.
    """

    codec: str = "libx264"
    rotation: int = 0
    aspect: Fraction = Fraction(1)
    said: bool = True
    sound: str = "aac"
    color: tuple[int, bool] = (1, False)
    options: tuple[tuple[str, str], ...] = (("crf", "12"), ("preset", "veryfast"))


def write_clip(path: Path, frames: Iterator[Shot] | Sequence[Shot], how: Stored = Stored()) -> None:
    """Write frames to `path`; its container is that of the suffix."""
    import av

    frames = list(frames)
    base = Fraction(1, 1800)
    with av.open(str(path), "w") as container:
        options = dict(how.options) if how.codec == "libx264" else {}
        video = container.add_stream(how.codec, rate=30, options=options)
        sound = container.add_stream(how.sound, rate=16_000) if how.sound else None
        stored = [stored_pixels(f.pixels, how) for f in frames]
        video.width, video.height = stored[0].shape[1], stored[0].shape[0]
        video.pix_fmt = "yuvj420p" if how.codec == "mjpeg" else "yuv420p"
        matrix, full = (5, True) if how.codec == "mjpeg" else how.color
        video.codec_context.colorspace = matrix
        video.codec_context.color_range = 2 if full else 1
        video.time_base = video.codec_context.time_base = base
        video.codec_context.sample_aspect_ratio = how.aspect
        if how.codec == "mjpeg":
            video.codec_context.qmin = video.codec_context.qmax = 3
        if how.said and how.rotation:
            a, b, c, d = (v << 16 for v in _MATRIX[how.rotation])
            video.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        heard = _tone(av, float(frames[-1].time) + 0.05) if sound else iter(())
        for f, pixels in zip(frames, stored, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(
                format=video.pix_fmt, src_colorspace=matrix, dst_colorspace=matrix,
                src_color_range=2, dst_color_range=2 if full else 1,
            )  # fmt: skip
            frame.pts, frame.time_base = int(f.time / base), base
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for chunk in heard:
            container.mux(sound.encode(chunk))
        if sound:
            container.mux(sound.encode())


def stored_pixels(upright: Pixels, how: Stored) -> Pixels:
    """Return an upright frame as it is stored: turned back, and squeezed by its pixels' aspect."""
    turned = np.rot90(upright, how.rotation // 90)  # rot90 turns anticlockwise: the way back
    if how.aspect != 1:
        h, w = turned.shape[:2]
        size = (round(w / how.aspect), h)
        turned = np.asarray(Image.fromarray(turned).resize(size, Image.Resampling.BICUBIC))
    return np.ascontiguousarray(turned)


def _tone(av: Any, seconds: float) -> Iterator[Any]:
    rate, size = 16_000, 1024
    for start in range(0, int(seconds * rate), size):
        t = (start + np.arange(size)) / rate
        wave = (9000 * np.sin(2 * np.pi * (440 + 200 * t) * t)).astype(np.int16)[None]
        chunk = av.AudioFrame.from_ndarray(wave, "s16", "mono")
        chunk.sample_rate, chunk.pts, chunk.time_base = rate, start, Fraction(1, rate)
        yield chunk


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, story in STORIES.items():
        write_clip(folder / f"{name}.mp4", shots(Take(story)))
        print(folder / f"{name}.mp4")


if __name__ == "__main__":
    main()
