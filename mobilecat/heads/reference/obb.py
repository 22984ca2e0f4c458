"""Oriented boxes in numpy."""

from __future__ import annotations

import numpy as np

from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, from_centres, pick, table
from mobilecat.spec.heads import ObbHead


def decode(spec: ObbHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    raw = outputs[pick(outputs, spec.output, lambda a: a.ndim == 3 and max(a.shape[1:]) >= 6)]
    rows_last = raw.shape[1] < raw.shape[2] if spec.layout is None else spec.layout == "rows-last"
    rows = table(raw.swapaxes(1, 2) if rows_last else raw)
    unit_x, unit_y = size_wh if spec.units == "normalised" else (1, 1)
    cx, cy, w, h = rows[:, :4].T
    w, h = np.maximum(w, 0), np.maximum(h, 0)
    boxes = from_centres(cx * unit_x, cy * unit_y, w * unit_x, h * unit_y)
    at = 4 if spec.angle_column == "fifth" else rows.shape[1] - 1
    angles = rows[:, at : at + 1]
    if spec.angle == "degrees":
        angles = np.radians(angles)
    if spec.direction == "counterclockwise":
        angles = -angles
    scores = np.delete(rows[:, 4:], at - 4, axis=1)
    return Candidates(boxes, scores[None], {"angles": angles[None]})
