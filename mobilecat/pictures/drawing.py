"""Detections on pictures, for people to look at."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mobilecat.disk import write_bytes
from mobilecat.pictures.detections import Detections, class_name

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

# Okabe and Ito's palette, told apart by colour-blind readers: https://jfly.uni-koeln.de/color/
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")

_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP"}


def save_picture(picture: Image, path: Path, format: str | None = None) -> None:
    """Write a picture in one step, in the format of its suffix; PNG where that says nothing."""
    buffer = io.BytesIO()
    picture.save(buffer, format or _FORMATS.get(path.suffix.lower(), "PNG"))
    write_bytes(path, buffer.getvalue())


def draw_detections(
    picture: Image,
    found: Detections,
    labels: Sequence[str] = (),
    names: Sequence[str] = (),
    skeleton: Sequence[tuple[str, str]] = (),
    broken: bool = False,
) -> Image:
    """Return a copy of `picture` with boxes, scores, masks and row values such as landmarks on it.

    names: of the landmarks. skeleton: pairs of them between which a line is drawn. broken: whether
    boxes have broken lines and pale labels: of candidates that no threshold let through.
    """
    from PIL import ImageDraw, ImageFont

    copy = _with_masks(picture.convert("RGB"), found)
    pen = ImageDraw.Draw(copy)
    unit = max(1, round(max(picture.size) / 400))
    bones = bones_of(skeleton, names)
    font = ImageFont.load_default(size=max(11, 9 * unit))
    taken: dict[tuple[int, int], float] = {}
    for i in range(len(found)):
        class_id = int(found.class_ids[i])
        colour = COLOURS[class_id % len(COLOURS)]
        if broken:
            broken_outline(pen, found, i, colour, 2 * unit)
        else:
            outline(pen, found, i, colour, 2 * unit)
        corners = found.corners_xy
        ends = found.boxes_xyxy[i].reshape(2, 2) if corners is None else corners[i]
        x1, y1 = ends.min(axis=0).tolist()
        text = f"{class_name(class_id, labels)} {found.scores[i]:.2f}"
        text += ", below the threshold" if broken else ""
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        width, height = right - left + 4 * unit, bottom - top + 4 * unit
        # A box may begin outside the picture; its label stays readable.
        x = min(max(x1, 0), copy.width - width)
        y = min(max(y1 - height if y1 >= height else y1, 0), copy.height - height)
        # Several at one place, as the classes of a whole picture are, come below each other.
        place = (round(x / height), round(y / height))
        y = taken.get(place, y)
        taken[place] = y + height
        fill = "#E8E8E8" if broken else colour
        pen.rectangle((x, y, x + width, y + height), fill=fill)
        pen.text((x + 2 * unit - left, y + 2 * unit - top), text, fill="black", font=font)
        for name, draw in ROW_DRAWINGS.items():
            if name in found.rows:
                draw(pen, found, i, Style(unit, colour, bones))
    return copy


def outline(pen: ImageDraw, found: Detections, i: int, colour: str, width: int) -> None:
    """Draw the box of detection i, turned where it is; its first side is the thicker one."""
    corners = found.corners_xy
    if corners is None:
        x1, y1, x2, y2 = (float(v) for v in found.boxes_xyxy[i])
        if x1 <= x2 and y1 <= y2:
            pen.rectangle((x1, y1, x2, y2), outline=colour, width=width)
        return
    ring = [(float(x), float(y)) for x, y in corners[i]]
    pen.line([*ring, ring[0], ring[1]], fill=colour, width=width, joint="curve")
    pen.line(ring[:2], fill=colour, width=2 * width)


def broken_outline(pen: ImageDraw, found: Detections, i: int, colour: str, width: int) -> None:
    """Draw the box of detection i in broken lines, on dark ones so that it shows anywhere."""
    corners = found.corners_xy
    if corners is None:
        x1, y1, x2, y2 = found.boxes_xyxy[i]
        corners_i = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
    else:
        corners_i = corners[i]
    for a, b in zip(corners_i, np.roll(corners_i, -1, axis=0), strict=True):
        length = float(np.hypot(*(b - a)))
        steps = max(1, round(length / (8 * width)))
        for k in range(steps):
            ends = [a + (b - a) * (k + share) / steps for share in (0, 0.55)]
            line = [(float(x), float(y)) for x, y in ends]
            pen.line(line, fill="black", width=2 * width)
            pen.line(line, fill=colour, width=width)


@dataclass(frozen=True)
class Style:
    """unit: a line's width in pixels. colour: the box's. bones: pairs of landmarks, by index."""

    unit: int
    colour: str
    bones: tuple[tuple[int, int], ...] = ()


def bones_of(
    skeleton: Sequence[tuple[str, str]], names: Sequence[str]
) -> tuple[tuple[int, int], ...]:
    """Return the skeleton as pairs of indices into the landmarks' names."""
    at = {name: k for k, name in enumerate(names)}
    return tuple((at[a], at[b]) for a, b in skeleton if a in at and b in at)


def seen_points(found: Detections, i: int) -> list[bool]:
    """Return which landmarks of detection i are seen: all where nothing says how sure they are."""
    count = found.rows["landmarks"].shape[1]
    sure = found.rows.get("landmark_scores")
    if sure is None or sure.shape[1] != count:
        return [True] * count
    return [bool(v >= SEEN) for v in sure[i]]


SEEN = 0.5
"""Of a landmark's own score: below it a point is drawn as a ring, and no bone leads to it."""


_OPAQUE = 0.45


def _with_masks(picture: Image, found: Detections) -> Image:
    """Return the picture with each mask over it in its box's colour, the best on top."""
    from PIL import Image as Images

    if found.masks is None or not len(found):
        return picture
    pixels = np.asarray(picture, np.float64)
    for i in reversed(range(len(found))):
        held = found.masks.on_picture(i, picture.size)
        colour = COLOURS[int(found.class_ids[i]) % len(COLOURS)]
        shade = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
        pixels[held] = (1 - _OPAQUE) * pixels[held] + _OPAQUE * np.array(shade)
    return Images.fromarray(np.rint(pixels).astype(np.uint8))


def _points(pen: ImageDraw, found: Detections, i: int, style: Style) -> None:
    points, seen, unit = found.rows["landmarks"][i], seen_points(found, i), style.unit
    for a, b in style.bones:
        if max(a, b) < len(points) and seen[a] and seen[b]:
            ends = (*map(float, points[a]), *map(float, points[b]))
            pen.line(ends, fill="black", width=4 * unit)
            pen.line(ends, fill=style.colour, width=2 * unit)
    for k, (px, py) in enumerate(points):
        r = 2.5 * unit
        spot = COLOURS[(k + 1) % len(COLOURS)]
        spread = (px - r, py - r, px + r, py + r)
        if seen[k]:
            pen.ellipse(spread, fill=spot, outline="black")
        else:
            pen.ellipse(spread, outline=spot, width=unit)


ROW_DRAWINGS: Mapping[str, Callable[[ImageDraw, Detections, int, Style], None]] = {
    "landmarks": _points,
}
"""How a row value of detection i is drawn, with the others that belong to it."""


def data_url(picture: Image, longest: int = 1280) -> str:
    """Return the picture as a JPEG in a data URL, made smaller where a side is longer."""
    small = picture.convert("RGB")
    small.thumbnail((longest, longest))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=82, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
