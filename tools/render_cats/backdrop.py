"""What stands behind the cats: rooms, gardens, patterns, and things that only look like ears."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tools.render_cats.coats import Colour, Rng, value_noise

Size = tuple[int, int]


def _colour(rng: Rng, low: int = 20, high: int = 240) -> Colour:
    """Return a colour: most are muted, as most things are."""
    raw = rng.uniform(low, high, 3)
    raw = raw.mean() + (raw - raw.mean()) * rng.choice((0.2, 0.5, 1.0), p=(0.4, 0.4, 0.2))
    r, g, b = (int(c) for c in raw)
    return r, g, b


def _shift(colour: Colour, by: float) -> Colour:
    r, g, b = (int(np.clip(c * by, 0, 255)) for c in colour)
    return r, g, b


def gradient(rng: Rng, size: Size) -> Image.Image:
    """A straight gradient between two colours, in any direction."""
    corners = np.array([_colour(rng), _colour(rng)], np.float32)
    t = rng.uniform(0, 1, (2, 2)).astype(np.float32)
    ramp = np.asarray(Image.fromarray(t).resize(size, Image.Resampling.BILINEAR))[..., None]
    return Image.fromarray((corners[0] + (corners[1] - corners[0]) * ramp).astype(np.uint8))


def clutter(rng: Rng, size: Size) -> Image.Image:
    """Noise in several sizes, as cloth, gravel or foliage out of focus."""
    w, h = size
    base, other = (np.array(_colour(rng), np.float32) for _ in range(2))
    t = sum(
        value_noise(rng, h, w, int(n * h / w) + 2, n + 2) * float(rng.uniform(0.2, 0.6))
        for n in (3, 9, 28, 80)
    )
    rgb = base + (other - base) * np.clip(np.asarray(t) * 0.6 + 0.5, -0.2, 1.2)[..., None]
    return Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))


def room(rng: Rng, size: Size) -> Image.Image:
    """A wall, a floor, perhaps a window and a sofa."""
    w, h = size
    wall = _colour(rng, 120, 235)
    picture = Image.new("RGB", size, wall)
    draw = ImageDraw.Draw(picture)
    floor = int(h * rng.uniform(0.6, 0.8))
    if rng.random() < 0.4:
        step = max(6, int(w * rng.uniform(0.05, 0.12)))
        for left in range(0, w, step):
            draw.rectangle((left, 0, left + step // 2, floor), fill=_shift(wall, 0.95))
    if rng.random() < 0.6:
        x, y = rng.uniform(0, 0.7) * w, rng.uniform(-0.05, 0.2) * h
        side = rng.uniform(0.2, 0.4) * h
        frame = max(2, int(side * 0.06))
        draw.rectangle((x, y, x + side, y + side * 1.2), (176, 212, 236), (246, 244, 238), frame)
        draw.line((x + side / 2, y, x + side / 2, y + side * 1.2), (246, 244, 238), frame)
        draw.line((x, y + side * 0.6, x + side, y + side * 0.6), (246, 244, 238), frame)
    wood = _colour(rng, 70, 180)
    draw.rectangle((0, floor, w, h), fill=wood)
    for board in range(0, w, max(8, w // 9)):
        draw.line((board, floor, board + (board - w / 2) * 0.5, h), _shift(wood, 0.88), 1)
    if rng.random() < 0.75:
        _sofa(draw, rng, size, floor)
    return picture


def _sofa(draw: ImageDraw.ImageDraw, rng: Rng, size: Size, floor: int) -> None:
    w, h = size
    cloth = _colour(rng, 60, 200)
    x1, x2 = rng.uniform(-0.2, 0.15) * w, rng.uniform(0.8, 1.2) * w
    top = floor - rng.uniform(0.25, 0.4) * h
    seat = floor - 0.02 * h
    r = int(0.05 * h) + 1
    draw.rounded_rectangle((x1, top, x2, seat + 0.15 * h), r, _shift(cloth, 0.9))
    middle = (x1 + x2) / 2
    for a, b in ((x1, middle), (middle, x2)):
        draw.rounded_rectangle((a + 4, seat - 0.08 * h, b - 2, seat + 0.12 * h), r, cloth)
    for a in (x1, x2):
        draw.rounded_rectangle(
            (a - 0.06 * w, top + 0.12 * h, a + 0.06 * w, seat + 0.17 * h), r, _shift(cloth, 1.1)
        )


def grass(rng: Rng, size: Size) -> Image.Image:
    """Blades before a sky or before more green."""
    w, h = size
    sky = (150, 196, 232) if rng.random() < 0.5 else _colour(rng, 60, 140)
    picture = Image.new("RGB", size, sky)
    draw = ImageDraw.Draw(picture)
    top = h * rng.uniform(-0.1, 0.5)
    draw.rectangle((0, max(0, int(top)), w, h), fill=(64, 104, 44))
    count = 420
    x, y = rng.uniform(0, w, count), np.sort(rng.uniform(top, h * 1.05, count))
    lean, tall = rng.normal(0, 0.03 * w, count), rng.uniform(0.04, 0.14, count) * h
    green = rng.integers((40, 88, 24), (130, 186, 84), (count, 3))
    for k in range(count):
        foot = x[k], y[k]
        blade = [foot, (x[k] + lean[k], y[k] - tall[k]), (x[k] + max(2, w * 0.01), y[k])]
        draw.polygon(blade, fill=(int(green[k, 0]), int(green[k, 1]), int(green[k, 2])))
    return picture


def polka_dots(rng: Rng, size: Size) -> Image.Image:
    """Dots in rows on one colour."""
    w, h = size
    picture = Image.new("RGB", size, _colour(rng))
    draw, ink = ImageDraw.Draw(picture), _colour(rng)
    step = max(6.0, w * rng.uniform(0.06, 0.16))
    r = step * rng.uniform(0.15, 0.35)
    for row, y in enumerate(np.arange(0, h + step, step).tolist()):
        for x in np.arange(step / 2 * (row % 2), w + step, step).tolist():
            draw.ellipse((x - r, y - r, x + r, y + r), fill=ink)
    return picture


def stripes(rng: Rng, size: Size) -> Image.Image:
    """A blanket: stripes across, at times crossed."""
    w, h = size
    x, y = np.arange(w)[None], np.arange(h)[:, None]
    step, turn = max(4.0, w * rng.uniform(0.03, 0.12)), rng.uniform(0, np.pi)
    across = np.sin((x * np.cos(turn) + y * np.sin(turn)) * 2 * np.pi / step) > 0
    along = np.sin((y * np.cos(turn) - x * np.sin(turn)) * 2 * np.pi / step) > 0
    colours = np.array([_colour(rng) for _ in range(3)], np.uint8)
    return Image.fromarray(colours[across.astype(int) + (along if rng.random() < 0.4 else 0)])


BACKDROPS: tuple[Callable[[Rng, Size], Image.Image], ...] = (
    gradient,
    clutter,
    clutter,
    room,
    room,
    grass,
    polka_dots,
    stripes,
)


def lookalike(draw: ImageDraw.ImageDraw, rng: Rng, size: Size) -> None:
    """Draw one thing with a part of a cat in it: ears without a face, a face without ears."""
    w, h = size
    x, y = rng.uniform(0, w), rng.uniform(0, h)
    r = rng.uniform(0.04, 0.16) * min(w, h)
    ink, eye = _colour(rng), _colour(rng)
    kind = int(rng.integers(0, 7))
    if kind == 0:  # triangles in a row: roofs, bunting, ears without a head
        for k in range(int(rng.integers(1, 4))):
            a = x + 1.3 * r * k
            draw.polygon([(a - r * 0.6, y), (a, y - r * 1.1), (a + r * 0.6, y)], fill=ink)
    elif kind == 1:  # a ball
        draw.ellipse((x - r, y - r, x + r, y + r), fill=ink, outline=eye)
    elif kind == 2:  # a bear: round ears
        for s in (-1, 1):
            a, b = x + s * 0.75 * r, y - 0.75 * r
            draw.ellipse((a - 0.4 * r, b - 0.4 * r, a + 0.4 * r, b + 0.4 * r), fill=ink)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=ink)
        _dots(draw, x, y, r, _shift(ink, 0.4))
    elif kind == 3:  # a doll's face: no ears
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(236, 200, 150), outline=(60, 40, 30))
        _dots(draw, x, y, r, (30, 24, 24))
        draw.arc((x - r / 2, y - r / 3, x + r / 2, y + r / 2), 20, 160, (90, 30, 30), 2)
    elif kind == 4:  # two lamps that could be eyes
        for s in (-1, 1):
            a = x + s * r * 0.7
            draw.ellipse((a - 0.3 * r, y - 0.3 * r, a + 0.3 * r, y + 0.3 * r), fill=(244, 226, 120))
    elif kind == 5:  # a house
        draw.rectangle((x - r, y, x + r, y + 1.2 * r), fill=ink)
        draw.polygon([(x - 1.2 * r, y), (x, y - r), (x + 1.2 * r, y)], fill=eye)
    else:  # a box or a book
        draw.rectangle((x - r, y - 0.5 * r, x + r, y + 0.7 * r), fill=ink, outline=_shift(ink, 0.7))


def _dots(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, ink: Colour) -> None:
    for a, b, s in ((-0.35, -0.15, 0.13), (0.35, -0.15, 0.13), (0.0, 0.2, 0.16)):
        a, b, s = x + a * r, y + b * r, s * r
        draw.ellipse((a - s, b - s, a + s, b + s), fill=ink)


def photo_backdrop(rng: Rng, size: Size) -> Image.Image:
    """Return a random backdrop [size], often with look-alikes and out of focus."""
    picture = BACKDROPS[int(rng.integers(len(BACKDROPS)))](rng, size)
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(0, 7))):
        lookalike(draw, rng, size)
    if rng.random() < 0.6:
        picture = picture.filter(ImageFilter.BoxBlur(rng.uniform(0.01, 0.02) * min(size)))
    return picture
