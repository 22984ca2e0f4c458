"""Precision over recall as a picture: a line a lane, the mean over classes at IoU 0.5."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.disk import refuse_golden
from mobilecat.errors import MobileCatError, Problem
from mobilecat.measure.evaluate.report import Evaluation

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

WIDTH, HEIGHT, LINE = 1000, 700, 26  # HEIGHT: without the legend, LINE px a lane
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 66, 80
# Okabe and Ito's colours, told apart by everybody (https://jfly.uni-koeln.de/color).
COLOURS = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#0072B2", "#F0E442")
_TICKS = 5


def plot(report: Evaluation, path: Path) -> None:
    """Write a PNG. The first lane's line is the widest, so that lines that coincide all show.

    Errors: MobileCatError where no lane has a curve.
    """
    from PIL import Image, ImageDraw, ImageFont

    rows = [(r, r.scores.curve) for r in report.lanes if r.scores and r.scores.curve]
    if not rows:
        said = Problem("no lane has an average precision", "--plot")
        raise MobileCatError("There is no curve to draw", [said])
    image = Image.new("RGB", (WIDTH, HEIGHT + LINE * len(rows)), "white")
    pen = ImageDraw.Draw(image)
    pen.font = ImageFont.load_default(size=15)
    _axes(pen)
    classes = len(report.classes)
    title = f"{report.bundle.name}: precision over recall at IoU 0.5, {report.pictures} pictures"
    pen.text((LEFT, 12), title + (f", mean of {classes} classes" if classes > 1 else ""), "black")
    for k, (row, curve) in enumerate(rows):
        colour = COLOURS[k % len(COLOURS)]
        width = 2 + 3 * (len(rows) - 1 - k)
        n = len(curve.precision) - 1
        line = [_at(i / n, p) for i, p in enumerate(curve.precision)]
        pen.line(line, fill=colour, width=width, joint="curve")
        y = HEIGHT + LINE * k
        pen.line([(LEFT, y), (LEFT + 40, y)], fill=colour, width=width)
        scores = row.scores
        assert scores is not None and scores.ap50 is not None
        text = f"{row.lane.name}    mAP@.5 {100 * scores.ap50:.2f}"
        pen.text((LEFT + 56, y), text, fill="black", anchor="lm")
    refuse_golden(path)
    image.save(path, "PNG")


def _axes(pen: ImageDraw) -> None:
    for i in range(_TICKS + 1):
        share = i / _TICKS
        pen.line([_at(share, 0), _at(share, 1)], fill="#DDDDDD")
        pen.line([_at(0, share), _at(1, share)], fill="#DDDDDD")
        x, y = _at(share, 0)
        pen.text((x, y + 8), f"{share:.1f}", fill="#555555", anchor="mt")
        x, y = _at(0, share)
        pen.text((x - 8, y), f"{share:.1f}", fill="#555555", anchor="rm")
    x, y = _at(1, 0)
    pen.text((x, y + 30), "recall", fill="#555555", anchor="rt")
    pen.text((LEFT, TOP - 6), "precision", fill="#555555", anchor="lb")


def _at(recall: float, precision: float) -> tuple[float, float]:
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    return LEFT + recall * width, HEIGHT - BOTTOM - precision * height
