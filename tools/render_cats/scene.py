"""Place cats in a picture and draw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.render_cats.backdrop import photo_backdrop
from tools.render_cats.book import book_backdrop
from tools.render_cats.coats import COATS
from tools.render_cats.face import Face, Placed, Points, Rng, apply, head_map, sample_face
from tools.render_cats.finish import as_photo
from tools.render_cats.head import Sprite, paint_body, paint_head

Style = Literal["photo", "book", "chart"]
Size = tuple[int, int]

MOST_FACES = 5
SHARPEST = 66.0  # pixels a head unit that a photo's head is painted at before it is enlarged


@dataclass(frozen=True)
class Scene:
    """A drawn picture [H,W,3] uint8 RGB with what is in it.

    `boxes_xyxy` [N,4] and `landmarks_xy` [N,9,2] are float64 pixels, continuous, origin at the
    top-left corner of the top-left pixel, y down. A box is the extent of its nine landmarks.
    """

    picture: NDArray[np.uint8]
    boxes_xyxy: NDArray[np.float64]
    landmarks_xy: NDArray[np.float64]


def render_scene(
    seed: int, size: Size, faces: int | None = None, *, style: Style = "photo"
) -> Scene:
    """Draw one scene of `size` (width, height); the same arguments give the same bytes.

    `faces` is 0..5; None draws the number too. Styles: photo has fur, clutter and a camera's
    faults; book is clean; chart has no noise and marks each part in one pure colour (tests).
    """
    width, height = size
    if width < 32 or height < 32:
        raise ValueError(f"size is {width}x{height}; a scene is at least 32x32")
    if faces is not None and not 0 <= faces <= MOST_FACES:
        raise ValueError(f"faces is {faces}; a scene has 0 to {MOST_FACES}")
    rng = np.random.default_rng([seed, width, height])
    count = int(rng.choice(6, p=(0.1, 0.48, 0.2, 0.1, 0.07, 0.05))) if faces is None else faces
    placed = place(rng, size, count, book=style == "book")
    picture = draw_cats(rng, size, placed, style)
    marks = np.array([one.landmarks for one in placed]).reshape(-1, 9, 2)
    boxes = np.concatenate([marks.min(1), marks.max(1)], -1)
    return Scene(picture, boxes, marks)


def draw_cats(rng: Rng, size: Size, placed: Sequence[Placed], style: Style) -> NDArray[np.uint8]:
    """Return the picture [H,W,3] of the cats, the later in front, bodies behind all heads."""
    width, height = size
    scale = 2 if style == "book" else 1
    sharpest = SHARPEST if style == "photo" else 1000.0
    picture = _backdrop(rng, (width * scale, height * scale), style)
    zoom = np.diag([scale, scale, 1.0])
    for one in placed:
        if style == "book" or rng.random() < 0.7:
            body = paint_body(one.face, _unit(one, scale, sharpest) * 0.6, style=style)
            lay(picture, body, zoom @ body_map(one))
    for one in placed:
        head = paint_head(one.face, _unit(one, scale, sharpest), style=style)
        lay(picture, head, zoom @ one.matrix)
    if scale > 1:
        picture = picture.reduce(scale)
    if style == "photo":
        picture = as_photo(picture, rng)
    return np.array(picture, np.uint8)


def place(rng: Rng, size: Size, count: int, *, book: bool) -> list[Placed]:
    """Return `count` cats of any size that overlap little, at least 90% of each box inside."""
    if count == 0:
        return []
    short = min(size)
    largest = 0.9 if count == 1 else 1.1 / count**0.5
    for attempt in range(200):
        shrink = 0.97**attempt
        taken: list[tuple[NDArray[np.float64], Placed]] = []
        coats = [str(name) for name in rng.permutation(list(COATS))]
        for k in range(count):
            for _try in range(12):
                face = sample_face(rng, book=book, coat=coats[k] if book else None)
                if book:
                    extent = rng.uniform(0.3, 0.5) * short * shrink
                else:
                    extent = float(np.exp(rng.uniform(np.log(0.12), np.log(largest)))) * short
                    extent = max(extent * shrink, 0.12 * short)
                one, box = _somewhere(rng, face, size, extent, book=book)
                if all(_overlap(box, other) < 0.02 for other, _ in taken):
                    taken.append((box, one))
                    break
        if len(taken) == count:
            return [one for _, one in sorted(taken, key=lambda item: item[1].unit)]
    raise ValueError(f"{count} faces find no room in a picture of {size[0]}x{size[1]}")


def _somewhere(
    rng: Rng, face: Face, size: Size, extent: float, *, book: bool
) -> tuple[Placed, NDArray[np.float64]]:
    """Return the face put at random, its landmarks' longer side `extent` pixels, and its room."""
    angle = float(np.clip(rng.normal(0, 0.09 if book else 0.22), -0.5236, 0.5236))
    still = apply(head_map(face.yaw, angle, 1.0, (0, 0)), face.points)
    low, high = still.min(0), still.max(0)
    unit = extent / float(np.max(high - low))
    low, high = low * unit, high * unit
    if book:  # the whole head and some of the body below it
        slack_low, slack_high = low - 0.5 * unit, high + unit * np.array([0.5, 1.1])
    else:  # up to 5% of either side may be cut off
        slack_low = low + 0.05 * (high - low)
        slack_high = high - 0.05 * (high - low)
    room = np.maximum(np.asarray(size) - slack_high + slack_low, 0)
    corner = rng.uniform(0, 1, 2) * room - slack_low
    if book:  # paws on the ground
        corner[1] = max(corner[1], 0.88 * size[1] - 3.8 * unit)
    centre = float(corner[0]), float(corner[1])
    one = Placed(face, head_map(face.yaw, angle, unit, centre), angle, unit)
    margin = np.array([0.25, 0.35]) * unit
    return one, np.concatenate([corner + low - margin, corner + high + margin])


def _overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the area two boxes share over the smaller one's area."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    return shared / float(min(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2])))


def _unit(one: Placed, scale: int, sharpest: float) -> float:
    return min(max(one.unit * scale, 10.0), sharpest)


def body_map(one: Placed) -> Points:
    c, s = one.unit * np.cos(0.35 * one.angle), one.unit * np.sin(0.35 * one.angle)
    centre = one.matrix[:2, 2]
    return np.array([[c, -s, centre[0]], [s, c, centre[1]], [0, 0, 1.0]])


def _backdrop(rng: Rng, size: Size, style: Style) -> Image.Image:
    if style == "chart":
        return Image.new("RGB", size)
    return book_backdrop(rng, size) if style == "book" else photo_backdrop(rng, size)


def lay(picture: Image.Image, sprite: Sprite, matrix: Points) -> None:
    """Warp a sprite onto the picture in place; `matrix` maps head units to the picture's pixels."""
    forward = matrix @ np.linalg.inv(sprite.matrix)
    w, h = sprite.picture.size
    corners = apply(forward, np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float64))
    low = np.maximum(np.floor(corners.min(0)), 0).astype(int)
    high = np.minimum(np.ceil(corners.max(0)), picture.size).astype(int)
    if np.any(high <= low):
        return
    x, y = int(low[0]), int(low[1])
    back = np.linalg.inv(np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1.0]]) @ forward)
    # Pillow samples the centre of every pixel, so the map is between continuous frames.
    back = (back / back[2, 2]).reshape(-1)[:8]
    window = (int(high[0]) - x, int(high[1]) - y)
    warped = sprite.picture.transform(
        window, Image.Transform.PERSPECTIVE, tuple(back), Image.Resampling.BILINEAR
    )
    picture.paste(warped, (x, y), warped)
