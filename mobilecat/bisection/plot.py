"""A bisection as a picture: error over layers, on a logarithmic scale."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilecat.bisection.walk import Bisection, Layer
from mobilecat.disk import refuse_golden

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

SIZE_WH = (1200, 620)
FINER = 2  # drawn so many times larger, then reduced: smooth lines
LEFT, RIGHT, TOP, BOTTOM = 80, 28, 92, 58
LOW, HIGH = -8.0, 1.0  # exponents of ten; beyond them points lie on the edge
INK, SOFT, RULE = "#1D2126", "#59616A", "#E3E3E3"
# Okabe and Ito's colours, told apart by everybody (https://jfly.uni-koeln.de/color).
GROWN, OWN, LIMIT, OVER = "#56B4E9", INK, "#E69F00", "#D55E00"


def plot(found: Bisection, path: Path) -> None:
    """Write a PNG: a line for `grown`, a dot a layer for `own`, the limit, what is above it."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (SIZE_WH[0] * FINER, SIZE_WH[1] * FINER), "white")
    pen = ImageDraw.Draw(image)
    fonts = {size: ImageFont.load_default(size=size * FINER) for size in (14, 19)}
    _write(pen, fonts[19], (LEFT, 14), _title(found), INK, "la", SIZE_WH[0] - RIGHT)
    _legend(pen, fonts[14], f"limit {found.limit:g}")
    _axes(pen, fonts[14], len(found.layers))
    level = _y(found.limit)
    _line(pen, [(LEFT, level), (SIZE_WH[0] - RIGHT, level)], LIMIT, 2)
    count = len(found.layers)
    _line(pen, [(_x(i, count), _y(layer.grown)) for i, layer in enumerate(found.layers)], GROWN, 3)
    radius = min(4.0, max(1.6, 400 / max(count, 1)))
    for i, layer in enumerate(found.layers):
        over = not layer.own <= found.limit
        _dot(pen, (_x(i, count), _y(layer.own)), 5 if over else radius, OVER if over else OWN)
    if found.first is not None:
        _point_out(pen, fonts[14], found.first, found.layers.index(found.first), count)
    refuse_golden(path)
    image.resize(SIZE_WH, Image.Resampling.LANCZOS).save(path, "PNG")


def _title(found: Bisection) -> str:
    first, place = found.first, f"{found.lane}, {found.picture}"
    if not found.layers:
        return f"No layer could be compared: {place}"
    if first is None:
        return f"All {len(found.layers)} layers within {found.limit:g}: {place}"
    return f"First apart: '{first.value}' ({first.op}); {place}"


def _legend(pen: ImageDraw, font: Any, limit: str) -> None:
    y, x = 58.0, float(LEFT)
    for colour, text, is_line in (
        (OWN, "own: the layer alone", False),
        (GROWN, "grown: from the picture on", True),
        (LIMIT, limit, True),
        (OVER, "above the limit", False),
    ):
        if is_line:
            _line(pen, [(x, y), (x + 24, y)], colour, 3)
        else:
            _dot(pen, (x + 12, y), 5, colour)
        _write(pen, font, (x + 32, y), text, SOFT, "lm", SIZE_WH[0])
        x += 32 + font.getlength(text) / FINER + 28


def _axes(pen: ImageDraw, font: Any, count: int) -> None:
    width, height = SIZE_WH
    for exponent in range(int(LOW), int(HIGH) + 1):
        y = _y(10.0**exponent)
        edge = {int(LOW): "0 to ", int(HIGH): "from "}.get(exponent, "")
        _line(pen, [(LEFT, y), (width - RIGHT, y)], RULE, 1)
        _write(pen, font, (LEFT - 8, y), f"{edge}1e{exponent}", SOFT, "rm", width)
    for number in _ticks(count):
        x = _x(number - 1, count)
        _line(pen, [(x, height - BOTTOM), (x, height - BOTTOM + 6)], SOFT, 1)
        _write(pen, font, (x, height - BOTTOM + 10), str(number), SOFT, "ma", width)
    _write(
        pen, font, (width - RIGHT, height - 10), "layers, in the order they run", SOFT, "rb", width
    )
    _write(pen, font, (LEFT, height - 10), "error, relative to the layer", SOFT, "lb", width)


def _ticks(count: int) -> list[int]:
    """Return which layers get a number, counted from 1: the first, and some ten round ones."""
    step = next(s * 10**k for k in range(6) for s in (1, 2, 5) if s * 10**k * 12 >= count)
    return [1, *(n for n in range(step, count + 1, step) if n > max(1, step / 2))] if count else []


def _point_out(pen: ImageDraw, font: Any, layer: Layer, index: int, count: int) -> None:
    x = _x(index, count)
    _line(pen, [(x, TOP - 8), (x, SIZE_WH[1] - BOTTOM)], OVER, 1)
    text = f"layer {index + 1}: own {layer.own:.2g}"
    if x < SIZE_WH[0] / 2:
        _write(pen, font, (x + 6, TOP - 5), text, OVER, "ls", SIZE_WH[0])
    else:
        _write(pen, font, (x - 6, TOP - 5), text, OVER, "rs", SIZE_WH[0])


def _write(
    pen: ImageDraw,
    font: Any,
    at: tuple[float, float],
    text: str,
    colour: str,
    anchor: str,
    until: float,
) -> None:
    """Write text, in letters that Pillow's own font has, cut where it would leave the picture."""
    text = text.encode("ascii", "replace").decode()
    if anchor[0] == "l":
        room = (until - at[0]) * FINER
        if font.getlength(text) > room:
            while text and font.getlength(text + "...") > room:
                text = text[:-1]
            text += "..."
    pen.text((at[0] * FINER, at[1] * FINER), text, fill=colour, font=font, anchor=anchor)


def _line(pen: ImageDraw, points: list[tuple[float, float]], colour: str, width: int) -> None:
    scaled = [(x * FINER, y * FINER) for x, y in points]
    if len(scaled) > 1:
        pen.line(scaled, fill=colour, width=width * FINER, joint="curve")


def _dot(pen: ImageDraw, at: tuple[float, float], r: float, colour: str) -> None:
    x, y, r = at[0] * FINER, at[1] * FINER, r * FINER
    pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def _x(index: int, count: int) -> float:
    return LEFT + (SIZE_WH[0] - LEFT - RIGHT) * (index + 0.5) / max(count, 1)


def _y(error: float) -> float:
    exponent = HIGH if math.isinf(error) or math.isnan(error) else math.log10(max(error, 1e-30))
    share = (min(max(exponent, LOW), HIGH) - LOW) / (HIGH - LOW)
    return SIZE_WH[1] - BOTTOM - share * (SIZE_WH[1] - BOTTOM - TOP)
