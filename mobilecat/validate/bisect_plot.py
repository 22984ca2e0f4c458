"""A bisection as a picture: error over layers, on a logarithmic scale."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.validate.bisect import Bisection

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

SIZE_WH = (1200, 560)
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 64, 48
LOW, HIGH = -8.0, 1.0  # exponents of ten; beyond them points lie on the edge
GROWN, OWN, LIMIT, FIRST = "#56B4E9", "#000000", "#E69F00", "#D55E00"


def plot(found: Bisection, path: Path) -> None:
    """Write a PNG: a line for `grown`, a dot a layer for `own`, the limit, the first jump."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", SIZE_WH, "white")
    pen = ImageDraw.Draw(image)
    pen.font = ImageFont.load_default(size=15)
    _axes(pen)
    count = len(found.layers)
    grown = [(_x(i, count), _y(layer.grown)) for i, layer in enumerate(found.layers)]
    if count > 1:
        pen.line(grown, fill=GROWN, width=2)
    for i, layer in enumerate(found.layers):
        _dot(pen, (_x(i, count), _y(layer.own)), 2, OWN)
    level = _y(found.limit)
    pen.line([(LEFT, level), (SIZE_WH[0] - RIGHT, level)], fill=LIMIT, width=2)
    title = f"{found.lane}, {found.picture}: every layer within {found.limit:g}"
    first = found.first
    if first is not None:
        at = _x(found.layers.index(first), count)
        pen.line([(at, TOP), (at, SIZE_WH[1] - BOTTOM)], fill=FIRST, width=1)
        _dot(pen, (at, _y(first.own)), 5, FIRST)
        title = f"{found.lane}, {found.picture}: first at {first.value} ({first.op})"
    pen.text((LEFT, 10), title, fill="black")
    legend = "dots: a layer's own error     line: grown from the picture on     orange: limit"
    pen.text((LEFT, 34), legend, fill="#555555")
    image.save(path, "PNG")


def _axes(pen: ImageDraw) -> None:
    width, height = SIZE_WH
    for exponent in range(int(LOW), int(HIGH) + 1):
        y = _y(10.0**exponent)
        pen.line([(LEFT, y), (width - RIGHT, y)], fill="#DDDDDD")
        pen.text((LEFT - 8, y), f"1e{exponent}", fill="#555555", anchor="rm")
    pen.text(
        (width - RIGHT, height - BOTTOM + 14), "layers, in order →", fill="#555555", anchor="ra"
    )


def _dot(pen: ImageDraw, at: tuple[float, float], r: int, colour: str) -> None:
    pen.ellipse((at[0] - r, at[1] - r, at[0] + r, at[1] + r), fill=colour)


def _x(index: int, count: int) -> float:
    return LEFT + (SIZE_WH[0] - LEFT - RIGHT) * (index + 0.5) / max(count, 1)


def _y(error: float) -> float:
    exponent = HIGH if math.isinf(error) or math.isnan(error) else math.log10(max(error, 1e-30))
    share = (min(max(exponent, LOW), HIGH) - LOW) / (HIGH - LOW)
    return SIZE_WH[1] - BOTTOM - share * (SIZE_WH[1] - BOTTOM - TOP)
