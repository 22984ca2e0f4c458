"""A sweep as a picture: recall over false positives a picture, a line for each IoU threshold."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.disk import refuse_golden
from mobilecat.measure.tune.measure import Row
from mobilecat.measure.tune.run import Tuned

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

SIZE_WH = (1000, 640)
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 64, 56
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")


def draw(found: Tuned, path: Path) -> None:
    """Write a PNG: a dot a setting, lines along falling score thresholds, the best row ringed.

    Of max_detections, the largest. False positives are on a scale of √, so that few are told apart.
    """
    from PIL import Image, ImageDraw, ImageFont

    most = max(r.setting.max_detections for r in found.rows)
    rows = [r for r in found.rows if r.setting.max_detections == most]
    end = max([r.false_positives_a_picture for r in rows] + [0.1])
    image = Image.new("RGB", SIZE_WH, "white")
    pen = ImageDraw.Draw(image)
    pen.font = ImageFont.load_default(size=15)
    _axes(pen, end)
    ious = sorted({r.setting.iou_threshold for r in rows})
    for i, iou in enumerate(ious):
        colour = COLOURS[i % len(COLOURS)]
        at = [_at(r, end) for r in rows if r.setting.iou_threshold == iou]
        if len(at) > 1:
            pen.line(at, fill=colour, width=2)
        for x, y in at:
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
        pen.text((LEFT + 12 + 110 * i, 36), f"IoU {iou:g}", fill=colour)
    title = f"{found.bundle.name}, {found.lane}, {len(found.data)} pictures"
    if found.best is not None:
        x, y = _at(found.best, end)
        pen.ellipse((x - 8, y - 8, x + 8, y + 8), outline="black", width=2)
        s = found.best.setting
        title += f": best by {found.objective.name} at score {s.score_threshold:g}, "
        title += f"IoU {s.iou_threshold:g}"
    pen.text((LEFT, 10), title, fill="black")
    refuse_golden(path)
    image.save(path, "PNG")


def _axes(pen: ImageDraw, end: float) -> None:
    width, height = SIZE_WH
    for tenth in range(0, 11, 2):
        y = _y(tenth / 10)
        pen.line([(LEFT, y), (width - RIGHT, y)], fill="#DDDDDD")
        pen.text((LEFT - 8, y), f"{tenth / 10:g}", fill="#555555", anchor="rm")
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        fp = end * share**2
        x = _x(fp, end)
        pen.line([(x, TOP), (x, height - BOTTOM)], fill="#DDDDDD")
        pen.text((x, height - BOTTOM + 8), f"{fp:.2f}", fill="#555555", anchor="ma")
    pen.text((width - RIGHT, height - 8), "false positives a picture", fill="#555555", anchor="rd")
    pen.text((8, TOP - 24), "recall", fill="#555555")


def _at(row: Row, end: float) -> tuple[float, float]:
    return _x(row.false_positives_a_picture, end), _y(row.recall)


def _x(fp: float, end: float) -> float:
    return LEFT + (SIZE_WH[0] - LEFT - RIGHT) * math.sqrt(fp / end)


def _y(recall: float) -> float:
    return SIZE_WH[1] - BOTTOM - recall * (SIZE_WH[1] - BOTTOM - TOP)
