"""True and observed boxes on one picture, for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mobilecat.diagnosis.facts import Scene
from mobilecat.geometry.affine import F64
from mobilecat.pictures.drawing import COLOURS

if TYPE_CHECKING:
    from PIL.Image import Image

TRUE, SEEN = COLOURS[2], COLOURS[5]  # green and vermilion of Okabe and Ito


Joined = Sequence[tuple[int, int]]
"""Rows of true boxes, and of the observed boxes that are theirs."""


def draw_scene(
    scene: Scene, picture: Image | None = None, title: str = "", joined: Joined | None = None
) -> Image:
    """Return the upright picture, or grey paper, with pairs joined by lines and a legend.

    joined: which boxes belong together; by default what the evidence itself pairs.
    Boxes outside the picture get a margin of at most half its size; beyond that they are cut.
    """
    from PIL import Image, ImageDraw, ImageFont

    w, h = (round(v) for v in scene.facts.image_wh)
    shown = Image.new("RGB", (w, h), "#DDDDDD") if picture is None else picture.convert("RGB")
    zoom = min(1.0, 1200 / max(w, h))
    w, h = round(w * zoom), round(h * zoom)
    shown = shown.resize((w, h))
    e = scene.evidence
    size = np.array([w, h, w, h])
    true, seen = e.true * size, e.observed * size
    around = np.concatenate([true, seen, [[0, 0, w, h]]])
    low = np.maximum(around[:, :2].min(axis=0) - 8, -np.array([w, h]) / 2)
    high = np.minimum(around[:, 2:].max(axis=0) + 8, np.array([w, h]) * 1.5)
    left, top = (int(max(0.0, np.ceil(-v))) for v in low)
    right, bottom = (int(max(0.0, np.ceil(v))) for v in high - np.array([w, h]))
    unit = max(2, round(max(w, h) / 300))
    font = ImageFont.load_default(size=max(13, 6 * unit))
    entries = ((TRUE, "true: where they should be"), (SEEN, "observed: what was drawn"))
    line = max(13, 6 * unit) + 8
    texts = [*([title] if title else []), *(text for _, text in entries)]
    legend = line * len(texts) + 8
    widest = max(round(font.getlength(t)) for t in texts) + line + 16
    wide = max(left + w + right, widest)
    canvas = Image.new("RGB", (wide, top + h + bottom + legend), "white")
    canvas.paste(shown, (left, top))
    pen = ImageDraw.Draw(canvas)
    move = np.array([left, top, left, top])
    if joined is None:
        joined = [(k, k) for k in range(len(true))] if e.partners is None else []
    for i, j in joined:
        ends = (*_middle(true[i] + move), *_middle(seen[j] + move))
        pen.line(ends, fill="#555555", width=max(1, unit // 2))
    for boxes, colour in ((true, TRUE), (seen, SEEN)):
        for box in boxes + move:
            pen.rectangle(tuple(_inside(box, canvas.size, legend)), outline=colour, width=unit)
    for marks, colour in ((e.true_marks, TRUE), (e.observed_marks, SEEN)):
        for x, y in (
            np.zeros((0, 2)) if marks is None else marks.reshape(-1, 2) * size[:2] + move[:2]
        ):
            pen.ellipse((x - unit, y - unit, x + unit, y + unit), fill=colour, outline="black")
    y = canvas.size[1] - legend + 6
    pen.rectangle((0, y - 6, *canvas.size), fill="white")
    if title:
        pen.text((8, y), title, fill="black", font=font)
        y += line
    for colour, text in entries:
        pen.rectangle((8, y + 2, 8 + line - 10, y + line - 8), fill=colour)
        pen.text((8 + line, y), text, fill="black", font=font)
        y += line
    return canvas


def _middle(box: F64) -> Sequence[float]:
    return [float((box[0] + box[2]) / 2), float((box[1] + box[3]) / 2)]


def _inside(box: F64, size: tuple[int, int], legend: int) -> list[float]:
    edge = np.array([size[0] - 2, size[1] - legend - 2] * 2)
    kept: list[float] = np.clip(box, 1, edge).tolist()
    return kept
