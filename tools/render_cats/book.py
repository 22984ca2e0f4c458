"""Backdrops of a picture book: a sunny room, a meadow, an evening; pastel and clean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from tools.render_cats.coats import Colour, Rng

Size = tuple[int, int]


def _blend(a: Colour, b: Colour, size: Size) -> Image.Image:
    t = np.linspace(0, 1, size[1])[:, None, None]
    column = np.array(a) + (np.array(b) - np.array(a)) * t
    return Image.fromarray(np.broadcast_to(column, (size[1], size[0], 3)).astype(np.uint8))


def sunny_room(rng: Rng, size: Size) -> Image.Image:
    w, h = size
    picture = Image.new("RGB", size, (250, 228, 206))
    draw = ImageDraw.Draw(picture)
    for left in range(0, w, max(w // 16, 8)):
        draw.rectangle((left, 0, left + w // 48, h), fill=(248, 221, 196))
    side = 0.34 * h
    x, y = rng.uniform(0.32, 0.42) * w, 0.07 * h
    draw.rounded_rectangle((x, y, x + 1.3 * side, y + 1.2 * side), 10, (176, 220, 240))
    draw.ellipse(
        (x + 0.8 * side, y + 0.16 * side, x + 1.12 * side, y + 0.48 * side), (255, 236, 150)
    )
    draw.rectangle((x, y + 0.9 * side, x + 1.3 * side, y + 1.2 * side), (166, 206, 140))
    pen = max(4, int(side * 0.06))
    draw.rounded_rectangle((x, y, x + 1.3 * side, y + 1.2 * side), 10, None, (255, 252, 244), pen)
    draw.line((x + 0.65 * side, y, x + 0.65 * side, y + 1.2 * side), (255, 252, 244), pen)
    floor = int(0.8 * h)
    draw.rectangle((0, floor, w, h), fill=(214, 160, 120))
    draw.rectangle((0, floor, w, floor + pen), fill=(255, 248, 238))
    sofa, cushion = (118, 168, 172), (140, 190, 190)
    draw.rounded_rectangle((0.04 * w, 0.42 * h, 0.96 * w, 0.9 * h), int(0.09 * h), sofa)
    for a in (0.08, 0.37, 0.655):
        draw.rounded_rectangle((a * w, 0.5 * h, (a + 0.27) * w, 0.82 * h), int(0.05 * h), cushion)
    for a in (0.0, 0.92):
        draw.rounded_rectangle((a * w, 0.55 * h, (a + 0.08) * w, 0.93 * h), int(0.04 * h), sofa)
    draw.rounded_rectangle((0.04 * w, 0.78 * h, 0.96 * w, 0.93 * h), int(0.04 * h), (104, 152, 158))
    return picture


def meadow(rng: Rng, size: Size) -> Image.Image:
    w, h = size
    picture = _blend((158, 212, 244), (226, 244, 250), size)
    draw = ImageDraw.Draw(picture)
    for _ in range(3):
        x, y, r = rng.uniform(0, w), rng.uniform(0.05, 0.25) * h, rng.uniform(0.04, 0.07) * h
        for k, s in enumerate((0.8, 1.2, 1.0, 0.7)):
            a = x + 1.1 * r * k
            draw.ellipse((a - s * r, y - s * r, a + s * r, y + s * r), fill=(252, 253, 254))
    for x, y, r, green in ((0.2, 1.05, 0.6, (150, 202, 120)), (0.85, 1.15, 0.75, (128, 188, 104))):
        draw.ellipse(((x - r) * w, y * h - 0.55 * h, (x + r) * w, y * h + 0.9 * h), fill=green)
    draw.rectangle((0, 0.78 * h, w, h), fill=(112, 174, 92))
    for _ in range(int(w / h * 24)):
        x, y, r = rng.uniform(0, w), rng.uniform(0.7, 0.98) * h, 0.011 * h
        petal = ((250, 250, 244), (250, 206, 214), (252, 226, 130))[int(rng.integers(3))]
        for t in np.linspace(0, 2 * np.pi, 5, endpoint=False):
            a, b = x + 1.2 * r * np.cos(t), y + 1.2 * r * np.sin(t)
            draw.ellipse((a - r, b - r, a + r, b + r), fill=petal)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(240, 180, 60))
    return picture


def evening(rng: Rng, size: Size) -> Image.Image:
    w, h = size
    picture = _blend((58, 62, 120), (236, 168, 150), size)
    draw = ImageDraw.Draw(picture)
    for _ in range(30):
        x, y, r = rng.uniform(0, w), rng.uniform(0, 0.5) * h, rng.uniform(0.002, 0.005) * h
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(250, 244, 220))
    x, y, r = rng.uniform(0.7, 0.85) * w, 0.16 * h, 0.09 * min(w, h)
    draw.ellipse((x - r, y - r, x + r, y + r), fill=(252, 240, 196))
    for x in (0.13 * k - 0.02 for k in range(8)):
        top, wide = rng.uniform(0.55, 0.68) * h, 0.11 * w
        house = ((92, 78, 122), (106, 84, 124), (82, 74, 116))[int(rng.integers(3))]
        draw.rectangle((x * w, top, x * w + wide, h), fill=house)
        roof = [(x * w - 4, top), (x * w + wide / 2, top - 0.08 * h), (x * w + wide + 4, top)]
        draw.polygon(roof, fill=(128, 80, 100))
        for k in (0.2, 0.6):
            a, b, s = x * w + k * wide, top + 0.05 * h, 0.2 * wide
            draw.rectangle((a, b, a + s, b + 1.3 * s), fill=(252, 216, 130))
    draw.rectangle((0, 0.86 * h, w, h), fill=(110, 72, 84))
    return picture


SCENES: tuple[Callable[[Rng, Size], Image.Image], ...] = (sunny_room, meadow, evening)


def book_backdrop(rng: Rng, size: Size) -> Image.Image:
    return SCENES[int(rng.integers(len(SCENES)))](rng, size)
